//! The webhooks themselves: pods that meet the restricted pod security standard, spread over the
//! cluster, of which an upgrade or a drained node takes one at a time.

use clap::ValueEnum as _;
use clap::builder::PossibleValue;
use serde_json::{Value, json};

use super::metadata::{NAME, SECRET, labels, selected, within};
use super::service::{HTTPS, METRICS};
use crate::args::{InstallArguments, Issuer};

/// Where the certificate of cert-manager is seen.
const CERTIFICATE_FOLDER: &str = "/tls";

/// The Deployment.
pub(super) fn deployment(arguments: &InstallArguments) -> Value {
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": within(&arguments.namespace, NAME),
        "spec": {
            "replicas": arguments.replicas,
            "selector": { "matchLabels": selected() },
            "strategy": {
                "type": "RollingUpdate",
                "rollingUpdate": { "maxSurge": 1, "maxUnavailable": 0 },
            },
            "template": { "metadata": { "labels": labels() }, "spec": pod(arguments) },
        },
    })
}

/// A drained node takes one webhook at a time, and one that is not ready at once.
pub(super) fn disruption_budget(namespace: &str) -> Value {
    json!({
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": within(namespace, NAME),
        "spec": {
            "maxUnavailable": 1,
            "selector": { "matchLabels": selected() },
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
        },
    })
}

fn pod(arguments: &InstallArguments) -> Value {
    let issuer = arguments.issuer();
    let mut pod = json!({
        "serviceAccountName": NAME,
        "automountServiceAccountToken": issuer == Issuer::Webhook,
        // No variables of Services, which could be taken for the webhook's own.
        "enableServiceLinks": false,
        "securityContext": {
            "runAsNonRoot": true,
            "seccompProfile": { "type": "RuntimeDefault" },
        },
        "nodeSelector": { "kubernetes.io/os": "linux" },
        "topologySpreadConstraints": [
            spread("kubernetes.io/hostname"),
            spread("topology.kubernetes.io/zone"),
        ],
        "containers": [container(arguments)],
    });
    if issuer == Issuer::CertManager {
        pod["volumes"] = json!([{ "name": "tls", "secret": { "secretName": SECRET } }]);
        pod["containers"][0]["volumeMounts"] =
            json!([{ "name": "tls", "mountPath": CERTIFICATE_FOLDER, "readOnly": true }]);
    }
    pod
}

/// A cluster of one node gets all of them there. Those of an older version do not count: they go.
fn spread(over: &str) -> Value {
    json!({
        "labelSelector": { "matchLabels": selected() },
        "matchLabelKeys": ["pod-template-hash"],
        "maxSkew": 1,
        "topologyKey": over,
        "whenUnsatisfiable": "ScheduleAnyway",
    })
}

fn container(arguments: &InstallArguments) -> Value {
    let port = |(name, number): (&str, u16)| json!({ "name": name, "containerPort": number });
    json!({
        "name": "webhook",
        "image": arguments.shim_image,
        "args": words(arguments),
        "env": [{
            "name": "POD_NAMESPACE",
            "valueFrom": { "fieldRef": { "fieldPath": "metadata.namespace" } },
        }],
        "ports": [port(HTTPS), port(METRICS)],
        "livenessProbe": probe("/healthz"),
        "readinessProbe": probe("/readyz"),
        "resources": {
            "requests": { "cpu": "50m", "memory": "32Mi" },
            "limits": { "memory": "384Mi" },
        },
        "securityContext": {
            "allowPrivilegeEscalation": false,
            "capabilities": { "drop": ["ALL"] },
            "readOnlyRootFilesystem": true,
        },
    })
}

fn words(arguments: &InstallArguments) -> Vec<String> {
    let certificate = match arguments.issuer() {
        Issuer::Webhook => vec!["--self-signed".to_owned()],
        Issuer::CertManager => vec![
            format!("--tls-cert={CERTIFICATE_FOLDER}/tls.crt"),
            format!("--tls-key={CERTIFICATE_FOLDER}/tls.key"),
        ],
    };
    let delivery = arguments.delivery.to_possible_value();
    let delivery = delivery.as_ref().map_or("", PossibleValue::get_name);
    let rest = [
        format!("--image={}", arguments.image),
        format!("--delivery={delivery}"),
        "--log-format=json".to_owned(),
    ];
    certificate.into_iter().chain(rest).collect()
}

fn probe(path: &str) -> Value {
    json!({ "httpGet": { "path": path, "port": METRICS.0 } })
}
