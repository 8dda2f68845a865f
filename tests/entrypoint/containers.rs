//! Containers for real (2.1 to 2.8): each step is PID 1 of a container of its own, as another user, with
//! a read-only root, no capabilities, and only its own run folder to write to.

use holdpoint_tests::Pod;

mod memory;
mod process_one;
mod runs;
mod steps;
mod verbs;

/// A pod; none where this machine has no containers.
fn pod(steps: &[&str]) -> Option<Pod> {
    Pod::new(env!("CARGO_BIN_EXE_entrypoint"), steps)
}
