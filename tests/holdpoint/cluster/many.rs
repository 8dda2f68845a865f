//! Many runs at once, by their labels.

use holdpoint_tests::Fault;
use serde_json::{Value, json};

use super::runs::{ended, run_path, running, with_tekton};
use super::setting::{Setting, labelled};

fn of_commit(run: Value) -> Value {
    labelled(run, "commit", "c1")
}

/// Runs of commit `c1`: one that has not begun, one that runs, one that has ended; and another one.
fn setting() -> Setting {
    let setting = Setting::new();
    let mut young = running("PipelineRun", "a-young");
    young["status"] = json!({});
    let mut over = running("PipelineRun", "c-over");
    over["status"] = ended("True", "Succeeded")["status"].clone();
    for run in [young, running("PipelineRun", "b-runs"), over] {
        setting.api.put(of_commit(run));
    }
    setting.api.put(labelled(running("PipelineRun", "d-other"), "commit", "c2"));
    setting
}

#[test]
fn a_line_for_each_says_what_became_of_it() {
    let setting = setting();
    let cancelled = || ended("False", "Cancelled");
    let mut ran = cancelled();
    ran["status"]["childReferences"] = json!([{ "kind": "TaskRun", "name": "b-runs-build" }]);
    let told = with_tekton(&setting, &run_path("pipelineruns", "a-young"), cancelled(), || {
        with_tekton(&setting, &run_path("pipelineruns", "b-runs"), ran, || {
            setting.type_in("cancel pr --selector commit=c1").ended_with(0)
        })
    });
    let lines: Vec<_> = told.lines().collect();
    assert_eq!(lines.len(), 3, "{told}");
    assert_eq!(lines[0], "pipelinerun/a-young: cancelled: it had not begun, and will not run");
    assert!(
        lines[1].starts_with("pipelinerun/b-runs: terminated: it was running, and ended after "),
        "{told}"
    );
    assert_eq!(lines[2], "pipelinerun/c-over: too-late: it has ended (Succeeded)");
    let other = setting.api.get(&run_path("pipelineruns", "d-other")).unwrap();
    assert_eq!(other["spec"], json!({}));
}

#[test]
fn a_program_is_told_in_words_of_its_own() {
    let setting = setting();
    for name in ["a-young", "b-runs"] {
        setting.api.delete(&run_path("pipelineruns", name));
    }
    let json = setting.type_in("cancel pr -l commit=c1 -o json").json();
    let expected = json!([{
        "namespace": "default",
        "run": "pipelinerun/c-over",
        "verb": "cancel-run",
        "outcome": "too-late",
        "message": "it has ended (Succeeded)",
        "pods": [],
    }]);
    assert_eq!(json, expected);
    assert_eq!(setting.type_in("cancel tr -l commit=c1 -o json").json(), json!([]));
}

#[test]
fn a_run_that_ends_well_before_it_could_be_cancelled_is_too_late() {
    let setting = setting();
    setting.api.delete(&run_path("pipelineruns", "a-young"));
    let succeeded = ended("True", "Completed");
    let told = with_tekton(&setting, &run_path("pipelineruns", "b-runs"), succeeded, || {
        setting.type_in("cancel pr -l commit=c1").ended_with(0)
    });
    let line = "pipelinerun/b-runs: too-late: it ended before it could be cancelled (Completed)\n";
    assert!(told.starts_with(line), "{told}");
}

#[test]
fn one_that_does_not_end_in_time_is_told_beside_the_others() {
    let setting = setting();
    let path = run_path("pipelineruns", "b-runs");
    let told = with_tekton(&setting, &path, ended("False", "Cancelled"), || {
        setting.type_in("cancel pr -l commit=c1 --timeout 2s").ended_with(5)
    });
    assert!(told.starts_with("pipelinerun/a-young: timed-out: "), "{told}");
    assert!(told.contains("\npipelinerun/b-runs: terminated: "), "{told}");
}

#[test]
fn one_that_may_not_be_changed_keeps_none_of_the_others() {
    let setting = setting();
    setting.api.fault("PATCH", "a-young", Fault::forbidden());
    let path = run_path("pipelineruns", "b-runs");
    let told = with_tekton(&setting, &path, ended("False", "Cancelled"), || {
        setting.type_in("cancel pr -l commit=c1").ended_with(4)
    });
    assert!(told.starts_with("pipelinerun/a-young: unanswered: cannot set spec.status"), "{told}");
    assert!(told.contains("\npipelinerun/b-runs: terminated: "), "{told}");
}

#[test]
fn where_nothing_is_selected_there_is_nothing_to_do() {
    let setting = setting();
    let told = setting.type_in("cancel pr -l commit=c9").ended_with(0);
    assert_eq!(told, "no pipelinerun with commit=c9: nothing to do\n");
    setting.api.fault("GET", "/pipelineruns", Fault::forbidden());
    let told = setting.type_in("cancel pr -l commit=c9");
    assert_eq!(told.code, Some(4), "{told:?}");
    assert!(told.stderr.contains("cannot list pipelineruns: forbidden"), "{told:?}");
}

#[test]
fn many_are_paused_without_waiting() {
    let setting = setting();
    let told = setting.type_in("pause pr -l commit=c1").ended_with(0);
    let outcomes: Vec<_> = told.lines().map(|line| line.split(": ").nth(1).unwrap()).collect();
    assert_eq!(outcomes, ["accepted", "accepted", "too-late"], "{told}");
}

#[test]
fn names_are_those_of_runs_that_were_in_time() {
    let setting = setting();
    let told = setting.type_in("pause pr -l commit=c1 -o name");
    assert_eq!(told.stderr, "holdpoint: pipelinerun/c-over: too-late: it has ended (Succeeded)\n");
    assert_eq!(told.ended_with(0), "pipelinerun/a-young\npipelinerun/b-runs\n");
}
