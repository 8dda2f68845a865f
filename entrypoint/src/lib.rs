//! The step entrypoint: PID 1 of every step's container. It waits for its turn, runs the user's
//! command, holds it open where a breakpoint says so, and posts how it ended.

pub mod cel;
pub mod paths;
pub mod when;
