//! Pods as Tekton's controller made them, injected and run.

use holdpoint_tests::{LivePod, fixtures};
use serde_json::{Value, json};

use super::{accepted, codes, ends, injected};

/// The pod of a fixture; none, with a word, where the fixtures are not there. An init container whose
/// image is not to be had here makes its folder with the tools of another one.
fn fixture(name: &str) -> Option<Value> {
    let mut pod = fixtures::review(name)?["request"]["object"].take();
    for container in pod["spec"]["initContainers"].as_array_mut().unwrap() {
        if container["name"] == "working-dir-initializer" {
            container["image"] = json!("localhost/busybox:1");
            container["command"] = json!(["mkdir", "-p"]);
        }
    }
    Some(pod)
}

fn annotate(pod: &mut Value, annotations: &[(&str, &str)]) {
    for (name, value) in annotations {
        pod["metadata"]["annotations"][format!("holdpoint.dev/{name}")] = json!(value);
    }
}

#[track_caller]
fn started(pod: &Value) -> Option<LivePod> {
    injected(pod, "init-container")
}

#[test]
fn steps_wait_for_tektons_word_and_hand_over_their_results() {
    let Some(pod) = fixture("scripts") else { return };
    let Some(pod) = started(&pod) else { return };
    let mut containers = pod.start_all();
    for container in &mut containers {
        container.reaches("waiting");
    }
    pod.annotate("tekton.dev/ready", Some("READY"));
    let ends = ends(containers);
    assert_eq!(codes(&ends), [0, 0, 0], "{ends:?}");
    assert_eq!(ends[0].output, "one\n");
    assert_eq!(pod.told("step-two", "greeting").as_deref(), Some("hello"));
    assert_eq!(pod.told("step-two", "r").as_deref(), Some("x"));
    assert_eq!(ends[2].output, "unnamed x\n");
    assert_eq!(pod.read("tekton-internal-workspace", "out").as_deref(), Some("unnamed x\n"));
}

#[test]
fn what_the_task_says_is_stronger_than_annotations() {
    let Some(mut pod) = fixture("commands") else { return };
    let annotations = [("on-error", "two=stopAndFail"), ("step-timeout", "three=1ms,one=1h")];
    annotate(&mut pod, &annotations);
    let Some(pod) = started(&pod) else { return };
    pod.annotate("tekton.dev/ready", Some("READY"));
    assert_eq!(codes(&ends(pod.start_all())), [0, 0, 0]);
    assert_eq!(pod.told("step-two", "ExitCode").as_deref(), Some("1"));
}

#[test]
fn a_task_run_is_paused_and_stopped_by_annotations() {
    let Some(mut pod) = fixture("commands") else { return };
    annotate(&mut pod, &[("finally", "three"), ("pause", "not yet")]);
    let Some(pod) = started(&pod) else { return };
    pod.annotate("tekton.dev/ready", Some("READY"));
    let mut containers = pod.start_all();
    let message = containers[0].reaches("paused")["message"].to_string();
    assert!(message.contains("not yet"), "{message}");
    pod.annotate("holdpoint.dev/stop-finally", Some("wrong branch"));
    // A pause holds back what would still run: the finally step.
    containers[2].reaches("paused");
    pod.annotate("holdpoint.dev/pause", None);
    assert_eq!(codes(&ends(containers)), [1, 1, 0]);
    let reasons = ["step-one", "step-two", "step-three"].map(|step| pod.told(step, "Reason"));
    assert_eq!(reasons, [Some("Stopped".to_owned()), Some("Stopped".to_owned()), None]);
}

#[test]
fn a_held_step_of_a_task_run_is_told_by_its_probe_and_retried() {
    let Some(mut pod) = fixture("commands") else { return };
    annotate(&mut pod, &[("breakpoint", "on-failure")]);
    let Some(pod) = started(&pod) else { return };
    pod.annotate("tekton.dev/ready", Some("READY"));
    let mut containers = pod.start_all();
    containers[1].reaches("held-failed");
    assert_eq!([1, 2].map(|at| pod.probe(&containers[at]).code), [1, 0]);
    let said = containers[1].script("debug-retry", ["--", "true"]);
    assert_eq!(said.code, 0, "{}", said.text);
    assert_eq!(codes(&ends(containers)), [0, 0, 0]);
}

#[test]
fn tektons_own_breakpoints_are_left_by_our_scripts() {
    // Whoever has written Tekton's scripts: root, a user of the pod's, root by the pod's word.
    for context in
        [json!({}), json!({ "runAsUser": 1001, "fsGroup": 1001 }), json!({ "runAsUser": 0 })]
    {
        leave_breakpoints(&context);
    }
}

fn leave_breakpoints(context: &Value) {
    let Some(mut pod) = fixture("debug") else { return };
    pod["spec"]["securityContext"] = context.clone();
    let Some(pod) = started(&pod) else { return };
    pod.annotate("tekton.dev/ready", Some("READY"));
    let mut containers = pod.start_all();
    containers[1].reaches("held-before");
    assert_eq!(pod.probe(&containers[1]).code, 1);
    // Tekton's script of this name would say that it executes the step.
    let said = containers[1].script("debug-beforestep-continue", [""; 0]);
    assert_eq!((said.code, said.text.contains("accepted")), (0, true), "{}", said.text);
    assert_eq!(containers[1].reaches("held-failed")["exitCode"], 3);
    accepted(&containers[1], &["status"]);
    let said = containers[1].script("debug-fail-continue", [""; 0]);
    assert_eq!((said.code, said.text.contains("accepted")), (0, true), "{}", said.text);
    assert_eq!(codes(&ends(containers)), [0, 1]);
}
