//! Runs in a cluster.

pub mod rerun;
