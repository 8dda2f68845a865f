//! The certificate of the webhook, made by cert-manager. It is signed by an authority of our own that
//! stays when it is renewed: the API server trusts the old and the new one alike while they change.

use serde_json::{Value, json};

use super::metadata::{NAME, SECRET, within};

const VERSION: &str = "cert-manager.io/v1";
const AUTHORITY: &str = "holdpoint-ca";
const TEN_YEARS: &str = "87600h";

/// The authority, which signs itself, and the certificate.
pub(super) fn objects(namespace: &str) -> Vec<Value> {
    let issuer = |name: &str, spec: Value| {
        json!({
            "apiVersion": VERSION,
            "kind": "Issuer",
            "metadata": within(namespace, name),
            "spec": spec,
        })
    };
    let certificate = |name: &str, spec: Value| {
        json!({
            "apiVersion": VERSION,
            "kind": "Certificate",
            "metadata": within(namespace, name),
            "spec": spec,
        })
    };
    vec![
        issuer("holdpoint-self", json!({ "selfSigned": {} })),
        certificate(AUTHORITY, authority()),
        issuer(AUTHORITY, json!({ "ca": { "secretName": AUTHORITY } })),
        certificate(SECRET, served(namespace)),
    ]
}

/// Which Secret's authority the API server is to trust, for cert-manager to read.
pub(super) fn injected_from(namespace: &str) -> Value {
    json!({ "cert-manager.io/inject-ca-from": format!("{namespace}/{SECRET}") })
}

fn authority() -> Value {
    json!({
        "commonName": AUTHORITY,
        "duration": TEN_YEARS,
        "isCA": true,
        "issuerRef": { "kind": "Issuer", "name": "holdpoint-self" },
        "privateKey": { "algorithm": "ECDSA", "size": 256 },
        "secretName": AUTHORITY,
    })
}

fn served(namespace: &str) -> Value {
    json!({
        "dnsNames": [format!("{NAME}.{namespace}.svc")],
        "issuerRef": { "kind": "Issuer", "name": AUTHORITY },
        "privateKey": { "algorithm": "ECDSA", "rotationPolicy": "Always", "size": 256 },
        "secretName": SECRET,
        "usages": ["digital signature", "server auth"],
    })
}
