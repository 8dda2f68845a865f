//! What the kubelet tells of a step: the state of its container, the termination message, the readiness
//! probe. For those who may not look into a pod, and for pods that have ended.

use controller_shim::pod::BINARY;
use entrypoint::state::Phase;
use entrypoint::termination;
use k8s_openapi::api::core::v1::{
    Container, ContainerState, ContainerStateTerminated, ContainerStateWaiting, ContainerStatus,
    Pod,
};
use serde::Serialize;

use super::steps::{PodSteps, StepPlace};

/// Words of the kubelet that say no more than the exit code does.
const PLAIN_ENDS: [&str; 2] = ["Completed", "Error"];

/// A step as far as the kubelet knows it. The names are those of a state (contract 2.5).
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Told {
    /// The step.
    pub step: String,
    /// What it is doing; none where only a look into the pod would tell.
    pub phase: Option<Phase>,
    /// Why, in one word: of the step's, or of the kubelet's.
    pub reason: Option<String>,
    /// The same for a person.
    pub message: String,
    /// The code of its command, where that is known.
    pub exit_code: Option<i32>,
    /// When its container began.
    pub started_at: Option<String>,
    /// Since when the container is so.
    pub since: Option<String>,
    /// Whether its readiness probe says that it is held or paused.
    #[serde(skip)]
    pub waits_for_a_person: bool,
}

impl Told {
    /// What the kubelet tells of a step of this pod.
    pub fn of(pod: &Pod, steps: &PodSteps, place: &StepPlace) -> Self {
        let status = pod.status.as_ref();
        let all = status.and_then(|it| it.container_statuses.as_deref()).unwrap_or_default();
        let status = all.iter().find(|it| it.name == place.container);
        let told = match status.and_then(|status| Some((status, status.state.as_ref()?))) {
            Some((status, ContainerState { running: Some(running), .. })) => {
                let started_at = running.started_at.as_ref().map(|time| time.0.to_string());
                let told = running_step(pod, steps, place, status);
                Self { since: started_at.clone(), started_at, ..told }
            }
            Some((_, ContainerState { terminated: Some(ended), .. })) => ended_step(pod, ended),
            Some((_, ContainerState { waiting, .. })) => waiting_step(pod, waiting.as_ref()),
            None => waiting_step(pod, None),
        };
        Self { step: place.step.clone(), ..told }
    }
}

fn waiting_step(pod: &Pod, waiting: Option<&ContainerStateWaiting>) -> Told {
    let reason = waiting.and_then(|waiting| waiting.reason.clone());
    let said = waiting.and_then(|waiting| waiting.message.clone());
    let message = match (pod_trouble(pod), &reason, said) {
        (Some(trouble), ..) => trouble,
        (None, Some(reason), Some(said)) => format!("its container waits: {reason}: {said}"),
        (None, Some(reason), None) => format!("its container waits: {reason}"),
        (None, None, _) => "its container has not begun".to_owned(),
    };
    Told { phase: Some(Phase::Waiting), reason, message, ..Told::default() }
}

/// Whether it is held only its readiness probe tells; that it waits, that an earlier one is up.
fn running_step(pod: &Pod, steps: &PodSteps, place: &StepPlace, status: &ContainerStatus) -> Told {
    let is_first = steps.first_running() == Some(place);
    let (phase, message) = match (is_probed(pod, place), status.ready) {
        (true, false) => {
            (None, "its container is up and not ready: it is held or paused, or has just begun")
        }
        _ if !is_first => {
            (Some(Phase::Waiting), "its container is up; a step before it has not ended")
        }
        (true, true) => (Some(Phase::Running), "its container is up and ready: it is not held"),
        (false, _) => (None, "its container is up; whether it runs or is held is not known"),
    };
    let waits_for_a_person = phase.is_none() && !status.ready && is_probed(pod, place);
    Told { phase, message: message.to_owned(), waits_for_a_person, ..Told::default() }
}

