//! A step as tables show it, by what it says of itself or what the kubelet says of its container.

use chrono::{NaiveDate, Utc};
use entrypoint::state::{Phase, State};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt as _;
use serde::Serialize;

use super::steps::StepPlace;
use super::target::Kind;
use super::told::Told;
use super::way::Way;
use crate::table::{clock, columns};

/// The columns of a table of steps.
const HEAD: [&str; 7] = ["STEP", "PHASE", "SINCE", "ATTEMPT", "EXIT", "REASON", "MESSAGE"];

/// The columns that a wide one has between those and the message.
const MORE: [&str; 7] = ["CONTAINER", "POD", "NODE", "RESTARTS", "UNTIL", "NEEDS", "END IT WITH"];

/// The urgency of a step that waits for nobody.
pub const CALM: u8 = 2;

/// A step of a pod.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// The pod's namespace.
    pub namespace: String,
    /// The pod.
    pub pod: String,
    /// What the pod is called among those of its run.
    #[serde(skip)]
    pub called: String,
    /// The step's container.
    pub container: String,
    /// The pod's node, once it has one.
    pub node: Option<String>,
    /// How often the container was started again.
    pub restarts: i32,
    /// What is known of it, and who says so.
    #[serde(flatten)]
    pub known: Known,
}

/// What is known of a step.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "source", rename_all = "kebab-case")]
pub enum Known {
    /// The state that it wrote (contract 2.5).
    Step(State),
    /// What the kubelet says of its container.
    Kubelet(Told),
}

impl Row {
    /// The row of a step of a pod.
    pub fn new(pod: &Pod, place: &StepPlace, known: Known) -> Self {
        let statuses = pod.status.as_ref().and_then(|it| it.container_statuses.as_deref());
        let mut statuses = statuses.unwrap_or_default().iter();
        let status = statuses.find(|it| it.name == place.container);
        Self {
            namespace: pod.namespace().unwrap_or_default(),
            pod: pod.name_any(),
            called: called(pod),
            container: place.container.clone(),
            node: pod.spec.as_ref().and_then(|spec| spec.node_name.clone()),
            restarts: status.map_or(0, |it| it.restart_count),
            known,
        }
    }

    /// The step's name.
    pub fn step(&self) -> &str {
        match &self.known {
            Known::Step(state) => &state.step,
            Known::Kubelet(told) => &told.step,
        }
    }

    /// Its phase, where that is known.
    pub fn phase(&self) -> Option<Phase> {
        match &self.known {
            Known::Step(state) => Some(state.phase),
            Known::Kubelet(told) => told.phase,
        }
    }

    /// Since when.
    pub fn since(&self) -> Option<&str> {
        match &self.known {
            Known::Step(state) => Some(&state.since),
            Known::Kubelet(told) => told.since.as_deref(),
        }
    }

    /// What is to be known, for a person.
    pub fn message(&self) -> &str {
        match &self.known {
            Known::Step(state) => &state.message,
            Known::Kubelet(told) => &told.message,
        }
    }

    /// What it says of itself, where that was read.
    pub fn state(&self) -> Option<&State> {
        match &self.known {
            Known::Step(state) => Some(state),
            Known::Kubelet(_) => None,
        }
    }

    /// Where it stands in a table: who waits for a person comes first, and is less than [`CALM`].
    pub fn urgency(&self) -> u8 {
        match (self.phase(), &self.known) {
            (Some(phase), _) if phase.is_held() => 0,
            (Some(Phase::Paused), _) => 1,
            (None, Known::Kubelet(told)) if told.waits_for_a_person => 1,
            _ => CALM,
        }
    }

