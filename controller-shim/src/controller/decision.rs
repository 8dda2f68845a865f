//! What is to be done, given what the cluster has: pure, so that each case can be tried.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use serde_json::{Value, json};

use super::issued::{Flaw, Issued, is_due};
use crate::args::Names;
use crate::tls::Certificate;

/// The annotation of a Secret that may be replaced, since it was made here.
pub const OURS: &str = "holdpoint.dev/self-signed";

/// What the Secret asks for.
#[derive(Debug)]
pub enum Decision {
    /// Keep a first one.
    Create,
    /// Serve what it holds.
    Serve(Issued, Certificate),
    /// Replace it.
    Renew {
        /// In a sentence.
        why: String,
        /// The authority by which other replicas may still serve.
        previous: Option<String>,
    },
    /// Leave it: it is somebody else's.
    LeaveForeign,
}

/// Decides by the Secret, if there is one.
pub fn decide(secret: Option<&Secret>, hosts: &[String], now: DateTime<Utc>) -> Decision {
    let Some(secret) = secret else { return Decision::Create };
    if !is_ours(secret) {
        return Decision::LeaveForeign;
    }
    let (issued, why) = match read(secret) {
        Ok(issued) => match issued.check(hosts) {
            Ok(certificate) if is_due(certificate.validity(), now) => {
                (Some(issued), "it ends soon".to_owned())
            }
            Ok(certificate) => return Decision::Serve(issued, certificate),
            Err(flaw) => (Some(issued), flaw.to_string()),
        },
        Err(flaw) => (None, flaw.to_string()),
    };
    let previous = issued.as_ref().and_then(Issued::authority).map(str::to_owned);
    Decision::Renew { why, previous }
}

fn is_ours(secret: &Secret) -> bool {
    let annotations = secret.metadata.annotations.as_ref();
    annotations.is_some_and(|annotations| annotations.contains_key(OURS))
}

fn read(secret: &Secret) -> Result<Issued, Flaw> {
    let text = |key: &'static str| {
        let bytes = secret.data.as_ref().and_then(|data| data.get(key));
        let text = bytes.and_then(|bytes| String::from_utf8(bytes.0.clone()).ok());
        text.ok_or(Flaw::Missing(key))
    };
    Ok(Issued {
        authorities: text("ca.crt")?,
        certificate: text("tls.crt")?,
        key: text("tls.key")?,
    })
}

/// The Secret that keeps this one, in the place of another where there is one.
pub fn secret(issued: &Issued, names: &Names, old: Option<Secret>) -> Secret {
    let mut secret = old.unwrap_or_else(|| Secret {
        type_: Some("kubernetes.io/tls".to_owned()),
        ..Secret::default()
    });
    secret.metadata.name = Some(names.secret.clone());
    secret.metadata.namespace = Some(names.namespace.clone());
    let annotations = secret.metadata.annotations.get_or_insert_default();
    annotations.insert(OURS.to_owned(), "true".to_owned());
    let bytes = |text: &str| ByteString(text.as_bytes().to_vec());
    secret.data = Some(BTreeMap::from([
        ("ca.crt".to_owned(), bytes(&issued.authorities)),
        ("tls.crt".to_owned(), bytes(&issued.certificate)),
        ("tls.key".to_owned(), bytes(&issued.key)),
    ]));
    secret
}

/// What becomes of the `webhooks` of a configuration.
#[derive(Debug, PartialEq)]
pub enum Bundle {
    /// All that call our Service trust these authorities already.
    Right,
    /// They do with these `webhooks`.
    Wrong(Value),
    /// None calls our Service.
    NotOurs,
}

/// Decides by a configuration's `webhooks` what they must be to trust these authorities.
pub fn bundle(webhooks: &Value, authorities: &str, names: &Names) -> Bundle {
    let calls_us = |webhook: &Value| {
        let service = &webhook["clientConfig"]["service"];
        service["name"] == names.service && service["namespace"] == names.namespace
    };
    let mut changed = webhooks.clone();
    let mut ours =
        changed.as_array_mut().into_iter().flatten().filter(|it| calls_us(it)).peekable();
    if ours.peek().is_none() {
        return Bundle::NotOurs;
    }
    let bundle = json!(STANDARD.encode(authorities));
    for webhook in ours {
        webhook["clientConfig"]["caBundle"] = bundle.clone();
    }
    if changed == *webhooks { Bundle::Right } else { Bundle::Wrong(changed) }
}
