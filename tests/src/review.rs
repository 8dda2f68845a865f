//! What an API server asks a webhook.

use serde_json::{Value, json};

/// The review of a pod that is made in the namespace `ci`.
pub fn review_of(pod: Value) -> Value {
    json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": "1-2-3",
            "operation": "CREATE",
            "resource": { "group": "", "version": "v1", "resource": "pods" },
            "namespace": "ci",
            "name": "build-pod",
            "object": pod,
        },
    })
}
