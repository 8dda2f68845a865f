//! The order of events (1.3): before the command, the waits, the command itself, and after it.

mod after;
mod before;
mod command;
mod copies;
mod holds;
mod waits;

use std::os::unix::fs::symlink;

use holdpoint_tests::{Post, Row, Sandbox, Signal, eventually, internal, started_at};
use nix::unistd::{Pid, getpgid};
use serde_json::Value;

use crate::sandbox;

fn skipped() -> [Row; 2] {
    [started_at(), internal("Reason", "Skipped")]
}

fn started(sandbox: &Sandbox, number: usize) -> String {
    let text = sandbox.read(&format!("tekton/run/{number}/termination")).unwrap();
    let rows: Vec<Value> = serde_json::from_str(&text).unwrap();
    let row = rows.iter().find(|row| row["key"] == "StartedAt").unwrap();
    row["value"].as_str().unwrap().to_owned()
}
