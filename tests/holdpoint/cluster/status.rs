//! What `status` shows of a run: by its steps' own word, by the kubelet's, and until it has ended.

use std::time::Duration;

use holdpoint_tests::{Fault, fixture, matches};
use serde_json::{Value, json};

use super::setting::{STEPS, Setting, labelled, path, pod};
use crate::runner::Running;

#[track_caller]
fn is_shown(text: &str, pattern: &str) {
    assert!(matches(pattern, text), "{text}\nis not\n{pattern}");
}

#[test]
fn a_held_step_says_so_itself() {
    let setting = Setting::held();
    setting.reaches("one", 1, "waiting");
    let told = setting.type_in("status pod/one").ended_with(0);
    is_shown(
        &told,
        "\
STEP   PHASE        SINCE      ATTEMPT  EXIT  REASON  MESSAGE
build  held-failed  …Z  1        7     Failed  step `build` exited with 7 after …
test   waiting      …Z  0        -     -       step `test` waits for …
next: holdpoint retry pod/one -n default
",
    );
}

#[test]
fn who_is_held_comes_first() {
    let setting = Setting::new();
    setting.run(pod(
        "one",
        &[("breakpoint", "before:test")],
        &[("build", "true"), ("test", "true")],
    ));
    setting.reaches("one", 1, "held-before");
    let rows = setting.type_in("status pod/one -o json").json();
    let told: Vec<_> = rows
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            ["step", "phase", "namespace", "pod", "container", "source"]
                .map(|it| row[it].as_str().unwrap())
        })
        .collect();
    assert_eq!(told[0], ["test", "held-before", "default", "one", "test", "step"]);
    assert_eq!(told[1], ["build", "finished", "default", "one", "build", "step"]);
    assert_eq!(rows[1]["exitCode"], 0);
    let told = setting.type_in("status pod/one").ended_with(0);
    assert!(told.ends_with("next: holdpoint continue pod/one -n default\n"), "{told}");
}

#[test]
fn where_commands_are_forbidden_the_kubelet_tells() {
    let setting = Setting::held();
    let running = |name: &str, ready: bool| {
        let state = json!({"running": {"startedAt": "2026-11-21T06:11:02Z"}});
        json!({"name": name, "state": state, "ready": ready})
    };
    let statuses = json!([running("build", false), running("test", true)]);
    setting.api.merge(&path("one"), json!({"status": {"containerStatuses": statuses}}));
    setting.api.fault("GET", "/exec", Fault::forbidden());
    let told = setting.type_in("status pod/one");
    assert_eq!(told.code, Some(0), "{told:?}");
    let why = "holdpoint: pod/one is not looked into: commands in pods are not allowed to you (get and \
               create on pods/exec): ";
    assert!(told.stderr.starts_with(why) && told.stderr.lines().count() == 1, "{told:?}");
    is_shown(
        &told.stdout,
        "\
STEP   PHASE    SINCE                 ATTEMPT  EXIT  REASON  MESSAGE
build  -        2026-11-21 06:11:02Z  -        -     -       its container is up and not ready: it is held or paused, or has just begun
test   waiting  2026-11-21 06:11:02Z  -        -     -       its container is up; a step before it has not ended
next: holdpoint status pod/one -n default
",
    );
    let rows = setting.type_in("status pod/one -o json").json();
    assert_eq!((&rows[0]["source"], &rows[0]["phase"]), (&"kubelet".into(), &Value::Null));
}

#[test]
fn a_run_that_has_ended_is_told_by_its_termination_messages() {
    let setting = Setting::new();
    setting.run(pod(
        "one",
        &[("on-error", "build=continue")],
        &[("build", "exit 7"), ("test", "exit 3"), ("last", "true")],
    ));
    setting.codes("one");
    let told = setting.type_in("status pod/one");
    assert!(told.stderr.is_empty(), "{told:?}");
    is_shown(
        &told.ended_with(0),
        "\
STEP   PHASE     SINCE  ATTEMPT  EXIT  REASON   MESSAGE
build  finished  -      -        7     -        its command exited with 7, which is passed over
test   finished  -      -        3     Failed   it failed with 3
last   finished  -      -        -     Skipped  it ended with 1: Skipped
next: holdpoint logs pod/one -n default
",
    );
    assert!(setting.executed().is_empty());
}

#[test]
fn all_pods_of_a_pipeline_run_are_in_one_table() {
    let setting = Setting::new();
    let Some(pods) = fixture("cluster/pods-of-pipelinerun-failed.json") else { return };
    for pod in pods["items"].as_array().unwrap() {
        let mut pod = pod.clone();
        pod["kind"] = "Pod".into();
        pod["apiVersion"] = "v1".into();
        setting.api.put(pod);
    }
    let told = setting.type_in("status pr/fx-pipeline").ended_with(0);
    is_shown(
        &told,
        "\
TASK    STEP  PHASE     SINCE                 ATTEMPT  EXIT  REASON  MESSAGE
build   make  finished  2026-11-21 06:12:55Z  -        0     -       it succeeded
test    run   finished  2026-11-21 06:12:59Z  -        1     Failed  it failed with 1
notify  say   finished  2026-11-21 06:13:03Z  -        0     -       it succeeded
next: holdpoint logs pipelinerun/fx-pipeline -n default
",
    );
}

#[test]
fn several_held_runs_are_told_apart() {
    let setting = Setting::new();
    for name in ["one", "two"] {
        setting.run(labelled(pod(name, &[("breakpoint", "on-failure")], &STEPS), "app", "a"));
        setting.reaches(name, 0, "held-failed");
    }
    let told = setting.type_in("status pods -l app=a").ended_with(0);
    let lines: Vec<_> = told.lines().collect();
    assert!(lines[0].starts_with("POD  STEP   PHASE  "), "{told}");
    assert!(lines[1].starts_with("one  build  held-failed  "), "{told}");
    assert!(lines[2].starts_with("two  build  held-failed  "), "{told}");
    assert_eq!(lines[5], "next: holdpoint retry pod/one -n default");
}

