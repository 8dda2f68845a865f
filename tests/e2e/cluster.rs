//! A cluster with the webhook in it.

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use holdpoint_tests::{skip, within};
use serde_json::Value;

use crate::namespace::Namespace;
use crate::program::{holdpoint, kubectl, kubectl_with};

/// The kubelet writes annotations into a pod's files within two minutes; images are pulled, too.
const DEADLINE: Duration = Duration::from_secs(300);

/// The namespace of the webhook.
pub(crate) const HOLDPOINT: &str = "holdpoint";

/// A cluster that the tests have to themselves: one test at a time, since one of them stops the webhook.
pub(crate) struct Cluster {
    _turn: MutexGuard<'static, ()>,
}

impl Cluster {
    /// The cluster with the webhook installed; none, with a word, where none is meant.
    pub(crate) fn found() -> Option<Self> {
        static TURN: Mutex<()> = Mutex::new(());
        static INSTALLED: OnceLock<()> = OnceLock::new();
        if !is_set("KUBECONFIG") || !is_set("HOLDPOINT_E2E") {
            skip("`just e2e` runs it, with KUBECONFIG set");
            return None;
        }
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        INSTALLED.get_or_init(|| {
            if !is_set("HOLDPOINT_E2E_INSTALLED") {
                install();
            }
            wait_for_webhook();
        });
        Some(Self { _turn: turn })
    }

    pub(crate) fn namespace(&self) -> Namespace {
        Namespace::new()
    }

    /// How many webhooks there are to be.
    pub(crate) fn replicas(&self) -> String {
        let replicas = ["get", "deployment/holdpoint", "-o", "jsonpath={.spec.replicas}"];
        kubectl(&[&["-n", HOLDPOINT], &replicas[..]].concat()).well()
    }

    /// Sets how many there are to be.
    pub(crate) fn scale(&self, replicas: &str) {
        let count = format!("--replicas={replicas}");
        kubectl(&["-n", HOLDPOINT, "scale", "deployment/holdpoint", &count]).well();
    }
}

fn is_set(name: &str) -> bool {
    std::env::var_os(name).is_some_and(|value| !value.is_empty())
}

fn install() {
    let images = [("--image", "HOLDPOINT_E2E_IMAGE"), ("--shim-image", "HOLDPOINT_E2E_SHIM_IMAGE")];
    let given = |(flag, name): (&str, &str)| Some(format!("{flag}={}", std::env::var(name).ok()?));
    let options: Vec<_> = images.into_iter().filter_map(given).collect();
    let words: Vec<_> = ["install"].into_iter().chain(options.iter().map(String::as_str)).collect();
    let manifests = holdpoint(&words, "").well();
    kubectl_with(&["apply", "-f", "-"], &manifests).well();
}

/// Waits until the webhook is ready and the API server trusts it.
pub(crate) fn wait_for_webhook() {
    let rollout = ["rollout", "status", "deployment/holdpoint", "--timeout=300s"];
    kubectl(&[&["-n", HOLDPOINT], &rollout[..]].concat()).well();
    eventually("the API server trusts the webhook", || {
        let trusts = |webhook: &Value| webhook["clientConfig"]["caBundle"].is_string();
        configuration()["webhooks"].as_array().unwrap().iter().all(trusts).then_some(())
    });
}

/// The configuration of the webhooks as the cluster has it.
pub(crate) fn configuration() -> Value {
    kubectl(&["get", "mutatingwebhookconfiguration", HOLDPOINT, "-o", "json"]).json()
}

/// Looks until there is something.
#[track_caller]
pub(crate) fn eventually<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    match within(DEADLINE, look) {
        Some(found) => found,
        None => panic!("not within {DEADLINE:?}: {what}"),
    }
}
