//! Admission reviews: the request that the API server sends, and the answer to it.

use serde_json::Value;

use crate::Settings;

/// The answer to a review, and what the log and the metrics say of it.
#[derive(Clone, Debug)]
pub struct Reviewed {
    /// The whole `AdmissionReview` to answer with.
    pub answer: Value,
    /// What became of the pod.
    pub outcome: Outcome,
    /// Why, in one word, as in `tekton`, `asked`, `not-asked`, `already-injected`, `bad-annotation`.
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

/// Answers one review.
///
/// # Errors
/// Where the body is no review of this version with a request in it.
pub fn review(_body: &[u8], _settings: &Settings) -> Result<Reviewed, Malformed> {
    Err(Malformed("to come".to_owned()))
}
