//! Tests that this machine cannot run: a line says so, which the runner of the tests does not hide as it
//! hides the output of tests that pass.

use std::io::{self, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

static SKIPPED: AtomicUsize = AtomicUsize::new(0);

/// Says why the test of this thread is not run, and how many were not run by now: the last such line
/// tells the number of all.
pub(crate) fn skip(why: &str) {
    let count = SKIPPED.fetch_add(1, Ordering::Relaxed) + 1;
    note(&format!("skipped: {why} ({count} skipped so far)"));
}

/// Says how the test of this thread had to be run.
pub(crate) fn note(text: &str) {
    let thread = thread::current();
    let _ = writeln!(io::stderr(), "\n{}: {text}", thread.name().unwrap_or("test"));
}
