//! A run that is followed before its first pod is there.

use std::time::Duration;

use holdpoint_tests::{Fault, Signal};
use serde_json::{Value, json};

use super::runs::{ended, run_path, running};
use super::setting::{NAMESPACE, Setting, labelled, pod};
use crate::runner::Running;

const TALK: [(&str, &str); 1] = [("build", "echo made")];
const FOLLOWING: [&[&str]; 3] = [&["attach"], &["logs", "-f"], &["status", "--watch"]];

fn follow(setting: &Setting, words: &[&str], target: &str) -> Running {
    let words: Vec<_> = [&words[..1], &[target], &words[1..]].concat();
    Running::start(setting.command(&words))
}

fn job() -> Value {
    json!({
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": { "name": "x", "namespace": NAMESPACE },
    })
}

#[test]
fn the_first_pod_of_a_run_is_waited_for() {
    for (target, object, label, path) in [
        (
            "pr/x",
            running("PipelineRun", "x"),
            "tekton.dev/pipelineRun",
            run_path("pipelineruns", "x"),
        ),
        ("tr/x", running("TaskRun", "x"), "tekton.dev/taskRun", run_path("taskruns", "x")),
        ("job/x", job(), "job-name", format!("/apis/batch/v1/namespaces/{NAMESPACE}/jobs/x")),
    ] {
        for words in FOLLOWING {
            let setting = Setting::new();
            setting.api.put(object.clone());
            let mut following = follow(&setting, words, target);
            following.wait_for("holdpoint: waiting for the first pod with steps of ");
            setting.api.fault_times(1, "GET", "pods", Fault::Drop);
            setting.run(labelled(pod("x-build-pod", &[], &TALK), label, "x"));
            following.wait_for(if words[0] == "status" { "finished" } else { "made" });
            let condition = match target {
                "job/x" => {
                    json!({ "status": { "conditions": [{ "type": "Complete", "status": "True" }] } })
                }
                _ => ended("True", "Succeeded"),
            };
            setting.api.merge(&path, condition);
            let told = following.finish();
            assert_eq!(told.code, Some(0), "{words:?} {target}: {told:?}");
            assert_eq!(told.stderr.matches("waiting for").count(), 1, "{told:?}");
        }
    }
}

#[test]
fn a_run_that_ends_without_a_pod_is_not_waited_for() {
    let setting = Setting::new();
    let mut over = running("PipelineRun", "x");
    over["status"] = ended("False", "CouldntGetPipeline")["status"].clone();
    setting.api.put(over);
    for words in FOLLOWING {
        let told = follow(&setting, words, "pr/x").finish();
        assert_eq!(told.code, Some(4), "{words:?}: {told:?}");
        assert!(told.stderr.contains("pipelinerun/x has no pod"), "{told:?}");
    }
    for (end, problem) in [(true, "pipelinerun/x has no pod"), (false, "not found")] {
        setting.api.put(running("PipelineRun", "x"));
        let mut following = follow(&setting, &["logs", "-f"], "pr/x");
        following.wait_for("waiting for the first pod");
        match end {
            true => {
                drop(setting.api.merge(&run_path("pipelineruns", "x"), ended("False", "Failed")))
            }
            false => setting.api.delete(&run_path("pipelineruns", "x")),
        }
        let told = following.finish();
        assert_eq!(told.code, Some(4), "{told:?}");
        assert!(told.stderr.contains(problem), "{told:?}");
    }
}

#[test]
fn who_only_looks_does_not_wait() {
    let setting = Setting::new();
    setting.api.put(running("PipelineRun", "x"));
    for line in ["status pr/x", "logs pr/x"] {
        let told = setting.type_in(line);
        assert_eq!(told.code, Some(4), "{told:?}");
        assert!(!told.stderr.contains("waiting for"), "{told:?}");
    }
}

/// A pod of `x` that runs no steps.
fn helper(label: &str) -> Value {
    let helper = json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": { "name": "affinity-assistant-0", "namespace": NAMESPACE },
        "spec": { "containers": [{ "name": "a", "command": ["sleep"] }] },
        "status": { "phase": "Running" },
    });
    labelled(helper, label, "x")
}

