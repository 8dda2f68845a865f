//! A run that is followed: shown as one on this machine, asked about where it is held, and left alone.

use holdpoint_tests::{Fault, Signal};
use serde_json::json;

use super::setting::{STEPS, Setting, labelled, path, pod};
use crate::runner::Running;
use crate::terminal::Terminal;

fn attached(setting: &Setting, target: &str) -> Running {
    Running::start(setting.command(&["attach", target]))
}

fn on_terminal(setting: &Setting) -> Terminal {
    Terminal::start(setting.command(&["attach", "pod/one", "--no-color"]))
}

const PROMPT: &str = "[r]etry  [c]ontinue  [f]ail  [s]hell  [p]ause  [a]bort  [q]uit ?";

#[test]
fn a_run_is_shown_as_one_on_this_machine() {
    let setting = Setting::new();
    setting.run(pod(
        "one",
        &[],
        &[("build", "echo made; echo more"), ("test", "echo bad; exit 3")],
    ));
    let told = attached(&setting, "pod/one").finish();
    assert_eq!(told.code, Some(3), "{told:?}");
    assert_eq!(told.lines_of("build"), ["made", "more"]);
    assert!(told.lines_of("test").contains(&"bad"), "{told:?}");
    let mut rest = told.stdout.as_str();
    for part in [
        "build: begins\n",
        "build | more\n",
        "build: succeeded",
        "test: begins\n",
        "test  | bad\n",
        "test: ",
        "STEP   ENDED       TIME",
        "build  succeeded   ",
        "test   failed (3)  ",
        "pod/one: failed after ",
        ", exit 3\n",
    ] {
        let start = rest.find(part).unwrap_or_else(|| panic!("no {part:?} in {rest}"));
        rest = &rest[start + part.len()..];
    }
}

#[test]
fn a_run_that_has_ended_is_shown_too() {
    let setting = Setting::new();
    setting.run(pod("one", &[], &[("build", "exit 7"), ("test", "true")]));
    setting.codes("one");
    let told = setting.type_in("attach pod/one -o json");
    assert_eq!(told.code, Some(7), "{told:?}");
    let outcome = told.json();
    assert_eq!((&outcome["run"], &outcome["status"]), (&json!("pod/one"), &json!("failed")));
    let step = |index: usize, field: &str| outcome["steps"][index][field].clone();
    assert_eq!((step(0, "exitCode"), step(0, "reason")), (json!(7), json!("Failed")));
    assert_eq!((step(1, "attempt"), step(1, "reason")), (json!(0), json!("Skipped")));
    assert!(told.stderr.contains("test   skipped"), "{told:?}");
}

#[test]
fn without_a_terminal_it_is_said_what_can_be_typed() {
    let setting = Setting::held();
    let mut running = attached(&setting, "pod/one");
    running.wait_for("build: exited with 7");
    running.wait_for("    holdpoint retry pod/one -n default");
    running.wait_for("    holdpoint continue pod/one -n default");
    setting.type_in("pause pod/one look first").ended_with(0);
    running.wait_for("pause (\"look first\")");
    setting.type_in("continue pod/one").ended_with(0);
    running.wait_for("    holdpoint resume pod/one -n default");
    setting.type_in("resume pod/one").ended_with(0);
    let told = running.finish();
    assert_eq!(told.code, Some(0), "{told:?}");
    assert!(told.stdout.contains("pod/one: succeeded after "), "{told:?}");
}

#[test]
fn a_held_step_is_retried_looked_at_and_ended_by_single_keys() {
    let setting = Setting::held();
    let mut terminal = on_terminal(&setting);
    let shown = terminal.wait_for(PROMPT);
    assert!(shown.contains("build: exited with 7"), "{shown}");
    assert!(terminal.takes_single_keys());
    terminal.press("z");
    let help = terminal.wait_for(PROMPT);
    assert!(help.contains("    [q]uit      stop gracefully: "), "{help}");
    terminal.press("r");
    terminal.wait_for("build: begins again (attempt 2)");
    terminal.wait_for(PROMPT);
    terminal.press("s");
    terminal.wait_for("[s]hell\r\n");
    terminal.press("stty size; echo in''side; exit\n");
    let shown = terminal.wait_for("inside");
    assert!(shown.contains("24 80"), "{shown}");
    terminal.wait_for(PROMPT);
    assert!(!terminal.is_raw() && terminal.takes_single_keys());
    terminal.press("p");
    terminal.wait_for("pause (\"given at the prompt\")");
    terminal.wait_for("[q]uit ?");
    terminal.press("c");
    terminal.wait_for("[r]esume  [a]bort  [q]uit ?");
    terminal.press("r");
    terminal.wait_for("pod/one: succeeded");
    assert_eq!(terminal.end(), Some(0));
}

#[test]
fn each_key_ends_the_run_in_its_own_way() {
    for (key, code, word) in [("f", 7, "failed"), ("a", 7, "aborted"), ("q", 7, "stopped")] {
        let setting = Setting::held();
        let mut terminal = on_terminal(&setting);
        terminal.wait_for("[q]uit ?");
        terminal.press(key);
        terminal.wait_for(&format!("pod/one: {word} after"));
        assert_eq!(terminal.end(), Some(code), "{key}");
    }
}

#[test]
fn a_hold_that_is_ended_elsewhere_gives_the_terminal_back() {
    let setting = Setting::held();
    let mut terminal = on_terminal(&setting);
    terminal.wait_for("[q]uit ?");
    terminal.take_lines();
    terminal.signal(Signal::SIGCONT);
    terminal.wait_for("[q]uit ?");
    assert!(terminal.takes_single_keys());
    setting.type_in("continue pod/one").ended_with(0);
    terminal.wait_for("pod/one: succeeded");
    assert_eq!(terminal.end(), Some(0));
}

