//! What comes before the wait (1.3 steps 1 and 2).

use super::*;

fn with_secret() -> Sandbox {
    let sandbox = sandbox();
    sandbox.write("tekton/creds-secrets/s/username", "u");
    sandbox.write("tekton/creds-secrets/s/password", "p");
    sandbox
}

const FLAG: [&str; 1] = ["-basic-git=s=https://git.example"];

#[test]
fn credentials_are_there_before_the_command_and_copied_home() {
    let sandbox = with_secret();
    sandbox.folder("home");
    let step = sandbox.step(0).flags(FLAG).env("HOME", sandbox.path("home"));
    step.command(["cat", "tekton/creds/.git-credentials", "home/.git-credentials"])
        .stdout("https://u:p@git.example\nhttps://u:p@git.example\n")
        .leaves_folder("/tekton/creds")
        .leaves_something("/tekton/creds/.gitconfig")
        .leaves_something("/tekton/creds/.git-credentials")
        .leaves_something("/home/.gitconfig")
        .leaves_something("/home/.git-credentials")
        .run();
}

#[test]
fn credentials_are_there_while_the_step_waits() {
    let sandbox = with_secret();
    let step = sandbox.step(0).flags(FLAG).flags(["-wait_file", "go"]).command(["true"]);
    let step = step.any_stderr().start();
    step.makes("tekton/creds/.git-credentials");
    step.reaches("waiting");
    sandbox.write("go", "");
    step.finish();
}

#[test]
fn credentials_that_cannot_be_written_are_told_and_change_nothing() {
    let sandbox = with_secret();
    sandbox.write("tekton/creds", "a file in the way");
    let step = sandbox.step(0).flags(FLAG).shell("echo ran").stdout("ran\n");
    let ran = step.any_stderr().run();
    assert!(ran.stderr.contains("credentials: cannot write /tekton/creds"), "{}", ran.stderr);
}

#[test]
fn credentials_that_cannot_be_copied_home_are_told_and_change_nothing() {
    let sandbox = with_secret();
    let step = sandbox.step(0).flags(FLAG).env("HOME", "/dev/null/home").shell("echo ran");
    let ran = step
        .stdout("ran\n")
        .leaves_folder("/tekton/creds")
        .leaves_something("/tekton/creds/.gitconfig")
        .leaves_something("/tekton/creds/.git-credentials")
        .any_stderr()
        .run();
    assert!(ran.stderr.contains("/dev/null/home"), "{}", ran.stderr);
}

#[test]
fn the_metadata_folders_are_open_to_all_whatever_the_umask() {
    for umask in ["000", "022", "077"] {
        let sandbox = sandbox();
        let shell = format!("umask {umask}; exec \"$@\"");
        sandbox.step(0).by(["/bin/sh", "-c", &shell, "sh"]).command(["true"]).run();
        for folder in ["results", "artifacts"] {
            let mode = sandbox.mode(&format!("tekton/run/0/status/{folder}"));
            assert_eq!(mode, 0o777, "{folder} with umask {umask}");
        }
    }
}

#[test]
fn the_metadata_folders_are_there_while_the_step_waits() {
    let sandbox = sandbox();
    let step = sandbox.step(0).flags(["-wait_file", "go"]).command(["true"]).start();
    step.makes("tekton/run/0/status/results");
    step.makes("tekton/run/0/status/artifacts");
    assert!(!sandbox.has("tekton/run/0/status/exitCode"));
    sandbox.write("go", "");
    step.finish();
}

#[test]
fn without_a_metadata_folder_nothing_of_it_is_made() {
    let sandbox = sandbox();
    let (post, message) = (sandbox.at("out"), sandbox.at("message"));
    let flags = ["-post_file", &post, "-termination_path", &message, "-entrypoint", "true"];
    let step = sandbox.call(flags).leaves("out", "").leaves("message", "[…]");
    step.leaves("out.alive", "").leaves_something("out.state").run();
}