#[test]
fn each_form_has_what_it_is_for() {
    let setting = Setting::held();
    setting.api.merge(&path("one"), json!({"spec": {"nodeName": "node-1"}}));
    let statuses = [("build", 2), ("test", 0)].map(|(name, restarts)| {
        json!({"name": name, "restartCount": restarts, "state": {"running": {}}})
    });
    setting.api.merge(&path("one"), json!({"status": {"containerStatuses": statuses}}));
    let wide = setting.type_in("status pod/one -o wide").ended_with(0);
    is_shown(
        &wide,
        "\
STEP   PHASE        SINCE      ATTEMPT  EXIT  REASON  CONTAINER  POD  NODE    RESTARTS  UNTIL  NEEDS                 END IT WITH                                              MESSAGE
build  held-failed  …Z  1        7     Failed  build      one  node-1  2         -      get,create pods/exec  retry,continue,fail-continue,breakpointexit,fail,cancel  step `build` exited with 7 after …
test   waiting      …Z  0        -     -       test       one  node-1  0         -      -                     -                                                        step `test` waits for …
next: holdpoint retry pod/one -n default
",
    );
    let yaml = setting.type_in("status pod/one -o yaml").ended_with(0);
    for part in ["container: build\n", "node: node-1\n", "restarts: 2\n", "phase: held-failed\n"] {
        assert!(yaml.contains(part), "{yaml}");
    }
    assert!(!yaml.contains("next: "), "{yaml}");
    let json = setting.type_in("status pod/one -o json").json();
    assert_eq!((&json[0]["node"], &json[0]["restarts"]), (&json!("node-1"), &json!(2)));
    assert_eq!(setting.type_in("status pod/one -o name").ended_with(0), "pod/one\n");
}

fn watch(setting: &Setting) -> Running {
    let mut watching = Running::start(setting.command(&["status", "pod/one", "--watch"]));
    watching.wait_for("build  held-failed");
    watching
}

#[test]
fn a_watch_tells_what_changes_until_the_end() {
    let setting = Setting::held();
    let mut watching = watch(&setting);
    setting.type_in("continue pod/one").ended_with(0);
    watching.wait_for("test   finished");
    let told = watching.finish().ended_with(0);
    assert_eq!(told.matches("STEP ").count(), 1, "{told}");
    assert!(told.ends_with("next: holdpoint logs pod/one -n default\n"), "{told}");
}

#[test]
fn a_watch_of_json_prints_arrays() {
    let setting = Setting::held();
    let mut watching =
        Running::start(setting.command(&["status", "pod/one", "--watch", "-o", "json"]));
    watching.wait_for("held-failed");
    setting.type_in("cancel-run pod/one").ended_with(0);
    let told = watching.finish().ended_with(0);
    let arrays: Vec<Value> = told.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(arrays.last().unwrap()[0]["phase"], "finished", "{told}");
    assert!(arrays.len() > 1 && arrays.windows(2).all(|pair| pair[0] != pair[1]), "{told}");
}

#[test]
fn a_watch_of_yaml_prints_documents() {
    let setting = Setting::held();
    let words = ["status", "pod/one", "--watch", "-o", "yaml"];
    let mut watching = Running::start(setting.command(&words));
    watching.wait_for("phase: held-failed");
    setting.type_in("cancel-run pod/one").ended_with(0);
    let told = watching.finish().ended_with(0);
    let documents: Vec<_> = told.split("---\n").collect();
    assert!(documents.len() > 1, "{told}");
    assert!(documents.iter().all(|it| it.starts_with("- ")), "{told}");
    assert!(documents.last().unwrap().contains("phase: finished\n"), "{told}");
}

#[test]
fn a_pod_that_is_gone_ends_the_watch() {
    let setting = Setting::held();
    let watching = watch(&setting);
    setting.api.delete(&path("one"));
    let told = watching.finish();
    assert_eq!(told.code, Some(4), "{told:?}");
    assert!(
        told.stderr.contains("pod/one is gone: it was deleted before it had ended"),
        "{told:?}"
    );
}

#[test]
fn a_watch_outlasts_an_api_server_that_fails_for_a_while() {
    let setting = Setting::held();
    let mut watching = watch(&setting);
    let expired = || Fault::Answer(410, "too old resource version".to_owned());
    setting.api.fault_times(1, "GET", "pods/one", expired());
    watching.wait_for("too old resource version; trying again");
    setting.api.fault_times(1, "GET", "pods/one", Fault::Drop);
    watching.wait_for("does not answer");
    setting.api.fault("GET", "pods/one/exec", Fault::Cut(0));
    watching.wait_for("pod/one is not looked into: the connection closed");
    setting.api.heal();
    setting.type_in("cancel-run pod/one").ended_with(0);
    watching.finish().ended_with(0);
}

#[test]
fn a_watch_that_is_no_longer_allowed_ends() {
    let setting = Setting::held();
    let watching = watch(&setting);
    setting.api.fault("GET", "pods/one", Fault::forbidden());
    let told = watching.finish();
    assert_eq!(told.code, Some(4), "{told:?}");
    assert!(told.stderr.contains("ask for a role that allows it"), "{told:?}");
}

#[test]
fn a_slow_pod_is_waited_for() {
    let setting = Setting::held();
    setting.api.fault("GET", "/exec", Fault::Slow(Duration::from_millis(300)));
    let told = setting.type_in("status pod/one").ended_with(0);
    assert!(told.contains("build  held-failed"), "{told}");
}