/// Whether the container's readiness probe is ours.
fn is_probed(pod: &Pod, place: &StepPlace) -> bool {
    let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
    let is_ours = |container: &Container| {
        let probe = container.readiness_probe.as_ref().and_then(|probe| probe.exec.as_ref());
        let command = probe.and_then(|exec| exec.command.as_deref());
        matches!(command, Some([program, word]) if program == BINARY && word == "probe")
    };
    containers.into_iter().any(|it| it.name == place.container && is_ours(it))
}

fn ended_step(pod: &Pod, ended: &ContainerStateTerminated) -> Told {
    let rows = termination::rows_of(ended.message.as_deref().unwrap_or_default());
    // Readers take the last row of a key, whatever its type.
    let last = |key: &str| rows.iter().rfind(|row| row.key == key).map(|row| row.value.clone());
    let passed_over = last("ExitCode").and_then(|code| code.parse::<i32>().ok());
    let word =
        ended.reason.clone().filter(|it| !PLAIN_ENDS.contains(&it.as_str()) && !it.is_empty());
    let (reason, exit_code, message) = match (last("Reason"), passed_over, ended.exit_code) {
        (Some(reason), ..) => {
            let message = format!("it ended with {}: {reason}", ended.exit_code);
            (Some(reason), None, message)
        }
        (None, Some(code), _) => {
            (None, Some(code), format!("its command exited with {code}, which is passed over"))
        }
        (None, None, 0) => (word, Some(0), "it succeeded".to_owned()),
        (None, None, code) => {
            let message = match &word {
                Some(word) => format!("its container ended with {code}: {word}"),
                None => format!("it failed with {code}"),
            };
            (word.or_else(|| Some("Failed".to_owned())), Some(code), message)
        }
    };
    let message = match pod_trouble(pod) {
        Some(trouble) => format!("{message}; {trouble}"),
        None => message,
    };
    let time = |time: &Option<k8s_openapi::apimachinery::pkg::apis::meta::v1::Time>| {
        time.as_ref().map(|time| time.0.to_string())
    };
    Told {
        phase: Some(Phase::Finished),
        reason,
        exit_code,
        message,
        started_at: last("StartedAt").or_else(|| time(&ended.started_at)),
        since: time(&ended.finished_at),
        ..Told::default()
    }
}

