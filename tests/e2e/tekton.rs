//! TaskRuns and PipelineRuns, where Tekton is in the cluster.

use holdpoint_tests::skip;
use serde_json::{Value, json};

use crate::cluster::{Cluster, eventually};
use crate::namespace::{Namespace, named, steps};
use crate::program::kubectl;

/// A cluster with Tekton; none, with a word, where there is none.
fn found() -> Option<Cluster> {
    let cluster = Cluster::found()?;
    if !kubectl(&["get", "crd", "taskruns.tekton.dev"]).succeeded() {
        skip("there is no Tekton in the cluster");
        return None;
    }
    Some(cluster)
}

/// A TaskRun of these steps, each a name and a script, with these annotations of ours.
fn task_run(annotations: Value, scripts: &[(&str, &str)]) -> Value {
    json!({
        "apiVersion": "tekton.dev/v1",
        "kind": "TaskRun",
        "metadata": { "name": "tried", "annotations": annotations },
        "spec": { "taskSpec": { "steps": steps(scripts) } },
    })
}

/// A PipelineRun of tasks one after the other, each a name and a script, and of a finally task. Where one
/// fails, it is held.
fn pipeline_run(tasks: &[(&str, &str)]) -> Value {
    let task = |(name, script): (&str, &str)| json!({ "name": name, "taskSpec": { "steps": steps(&[("only", script)]) } });
    let mut listed: Vec<_> = tasks.iter().copied().map(task).collect();
    for (index, (before, _)) in tasks.iter().enumerate().take(tasks.len() - 1) {
        listed[index + 1]["runAfter"] = json!([before]);
    }
    json!({
        "apiVersion": "tekton.dev/v1",
        "kind": "PipelineRun",
        "metadata": {
            "name": "tried",
            "annotations": { "holdpoint.dev/breakpoint": "on-failure" },
            "labels": { "commit": "abc" },
        },
        "spec": { "pipelineSpec": { "tasks": listed, "finally": [task(("notify", "true"))] } },
    })
}

fn pod_of(namespace: &Namespace) -> String {
    eventually("the TaskRun has a pod", || {
        let run = namespace.get("taskrun/tried");
        run["status"]["podName"].as_str().filter(|name| !name.is_empty()).map(str::to_owned)
    })
}

fn wait_for_success(namespace: &Namespace, run: &str) {
    namespace.kubectl(&["wait", "--for=condition=Succeeded", run, "--timeout=300s"]).well();
}

/// Makes a PipelineRun whose first task fails and is held.
fn hold_pipeline_run(namespace: &Namespace) {
    namespace.make(&pipeline_run(&[("test", "test -f /tmp/repaired"), ("deploy", "true")])).well();
    namespace.wait_for_phase("pr/tried", "only", "held-failed");
}

/// The tasks of the run `tried` that have a TaskRun, each with the status of its condition.
fn tasks(namespace: &Namespace) -> Value {
    let of = ["get", "taskruns", "-l", "tekton.dev/pipelineRun=tried", "-o", "json"];
    let runs = namespace.kubectl(&of).json();
    let task = |run: &Value| {
        let name = run["metadata"]["labels"]["tekton.dev/pipelineTask"].as_str().unwrap();
        (name.to_owned(), run["status"]["conditions"][0]["status"].clone())
    };
    Value::Object(runs["items"].as_array().unwrap().iter().map(task).collect())
}

#[test]
fn a_task_run_is_held_repaired_and_retried() {
    let Some(cluster) = found() else { return };
    let namespace = cluster.namespace();
    let scripts = [("build", "true"), ("test", "test -f /tmp/repaired"), ("deploy", "true")];
    let run = task_run(json!({ "holdpoint.dev/breakpoint": "on-failure" }), &scripts);
    namespace.make(&run).well();
    namespace.wait_for_phase("tr/tried", "test", "held-failed");
    namespace.in_shell("shell tr/tried", "touch /tmp/repaired").well();
    namespace.type_in("retry tr/tried --until finished --timeout 2m").well();
    wait_for_success(&namespace, "taskrun/tried");
}

#[test]
fn a_task_run_is_cancelled_while_it_is_held() {
    let Some(cluster) = found() else { return };
    let namespace = cluster.namespace();
    let held = json!({ "holdpoint.dev/breakpoint": "on-failure" });
    namespace.make(&task_run(held, &[("test", "false"), ("deploy", "true")])).well();
    namespace.wait_for_phase("tr/tried", "test", "held-failed");
    namespace.type_in("cancel tr/tried --wait 2m").well();
    let run = namespace.get("taskrun/tried");
    assert_eq!(run["status"]["conditions"][0]["reason"], "TaskRunCancelled", "{run:#}");
}

