//! Tests that this machine cannot run: a line says so, which the runner of the tests does not hide as it
//! hides the output of tests that pass.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::process::Command;
use std::sync::Mutex;
use std::thread;

static SKIPPED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Says once why the test of this thread is not run, and how many were not run by now: the last such
/// line tells the number of all.
pub(crate) fn skip(why: &str) {
    let mut skipped = SKIPPED.lock().unwrap();
    if skipped.insert(test()) {
        note(&format!("skipped: {why} ({} skipped so far)", skipped.len()));
    }
}

/// Whether the test of this thread cannot run, since a program is not installed; then a line says so.
pub fn skipped_without(program: &str) -> bool {
    let missing = Command::new(program).arg("--version").output().is_err();
    if missing {
        skip(&format!("there is no {program}"));
    }
    missing
}

/// Says how the test of this thread is run.
pub(crate) fn note(text: &str) {
    let _ = writeln!(io::stderr(), "\n{}: {text}", test());
}

/// The runner names a test's thread after it.
fn test() -> String {
    thread::current().name().unwrap_or("test").to_owned()
}
