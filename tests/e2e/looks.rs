//! What is shown of pods: tables, logs, a run that is followed, shells.

use holdpoint_tests::skip;
use serde_json::{Value, json};

use crate::cluster::{Cluster, eventually};
use crate::namespace::{Namespace, image, pod, steps};
use crate::program::kubectl;
use crate::verbs::run;

fn held(namespace: &Namespace) {
    run(namespace, "tried", &[("breakpoint", "on-failure")]);
    namespace.wait_for_phase("pod/tried", "build", "held-failed");
}

#[test]
fn a_held_step_is_in_the_tables() {
    let Some(cluster) = Cluster::found() else { return };
    let namespace = cluster.namespace();
    held(&namespace);
    let status = namespace.type_in("status pod/tried").well();
    let rows: Vec<_> =
        status.lines().map(|row| row.split_whitespace().collect::<Vec<_>>()).collect();
    assert_eq!(rows[1][..2], ["build", "held-failed"], "{status}");
    assert_eq!(rows[2][..2], ["test", "waiting"], "{status}");
    let states = namespace.type_in("status pod/tried -o json").json();
    assert_eq!((&states[0]["source"], &states[0]["exitCode"]), (&json!("step"), &json!(7)));
    let list = namespace.type_in("list --held -o name").well();
    assert_eq!(list, "pod/tried\n");
    let latest = namespace.type_in("status @latest -o json").json();
    assert_eq!(latest[0]["pod"], "tried", "{latest:#}");
    namespace.type_in("fail pod/tried").well();
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
        events.contains("step `build` exited with 7").then_some(())
    });
}

#[test]
fn a_job_is_followed_to_its_end() {
    let Some(cluster) = Cluster::found() else { return };
    let namespace = cluster.namespace();
    let scripts = [("build", "echo made"), ("test", "echo bad; exit 3")];
    let template = pod(&[("inject", "true")], &scripts);
    let job = json!({
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": { "name": "tried" },
        "spec": {
            "backoffLimit": 0,
            "template": {
                "metadata": { "annotations": template["metadata"]["annotations"] },
                "spec": template["spec"],
            },
        },
    });
    namespace.make(&job).well();
    eventually("the job has a pod", || {
        let pods = ["get", "pods", "-l", "job-name=tried", "-o", "name"];
        (!namespace.kubectl(&pods).well().is_empty()).then_some(())
    });
    let followed = namespace.type_in("attach job/tried").ended_with(3);
    for part in ["build | made\n", "test  | bad\n", "build  succeeded", "test   failed (3)"] {
        assert!(followed.contains(part), "{part}: {followed}");
    }
    let logs = namespace.type_in("logs job/tried -f").well();
    assert!(logs.contains("made\n") && logs.contains("bad\n"), "{logs}");
}

#[test]
fn a_shell_is_opened_in_the_held_step() {
    let Some(cluster) = Cluster::found() else { return };
    let namespace = cluster.namespace();
    held(&namespace);
    let told = namespace.in_shell("shell pod/tried", "echo $((6 * 7)); exit 5").ended_with(5);
    assert_eq!(told, "42\n");
    namespace.type_in("fail pod/tried").well();
}

/// Where the step's image has no shell, one of another image looks into its files.
#[test]
fn a_toolbox_opens_a_shell_beside_the_step() {
    let Some(cluster) = Cluster::found() else { return };
    if !adds_containers() {
        skip("the cluster adds no ephemeral containers");
        return;
    }
    let namespace = cluster.namespace();
    let script = "echo here >/tmp/made; sleep 3600";
    let mut asking = pod(&[("inject", "true")], &[("build", script)]);
    asking["spec"]["containers"] = json!(steps(&[("build", script)]));
    namespace.make(&asking).well();
    namespace.wait_for_phase("pod/tried", "build", "running");
    let line = format!("shell pod/tried --step build --toolbox {}", image());
    let told = namespace.in_shell(&line, "cat tmp/made").well();
    assert_eq!(told, "here\n");
    namespace.type_in("cancel pod/tried --step build").well();
    namespace.wait_for_end("tried");
}

/// Before Kubernetes 1.23 it was another call.
fn adds_containers() -> bool {
    let resources = kubectl(&["get", "--raw", "/api/v1"]).json();
    let mut resources = resources["resources"].as_array().unwrap().iter();
    let name = |it: &Value| it["name"] == "pods/ephemeralcontainers" && it["kind"] == "Pod";
    resources.any(name)
}
