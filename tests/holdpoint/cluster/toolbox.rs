//! A shell beside a step whose image has none.

use holdpoint_tests::{Fault, NO_IMAGE};
use serde_json::json;

use super::setting::{STEPS, Setting, path, pod};
use super::shell::piped;
use crate::terminal::Terminal;

/// A step whose image has no shell says so, as the entrypoint does.
#[test]
fn where_there_is_no_shell_the_command_for_one_is_named() {
    let setting = Setting::held();
    setting.api.run_commands(|exec| {
        use std::io::Write as _;
        writeln!(&exec.stderr, "holdpoint: {}: looked in PATH", entrypoint::verb::NO_SHELL)
            .unwrap();
        Ok(127)
    });
    let told = setting.type_in("shell pod/one --step build");
    assert_eq!(told.code, Some(127), "{told:?}");
    let way_out = "type: holdpoint shell pod/one --step build -n default --toolbox busybox\n";
    assert!(told.stderr.ends_with(way_out), "{told:?}");
}

#[test]
fn a_command_that_is_not_found_is_no_missing_shell() {
    let setting = Setting::held();
    let told = piped(&setting, "shell pod/one", "no-such-command\n");
    assert_eq!(told.code, Some(127), "{told:?}");
    assert!(!told.stderr.contains("--toolbox"), "{told:?}");
}

#[test]
fn a_toolbox_shares_the_processes_of_the_step() {
    let setting = Setting::held();
    let told = piped(&setting, "shell pod/one --toolbox busybox", "echo here; exit 5\n");
    assert_eq!(told.code, Some(5), "{told:?}");
    assert_eq!(told.stdout, "here\n");
    assert!(told.stderr.contains("toolbox holdpoint-toolbox-1 of busybox shares"), "{told:?}");
    assert!(told.stderr.contains("/proc/1/root"), "{told:?}");
    let patch = setting.api.requests().into_iter().find(|it| it.method == "PATCH").unwrap();
    assert_eq!(patch.path, format!("{}/ephemeralcontainers", path("one")));
    assert_eq!(patch.content_type, "application/strategic-merge-patch+json");
    let container = &patch.body["spec"]["ephemeralContainers"][0];
    for (field, value) in [
        ("image", json!("busybox")),
        ("targetContainerName", json!("build")),
        ("stdin", json!(true)),
        ("stdinOnce", json!(true)),
        ("tty", json!(false)),
    ] {
        assert_eq!(container[field], value, "{container}");
    }
    let told = piped(&setting, "shell pod/one --toolbox busybox", "exit\n");
    assert!(told.stderr.contains("holdpoint-toolbox-2"), "{told:?}");
}

#[test]
fn a_toolbox_has_the_terminal() {
    let setting = Setting::held();
    let words = ["shell", "pod/one", "--toolbox", "busybox"];
    let mut terminal = Terminal::start(setting.command(&words));
    terminal.wait_for("/root");
    terminal.press("stty size; echo re''ady; exit 4\n");
    let shown = terminal.wait_for("ready");
    assert!(shown.contains("24 80"), "{shown:?}");
    assert_eq!(terminal.end(), Some(4));
}

#[test]
fn a_pod_whose_containers_share_their_processes_has_the_step_elsewhere() {
    let setting = Setting::new();
    let mut shared = pod("one", &[("breakpoint", "on-failure")], &STEPS);
    shared["spec"]["shareProcessNamespace"] = json!(true);
    setting.run(shared);
    setting.reaches("one", 0, "held-failed");
    let typed = "tr '\\0' ' ' <../cmdline; exit\n";
    let told = piped(&setting, "shell pod/one --toolbox busybox", typed);
    assert!(!told.stderr.contains("/proc/1/root"), "{told:?}");
    let folder = told.stderr.split("/proc/").nth(1).unwrap().split('/').next().unwrap();
    let line = std::fs::read(format!("/proc/{folder}/cmdline")).unwrap();
    let line = String::from_utf8_lossy(&line).replace('\0', " ");
    assert!(line.starts_with("entrypoint -") && line.contains("/tekton/run/0/out "), "{line}");
}

#[test]
fn an_image_that_cannot_be_pulled_is_told() {
    let setting = Setting::held();
    let told = setting.ask(&["shell", "pod/one", "--toolbox", NO_IMAGE]);
    assert_eq!(told.code, Some(4), "{told:?}");
    let why = format!("of {NO_IMAGE} does not run: ErrImagePull: not found; name another image");
    assert!(told.stderr.contains(&why), "{told:?}");
}

#[test]
fn a_toolbox_that_is_not_allowed_is_told() {
    for (method, part, right) in [
        ("PATCH", "/ephemeralcontainers", "(patch on pods/ephemeralcontainers)"),
        ("GET", "/attach", "(get and create on pods/attach)"),
    ] {
        let setting = Setting::held();
        setting.api.fault(method, part, Fault::forbidden());
        let told = setting.type_in("shell pod/one --toolbox busybox");
        assert_eq!(told.code, Some(4), "{told:?}");
        let way_out = "ask for a role that allows it, or act as another user with --as";
        assert!(told.stderr.contains(right) && told.stderr.contains(way_out), "{told:?}");
    }
}

#[test]
fn a_connection_to_a_toolbox_that_breaks_is_told() {
    for fault in [Fault::Cut(1), Fault::OldStreams] {
        let setting = Setting::held();
        setting.api.fault("GET", "/attach", fault);
        let told = piped(&setting, "shell pod/one --toolbox busybox", "echo more; sleep 60\n");
        assert_eq!(told.code, Some(255), "{told:?}");
        let lost = "the connection to the toolbox holdpoint-toolbox-1 is lost";
        assert!(told.stderr.contains(lost), "{told:?}");
    }
}
