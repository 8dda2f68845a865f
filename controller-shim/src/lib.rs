//! Puts the step entrypoint into pods, in three pure steps: what the annotations ask
//! ([`annotations`]), what that means for this pod ([`plan`]), and the pod that comes of it
//! ([`patch`]). The webhook and `holdpoint inject` are two ways to the same [`inject`].

pub mod annotations;
pub mod patch;
pub mod plan;
pub mod review;

use serde_json::Value;

/// What the admin of the cluster has settled for all pods.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The image that holds `/ko-app/entrypoint`.
    pub image: String,
    /// How the binary comes into a plain pod.
    pub delivery: Delivery,
}

/// How the binary comes into a plain pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// An init container copies it into an emptyDir.
    InitContainer,
    /// The image is mounted as a volume (Kubernetes 1.33 and later).
    ImageVolume,
}

/// What became of a pod.
#[derive(Clone, Debug, PartialEq)]
pub enum Injection {
    /// The pod stays as it is.
    Untouched {
        /// Why, in a word for metrics and logs, as in `not-asked` or `already-injected`.
        reason: &'static str,
        /// What whoever made the pod should know, a sentence each.
        warnings: Vec<String>,
    },
    /// The pod as it should be.
    Injected {
        /// The whole pod.
        pod: Value,
        /// What whoever made the pod should know, a sentence each.
        warnings: Vec<String>,
    },
    /// The pod must not be made: the annotation, its value and the remedy in one sentence.
    Refused(String),
}

/// Puts the entrypoint into this pod, where it asks for it or Tekton made it.
pub fn inject(_pod: &Value, _settings: &Settings) -> Injection {
    Injection::Untouched { reason: "not-asked", warnings: Vec::new() }
}
