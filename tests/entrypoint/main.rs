//! End-to-end tests of `entrypoint`, on the real binary: one module for each section of the contract.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

use holdpoint_tests::Sandbox;

mod breakpoints;
mod chaos;
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
mod verbs;
mod when;

/// A folder of its own for a test of the entrypoint.
fn sandbox() -> Sandbox {
    Sandbox::new(env!("CARGO_BIN_EXE_entrypoint"))
}
