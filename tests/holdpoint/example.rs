//! The example of the README.

use std::path::Path;

use crate::runner::{Home, Running};

#[test]
fn the_example_fails_is_repaired_and_ends_green() {
    let home = Home::new();
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    let file = |name: &str| examples.join(name).display().to_string();
    let (task, script) = (file("repair.yaml"), file("repair.sh"));
    let words = ["run", &task, "--breakpoint", "on-failure", "--on-hold", &script];
    let finished = Running::start(home.holdpoint(&words)).finish();
    assert_eq!(finished.lines_of("run"), ["60"], "{finished:#?}");
    assert!(finished.stdout.contains("test: begins again (attempt 2)"), "{finished:#?}");
    assert!(finished.stdout.contains("result price = 60"), "{finished:#?}");
    finished.ended_with(0);
}
