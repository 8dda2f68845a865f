//! Tests against the cluster of KUBECONFIG, whichever it is, driven by `kubectl` and `holdpoint`: the
//! webhook is installed, and pods are held, repaired, paused and stopped there. `just e2e` runs them;
//! without it, and without KUBECONFIG, they say that they are skipped, so that no test touches a
//! cluster by accident.
//!
//! Images come from HOLDPOINT_E2E_IMAGE and HOLDPOINT_E2E_SHIM_IMAGE, else from the version's own
//! names; HOLDPOINT_E2E_STEP_IMAGE is what steps run in, and has a shell.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod cluster;
mod down;
mod inject;
mod plain;
mod tekton;
