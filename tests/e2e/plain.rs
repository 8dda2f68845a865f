//! Pods that ask: held, repaired and retried, paused by annotation, stopped gracefully.

use serde_json::{Value, json};

use crate::cluster::{Cluster, Namespace, ended, eventually, row, steps};

/// A pod of these steps, each a name and a script, which asks by these annotations, less their prefix.
pub(crate) fn pod(annotations: &[(&str, &str)], scripts: &[(&str, &str)]) -> Value {
    let annotations: Value = annotations
        .iter()
        .map(|(name, value)| (format!("holdpoint.dev/{name}"), json!(value)))
        .collect::<serde_json::Map<_, _>>()
        .into();
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": { "name": "tried", "annotations": annotations },
        "spec": { "restartPolicy": "Never", "containers": steps(scripts) },
    })
}

/// A pod whose second step fails until it is repaired, and is held.
fn held(namespace: &Namespace) {
    let annotations = [("inject", "true"), ("breakpoint", "on-failure"), ("finally", "clean")];
    let scripts = [
        ("build", "true"),
        ("test", "test -f /tmp/repaired"),
        ("deploy", "true"),
        ("clean", "true"),
    ];
    namespace.make(&pod(&annotations, &scripts)).well();
    namespace.wait_for_phase("tried", "test", "test", "held-failed");
}

#[test]
fn a_failed_step_is_held_repaired_and_retried() {
    let Some(cluster) = Cluster::found() else { return };
    let namespace = cluster.namespace();
    held(&namespace);
    namespace.exec("tried", "test", &["touch", "/tmp/repaired"]).well();
    namespace.ask("tried", "test", &["retry"]).well();
    let pod = namespace.wait_for_end("tried");
    assert_eq!(pod["status"]["phase"], "Succeeded", "{pod:#}");
    for step in ["build", "test", "deploy", "clean"] {
        assert_eq!(ended(&pod, step)["exitCode"], 0, "{step}: {pod:#}");
    }
}

#[test]
fn a_held_pod_is_stopped_gracefully() {
    let Some(cluster) = Cluster::found() else { return };
    let namespace = cluster.namespace();
    held(&namespace);
    namespace.ask("tried", "test", &["stop-finally", "wrong branch"]).well();
    let pod = namespace.wait_for_end("tried");
    assert_eq!(pod["status"]["phase"], "Failed", "{pod:#}");
    assert_eq!(ended(&pod, "test")["exitCode"], 1);
    assert_eq!(row(&ended(&pod, "deploy"), "Reason"), "Stopped", "{pod:#}");
    assert_eq!(ended(&pod, "clean")["exitCode"], 0, "{pod:#}");
}

/// Whoever looks at the pod reads why its step is not ready.
#[test]
fn a_held_step_shows_in_the_pods_events() {
    let Some(cluster) = Cluster::found() else { return };
    let namespace = cluster.namespace();
    held(&namespace);
    eventually("an event tells of the hold", || {
        let unhealthy = ["get", "events", "--field-selector", "reason=Unhealthy", "-o", "json"];
        let events = namespace.kubectl(&unhealthy).well();
        events.contains("step `test` exited with 1").then_some(())
    });
}

/// It comes through the downward API, and ends with its annotation.
#[test]
fn an_annotation_pauses_a_run() {
    let Some(cluster) = Cluster::found() else { return };
    let namespace = cluster.namespace();
    let first = "until test -f /tmp/go; do sleep 1; done";
    namespace.make(&pod(&[("inject", "true")], &[("first", first), ("second", "true")])).well();
    namespace.wait_for_phase("tried", "first", "first", "running");
    let annotate = |word: &str| namespace.kubectl(&["annotate", "pod/tried", word]).well();
    annotate("holdpoint.dev/pause=look at the logs");
    namespace.wait_for_state("tried", "first", "first", "the pause is seen", |state| {
        let markers = state["markers"].as_array();
        markers.is_some_and(|markers| markers.iter().any(|marker| marker["name"] == "pause"))
    });
    namespace.exec("tried", "first", &["touch", "/tmp/go"]).well();
    namespace.wait_for_phase("tried", "second", "second", "paused");
    annotate("holdpoint.dev/pause-");
    let pod = namespace.wait_for_end("tried");
    assert_eq!(pod["status"]["phase"], "Succeeded", "{pod:#}");
}
