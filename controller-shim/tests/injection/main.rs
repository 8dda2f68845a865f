//! Pods before and after: what the shim makes of real ones, of made-up ones, and of broken requests.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod broken;
mod patches;
mod plain;
mod pods;
mod properties;
mod refusals;
mod reviews;
mod tekton;
