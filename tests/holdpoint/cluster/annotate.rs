//! Markers by annotation: the kubelet brings them, and the pod shows them.

use holdpoint_tests::{Fault, fixture};
use serde_json::{Value, json};

use super::setting::{STEPS, Setting, path, pod};

fn annotations(setting: &Setting) -> Value {
    setting.api.get(&path("one")).unwrap()["metadata"]["annotations"].clone()
}

#[test]
fn a_pause_comes_and_goes() {
    let setting = Setting::held();
    let told = setting.type_in("pause pod/one --by annotate look first").ended_with(0);
    assert!(told.starts_with("pod/one: accepted: pause: "), "{told}");
    let marker = &setting.state("one", 0).unwrap()["markers"][0];
    assert_eq!((&marker["name"], &marker["reason"]), (&"pause".into(), &"look first".into()));
    setting.type_in("continue pod/one").ended_with(0);
    setting.reaches("one", 1, "paused");
    setting.type_in("resume pod/one --by annotate").ended_with(0);
    assert_eq!(annotations(&setting).get("holdpoint.dev/pause"), None);
    assert_eq!(setting.codes("one"), [0, 0]);
    let patches: Vec<_> =
        setting.api.requests().into_iter().filter(|it| it.method == "PATCH").collect();
    assert_eq!(patches[0].content_type, "application/merge-patch+json");
    let body = json!({"metadata": {"annotations": {"holdpoint.dev/pause": "look first"}}});
    assert_eq!(patches[0].body, body);
}

#[test]
fn markers_end_the_run() {
    for (line, codes) in [
        ("stop pod/one --by annotate", [7, 1]),
        ("cancel-finally pod/one --by annotate", [9, 9]),
        ("abort pod/one --by annotate", [7, 1]),
        ("cancel-run pod/one --by annotate", [9, 9]),
    ] {
        let setting = Setting::held();
        setting.type_in(line).ended_with(0);
        assert_eq!(setting.codes("one"), codes, "{line}");
    }
}

#[test]
fn breakpoints_are_set() {
    let setting = Setting::held();
    setting.type_in("breakpoint pod/one before:test --by annotate").ended_with(0);
    setting.type_in("continue pod/one").ended_with(0);
    setting.reaches("one", 1, "held-before");
    setting.type_in("before-continue pod/one").ended_with(0);
    let told = setting.type_in("breakpoint pod/one sometimes --by annotate");
    assert_eq!(told.code, Some(2), "{told:?}");
    assert!(told.stderr.contains("breakpoint \"sometimes\": "), "{told:?}");
}

#[test]
fn where_commands_are_forbidden_the_containers_tell() {
    let setting = Setting::held();
    setting.api.fault("GET", "/exec", Fault::forbidden());
    let told = setting.type_in("cancel-run pod/one --by annotate").ended_with(0);
    assert!(told.contains("accepted: the run has ended (build: ended with 9, test: "), "{told}");
}

#[test]
fn what_cannot_be_known_is_said_so() {
    let setting = Setting::held();
    setting.api.fault("GET", "/exec", Fault::forbidden());
    let told = setting.type_in("pause pod/one --by annotate").ended_with(4);
    assert!(told.contains("the pod has annotation holdpoint.dev/pause=\"true\" now"), "{told}");
    assert!(told.contains("whether they have is not known: commands in pods"), "{told}");
    assert_eq!(annotations(&setting)["holdpoint.dev/pause"], "true");
}

#[test]
fn an_annotation_that_has_not_arrived_is_no_answer() {
    let setting = Setting::held();
    setting.kubelet.be_late();
    let told = setting.type_in("pause pod/one --by annotate --wait 1ms").ended_with(4);
    assert!(
        told.contains("not known: step `build`, `test` has not seen it within 0.001 s"),
        "{told}"
    );
}

#[test]
fn an_annotation_that_may_not_be_written_is_told() {
    let setting = Setting::held();
    setting.api.fault("PATCH", "/pods/one", Fault::forbidden());
    let told = setting.type_in("pause pod/one --by annotate").ended_with(4);
    assert!(told.contains("unanswered: cannot annotate pod one: forbidden"), "{told}");
}

#[test]
fn a_pod_that_the_webhook_did_not_inject_cannot_be_told() {
    let Some(pod) = fixture("cluster/pod-held.json") else { return };
    let setting = Setting::new();
    setting.run(pod);
    let told = setting.type_in("pause pod/fx-debug-pod --by annotate").ended_with(3);
    assert!(told.contains("the pod has no file for the annotation holdpoint.dev/pause"), "{told}");
}

#[test]
fn a_pod_that_has_ended_is_not_annotated() {
    let setting = Setting::new();
    setting.run(pod("one", &[], &STEPS));
    setting.codes("one");
    let told = setting.type_in("pause pod/one --by annotate").ended_with(3);
    assert!(told.contains("rejected: not pause: it has ended"), "{told}");
    assert_eq!(annotations(&setting).get("holdpoint.dev/pause"), None);
}