    /// The phase as a word; where it is not known, a dash.
    pub fn phase_word(&self) -> &'static str {
        self.phase().map_or("-", Phase::word)
    }

    /// What a wide table has more of it; `ways` end what it waits for.
    fn more(&self, ways: &[Way], today: NaiveDate) -> [String; 7] {
        let dash = || "-".to_owned();
        let deadline = self.state().and_then(|state| state.deadline.as_deref());
        let verbs: Vec<_> = ways.iter().map(|way| way.verb).collect();
        [
            self.container.clone(),
            self.pod.clone(),
            self.node.clone().unwrap_or_else(dash),
            self.restarts.to_string(),
            deadline.map_or_else(dash, |deadline| clock(deadline, today)),
            ways.first().map_or_else(dash, |way| way.needs.to_owned()),
            if verbs.is_empty() { dash() } else { verbs.join(",") },
        ]
    }

    fn cells(&self, today: NaiveDate) -> [String; 7] {
        let (attempt, exit, reason) = match &self.known {
            Known::Step(state) => {
                (Some(state.attempt), state.exit_code, state.reason.map(|it| it.word().to_owned()))
            }
            Known::Kubelet(told) => (None, told.exit_code, told.reason.clone()),
        };
        let dash = || "-".to_owned();
        [
            self.step().to_owned(),
            self.phase_word().to_owned(),
            self.since().map_or_else(dash, |since| clock(since, today)),
            attempt.map_or_else(dash, |attempt| attempt.to_string()),
            exit.map_or_else(dash, |exit| exit.to_string()),
            reason.unwrap_or_else(dash),
            self.message().to_owned(),
        ]
    }
}

/// What ends that for which a step waits.
pub type WaysOf<'a> = &'a dyn Fn(&Row) -> Vec<Way>;

/// The lines of a table of these steps, its head first. With `title`, each row begins with what its pod
/// is called; with `ways`, which end what a step waits for, it is a wide one.
pub fn table(rows: &[Row], title: Option<&str>, ways: Option<WaysOf<'_>>) -> Vec<String> {
    let today = Utc::now().date_naive();
    let line = |first: &str, mut rest: Vec<String>, more: Option<[String; 7]>| {
        // The message is the longest, and stands at the end.
        let message = rest.pop();
        let first = title.map(|_| first.to_owned()).into_iter().chain(rest);
        first.chain(more.into_iter().flatten()).chain(message).collect::<Vec<_>>()
    };
    let head = HEAD.map(str::to_owned).to_vec();
    let head = line(title.unwrap_or_default(), head, ways.map(|_| MORE.map(str::to_owned)));
    let row = |row: &Row| {
        let more = ways.map(|ways| row.more(&ways(row), today));
        line(&row.called, row.cells(today).to_vec(), more)
    };
    columns(std::iter::once(head).chain(rows.iter().map(row)).collect())
}

/// What a pod is called among those of its run: in a PipelineRun the part of its name that is its
/// task's.
pub fn called(pod: &Pod) -> String {
    let name = pod.name_any();
    let run = pod.labels().get(Kind::PipelineRun.definition().labels[0]);
    let task = run.and_then(|run| name.strip_prefix(run)?.strip_prefix('-')?.strip_suffix("-pod"));
    task.map(str::to_owned).unwrap_or(name)
}

#[cfg(test)]
pub(super) mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use serde_json::json;

    /// A pod of a PipelineRun.
    pub(in crate::cluster) fn pod(name: &str, run: &str) -> Pod {
        let labels = json!({"tekton.dev/pipelineRun": run});
        serde_json::from_value(json!({"metadata": {"name": name, "labels": labels}})).unwrap()
    }

    #[test]
    fn a_pod_of_a_pipeline_is_called_by_its_task() {
        for (name, run, expected) in [
            ("fx-pipeline-build-pod", "fx-pipeline", "build"),
            ("fx-pipeline-test-0-pod", "fx-pipeline", "test-0"),
            ("fx-pipeline-build-pod-retry1", "fx-pipeline", "fx-pipeline-build-pod-retry1"),
            ("other-pod", "fx-pipeline", "other-pod"),
        ] {
            assert_eq!(called(&pod(name, run)), expected);
        }
    }
}
