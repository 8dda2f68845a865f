//! How a step ends: its post file, its `exitCode` file, its rows and its exit code (1.6).

use crate::sandbox;

#[test]
fn a_command_that_succeeds_posts_success() {
    sandbox().step(0).command(["true"]).run();
}

#[test]
fn a_command_that_fails_posts_failure_and_its_own_code() {
    sandbox().step(0).shell("exit 3").fails(3).any_stderr().run();
}