#[test]
fn what_is_rejected_is_asked_again() {
    let setting = Setting::held();
    let mut terminal = on_terminal(&setting);
    terminal.wait_for("[q]uit ?");
    setting.api.fault("GET", "/exec", Fault::forbidden());
    terminal.press("r");
    terminal.wait_for("unanswered: commands in pods are not allowed to you");
    terminal.wait_for("[q]uit ?");
    setting.api.heal();
    terminal.press("c");
    terminal.wait_for("pod/one: succeeded");
    assert_eq!(terminal.end(), Some(0));
}

#[test]
fn ctrl_c_detaches_and_the_run_goes_on() {
    let setting = Setting::held();
    let mut terminal = on_terminal(&setting);
    terminal.wait_for("[q]uit ?");
    terminal.signal(Signal::SIGINT);
    terminal.wait_for(
        "detached: the run goes on; to follow it again type: holdpoint attach pod/one -n default",
    );
    assert_eq!(terminal.end(), Some(130));
    assert_eq!(setting.state("one", 0).unwrap()["phase"], "held-failed");
    assert_eq!(setting.state("one", 0).unwrap()["requests"], json!([]));
}

#[test]
fn pods_that_begin_later_join() {
    let setting = Setting::new();
    let run = |name: &str| {
        let pod = pod(name, &[("breakpoint", "on-failure")], &STEPS);
        setting.run(labelled(pod, "tekton.dev/pipelineRun", "release"));
        setting.reaches(name, 0, "held-failed");
    };
    let condition = |status: &str| json!([{"type": "Succeeded", "status": status}]);
    let object = setting.api.put(json!({
        "apiVersion": "tekton.dev/v1",
        "kind": "PipelineRun",
        "metadata": {"name": "release", "namespace": "default"},
        "status": {"conditions": condition("Unknown")},
    }));
    assert_eq!(object["kind"], "PipelineRun");
    run("release-build-pod");
    let mut running = attached(&setting, "pr/release");
    running.wait_for("    holdpoint retry pod/release-build-pod -n default");
    setting.type_in("continue pod/release-build-pod").ended_with(0);
    running.wait_for("build/test: succeeded");
    run("release-test-pod");
    running.wait_for("    holdpoint retry pod/release-test-pod -n default");
    setting.type_in("breakpointexit pod/release-test-pod").ended_with(0);
    running.wait_for("test/test: succeeded");
    let object = "/apis/tekton.dev/v1/namespaces/default/pipelineruns/release";
    setting.api.merge(object, json!({"status": {"conditions": condition("False")}}));
    let told = running.finish();
    assert_eq!(told.code, Some(7), "{told:?}");
    assert!(told.stdout.contains("pipelinerun/release: failed after "), "{told:?}");
    let row = |name: &str| told.stdout.lines().any(|line| line.starts_with(name));
    assert!(row("build/build  ") && row("test/test  "), "{told:?}");
}

#[test]
fn a_pod_that_goes_away_ends_what_is_followed() {
    let setting = Setting::held();
    let mut running = attached(&setting, "pod/one");
    running.wait_for("holdpoint retry pod/one");
    setting.api.delete(&path("one"));
    setting.api.end_log(["default", "one", "build"]);
    running.wait_for("build: its pod is gone");
    let told = running.finish();
    assert_eq!(told.code, Some(137), "{told:?}");
    assert!(told.stdout.contains("test   not run"), "{told:?}");
}

#[test]
fn a_step_that_cannot_begin_is_told() {
    let setting = Setting::new();
    let mut waiting = pod("one", &[], &STEPS);
    let status = |name: &str, state: serde_json::Value| {
        json!({
            "name": name, "image": "", "imageID": "", "ready": false, "restartCount": 0, "state": state,
        })
    };
    let pull = json!({"waiting": {"reason": "ErrImagePull", "message": "no such image"}});
    let statuses = [status("build", pull), status("test", json!({"waiting": {}}))];
    waiting["status"] = json!({"phase": "Pending", "containerStatuses": statuses});
    setting.api.put(waiting);
    let mut running = attached(&setting, "pod/one");
    running.wait_for("build: its container waits: ErrImagePull: no such image");
    setting.api.merge(&path("one"), json!({"status": {"phase": "Failed", "reason": "Evicted"}}));
    running.wait_for("build: its pod has ended without it");
    let told = running.finish();
    assert_eq!(told.code, Some(137), "{told:?}");
    assert!(told.stdout.contains("build  not run"), "{told:?}");
}

#[test]
fn where_commands_are_forbidden_the_kubelet_tells() {
    let setting = Setting::new();
    setting.api.fault("GET", "/exec", Fault::forbidden());
    setting.run(pod("one", &[], &[("build", "echo made; exit 7"), ("test", "true")]));
    let told = attached(&setting, "pod/one").finish();
    assert_eq!(told.code, Some(7), "{told:?}");
    assert!(told.lines_of("build").contains(&"made"), "{told:?}");
    assert!(told.stdout.contains("test   skipped"), "{told:?}");
}

#[test]
fn what_is_no_target_is_refused() {
    let setting = Setting::new();
    for (line, problem) in [
        ("attach", "attach needs a target, as in `attach pod/NAME`"),
        ("attach run-1", "unexpected argument 'run-1'"),
        ("attach pod/one pod/two", "unexpected argument 'pod/two'"),
    ] {
        let told = setting.type_in(line);
        assert_eq!(told.code, Some(2), "{told:?}");
        assert!(told.stderr.contains(problem), "{told:?}");
    }
    let told = setting.type_in("attach pod/six");
    assert_eq!(told.code, Some(4), "{told:?}");
}