/// Whatever Tekton put there, `prepare` aside, is as it was.
#[test]
fn a_task_run_that_asks_nothing_runs_under_our_entrypoint() {
    let Some(cluster) = found() else { return };
    let namespace = cluster.namespace();
    namespace.make(&task_run(json!({}), &[("one", "true"), ("two", "true")])).well();
    let pod = namespace.get(&format!("pod/{}", pod_of(&namespace)));
    assert!(pod["metadata"]["annotations"]["holdpoint.dev/injected"].is_string(), "{pod:#}");
    wait_for_success(&namespace, "taskrun/tried");
}

/// A mistake in an annotation stops no TaskRun.
#[test]
fn a_task_run_with_a_mistake_runs_under_tektons_entrypoint() {
    let Some(cluster) = found() else { return };
    let namespace = cluster.namespace();
    let run = task_run(json!({ "holdpoint.dev/breakpoint": "sometimes" }), &[("one", "true")]);
    namespace.make(&run).well();
    let pod = namespace.get(&format!("pod/{}", pod_of(&namespace)));
    assert!(pod["metadata"]["annotations"]["holdpoint.dev/injected"].is_null(), "{pod:#}");
    wait_for_success(&namespace, "taskrun/tried");
}

#[test]
fn a_held_pipeline_run_is_repaired_and_retried() {
    let Some(cluster) = found() else { return };
    let namespace = cluster.namespace();
    hold_pipeline_run(&namespace);
    namespace.in_shell("shell pr/tried", "touch /tmp/repaired").well();
    namespace.type_in("retry pr/tried").well();
    wait_for_success(&namespace, "pipelinerun/tried");
}

#[test]
fn finally_tasks_run_where_a_pipeline_run_is_stopped_or_cancelled_gracefully() {
    for line in ["stop pr/tried --wait 4m", "cancel-finally pr/tried --wait 4m"] {
        let Some(cluster) = found() else { return };
        let namespace = cluster.namespace();
        hold_pipeline_run(&namespace);
        let told = namespace.type_in(line).well();
        assert!(told.contains("pipelinerun/tried: "), "{line}: {told}");
        assert_eq!(tasks(&namespace), json!({ "test": "False", "notify": "True" }), "{line}");
    }
}

#[test]
fn no_finally_task_runs_where_a_pipeline_run_is_cancelled_or_aborted() {
    for line in ["cancel pr/tried --wait 4m", "abort pr/tried --wait 4m"] {
        let Some(cluster) = found() else { return };
        let namespace = cluster.namespace();
        hold_pipeline_run(&namespace);
        namespace.type_in(line).well();
        assert_ne!(tasks(&namespace)["test"], "True", "{line}");
        assert_ne!(tasks(&namespace)["notify"], "True", "{line}");
        assert!(tasks(&namespace)["deploy"].is_null(), "{line}");
    }
}

/// Pods that are made later are paused from their beginning.
#[test]
fn a_pipeline_run_is_paused_and_resumed() {
    let Some(cluster) = found() else { return };
    let namespace = cluster.namespace();
    hold_pipeline_run(&namespace);
    namespace.type_in("pause pr/tried look first").well();
    namespace.type_in("continue pr/tried").well();
    namespace.wait_for_phase("pr/tried", "only", "paused");
    namespace.type_in("resume pr/tried").well();
    wait_for_success(&namespace, "pipelinerun/tried");
}

/// What succeeded is not run again.
#[test]
fn a_failed_pipeline_run_is_retried_by_a_new_one() {
    let Some(cluster) = found() else { return };
    let namespace = cluster.namespace();
    let script = "test $(context.pipelineRun.name) != tried";
    let mut run = pipeline_run(&[("build", "true"), ("test", script), ("deploy", "true")]);
    run["metadata"]["annotations"] = json!({});
    namespace.make(&run).well();
    let failed = ["wait", "--for=condition=Succeeded=False", "pipelinerun/tried", "--timeout=300s"];
    namespace.kubectl(&failed).well();
    let told = namespace.type_in("retry pr/tried --wait 4m").well();
    assert!(told.contains("pipelinerun/tried-retry-1: "), "{told}");
    let new = namespace.get("pipelinerun/tried-retry-1");
    assert_eq!(new["status"]["conditions"][0]["status"], "True", "{new:#}");
    let tasks = new["spec"]["pipelineSpec"]["tasks"].as_array().unwrap();
    let names: Vec<_> = tasks.iter().map(|task| &task["name"]).collect();
    assert_eq!(names, ["test", "deploy"], "{new:#}");
}

#[test]
fn runs_are_cancelled_by_their_labels() {
    let Some(cluster) = found() else { return };
    let namespace = cluster.namespace();
    hold_pipeline_run(&namespace);
    let mut done = named("done", pipeline_run(&[("only", "true")]));
    done["metadata"]["labels"] = json!({ "commit": "abc" });
    namespace.make(&done).well();
    wait_for_success(&namespace, "pipelinerun/done");
    let told = namespace.type_in("cancel pr --selector commit=abc --timeout 4m").well();
    assert!(told.contains("pipelinerun/tried: terminated: "), "{told}");
    assert!(told.contains("pipelinerun/done: too-late: "), "{told}");
}
