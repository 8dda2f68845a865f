//! The harness of the end-to-end tests: one builder that runs the real binary in a folder of its own,
//! and fails on any output, file or status that the test did not say it expects.
//!
//! A [`Sandbox`] is the folder, with the tree of `/tekton` below it. [`Sandbox::step`] describes a step
//! in it, [`Sandbox::call`] any other command line. [`Step::run`] runs it to its end and checks it;
//! [`Step::start`] gives a [`Running`] step, which [`Running::finish`] checks. Paths in output and
//! files are shown as a container would show them, without the sandbox's folder before them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a harness fails by panicking

mod api;
mod asking;
pub mod broken;
pub mod chaos;
mod containers;
mod expected;
pub mod fixtures;
mod https;
mod namespaces;
mod pattern;
mod processes;
mod pty;
mod random;
mod review;
mod running;
mod sandbox;
mod skipped;
mod step;
mod tree;
mod wait;
mod webhook;

pub use api::{Api, Exec, Fault, Kubelet, NO_IMAGE, Request};
pub use asking::{Asking, Said};
pub use containers::{Container, Ended, Image, Limits, LivePod, Pod, Session, StepContainer};
pub use expected::{Post, Row, internal, result, row, started_at, step_result};
pub use fixtures::fixture;
pub use https::{Answer, Connection, Https, Raw, Version};
pub use namespaces::{as_process_one, behind};
pub use nix::sys::signal::Signal;
pub use pattern::matches;
pub use pty::{open_terminal, resize_terminal};
pub use random::Random;
pub use review::review_of;
pub use running::{Ran, Running};
pub use sandbox::Sandbox;
pub use skipped::{skip, skipped_without};
pub use step::Step;
pub use wait::{DEADLINE, eventually, within};
pub use webhook::Webhook;
