//! Puts the step entrypoint into pods, in three pure steps: what the annotations ask
//! ([`annotations`]), what that means for this pod ([`plan`]), and the pod that comes of it
//! ([`patch`]). The webhook and `holdpoint inject` are two ways to the same [`inject`].

pub mod annotations;
pub mod patch;
pub mod plan;
pub mod pod;
pub mod review;

#[cfg(feature = "server")]
pub mod answer;
#[cfg(feature = "server")]
pub mod args;
#[cfg(feature = "server")]
pub mod controller;
#[cfg(feature = "server")]
pub mod error;
#[cfg(feature = "server")]
pub mod log;
#[cfg(feature = "server")]
pub mod metrics;
#[cfg(feature = "server")]
pub mod server;
#[cfg(feature = "server")]
pub mod tls;
#[cfg(feature = "server")]
pub mod webhook;
#[cfg(feature = "server")]
mod weight;

use serde_json::Value;

use plan::Decision;
use pod::Pod;

/// The image of the entrypoint that belongs to this version.
pub const DEFAULT_IMAGE: &str = concat!("ghcr.io/holdpoint/entrypoint:", env!("CARGO_PKG_VERSION"));

/// What the admin of the cluster has settled for all pods.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The image that holds `/ko-app/entrypoint`.
    pub image: String,
    /// How the binary comes into a plain pod.
    pub delivery: Delivery,
}

/// How the entrypoint comes into a pod that is none of Tekton's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
pub enum Delivery {
    /// An init container copies it
    #[default]
    InitContainer,
    /// Its image is mounted (Kubernetes 1.35, or its feature ImageVolume; where images are not mounted noexec)
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
        /// Why, in a word for metrics and logs: `tekton` or `asked`.
        reason: &'static str,
        /// The whole pod.
        pod: Value,
        /// What whoever made the pod should know, a sentence each.
        warnings: Vec<String>,
    },
    /// The pod must not be made: the annotation, its value and the remedy in one sentence.
    Refused(String),
}

/// Puts the entrypoint into this pod, or into the template of one, where it asks for it or Tekton
/// made it. A pod that is injected already stays as it is.
pub fn inject(pod: &Value, settings: &Settings) -> Injection {
    let read = match Pod::read(pod) {
        Ok(read) => read,
        Err(error) => {
            let warnings = vec![format!("holdpoint: the pod cannot be read: {error}")];
            return Injection::Untouched { reason: "unreadable", warnings };
        }
    };
    match plan::decide(&read, settings) {
        Decision::Leave { reason, warnings } => Injection::Untouched { reason, warnings },
        Decision::Refuse(message) => Injection::Refused(message),
        Decision::Inject { reason, plan, warnings } => {
            Injection::Injected { reason, pod: patch::apply(pod, &read, &plan), warnings }
        }
    }
}
