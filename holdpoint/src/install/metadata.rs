//! What all objects have in common: the name, the labels, and the namespace that they are in.

use serde_json::{Value, json};

/// The name of whatever there is one of; the webhook knows its objects by it.
pub(super) const NAME: &str = "holdpoint";

/// The Secret with the webhook's certificate.
pub(super) const SECRET: &str = "holdpoint-tls";

/// The metadata of an object in our namespace.
pub(super) fn within(namespace: &str, name: &str) -> Value {
    json!({ "name": name, "namespace": namespace, "labels": labels() })
}

/// The metadata of an object of the whole cluster.
pub(super) fn of_cluster(name: &str) -> Value {
    json!({ "name": name, "labels": labels() })
}

/// The labels by which the webhook's pods are found; no version among them, so that they can stay.
pub(super) fn selected() -> Value {
    json!({ "app.kubernetes.io/name": NAME })
}

/// The namespace, where nothing may run that is not restricted.
pub(super) fn namespace(name: &str) -> Value {
    let mut metadata = of_cluster(name);
    for mode in ["enforce", "audit", "warn"] {
        let label = format!("pod-security.kubernetes.io/{mode}");
        metadata["labels"][label] = json!("restricted");
    }
    json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": metadata })
}

/// The labels of everything.
pub(super) fn labels() -> Value {
    let mut labels = selected();
    labels["app.kubernetes.io/version"] = json!(env!("CARGO_PKG_VERSION"));
    labels
}
