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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use chrono::TimeDelta;

    use super::*;
    use crate::controller::issued::issue;

    fn names() -> Names {
        Names {
            namespace: "a".to_owned(),
            service: "b".to_owned(),
            secret: "c".to_owned(),
            webhook_configuration: "d".to_owned(),
        }
    }

    fn decided(secret: &Secret, host: &str, days: i64) -> Decision {
        decide(Some(secret), &[host.to_owned()], Utc::now() + TimeDelta::days(days))
    }

    #[test]
    fn a_certificate_is_served_until_it_is_due() {
        let hosts = ["b.a.svc".to_owned()];
        let issued = issue(&hosts, Utc::now(), None).unwrap();
        let secret = secret(&issued, &names(), None);
        for (host, days, expected) in [
            ("b.a.svc", 0, None),
            ("b.a.svc", 59, None),
            ("b.a.svc", 61, Some("it ends soon")),
            ("b.a.svc", 1000, Some("it ends soon")),
            ("other.a.svc", 0, Some("it is not for other.a.svc")),
        ] {
            match (decided(&secret, host, days), expected) {
                (Decision::Serve(served, _), None) => assert_eq!(served, issued),
                (Decision::Renew { why, previous }, Some(expected)) => {
                    assert_eq!(
                        (why.as_str(), previous),
                        (expected, Some(issued.authorities.clone()))
                    );
                }
                (decision, _) => panic!("{host} {days}: {decision:?}"),
            }
        }
        assert!(matches!(decide(None, &hosts, Utc::now()), Decision::Create));
    }

    #[test]
    fn what_is_not_ours_is_left_whatever_it_holds() {
        assert!(matches!(decided(&Secret::default(), "b.a.svc", 0), Decision::LeaveForeign));
    }

    #[test]
    fn an_authority_that_cannot_be_read_is_not_handed_on() {
        let mut issued = issue(&["b.a.svc".to_owned()], Utc::now(), None).unwrap();
        issued.authorities = "nonsense".to_owned();
        let decision = decided(&secret(&issued, &names(), None), "b.a.svc", 0);
        assert!(matches!(decision, Decision::Renew { previous: None, .. }), "{decision:?}");
    }

    #[test]
    fn only_webhooks_that_call_us_trust_us() {
        let webhook = |service: Value, bundle: &str| json!({ "clientConfig": { "service": service, "caBundle": bundle } });
        let ours = || json!({ "namespace": "a", "name": "b" });
        let others = json!([
            webhook(json!({ "namespace": "x", "name": "b" }), "eA=="),
            webhook(Value::Null, "eA=="),
            {},
        ]);
        assert_eq!(bundle(&others, "pem", &names()), Bundle::NotOurs);
        assert_eq!(bundle(&Value::Null, "pem", &names()), Bundle::NotOurs);
        let wrong = json!([webhook(ours(), ""), others[0], webhook(ours(), "cGVt")]);
        let right = json!([webhook(ours(), "cGVt"), others[0], webhook(ours(), "cGVt")]);
        assert_eq!(bundle(&wrong, "pem", &names()), Bundle::Wrong(right.clone()));
        assert_eq!(bundle(&right, "pem", &names()), Bundle::Right);
    }
}
