//! Whom the webhook changes, and whom it refuses.

use serde_json::json;

use crate::cluster::Cluster;
use crate::namespace::pod;
use crate::program::holdpoint;

const INJECTED: &str = "holdpoint.dev/injected";

#[test]
fn a_pod_that_asks_is_injected() {
    let Some(cluster) = Cluster::found() else { return };
    let namespace = cluster.namespace();
    namespace.make(&pod(&[("inject", "true")], &[("first", "true"), ("second", "true")])).well();
    let ended = namespace.wait_for_end("tried");
    assert_eq!(ended["status"]["phase"], "Succeeded", "{ended:#}");
    assert!(ended["metadata"]["annotations"][INJECTED].is_string(), "{ended:#}");
    assert_eq!(ended["spec"]["initContainers"][0]["name"], "holdpoint-prepare");
}

/// The other way to the same: what was injected beforehand stays as it is.
#[test]
fn what_was_injected_offline_is_not_injected_again() {
    let Some(cluster) = Cluster::found() else { return };
    let namespace = cluster.namespace();
    let asking = pod(&[("inject", "true")], &[("only", "true")]).to_string();
    let injected = holdpoint(&["inject", "-f", "-"], &asking).well();
    namespace.kubectl_with(&["create", "-f", "-"], &injected).well();
    let made = namespace.get("pod/tried");
    assert_eq!(made["spec"]["initContainers"].as_array().unwrap().len(), 1, "{made:#}");
}

#[test]
fn a_pod_that_does_not_ask_goes_in_as_it_is() {
    let Some(cluster) = Cluster::found() else { return };
    let namespace = cluster.namespace();
    namespace.make(&pod(&[], &[("only", "true")])).well();
    let made = namespace.get("pod/tried");
    assert!(made["metadata"]["annotations"][INJECTED].is_null(), "{made:#}");
    assert!(made["spec"]["initContainers"].is_null(), "{made:#}");
}

#[test]
fn whoever_makes_a_pod_that_cannot_be_injected_is_told() {
    let Some(cluster) = Cluster::found() else { return };
    let namespace = cluster.namespace();
    let mut asking = pod(&[("inject", "true")], &[("only", "true")]);
    asking["spec"]["containers"][0]["command"] = json!([]);
    let told = namespace.make(&asking);
    assert!(!told.succeeded(), "{told:#?}");
    assert!(told.stderr.contains("container `only` has no command"), "{told:#?}");
}
