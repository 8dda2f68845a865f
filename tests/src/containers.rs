//! Pods for real: steps as containers of `runc`, with the mounts, users and restrictions that a kubelet
//! gives them. Images are folders; no registry and no daemon is needed.
//!
//! A [`Pod`] is the folders that its containers share, and an init container that has put the
//! entrypoint there. [`Pod::step`] describes a step's container, [`StepContainer::start`] gives a running
//! [`Container`]. A [`LivePod`] is all that of a pod's own spec. What is dropped is ended and unmounted.
//! Where a machine has no `runc` or does not let it run, there is no pod, and a line says so.

mod bundle;
mod container;
mod downward;
mod image;
mod live_pod;
mod node;
mod pod;
mod program;
mod runtime;
mod spec;

pub use container::{Container, Ended, Session};
pub use image::Image;
pub use live_pod::LivePod;
pub use pod::Pod;
pub use runtime::Limits;
pub use spec::StepContainer;
