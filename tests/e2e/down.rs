//! The cluster goes on where the webhook is down.

use crate::cluster::{Cluster, HOLDPOINT, eventually, kubectl};
use crate::plain::pod;

/// The webhook comes back with it.
struct Down<'a>(&'a Cluster);

impl<'a> Down<'a> {
    fn bring(cluster: &'a Cluster) -> Self {
        let down = Self(cluster);
        kubectl(&["-n", HOLDPOINT, "scale", "deployment/holdpoint", "--replicas=0"]).well();
        eventually("no webhook is left", || {
            let pods = kubectl(&["-n", HOLDPOINT, "get", "pods", "-o", "name"]).well();
            pods.trim().is_empty().then_some(())
        });
        down
    }
}

impl Drop for Down<'_> {
    fn drop(&mut self) {
        self.0.install();
    }
}

#[test]
fn only_pods_that_ask_wait_for_the_webhook() {
    let Some(cluster) = Cluster::found() else { return };
    let namespace = cluster.namespace();
    let _down = Down::bring(&cluster);
    namespace.make(&pod(&[], &[("only", "true")])).well();
    namespace.kubectl(&["delete", "pod/tried", "--now"]).well();
    let told = namespace.make(&pod(&[("inject", "true")], &[("only", "true")]));
    assert!(!told.succeeded, "{told:#?}");
    assert!(told.stderr.contains("asking.holdpoint.dev"), "{told:#?}");
}
