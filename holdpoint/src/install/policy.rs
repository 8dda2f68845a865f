//! The one thing that the API server can do by itself (Kubernetes 1.36): give Tekton's `prepare` our
//! image, so that the pod runs under our entrypoint. What annotations ask needs the webhook.

use serde_json::{Value, json};

use super::metadata::{NAME, of_cluster};
use super::{conditions, webhook};

const VERSION: &str = "admissionregistration.k8s.io/v1";

/// The policy, and the binding that puts it into force.
pub(super) fn objects(image: &str) -> Vec<Value> {
    vec![
        json!({
            "apiVersion": VERSION,
            "kind": "MutatingAdmissionPolicy",
            "metadata": of_cluster(NAME),
            "spec": {
                "failurePolicy": "Ignore",
                "matchConditions": conditions::prepared_by_tekton(),
                "matchConstraints": { "resourceRules": [webhook::pods_that_are_made()] },
                "mutations": [{
                    "patchType": "JSONPatch",
                    "jsonPatch": { "expression": replacement(image) },
                }],
                "reinvocationPolicy": "IfNeeded",
            },
        }),
        json!({
            "apiVersion": VERSION,
            "kind": "MutatingAdmissionPolicyBinding",
            "metadata": of_cluster(NAME),
            "spec": { "policyName": NAME },
        }),
    ]
}

/// A patch rather than a configuration to be applied: for that the API server needs lists without
/// doubles, and a step of Tekton's may have a variable twice. No name of an image has a quote in it.
fn replacement(image: &str) -> String {
    format!(
        "\
[
  JSONPatch{{
    op: 'replace',
    path: '/spec/initContainers/'
      + string(object.spec.initContainers.map(container, container.name).indexOf('prepare'))
      + '/image',
    value: '{image}'
  }}
]"
    )
}
