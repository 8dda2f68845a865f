//! What the steps of a run write, in their order.

use holdpoint_tests::Fault;
use serde_json::{Value, json};

use super::setting::{Setting, labelled, path, pod};
use crate::runner::Running;

const TALK: [(&str, &str); 2] = [("build", "echo one; echo two"), ("test", "echo three; exit 3")];

/// The lines that are not the entrypoint's own.
fn said(text: &str) -> Vec<&str> {
    let is_ours = |line: &&str| !line.contains("holdpoint") && !line.contains("entrypoint");
    text.lines().filter(is_ours).collect()
}

fn over(setting: &Setting, pod: Value) {
    let name = pod["metadata"]["name"].as_str().unwrap().to_owned();
    setting.run(pod);
    setting.codes(&name);
}

#[test]
fn each_line_has_its_step_before_it() {
    let setting = Setting::new();
    over(&setting, pod("one", &[], &TALK));
    let told = setting.type_in("logs pod/one").ended_with(0);
    assert_eq!(said(&told)[..3], ["build | one", "build | two", "test  | three"], "{told}");
    let told = setting.type_in("logs pod/one --step test").ended_with(0);
    assert_eq!(said(&told)[0], "test | three", "{told}");
    assert!(!told.contains("build"), "{told}");
}

#[test]
fn several_pods_are_told_apart() {
    let setting = Setting::new();
    for (name, second) in [("x-unit-pod", 1), ("x-lint-pod", 2)] {
        let mut pod = labelled(pod(name, &[], &TALK[..1]), "tekton.dev/pipelineRun", "x");
        pod["metadata"]["creationTimestamp"] = json!(format!("2026-11-21T10:00:0{second}Z"));
        over(&setting, pod);
    }
    let told = setting.type_in("logs pr/x").ended_with(0);
    let expected = ["unit/build | one", "unit/build | two", "lint/build | one", "lint/build | two"];
    assert_eq!(said(&told), expected);
    let followed = setting.type_in("logs pr/x -f").ended_with(0);
    let mut followed = said(&followed);
    followed.sort_unstable();
    assert_eq!(
        followed,
        ["lint/build | one", "lint/build | two", "unit/build | one", "unit/build | two"]
    );
}

#[test]
fn init_containers_are_shown_where_they_have_failed() {
    let setting = Setting::new();
    let mut pod = pod("one", &[], &TALK);
    let status =
        |name: &str, code: i32| json!({"name": name, "state": {"terminated": {"exitCode": code}}});
    pod["spec"]["initContainers"] = json!([{"name": "fetch"}, {"name": "unpack"}]);
    let inits = json!([status("fetch", 0), status("unpack", 2)]);
    pod["status"] = json!({"phase": "Failed", "initContainerStatuses": inits});
    setting.api.put(pod);
    setting.api.log(["default", "one", "fetch"], "all is well\n");
    setting.api.log(["default", "one", "unpack"], "no space left\nno line break");
    let expected = "init unpack | no space left\ninit unpack | no line break\n";
    for line in ["logs pod/one", "logs pod/one -f"] {
        assert_eq!(setting.type_in(line).ended_with(0), expected, "{line}");
    }
}

#[test]
fn a_run_is_followed_to_its_end() {
    let setting = Setting::new();
    let build = setting.home.blocks_on("gate", "echo built");
    setting.run(pod("one", &[], &[("build", &build), ("test", "echo tested")]));
    let mut following = Running::start(setting.command(&["logs", "pod/one", "-f"]));
    following.wait_for("build | ready");
    setting.home.unblock("gate");
    following.wait_for("test  | tested");
    let told = following.finish().ended_with(0);
    let expected = ["build | ready", "build | unblocked", "build | built", "test  | tested"];
    assert_eq!(said(&told), expected, "{told}");
}

