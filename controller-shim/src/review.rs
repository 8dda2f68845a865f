//! Admission reviews: the request that the API server sends, and the answer to it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::pod::Pod;
use crate::{Injection, Settings, inject, patch, plan};

const API_VERSION: &str = "admission.k8s.io/v1";
const KIND: &str = "AdmissionReview";

/// What a pod is told that the rules themselves went wrong with.
const FAULT: &str =
    "holdpoint: the webhook met a fault of its own with this pod; its log says more";

/// The answer to a review, and what the log and the metrics say of it.
#[derive(Clone, Debug)]
pub struct Reviewed {
    /// The whole `AdmissionReview` to answer with.
    pub answer: Value,
    /// What became of the pod.
    pub outcome: Outcome,
    /// Why, in one word, as in `tekton`, `asked`, `not-asked`, `already-injected`, `bad-annotation`,
    /// `fault`.
    pub reason: &'static str,
    /// What was told to whoever made the pod: the refusal or the warnings; empty where there is nothing.
    pub message: String,
    /// The pod's namespace.
    pub namespace: String,
    /// The pod's name, or what its name is generated from.
    pub pod: String,
    /// The pod's controller as in `TaskRun/build`; empty where there is none.
    pub owner: String,
}

/// What became of the pod of a review.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The answer carries a patch.
    Injected,
    /// The pod goes in as it came.
    Untouched,
    /// The pod does not go in.
    Refused,
}

/// A body that no review can be read from; the answer is a 400.
#[derive(Debug, thiserror::Error)]
#[error("not an AdmissionReview of admission.k8s.io/v1: {0}")]
pub struct Malformed(String);

/// The review as it comes.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Review {
    #[serde(default)]
    api_version: String,
    #[serde(default)]
    kind: String,
    request: Option<Request>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    uid: String,
    operation: String,
    resource: Resource,
    sub_resource: Option<String>,
    namespace: Option<String>,
    name: Option<String>,
    #[serde(default)]
    object: Value,
}

#[derive(Deserialize)]
struct Resource {
    #[serde(default)]
    group: String,
    resource: String,
}

/// Answers one review.
///
/// # Errors
/// Where the body is no review of this version with a request in it.
pub fn review(body: &[u8], settings: &Settings) -> Result<Reviewed, Malformed> {
    let request = Request::read(body)?;
    let injection = if request.creates_a_pod() {
        inject(&request.object, settings)
    } else {
        Injection::Untouched { reason: "other-request", warnings: Vec::new() }
    };
    request.answered(injection)
}

/// Answers a review that the rules panicked at. A pod that depends on us does not go in, since all of
/// its steps would run at once; any other goes in as it came, so that no fault of ours stops a cluster.
///
/// # Errors
/// Where the body is no review of this version with a request in it.
pub fn fault(body: &[u8]) -> Result<Reviewed, Malformed> {
    let request = Request::read(body)?;
    let asks = Pod::read(&request.object).is_ok_and(|pod| plan::depends_on_us(&pod));
    Ok(if request.creates_a_pod() && asks {
        request.refused("fault", "InternalError", 500, FAULT.to_owned())
    } else {
        request.untouched("fault", &[FAULT.to_owned()])
    })
}

impl Request {
    fn read(body: &[u8]) -> Result<Self, Malformed> {
        let review: Review =
            serde_json::from_slice(body).map_err(|error| Malformed(error.to_string()))?;
        if (review.api_version.as_str(), review.kind.as_str()) != (API_VERSION, KIND) {
            let Review { api_version, kind, .. } = review;
            return Err(Malformed(format!("it is {kind:?} of {api_version:?}")));
        }
        review.request.ok_or_else(|| Malformed("it has no request".to_owned()))
    }

    fn creates_a_pod(&self) -> bool {
        let resource = (self.resource.group.as_str(), self.resource.resource.as_str());
        let part = self.sub_resource.as_deref().unwrap_or_default();
        self.operation == "CREATE" && resource == ("", "pods") && part.is_empty()
    }

    fn answered(&self, injection: Injection) -> Result<Reviewed, Malformed> {
        Ok(match injection {
            Injection::Injected { reason, pod, warnings } => {
                let patch = serde_json::to_vec(&patch::difference(&self.object, &pod))
                    .map_err(|error| Malformed(error.to_string()))?;
                let response = json!({
                    "uid": self.uid,
                    "allowed": true,
                    "patchType": "JSONPatch",
                    "patch": STANDARD.encode(patch),
                });
                self.reviewed(Outcome::Injected, reason, response, &warnings)
            }
            Injection::Untouched { reason, warnings } => self.untouched(reason, &warnings),
            // The code that the API server gives for its own refusals of that kind.
            Injection::Refused(message) => self.refused("bad-annotation", "Invalid", 422, message),
        })
    }

    fn untouched(&self, reason: &'static str, warnings: &[String]) -> Reviewed {
        let response = json!({ "uid": self.uid, "allowed": true });
        self.reviewed(Outcome::Untouched, reason, response, warnings)
    }

    /// `status_reason` and `code` are those of Kubernetes' errors.
    fn refused(
        &self,
        reason: &'static str,
        status_reason: &str,
        code: u16,
        message: String,
    ) -> Reviewed {
        let status = json!({
            "status": "Failure",
            "message": message,
            "reason": status_reason,
            "code": code,
        });
        let response = json!({ "uid": self.uid, "allowed": false, "status": status });
        Reviewed { message, ..self.reviewed(Outcome::Refused, reason, response, &[]) }
    }

    fn reviewed(
        &self,
        outcome: Outcome,
        reason: &'static str,
        mut response: Value,
        warnings: &[String],
    ) -> Reviewed {
        if let (Some(fields), false) = (response.as_object_mut(), warnings.is_empty()) {
            fields.insert("warnings".to_owned(), json!(warnings));
        }
        Reviewed {
            answer: json!({ "apiVersion": API_VERSION, "kind": KIND, "response": response }),
            outcome,
            reason,
            message: warnings.join("; "),
            namespace: self.namespace.clone().unwrap_or_default(),
            pod: self.pod_name(),
            owner: Pod::read(&self.object).map_or_else(|_| String::new(), |pod| pod.owner()),
        }
    }

    fn pod_name(&self) -> String {
        let named = |key: &str| {
            let name = self.object.pointer(&format!("/metadata/{key}")).and_then(Value::as_str);
            name.filter(|name| !name.is_empty()).map(str::to_owned)
        };
        let asked = self.name.clone().filter(|name| !name.is_empty());
        asked.or_else(|| named("name")).or_else(|| named("generateName")).unwrap_or_default()
    }
}
