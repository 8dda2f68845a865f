//! The next useful command: told by each command where there is one, beside what is data, and never to a
//! program.

use std::time::Duration;

use holdpoint_tests::{Fault, Signal};
use serde_json::json;

use super::retry::failed;
use super::runs::{ended, held, once_told, run_path, running, with_tekton};
use super::setting::{STEPS, Setting, labelled, pod};
use crate::runner::Finished;
use crate::terminal::Terminal;

/// The commands that stderr tells.
fn hints(told: &Finished) -> Vec<&str> {
    told.stderr.lines().filter_map(|line| line.strip_prefix("next: ")).collect()
}

#[test]
fn logs_of_a_held_step_tell_what_ends_the_hold() {
    let setting = Setting::held();
    let told = setting.type_in("logs pod/one");
    assert_eq!(hints(&told), ["holdpoint retry pod/one -n default"], "{told:?}");
    assert!(!told.stdout.contains("next: "), "{told:?}");
    let mut following = crate::runner::Running::start(setting.command(&["logs", "pod/one", "-f"]));
    following.wait_for("next: holdpoint retry pod/one -n default");
    setting.type_in("continue pod/one").ended_with(0);
    let told = following.finish();
    assert_eq!(hints(&told), ["holdpoint retry pod/one -n default"], "said once: {told:?}");
    assert_eq!(hints(&setting.type_in("logs pod/one")), [""; 0]);
}

/// A node that is away lets commands in its pods hang, while the API server still has what to show.
#[test]
fn no_hint_is_waited_for_by_what_is_shown() {
    let setting = Setting::held();
    setting.api.fault("GET", "/exec", Fault::Slow(Duration::from_mins(5)));
    let mut following = crate::runner::Running::start(setting.command(&["logs", "pod/one", "-f"]));
    following.wait_for("build | holdpoint: step `build` exited with 7");
    following.signal(Signal::SIGTERM);
    following.finish();
    let told = setting.type_in("logs pod/one");
    assert_eq!((told.code, hints(&told)), (Some(0), vec![]), "{told:?}");
}

#[test]
fn logs_of_a_run_that_goes_on_can_be_followed() {
    let setting = Setting::new();
    setting.run(pod("one", &[], &[("build", &setting.home.blocks_on("gate", "true"))]));
    setting.reaches("one", 0, "running");
    let told = setting.type_in("logs pod/one --context fake");
    assert_eq!(hints(&told), ["holdpoint logs pod/one -n default --context fake -f"], "{told:?}");
    let told = setting.type_in("list -n default").ended_with(0);
    assert!(told.ends_with("\nnext: holdpoint attach pod/one -n default\n"), "{told}");
    for form in ["json", "yaml", "name"] {
        let told = setting.ask(&["list", "-n", "default", "-o", form]);
        assert!(!told.stdout.contains("next: ") && hints(&told).is_empty(), "{told:?}");
    }
    setting.home.unblock("gate");
    setting.codes("one");
}

/// A PipelineRun whose one pod has ended.
fn over(condition: (&str, &str)) -> Setting {
    let setting = Setting::new();
    let mut run = running("PipelineRun", "x");
    run["status"] = ended(condition.0, condition.1)["status"].clone();
    setting.api.put(run);
    setting.run(labelled(pod("one", &[], &STEPS), "tekton.dev/pipelineRun", "x"));
    setting.codes("one");
    setting
}

#[test]
fn what_shows_a_run_that_failed_tells_what_retries_it() {
    let retry = "holdpoint retry pipelinerun/x -n default";
    for (condition, hint) in [
        (("False", "Failed"), Some(retry)),
        (("False", "Cancelled"), Some(retry)),
        (("True", "Completed"), None),
    ] {
        let setting = over(condition);
        for line in ["logs pr/x", "logs pr/x -f", "attach pr/x"] {
            let told = setting.type_in(line);
            assert_eq!(hints(&told), hint.into_iter().collect::<Vec<_>>(), "{line}: {told:?}");
        }
        let told = setting.type_in("attach pr/x -o json");
        assert_eq!(hints(&told), [""; 0], "{told:?}");
    }
}

#[test]
fn a_verb_that_is_rejected_leads_to_the_status() {
    let setting = held();
    setting.type_in("stop pr/x").ended_with(0);
    setting.codes("one");
    let of_pod = setting.type_in("retry pod/one");
    assert_eq!(hints(&of_pod), ["holdpoint status pod/one -n default"], "{of_pod:?}");
    let named = setting.type_in("retry pod/one --step build");
    assert_eq!(named.code, Some(3), "{named:?}");
    assert_eq!(hints(&named), ["holdpoint status pod/one -n default"], "{named:?}");
    assert_eq!(hints(&setting.type_in("retry pod/one -o json")), [""; 0]);

    setting.api.merge(&run_path("pipelineruns", "x"), json!({ "spec": { "status": "Cancelled" } }));
    let of_run = setting.type_in("stop pr/x");
    assert_eq!(of_run.code, Some(3), "{of_run:?}");
    assert_eq!(hints(&of_run), ["holdpoint status pipelinerun/x -n default"], "{of_run:?}");
    let late = setting.type_in("cancel pr/x --timeout 1ms");
    assert_eq!(hints(&late), ["holdpoint status pipelinerun/x -n default"], "{late:?}");
}

#[test]
fn a_dry_run_of_a_retry_leads_to_the_retry() {
    let Some(setting) = failed() else { return };
    let told = setting.type_in("retry pr/fx-pipeline --dry-run");
    assert_eq!(hints(&told), ["holdpoint retry pipelinerun/fx-pipeline -n default"], "{told:?}");
    for form in ["json", "yaml", "name"] {
        let told = setting.ask(&["retry", "pr/fx-pipeline", "--dry-run", "-o", form]);
        assert_eq!(hints(&told), [""; 0], "{told:?}");
    }
}

#[test]
fn who_leaves_a_shell_is_told_what_ends_the_hold() {
    let setting = Setting::held();
    let mut terminal = Terminal::start(setting.command(&["shell", "pod/one"]));
    terminal.press("exit\n");
    terminal.wait_for("next: holdpoint retry pod/one -n default");
    assert_eq!(terminal.end(), Some(0));
    setting.type_in("continue pod/one").ended_with(0);
}

#[test]
fn what_is_next_behind_an_ending_goes_by_how_the_run_ended() {
    let path = run_path("pipelineruns", "x");
    for (end, next) in [
        (ended("False", "Stopped"), "next: holdpoint retry pipelinerun/x -n default\n"),
        (ended("True", "Completed"), "next: holdpoint logs pipelinerun/x -n default\n"),
    ] {
        let setting = held();
        let told = with_tekton(&setting, &path, end, || setting.type_in("stop pr/x --wait"));
        let told = told.ended_with(0);
        assert!(told.ends_with(next), "{told}");
    }
    let setting = held();
    let deleted = once_told(
        &setting,
        &path,
        || setting.api.delete(&path),
        || setting.type_in("stop pr/x --wait").ended_with(0),
    );
    assert!(deleted.ends_with("pipelinerun/x: ended: it is gone\n"), "{deleted}");
}
