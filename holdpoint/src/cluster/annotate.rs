//! The markers of a run by the pod's annotation, where commands in pods are not allowed (contract 2.9):
//! the kubelet brings them into the downward folder of every step.

use std::time::Duration;

use controller_shim::annotations::PREFIX;
use debug_scripts::{RunVerb, Word};
use entrypoint::breakpoint;
use entrypoint::state::{Phase, SeenMarker, State};
use entrypoint::verb::Answer;
use futures_util::future::join_all;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::answer::Told;
use super::ask::Asking;
use super::error::ClusterError;
use super::exec::ExecError;
use super::resolve::again;
use super::states::{Unseen, states};
use super::steps::PodSteps;
use super::until::Goal;
use crate::args::{By, VerbArguments};

/// How long the kubelet may take to bring an annotation into a pod, where nothing is said.
const DEFAULT_WAIT: Duration = Duration::from_mins(2);

/// How often the pod is looked at.
const GLANCE: Duration = Duration::from_millis(500);

/// Texts that say in an annotation that there is no marker (contract 2.2).
const NO_MARKER: [&str; 4] = ["", "false", "no", "0"];

/// What a marker says where no reason is given.
const NO_REASON: &str = "true";

/// An annotation that is a marker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Annotation {
    verb: RunVerb,
    /// The name of its file in the downward folder.
    marker: &'static str,
    /// None where it is taken away.
    value: Option<String>,
}

/// What a look at the pod says.
enum News {
    Shown(String),
    NotYet(String),
    Hidden(String),
}

