//! End-to-end tests of `entrypoint`, on the real binary: one module for each section of the contract.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

use std::fs::File;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use holdpoint_tests::Sandbox;

mod answers;
mod breakpoints;
mod chaos;
mod containers;
mod credentials;
mod deaths;
mod endings;
mod files;
mod flags;
mod hermetic;
mod markers;
mod order;
mod results;
mod retry;
mod shipped;
mod signals;
mod state;
mod subcommands;
mod substitution;
mod surroundings;
mod termination;
mod tools;
mod verbs;
mod when;

/// A folder of its own for a test of the entrypoint.
fn sandbox() -> Sandbox {
    Sandbox::new(env!("CARGO_BIN_EXE_entrypoint"))
}

/// Runs a line of shell in a folder, as a person or a script in the container would.
fn shell(folder: &Path, line: &str) {
    let status = Command::new("sh").args(["-c", line]).current_dir(folder).status().unwrap();
    assert!(status.success(), "{line}: {status}");
}

/// Whether there is such a process, and it is no zombie.
fn lives(pid: &str) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    status.lines().any(|line| line.starts_with("State:") && !line.contains('Z'))
}

/// Writes a line into a FIFO, once somebody reads it: a command that waits for it goes on.
fn release(sandbox: &Sandbox, fifo: &str) {
    shell(sandbox.root(), &format!("echo > {fifo}"));
}

/// A line of shell that waits for [`release`].
fn waiting_for(sandbox: &Sandbox, fifo: &str) -> String {
    let path = sandbox.path(fifo);
    nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
    format!("read line < {}", path.display())
}

/// Writes a file that has stood still for a while: its text is read at once.
fn write_earlier(sandbox: &Sandbox, below: &str, content: &str) {
    let path = sandbox.write(below, content);
    let earlier = SystemTime::now() - Duration::from_secs(1);
    File::options().write(true).open(path).unwrap().set_modified(earlier).unwrap();
}
