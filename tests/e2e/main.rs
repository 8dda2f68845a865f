//! Tests against the cluster of KUBECONFIG, whichever it is, driven by `kubectl` and `holdpoint`: the
//! webhook is installed, and pods and runs are held, repaired, paused and stopped there by every verb.
//! `just e2e` runs them; without it, and without KUBECONFIG, they say that they are skipped, so that no
//! test touches a cluster by accident.
//!
//! Images come from HOLDPOINT_E2E_IMAGE and HOLDPOINT_E2E_SHIM_IMAGE, else from the version's own
//! names; HOLDPOINT_E2E_STEP_IMAGE is what steps run in, and has a shell. HOLDPOINT_E2E_INSTALLED takes the
//! webhook that the cluster has.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod cluster;
mod documented;
mod down;
mod inject;
mod looks;
mod markers;
mod namespace;
mod program;
mod tekton;
mod verbs;