impl Annotation {
    /// The annotation that was asked for; none where the pod is to be asked by a command.
    ///
    /// # Errors
    /// A reason or a breakpoint that cannot be.
    pub fn of(arguments: &VerbArguments) -> Result<Option<Self>, String> {
        match (arguments.manner.by, arguments.word) {
            (Some(By::Annotate), Word::Run(verb)) => {
                Self::new(verb, &arguments.words.join(" ")).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// The annotation that stands for a verb with these words behind it.
    ///
    /// # Errors
    /// A reason or a breakpoint that cannot be.
    pub fn new(verb: RunVerb, text: &str) -> Result<Self, String> {
        let marker = verb.definition().marker;
        let value = match verb {
            RunVerb::Resume => {
                let marker = RunVerb::Pause.definition().marker;
                return Ok(Self { verb, marker, value: None });
            }
            RunVerb::Breakpoint => {
                breakpoint::parse(text).map_err(|error| {
                    format!(
                        "breakpoint {text:?}: {error}; give on-failure, before:STEP, after:STEP or off"
                    )
                })?;
                text
            }
            _ if text.is_empty() => NO_REASON,
            _ if NO_MARKER.contains(&text) => {
                return Err(format!(
                    "{marker} {text:?}: in an annotation this word says that there is no {marker}; give \
                     another reason"
                ));
            }
            _ => text,
        };
        Ok(Self { verb, marker, value: Some(value.to_owned()) })
    }

    /// Its key and its value, which is none where it is taken away.
    pub fn pair(&self) -> (String, Option<&str>) {
        (format!("{PREFIX}{}", self.marker), self.value.as_deref())
    }

    /// Annotates a pod whose steps have not begun: they find it when they do.
    pub async fn leave(&self, asking: &Asking<'_>, pod: &PodSteps) -> Told {
        let told = |code, message| Told::new(pod, asking.verb(), code, message);
        if let Some(told) = self.untold(asking, pod) {
            return told;
        }
        match self.set(asking, pod).await {
            Ok(()) => {
                told(0, format!("its steps have not begun, and will find {}", self.described()))
            }
            Err(error) => told(Answer::NOBODY, error.to_string()),
        }
    }

    /// Annotates these pods, and waits until each shows it.
    pub async fn put(&self, asking: &Asking<'_>, pods: &[PodSteps]) -> Vec<Told> {
        let live: Vec<_> = pods.iter().filter(|pod| !pod.has_ended()).collect();
        if live.is_empty() {
            let ended = |pod: &PodSteps| {
                let message = format!("not {}: it has ended ({})", asking.verb(), pod.described());
                Told::new(pod, asking.verb(), Answer::REJECTED, message)
            };
            return pods.iter().map(ended).collect();
        }
        join_all(live.into_iter().map(|pod| self.put_to(asking, pod))).await
    }

    async fn put_to(&self, asking: &Asking<'_>, pod: &PodSteps) -> Told {
        let told = |code, message| Told::new(pod, asking.verb(), code, message);
        if let Some(told) = self.untold(asking, pod) {
            return told;
        }
        match self.set(asking, pod).await {
            Ok(()) => {
                let (code, message) = self.await_pod(asking, pod).await;
                asking.stay(told(code, message), pod, Goal::Run).await
            }
            Err(error) => told(Answer::NOBODY, error.to_string()),
        }
    }

    /// What is said where the pod stays as it is.
    fn untold(&self, asking: &Asking<'_>, pod: &PodSteps) -> Option<Told> {
        if asking.arguments.manner.dry_run {
            let message = format!("would set {}", self.described());
            return Some(Told::dry_run(pod, asking.verb(), message));
        }
        let why = self.cannot_reach(pod)?;
        Some(Told::new(pod, asking.verb(), Answer::REJECTED, why))
    }

    /// Annotates a pod.
    ///
    /// # Errors
    /// As the API server says.
    pub async fn set(&self, asking: &Asking<'_>, pod: &PodSteps) -> Result<(), ClusterError> {
        let pods = Api::<Pod>::namespaced(asking.cluster.client.clone(), &pod.namespace);
        let (patch, parameters) = (Patch::Merge(self.patch()), PatchParams::default());
        let what = format!("annotate pod {}", pod.name);
        let request = pods.patch(&pod.name, &parameters, &patch);
        asking.cluster.request(&what, request).await.map(drop)
    }

    /// Why the annotation would never come to the steps of a pod.
    fn cannot_reach(&self, pod: &PodSteps) -> Option<String> {
        let reaches = pod.markers.iter().any(|marker| marker == self.marker);
        (!reaches).then(|| {
            format!(
                "not {}: the pod has no file for the annotation {PREFIX}{}, since the webhook did not \
                 inject it; only commands in the pod can do it",
                self.verb.definition().name,
                self.marker
            )
        })
    }

    fn patch(&self) -> Value {
        let (key, value) = self.pair();
        json!({"metadata": {"annotations": {key: value}}})
    }

    fn described(&self) -> String {
        match &self.value {
            Some(value) => format!("annotation {PREFIX}{}={value:?}", self.marker),
            None => format!("no annotation {PREFIX}{}", self.marker),
        }
    }

    /// Waits until the pod shows it; the annotation stands whatever comes of that.
    async fn await_pod(&self, asking: &Asking<'_>, pod: &PodSteps) -> (i32, String) {
        let wait = asking.wait(DEFAULT_WAIT);
        let deadline = Instant::now() + wait;
        loop {
            let why = match self.look(asking, pod).await {
                News::Shown(message) => return (0, message),
                News::Hidden(why) => return (Answer::NOBODY, self.unknown(&why)),
                News::NotYet(why) => why,
            };
            if Instant::now() + GLANCE > deadline {
                let why = format!("{why} within {} s", wait.as_secs_f64());
                return (Answer::NOBODY, self.unknown(&why));
            }
            sleep(GLANCE).await;
        }
    }

    fn unknown(&self, why: &str) -> String {
        format!(
            "the pod has {} now, which its steps see within about two minutes; whether they have is not \
             known: {why}",
            self.described()
        )
    }

    async fn look(&self, asking: &Asking<'_>, pod: &PodSteps) -> News {
        let pod = match again(asking.cluster, pod).await {
            Ok(pod) if pod.has_ended() => {
                return News::Shown(format!("the run has ended ({})", pod.described()));
            }
            Ok(pod) => pod,
            Err(error) if error.is_not_found() => {
                return News::Shown("the pod is gone".to_owned());
            }
            Err(error) => return News::NotYet(error.to_string()),
        };
        match states(asking.cluster, &pod).await {
            Ok(states) => self.seen_by(&states),
            Err(Unseen::Exec(why @ ExecError::Forbidden(_))) if self.ends_steps() => {
                News::NotYet(format!("the containers have not ended, and {why}"))
            }
            Err(Unseen::Exec(why)) if why.may_pass() => News::NotYet(why.to_string()),
            Err(Unseen::NotRunning(why)) => News::NotYet(format!("no step is up ({why})")),
            Err(why) => News::Hidden(why.to_string()),
        }
    }

    /// Whether containers that end show that it was heard.
    fn ends_steps(&self) -> bool {
        !matches!(self.verb, RunVerb::Pause | RunVerb::Resume | RunVerb::Breakpoint)
    }

    /// Every live step shows the marker, or none does where it is taken away.
    fn seen_by(&self, states: &[State]) -> News {
        let live: Vec<_> = states.iter().filter(|state| state.phase != Phase::Finished).collect();
        let deaf: Vec<_> = live.iter().filter(|state| !self.is_seen_by(state)).collect();
        match deaf.as_slice() {
            [] => {
                let doing: Vec<_> = live.iter().map(|state| state.message.as_str()).collect();
                News::Shown(format!("{}: {}", self.verb.definition().name, doing.join("; ")))
            }
            deaf => {
                let names: Vec<_> = deaf.iter().map(|state| format!("`{}`", state.step)).collect();
                News::NotYet(format!("step {} has not seen it", names.join(", ")))
            }
        }
    }

    fn is_seen_by(&self, state: &State) -> bool {
        let annotated = |marker: &&SeenMarker| {
            marker.name == self.marker && marker.folder.ends_with("downward")
        };
        let seen = state.markers.iter().find(annotated);
        match &self.value {
            Some(value) => seen.is_some_and(|marker| marker.reason == *value),
            None => seen.is_none(),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn each_verb_of_a_run_has_its_annotation() {
        for (verb, text, key, value) in [
            (RunVerb::Pause, "look at it", "pause", json!("look at it")),
            (RunVerb::Pause, "", "pause", json!("true")),
            (RunVerb::Resume, "seen", "pause", Value::Null),
            (RunVerb::StopFinally, "", "stop-finally", json!("true")),
            (RunVerb::CancelFinally, "", "cancel-finally", json!("true")),
            (RunVerb::Abort, "", "abort", json!("true")),
            (RunVerb::CancelRun, "wrong", "cancel", json!("wrong")),
            (
                RunVerb::Breakpoint,
                "before:a,on-failure",
                "breakpoint",
                json!("before:a,on-failure"),
            ),
            (RunVerb::Breakpoint, "off", "breakpoint", json!("off")),
        ] {
            let patch = Annotation::new(verb, text).unwrap().patch();
            let expected =
                json!({"metadata": {"annotations": {(format!("{PREFIX}{key}")): value}}});
            assert_eq!(patch, expected, "{verb:?}");
        }
    }

    #[test]
    fn what_would_be_no_marker_is_refused() {
        for (verb, text) in
            [(RunVerb::Pause, "no"), (RunVerb::Abort, "0"), (RunVerb::Breakpoint, "before:")]
        {
            assert!(Annotation::new(verb, text).is_err(), "{verb:?} {text}");
        }
    }
}
