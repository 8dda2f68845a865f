//! The machine against the contract: scenes of one step, all short orders of events, and random runs
//! of several steps in one world.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bench;
mod commands;
mod holds;
mod messages;
mod model;
mod orders;
mod requests;
mod runs;
mod side_by_side;
mod turns;
mod world;
