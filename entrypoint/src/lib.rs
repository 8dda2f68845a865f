//! The step entrypoint: PID 1 of every step's container. It waits for its turn, runs the user's
//! command, holds it open where a breakpoint says so, and posts how it ended.

pub mod args;
pub mod config;
pub mod creds;
pub mod go_duration;
pub mod log;
pub mod os;
pub mod paths;
pub mod state;
pub mod step;
pub mod substitute;
