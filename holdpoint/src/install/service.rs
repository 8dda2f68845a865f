//! The one address of all webhooks.

use serde_json::{Value, json};

use super::metadata::{NAME, selected, within};

/// The ports of a webhook by name: TLS for the API server, plain HTTP for the kubelet and Prometheus.
pub(super) const HTTPS: (&str, u16) = ("https", 8443);
pub(super) const METRICS: (&str, u16) = ("metrics", 8080);

/// The Service that the API server calls.
pub(super) fn service(namespace: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": within(namespace, NAME),
        "spec": {
            "selector": selected(),
            "ports": [
                { "name": HTTPS.0, "port": 443, "targetPort": HTTPS.0 },
                { "name": METRICS.0, "port": METRICS.1, "targetPort": METRICS.0 },
            ],
        },
    })
}
