//! What the API server asks the webhook, and what it does where nobody answers.

use serde_json::{Value, json};

use super::metadata::{NAME, of_cluster};
use super::{certificates, conditions};
use crate::args::{InstallArguments, Issuer};

/// An answer takes a few milliseconds. A pod that nobody answers for is not kept waiting for long.
const TIMEOUT_SECONDS: u8 = 5;

/// Two webhooks, of which at most one is asked about a pod. A pod that asks would run all its steps at
/// once without us, so that it waits until the webhook answers. A pod of Tekton's runs as ever.
pub(super) fn configuration(arguments: &InstallArguments) -> Value {
    let namespace = &arguments.namespace;
    let mut metadata = of_cluster(NAME);
    if arguments.issuer() == Issuer::CertManager {
        metadata["annotations"] = certificates::injected_from(namespace);
    }
    json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingWebhookConfiguration",
        "metadata": metadata,
        "webhooks": [
            webhook("asking.holdpoint.dev", namespace, "Fail", conditions::asking()),
            webhook("tekton.holdpoint.dev", namespace, "Ignore", conditions::of_tekton()),
        ],
    })
}

fn webhook(name: &str, namespace: &str, failure_policy: &str, conditions: Value) -> Value {
    json!({
        "name": name,
        "admissionReviewVersions": ["v1"],
        "clientConfig": {
            "service": { "name": NAME, "namespace": namespace, "path": "/mutate", "port": 443 },
        },
        "failurePolicy": failure_policy,
        "matchConditions": conditions,
        "namespaceSelector": other_namespaces(namespace),
        // Twice is once: what another webhook has undone is done again.
        "reinvocationPolicy": "IfNeeded",
        "rules": [pods_that_are_made()],
        "sideEffects": "None",
        "timeoutSeconds": TIMEOUT_SECONDS,
    })
}

/// The creation of pods.
pub(super) fn pods_that_are_made() -> Value {
    json!({
        "apiGroups": [""],
        "apiVersions": ["v1"],
        "operations": ["CREATE"],
        "resources": ["pods"],
        "scope": "Namespaced",
    })
}

/// All but those whose pods must come up where the webhook is down: the cluster's, and its own.
fn other_namespaces(namespace: &str) -> Value {
    json!({
        "matchExpressions": [{
            "key": "kubernetes.io/metadata.name",
            "operator": "NotIn",
            "values": ["kube-system", namespace],
        }],
    })
}
