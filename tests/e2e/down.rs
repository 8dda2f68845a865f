//! The cluster goes on where the webhook is down.

use holdpoint_tests::skip;
use serde_json::Value;

use crate::cluster::{Cluster, HOLDPOINT, configuration, eventually, wait_for_webhook};
use crate::namespace::pod;
use crate::program::kubectl;

/// The webhook comes back with it.
struct Down<'a> {
    cluster: &'a Cluster,
    replicas: String,
}

impl<'a> Down<'a> {
    fn bring(cluster: &'a Cluster) -> Self {
        let down = Self { cluster, replicas: cluster.replicas() };
        cluster.scale("0");
        eventually("no webhook is left", || {
            let pods = kubectl(&["-n", HOLDPOINT, "get", "pods", "-o", "name"]).well();
            pods.trim().is_empty().then_some(())
        });
        down
    }
}

impl Drop for Down<'_> {
    fn drop(&mut self) {
        self.cluster.scale(&self.replicas);
        wait_for_webhook();
    }
}

#[test]
fn only_pods_that_ask_wait_for_the_webhook() {
    let Some(cluster) = Cluster::found() else { return };
    if !asks_about_some() {
        skip("the API server knows no matchConditions: it asks about every pod");
        return;
    }
    let namespace = cluster.namespace();
    let _down = Down::bring(&cluster);
    namespace.make(&pod(&[], &[("only", "true")])).well();
    namespace.kubectl(&["delete", "pod/tried", "--now"]).well();
    let told = namespace.make(&pod(&[("inject", "true")], &[("only", "true")]));
    assert!(!told.succeeded(), "{told:#?}");
    assert!(told.stderr.contains("asking.holdpoint.dev"), "{told:#?}");
}

/// Whether it asks about some pods only, as from Kubernetes 1.30 on.
fn asks_about_some() -> bool {
    let has_some = |webhook: &Value| webhook["matchConditions"].is_array();
    configuration()["webhooks"].as_array().unwrap().iter().all(has_some)
}
