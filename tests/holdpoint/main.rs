//! End-to-end tests of `holdpoint`, on the real binary: one module for each part of a run.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod api;
mod breakpoints;
mod cluster;
mod completion;
mod containers;
mod ends;
mod inject;
mod install;
mod list;
mod markers;
mod outcome;
mod plugin;
mod prompt;
mod readme;
mod runner;
mod terminal;
mod verbs;
mod views;
