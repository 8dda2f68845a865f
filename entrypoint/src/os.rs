//! Everything that asks the kernel for something unusual. The only `unsafe` of the crate is here.
#![allow(unsafe_code)]

pub mod child;
pub mod files;
pub mod hermetic;
pub mod lock;
pub mod signals;
pub mod tee;
pub mod watch;
