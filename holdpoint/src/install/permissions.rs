//! The webhook's account, and what it may do where it makes its own certificate: keep it in one
//! Secret, and write it into one MutatingWebhookConfiguration.

use serde_json::{Value, json};

use super::metadata::{NAME, SECRET, of_cluster, within};

const GROUP: &str = "rbac.authorization.k8s.io";
const VERSION: &str = "rbac.authorization.k8s.io/v1";

/// The account; the pods alone say whether they get its token.
pub(super) fn service_account(namespace: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": within(namespace, NAME),
        "automountServiceAccountToken": false,
    })
}

/// The account and its permissions.
pub(super) fn objects(namespace: &str) -> Vec<Value> {
    let subjects = json!([{ "kind": "ServiceAccount", "name": NAME, "namespace": namespace }]);
    let role = |kind: &str| json!({ "apiGroup": GROUP, "kind": kind, "name": NAME });
    vec![
        service_account(namespace),
        json!({
            "apiVersion": VERSION,
            "kind": "Role",
            "metadata": within(namespace, NAME),
            "rules": secret_rules(),
        }),
        json!({
            "apiVersion": VERSION,
            "kind": "RoleBinding",
            "metadata": within(namespace, NAME),
            "roleRef": role("Role"),
            "subjects": subjects,
        }),
        json!({
            "apiVersion": VERSION,
            "kind": "ClusterRole",
            "metadata": of_cluster(NAME),
            "rules": configuration_rules(),
        }),
        json!({
            "apiVersion": VERSION,
            "kind": "ClusterRoleBinding",
            "metadata": of_cluster(NAME),
            "roleRef": role("ClusterRole"),
            "subjects": subjects,
        }),
    ]
}

/// What is created has no name yet that a rule could hold it to.
fn secret_rules() -> Value {
    json!([
        { "apiGroups": [""], "resources": ["secrets"], "verbs": ["create"] },
        {
            "apiGroups": [""],
            "resources": ["secrets"],
            "resourceNames": [SECRET],
            "verbs": ["get", "update"],
        },
    ])
}

fn configuration_rules() -> Value {
    json!([{
        "apiGroups": ["admissionregistration.k8s.io"],
        "resources": ["mutatingwebhookconfigurations"],
        "resourceNames": [NAME],
        "verbs": ["get", "update"],
    }])
}
