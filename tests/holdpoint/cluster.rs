//! Talking to runs in a cluster: the real binary speaks to an API server of the tests' own, whose pods
//! run the real entrypoint.

mod annotate;
mod at_holds;
mod attach;
mod by_step;
mod faults;
mod first;
mod heed;
mod hints;
mod kubeconfig;
mod list;
mod logs;
mod many;
mod retry;
mod runs;
pub(crate) mod setting;
mod shell;
mod status;
mod targets;
mod terminal;
mod toolbox;
mod until;
mod verbs;
mod worlds;