#[test]
fn what_begins_later_is_followed_too() {
    let setting = Setting::new();
    let run = |name: &str, status: &str| {
        setting.api.put(json!({
            "apiVersion": "tekton.dev/v1",
            "kind": "PipelineRun",
            "metadata": {"name": name, "namespace": "default"},
            "status": {"conditions": [{"type": "Succeeded", "status": status}]},
        }));
    };
    let of_run = |name: &str| labelled(pod(name, &[], &TALK[..1]), "tekton.dev/pipelineRun", "x");
    run("x", "Unknown");
    over(&setting, of_run("x-first-pod"));
    let mut following = Running::start(setting.command(&["logs", "pr/x", "-f"]));
    following.wait_for("first/build | two");
    // A pod whose steps have not begun.
    let mut second = of_run("x-second-pod");
    second["status"] = json!({"phase": "Pending"});
    setting.api.put(second);
    over(&setting, of_run("x-second-pod"));
    following.wait_for("second/build | two");
    run("x", "True");
    let told = following.finish().ended_with(0);
    assert_eq!(said(&told).len(), 4, "{told}");
}

#[test]
fn a_connection_that_breaks_loses_nothing_and_shows_nothing_twice() {
    let setting = Setting::new();
    let build = setting.home.blocks_on("gate", "echo built");
    setting.run(pod("one", &[], &[("build", &build)]));
    setting.api.fault_times(2, "GET", "pods/one/log", Fault::Cut(1));
    let mut following = Running::start(setting.command(&["logs", "pod/one", "-f"]));
    following.wait_for("ready");
    setting.home.unblock("gate");
    let told = following.finish().ended_with(0);
    assert_eq!(said(&told), ["build | ready", "build | unblocked", "build | built"], "{told}");
}

#[test]
fn half_a_line_is_read_again() {
    let setting = Setting::new();
    let mut pod = pod("one", &[], &TALK[..1]);
    let running = json!([{"name": "build", "state": {"running": {}}}]);
    pod["status"] = json!({"phase": "Running", "containerStatuses": running});
    setting.api.put(pod);
    let container = ["default", "one", "build"];
    setting.api.log(container, "whole\nha");
    setting.api.fault_times(1, "GET", "pods/one/log", Fault::Cut(1));
    let mut following = Running::start(setting.command(&["logs", "pod/one", "-f"]));
    following.wait_for("build | whole");
    setting.api.log(container, "lf\n");
    following.wait_for("build | half");
    setting.api.end_log(container);
    let ended = json!([{"name": "build", "state": {"terminated": {"exitCode": 0}}}]);
    let status = json!({"phase": "Succeeded", "containerStatuses": ended});
    setting.api.merge(&path("one"), json!({"status": status}));
    assert_eq!(following.finish().ended_with(0), "build | whole\nbuild | half\n");
}

#[test]
fn a_log_that_cannot_be_read_is_an_error() {
    let setting = Setting::new();
    over(&setting, pod("one", &[], &TALK));
    setting.api.fault("GET", "pods/one/log", Fault::forbidden());
    let told = setting.type_in("logs pod/one");
    assert_eq!(told.code, Some(4), "{told:?}");
    assert!(told.stderr.contains("cannot read the log of container build of pod/one"), "{told:?}");
    setting.api.heal();
    setting.api.fault("GET", "pods/one/log", Fault::Cut(0));
    let told = setting.type_in("logs pod/one");
    assert_eq!(told.code, Some(4), "{told:?}");
    assert!(told.stderr.contains("broke off 5 times; try again"), "{told:?}");
}

#[test]
fn a_pod_that_goes_away_ends_what_follows_it() {
    let setting = Setting::new();
    let build = setting.home.blocks_on("gate", "true");
    setting.run(pod("one", &[], &[("build", &build), ("test", "true")]));
    let mut following = Running::start(setting.command(&["logs", "pod/one", "-f"]));
    following.wait_for("ready");
    setting.api.delete(&path("one"));
    setting.home.unblock("gate");
    let told = following.finish();
    assert_eq!(told.code, Some(0), "{told:?}");
    assert!(told.stderr.contains("pod/one is gone: it was deleted"), "{told:?}");
}

#[test]
fn what_is_typed_wrongly_is_told() {
    let setting = Setting::new();
    over(&setting, pod("one", &[], &TALK));
    for (line, problem) in [
        ("logs", "logs needs a target, as in `logs pod/NAME`"),
        ("logs build", "unexpected argument 'build'"),
        ("logs pod/one pod/two", "unexpected argument 'pod/two'"),
        ("logs pod/one --step six", "--step six: the steps are build, test"),
    ] {
        let told = setting.type_in(line);
        assert_eq!(told.code, Some(2), "{told:?}");
        assert!(told.stderr.contains(problem), "{line}: {told:?}");
    }
}
