//! TaskRuns, where Tekton is in the cluster.

use holdpoint_tests::skip;
use serde_json::{Value, json};

use crate::cluster::{Cluster, Namespace, eventually, kubectl, steps};

/// A cluster with Tekton; none, with a word, where there is none.
fn found() -> Option<Cluster> {
    let cluster = Cluster::found()?;
    if !kubectl(&["get", "crd", "taskruns.tekton.dev"]).succeeded {
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

fn pod_of(namespace: &Namespace) -> String {
    eventually("the TaskRun has a pod", || {
        let run = namespace.get("taskrun/tried");
        run["status"]["podName"].as_str().filter(|name| !name.is_empty()).map(str::to_owned)
    })
}

fn wait_for_success(namespace: &Namespace) {
    let succeeded = ["wait", "--for=condition=Succeeded", "taskrun/tried", "--timeout=300s"];
    namespace.kubectl(&succeeded).well();
}

#[test]
fn a_task_run_is_held_repaired_and_retried() {
    let Some(cluster) = found() else { return };
    let namespace = cluster.namespace();
    let scripts = [("build", "true"), ("test", "test -f /tmp/repaired"), ("deploy", "true")];
    let run = task_run(json!({ "holdpoint.dev/breakpoint": "on-failure" }), &scripts);
    namespace.make(&run).well();
    let pod = pod_of(&namespace);
    namespace.wait_for_phase(&pod, "step-test", "test", "held-failed");
    namespace.exec(&pod, "step-test", &["touch", "/tmp/repaired"]).well();
    namespace.ask(&pod, "step-test", &["retry"]).well();
    wait_for_success(&namespace);
}

/// Whatever Tekton put there, `prepare` aside, is as it was.
#[test]
fn a_task_run_that_asks_nothing_runs_under_our_entrypoint() {
    let Some(cluster) = found() else { return };
    let namespace = cluster.namespace();
    namespace.make(&task_run(json!({}), &[("one", "true"), ("two", "true")])).well();
    let pod = namespace.get(&format!("pod/{}", pod_of(&namespace)));
    assert!(pod["metadata"]["annotations"]["holdpoint.dev/injected"].is_string(), "{pod:#}");
    wait_for_success(&namespace);
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
    wait_for_success(&namespace);
}
