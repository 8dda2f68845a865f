//! The step entrypoint: PID 1 of every step's container. It waits for its turn, runs the user's
//! command, holds it open where a breakpoint says so, and posts how it ended.

pub mod args;
pub mod breakpoint;
pub mod cel;
pub mod config;
pub mod creds;
pub mod driver;
pub mod go_duration;
pub mod log;
pub mod look;
pub mod os;
pub mod paths;
pub mod perform;
pub mod prepare;
pub mod results;
pub mod run;
pub mod state;
pub mod status;
pub mod step;
pub mod subcommand;
pub mod substitute;
pub mod termination;
pub mod verb;
pub mod when;

pub use run::{Setup, main};