/// What is wrong with the pod as a whole: it is not scheduled, was evicted.
fn pod_trouble(pod: &Pod) -> Option<String> {
    let status = pod.status.as_ref()?;
    let said = |reason: &str, message: &Option<String>| match message.as_deref() {
        Some(message) if !message.is_empty() => format!("the pod: {reason}: {message}"),
        _ => format!("the pod: {reason}"),
    };
    if let Some(reason) = &status.reason {
        return Some(said(reason, &status.message));
    }
    let conditions = status.conditions.iter().flatten();
    let mut unscheduled =
        conditions.filter(|it| it.type_ == "PodScheduled" && it.status == "False");
    let condition = unscheduled.next()?;
    Some(said(condition.reason.as_deref().unwrap_or("not scheduled"), &condition.message))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use serde_json::{Value, json};

    fn told(states: &[Value], probed: bool, status: Value) -> Vec<Told> {
        let container = |number: usize| {
            let probe = json!({"exec": {"command": [BINARY, "probe"]}});
            json!({
                "name": format!("step-s{number}"),
                "command": [BINARY],
                "args": ["-post_file", format!("/tekton/run/{number}/out"), "-entrypoint", "true", "--"],
                "readinessProbe": if probed { probe } else { Value::Null },
            })
        };
        let of = |(number, state): (usize, &Value)| {
            let ready = state.get("ready").is_some();
            json!({
                "name": format!("step-s{number}"), "state": state, "ready": ready,
                "image": "", "imageID": "", "restartCount": 0,
            })
        };
        let mut status = status;
        status["containerStatuses"] = states.iter().enumerate().map(of).collect();
        let pod = json!({
            "metadata": {"name": "p", "namespace": "ns"},
            "spec": {"containers": (0..states.len()).map(container).collect::<Vec<_>>()},
            "status": status,
        });
        let pod: Pod = serde_json::from_value(pod).unwrap();
        let steps = PodSteps::of(&pod);
        steps.steps.iter().map(|place| Told::of(&pod, &steps, place)).collect()
    }

    fn ended(code: i32, reason: &str, message: &str) -> Told {
        let state = json!({"terminated": {
            "exitCode": code, "reason": reason, "message": message,
            "finishedAt": "2026-11-21T06:11:03Z", "startedAt": "2026-11-21T06:11:02Z",
        }});
        told(&[state], false, json!({})).remove(0)
    }

    #[test]
    fn a_termination_message_tells_how_a_step_ended() {
        let row = |key: &str, value: &str| {
            json!([
                {"key": "StartedAt", "value": "2026-11-21T06:11:02.065Z", "type": 3},
                {"key": key, "value": value, "type": 3},
            ])
            .to_string()
        };
        for (told, reason, exit_code, message) in [
            (ended(0, "Completed", ""), None, Some(0), "it succeeded"),
            (ended(7, "Error", "no rows"), Some("Failed"), Some(7), "it failed with 7"),
            (
                ended(0, "Completed", &row("ExitCode", "7")),
                None,
                Some(7),
                "its command exited with 7, which is passed over",
            ),
            (
                ended(1, "Error", &row("Reason", "Skipped")),
                Some("Skipped"),
                None,
                "it ended with 1: Skipped",
            ),
            (
                ended(137, "OOMKilled", ""),
                Some("OOMKilled"),
                Some(137),
                "its container ended with 137: OOMKilled",
            ),
        ] {
            let found = (told.reason.as_deref(), told.exit_code, told.message.as_str());
            assert_eq!(found, (reason, exit_code, message));
            assert_eq!(told.since.as_deref(), Some("2026-11-21T06:11:03Z"));
        }
        let told = ended(0, "Completed", &row("ExitCode", "7"));
        assert_eq!(told.started_at.as_deref(), Some("2026-11-21T06:11:02.065Z"));
    }

    #[test]
    fn a_compressed_message_tells_the_same() {
        // [{"key":"Reason","value":"Cancelled","type":3}]
        let deflated = "tknz:i65Wyk6tVLJSCkpNLM7PU9JRKkvMKU0FCjgn5iWn5uSkpgDFSioLgELGtbEA";
        let rows = termination::rows_of(deflated);
        assert_eq!(rows.len(), 1, "{rows:?}");
        assert_eq!(ended(9, "Error", deflated).reason.as_deref(), Some("Cancelled"));
    }

    #[test]
    fn a_readiness_probe_tells_of_a_hold() {
        let running = json!({"running": {"startedAt": "2026-11-21T06:11:02Z"}});
        let ready = json!({"running": {}, "ready": true});
        let phases = |states: &[Value], probed| -> Vec<_> {
            let told = told(states, probed, json!({}));
            told.iter().map(|told| (told.phase, told.waits_for_a_person)).collect()
        };
        let waits = (Some(Phase::Waiting), false);
        let two = [running.clone(), running.clone()];
        assert_eq!(phases(&two, false), [(None, false), waits]);
        assert_eq!(phases(&[running, ready.clone()], true), [(None, true), waits]);
        assert_eq!(phases(&[ready.clone(), ready], true), [(Some(Phase::Running), false), waits]);
    }

    #[test]
    fn a_container_that_cannot_begin_says_why() {
        let waiting =
            json!({"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}});
        let pulled = told(&[waiting], false, json!({})).remove(0);
        assert_eq!(pulled.message, "its container waits: ImagePullBackOff: no such image");
        assert_eq!(pulled.reason.as_deref(), Some("ImagePullBackOff"));
        let condition = json!([
            {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "no node"},
        ]);
        let unscheduled = told(&[json!({})], false, json!({"conditions": condition})).remove(0);
        assert_eq!(unscheduled.message, "the pod: Unschedulable: no node");
        let evicted = json!({"reason": "Evicted", "message": "no memory"});
        let evicted = told(&[json!({"terminated": {"exitCode": 137}})], false, evicted).remove(0);
        assert_eq!(evicted.message, "it failed with 137; the pod: Evicted: no memory");
    }
}
