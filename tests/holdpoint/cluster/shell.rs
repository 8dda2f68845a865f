//! A shell in a step: on a terminal, between pipes, and where the connection breaks.

use std::io::Write as _;
use std::process::Stdio;

use holdpoint_tests::{Fault, Signal};

use super::setting::{Setting, path};
use crate::runner::{Finished, Running};
use crate::terminal::Terminal;

fn on_terminal(setting: &Setting, line: &str) -> Terminal {
    Terminal::start(setting.command(&line.split(' ').collect::<Vec<_>>()))
}

/// Types this into a command that has no terminal.
pub(super) fn piped(setting: &Setting, line: &str, typed: &str) -> Finished {
    let mut command = setting.command(&line.split(' ').collect::<Vec<_>>());
    let (reader, mut writer) = std::io::pipe().unwrap();
    command.stdin(Stdio::from(reader));
    let running = Running::start(command);
    writer.write_all(typed.as_bytes()).unwrap();
    drop(writer);
    running.finish()
}

#[test]
fn a_shell_has_the_terminal_its_size_and_its_exit_code() {
    let setting = Setting::held();
    let mut terminal = on_terminal(&setting, "shell pod/one");
    terminal.press("stty size; pwd; echo re''ady\n");
    let shown = terminal.wait_for("ready");
    assert!(shown.contains("24 80\r\n") && shown.contains("/workspace\r\n"), "{shown:?}");
    assert!(terminal.is_raw());
    terminal.resize(132, 43);
    terminal.press("until stty size | grep '43 132'; do :; done; exit 7\n");
    terminal.wait_for("43 132\r\n");
    assert_eq!(terminal.end(), Some(7));
    let mut requests = setting.api.requests().into_iter();
    let exec = requests.rfind(|it| it.asked("command").contains(&"shell")).unwrap();
    assert_eq!(exec.asked("tty"), ["true"]);
    assert_eq!(exec.asked("container"), ["build"]);
    assert_eq!(exec.asked("command")[1..], ["shell", "-post_file", "/tekton/run/0/out"]);
    setting.type_in("continue pod/one").ended_with(0);
}

#[test]
fn a_shell_reads_stdin_to_its_end_where_there_is_no_terminal() {
    let setting = Setting::held();
    let told = piped(&setting, "shell pod/one", "echo out; echo err >&2; exit 3\n");
    assert_eq!(told.code, Some(3), "{told:?}");
    assert_eq!((told.stdout.as_str(), told.stderr.as_str()), ("out\n", "err\n"));
    let told = piped(&setting, "shell pod/one --step test", "wc -c; exit\n");
    assert_eq!(told.code, Some(0), "{told:?}");
}

#[test]
fn what_is_large_goes_both_ways_at_once() {
    let setting = Setting::held();
    let typed = "echo 0123456789abcde\n".repeat(20_000);
    let told = piped(&setting, "shell pod/one", &typed);
    assert_eq!(told.code, Some(0), "{}", told.stderr);
    assert_eq!(told.stdout.len(), 320_000);
}

#[test]
fn a_connection_that_breaks_gives_the_terminal_back() {
    let setting = Setting::held();
    setting.api.fault("GET", "/exec", Fault::Cut(1));
    let mut terminal = on_terminal(&setting, "shell pod/one --step build --context fake");
    terminal.press("echo more\n");
    let shown = terminal.wait_for("-n default --context fake");
    assert!(shown.contains("the connection to the shell is lost"), "{shown}");
    assert!(shown.contains("type: holdpoint shell pod/one --step build"), "{shown}");
    assert_eq!(terminal.end(), Some(255));
}

#[test]
fn an_old_api_server_cannot_pass_on_the_end_of_an_input() {
    let setting = Setting::held();
    setting.api.fault("GET", "/exec", Fault::OldStreams);
    let told = piped(&setting, "shell pod/one --step build --context fake", "cat >/dev/null\n");
    assert_eq!(told.code, Some(255), "{told:?}");
    let instead = "`kubectl exec -i one -c build -n default --context fake -- /tekton/bin/entrypoint shell -post_file \
                   /tekton/run/0/out` passes it on";
    assert!(told.stderr.contains("before Kubernetes 1.30"), "{told:?}");
    assert!(told.stderr.contains(instead), "{told:?}");
}

#[test]
fn a_signal_gives_the_terminal_back() {
    for (signal, code) in [(Signal::SIGTERM, 143), (Signal::SIGQUIT, 131), (Signal::SIGHUP, 129)] {
        let setting = Setting::held();
        let mut terminal = on_terminal(&setting, "shell pod/one");
        terminal.press("echo re''ady\n");
        terminal.wait_for("ready");
        terminal.take_lines();
        terminal.signal(Signal::SIGCONT);
        holdpoint_tests::eventually("raw again", || terminal.is_raw().then_some(()));
        terminal.signal(signal);
        assert_eq!(terminal.end(), Some(code), "{signal}");
    }
}

#[test]
fn where_there_is_no_one_step_to_open_none_is_opened() {
    let setting = Setting::held();
    setting.type_in("continue pod/one").ended_with(0);
    setting.codes("one");
    let told = setting.type_in("shell pod/one");
    assert_eq!(told.code, Some(3), "{told:?}");
    assert!(
        told.stderr.contains("holdpoint: rejected: no step is held (pod/one no step"),
        "{told:?}"
    );
    let told = setting.type_in("shell pod/one --step build");
    assert!(told.stderr.contains("step `build` of pod/one has ended with 0"), "{told:?}");
    let told = setting.type_in("shell pod/one --step six");
    assert_eq!(told.code, Some(2), "{told:?}");
}

#[test]
fn where_commands_are_forbidden_the_way_out_is_named() {
    let setting = Setting::held();
    setting.api.fault("GET", "/exec", Fault::forbidden());
    let told = setting.type_in("shell pod/one --step build");
    assert_eq!(told.code, Some(4), "{told:?}");
    for part in [
        "commands in pods are not allowed to you (get and create on pods/exec)",
        "act as another user with --as",
        "type: holdpoint shell pod/one --step build -n default --toolbox busybox",
    ] {
        assert!(told.stderr.contains(part), "{told:?}");
    }
}

#[test]
fn a_pod_or_container_that_is_gone_is_told() {
    let setting = Setting::held();
    let gone = Fault::Answer(404, "pods \"one\" not found".to_owned());
    setting.api.fault("GET", "/exec", gone);
    let told = setting.type_in("shell pod/one --step build --context fake");
    assert_eq!(told.code, Some(4), "{told:?}");
    assert!(
        told.stderr
            .contains("the pod is gone; `kubectl describe pod/one -n default --context fake`"),
        "{told:?}"
    );
    setting.api.delete(&path("one"));
    let told = setting.type_in("shell pod/one");
    assert!(told.stderr.contains("pods \"one\" not found"), "{told:?}");
}
