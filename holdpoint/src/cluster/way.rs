//! How the hold or the pause of a step is ended: what to type, and which right it needs.

use std::path::Path;

use controller_shim::pod::DOWNWARD;
use debug_scripts::{Verb, accepted_at};
use entrypoint::state::{Phase, SeenMarker};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt as _;
use serde::Serialize;

use super::resolve::targets_of;
use super::row::{CALM, Row};
use super::target::{Kind, Target};
use crate::args::Reach;
use crate::program::Program;

/// The right to run a command in a pod. API servers ask for `get` where it goes by WebSocket, newer ones
/// for `create`.
const EXEC: &str = "get,create pods/exec";
/// The right to annotate a pod.
const ANNOTATE: &str = "patch pods";

/// A command that ends a hold or a pause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Way {
    /// The verb.
    pub verb: &'static str,
    /// What to type.
    pub command: String,
    /// The verb and the resource that a role must have for it.
    pub needs: &'static str,
}

/// The run that a pod is: its TaskRun, else the pod itself.
pub fn run_of(pod: &Pod) -> Target {
    let targets = targets_of(pod);
    let task_run = targets.iter().find(|it| matches!(it, Target::Named(Kind::TaskRun, _)));
    task_run.cloned().unwrap_or_else(|| Target::Named(Kind::Pod, pod.name_any()))
}

/// All ways in which a person can end what this step waits for, the most likely first; none where it
/// does not wait for a person.
pub fn ways(program: Program, reach: &Reach, target: &Target, row: &Row) -> Vec<Way> {
    let way = |verb: &'static str, behind: &str, needs| {
        let (program, way) = (program.name(), reach.way());
        let command = format!("{program} {verb} {target}{behind} -n {}{way}", row.namespace);
        Way { verb, command, needs }
    };
    match (row.state(), row.phase()) {
        (Some(state), Some(phase)) if phase.is_held() => {
            let mut verbs = phase.moment().map_or_else(Vec::new, |moment| {
                accepted_at(moment, state.deadline.is_some()).collect()
            });
            verbs.sort_by_key(|verb| *verb != Verb::Retry);
            let of_verb = |verb: Verb| way(verb.definition().name, behind(verb), EXEC);
            verbs.into_iter().map(of_verb).collect()
        }
        (Some(state), Some(Phase::Paused)) => {
            let pauses: Vec<_> = state.markers.iter().filter(|it| it.name == "pause").collect();
            let annotated = pauses.iter().any(|pause| is_annotation(pause));
            let by_annotation = annotated.then(|| way("resume", " --by annotate", ANNOTATE));
            let written = pauses.iter().any(|pause| !is_annotation(pause));
            let by_word = (written || !annotated).then(|| way("resume", "", EXEC));
            by_annotation.into_iter().chain(by_word).collect()
        }
        (None, _) if row.urgency() < CALM => vec![way("status", "", EXEC)],
        _ => Vec::new(),
    }
}

/// What an extension needs beside its name.
fn behind(verb: Verb) -> &'static str {
    if verb == Verb::Extend { " 30m" } else { "" }
}

/// Whether a pause ends only with its annotation (contract 2.2).
fn is_annotation(pause: &SeenMarker) -> bool {
    let downward = Path::new(DOWNWARD).strip_prefix("/").unwrap_or(Path::new(DOWNWARD));
    pause.folder.ends_with(downward)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use crate::cluster::row::Known;
    use crate::cluster::told::Told;
    use serde_json::{Value, json};

    fn row(phase: &str, deadline: Option<&str>, pauses: &[&str]) -> Row {
        let marker = |folder: &&str| json!({"name": "pause", "reason": "", "folder": folder});
        let state = json!({
            "step": "test", "phase": phase, "reason": null, "message": "", "attempt": 1,
            "exitCode": 1, "pid": null, "startedAt": null, "since": "", "waitingFor": null,
            "deadline": deadline, "markers": pauses.iter().map(marker).collect::<Vec<Value>>(),
            "requests": [],
        });
        of(Known::Step(serde_json::from_value(state).unwrap()))
    }

    fn of(known: Known) -> Row {
        let text = str::to_owned;
        Row {
            namespace: text("ci"),
            pod: text("p"),
            called: text("p"),
            container: text("c"),
            node: None,
            restarts: 0,
            known,
        }
    }

    fn typed(row: &Row) -> Vec<String> {
        let target = "tr/x".parse().unwrap();
        let ways = ways(Program::Plugin, &Reach::default(), &target, row).into_iter();
        ways.map(|way| way.command.replace("kubectl holdpoint ", "").replace(" -n ci", ""))
            .collect()
    }

    #[test]
    fn a_failed_hold_is_retried_first_of_all() {
        let verbs = ["retry", "continue", "fail-continue", "breakpointexit", "fail", "cancel"];
        let expected: Vec<_> = verbs.iter().map(|verb| format!("{verb} taskrun/x")).collect();
        assert_eq!(typed(&row("held-failed", None, &[])), expected);
        let limited = typed(&row("held-before", Some("2026-11-21T06:11:02Z"), &[]));
        assert_eq!(limited[0], "continue taskrun/x");
        assert_eq!(limited.last().unwrap(), "extend taskrun/x 30m");
        assert_eq!(typed(&row("running", None, &[])), [""; 0]);
    }

    #[test]
    fn a_pause_ends_as_it_began() {
        let (annotated, written) = ("/tekton/downward", "/tekton/run/0");
        let by_annotation = "resume taskrun/x --by annotate";
        assert_eq!(typed(&row("paused", None, &[annotated])), [by_annotation]);
        assert_eq!(typed(&row("paused", None, &[written])), ["resume taskrun/x"]);
        let both = typed(&row("paused", None, &[written, annotated]));
        assert_eq!(both, [by_annotation, "resume taskrun/x"]);
    }

    #[test]
    fn what_only_its_probe_tells_of_is_looked_at() {
        let told = Told { waits_for_a_person: true, ..Told::default() };
        assert_eq!(typed(&of(Known::Kubelet(told))), ["status taskrun/x"]);
        assert_eq!(typed(&of(Known::Kubelet(Told::default()))), [""; 0]);
    }
}