#[test]
fn a_helper_of_tektons_is_not_the_first_pod() {
    let setting = Setting::new();
    setting.api.put(running("PipelineRun", "x"));
    setting.api.put(helper("tekton.dev/pipelineRun"));
    let mut following = follow(&setting, &["logs", "-f"], "pr/x");
    following.wait_for("waiting for the first pod with steps of pipelinerun/x");
    setting.run(labelled(pod("x-build-pod", &[], &TALK), "tekton.dev/pipelineRun", "x"));
    following.wait_for("build/build | made");
    setting.api.merge(&run_path("pipelineruns", "x"), ended("True", "Succeeded"));
    following.finish().ended_with(0);

    setting.api.put(running("TaskRun", "x"));
    setting.api.put(helper("tekton.dev/taskRun"));
    let told = follow(&setting, &["logs", "-f"], "tr/x").finish();
    assert_eq!(told.code, Some(4), "{told:?}");
    assert!(told.stderr.contains("no container of it runs the step entrypoint"), "{told:?}");
}

#[test]
fn a_step_of_a_later_task_is_waited_for_too() {
    let setting = Setting::new();
    setting.api.put(running("PipelineRun", "x"));
    let run = |name: &str, steps: &[(&str, &str)]| {
        setting.run(labelled(pod(name, &[], steps), "tekton.dev/pipelineRun", "x"));
        setting.codes(name);
    };
    run("x-build-pod", &TALK);
    let told = setting.type_in("logs pr/x --step deploy");
    assert_eq!(told.code, Some(2), "{told:?}");
    let mut following = follow(&setting, &["logs", "-f", "--step", "deploy"], "pr/x");
    following.wait_for("waiting for step deploy");
    run("x-ship-pod", &[("deploy", "echo shipped")]);
    following.wait_for("ship/deploy | shipped");
    setting.api.merge(&run_path("pipelineruns", "x"), ended("True", "Succeeded"));
    assert_eq!(following.finish().ended_with(0), "ship/deploy | shipped\n");
    let told = setting.type_in("logs pr/x -f --step six");
    assert_eq!(told.code, Some(2), "{told:?}");
}

#[test]
fn ctrl_c_ends_the_wait() {
    let setting = Setting::new();
    setting.api.put(running("TaskRun", "x"));
    let mut following = follow(&setting, &["attach"], "tr/x");
    following.wait_for("waiting for the first pod");
    following.signal(Signal::SIGINT);
    assert_eq!(following.finish().code, Some(130));
}

#[test]
fn a_step_that_never_comes_is_none_of_the_run() {
    let setting = Setting::new();
    setting.api.put(running("PipelineRun", "x"));
    setting.run(labelled(pod("x-build-pod", &[], &TALK), "tekton.dev/pipelineRun", "x"));
    setting.codes("x-build-pod");
    let mut following = follow(&setting, &["logs", "-f", "--step", "six"], "pr/x");
    following.wait_for("waiting for step six");
    setting.api.merge(&run_path("pipelineruns", "x"), ended("True", "Succeeded"));
    let told = following.finish();
    assert_eq!(told.code, Some(2), "{told:?}");
    assert!(told.stderr.contains("--step six: the steps are build"), "{told:?}");
}

#[test]
fn an_api_server_that_is_away_is_outlasted_whichever_request_it_misses() {
    let setting = Setting::new();
    let path = run_path("pipelineruns", "x");
    setting.api.put(running("PipelineRun", "x"));
    let mut following = follow(&setting, &["logs", "-f"], "pr/x");
    following.wait_for("waiting for the first pod");
    // Whether there is a pod can still be asked, and whether there will be one no more.
    setting.api.fault_times(1, "GET", &path, Fault::Slow(Duration::ZERO));
    setting.api.fault_times(1, "GET", &path, Fault::Drop);
    following.wait_for("trying again");
    setting.run(labelled(pod("x-build-pod", &[], &TALK), "tekton.dev/pipelineRun", "x"));
    following.wait_for("made");
    setting.api.merge(&path, ended("True", "Succeeded"));
    following.finish().ended_with(0);
}
