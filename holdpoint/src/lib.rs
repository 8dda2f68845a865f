//! The command line `holdpoint`: runs a Task on this machine and talks to held runs.

pub mod plan;
pub mod task;
