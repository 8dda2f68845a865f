//! At the holds of a run that is followed: the ways to end all of it, several holds at once, and a shell
//! that outlives its hold.

use std::time::Duration;

use holdpoint_tests::{Fault, Signal};
use serde_json::json;

use super::runs::{ended, held, patches, run_held, run_path};
use super::setting::{Setting, pod};
use crate::runner::Running;
use crate::terminal::Terminal;

const PROMPT: &str = "[a]bort  [q]uit ?";
const HOW: &str = "[s]top  cancel-[f]inally  [a]bort  [c]ancel  [b]ack ?";

fn on_terminal(setting: &Setting, target: &str) -> Terminal {
    Terminal::start(setting.command(&["attach", target, "--no-color"]))
}

/// Asks at a prompt for the ways to end the run.
fn quit(terminal: &mut Terminal) -> String {
    terminal.press("q");
    terminal.wait_for(HOW)
}

/// The run `pr/x` has ended like this.
fn end(setting: &Setting, reason: &str) {
    setting.api.merge(&run_path("pipelineruns", "x"), ended("False", reason));
}

#[test]
fn who_quits_a_pipeline_run_is_told_how_the_ways_to_end_it_differ() {
    let setting = held();
    let mut terminal = on_terminal(&setting, "pr/x");
    terminal.wait_for(PROMPT);
    terminal.press("?");
    let help = terminal.wait_for(PROMPT);
    for line in [
        "    [r]etry     run the failed command again",
        "    [a]bort     end the PipelineRun: what runs ends with its step, and nothing more runs\r\n",
        "    [q]uit      end the PipelineRun in the way that is asked for then\r\n",
    ] {
        assert!(help.contains(line), "{help}");
    }
    let ways = quit(&mut terminal);
    for line in [
        "    [s]top            StoppedRunFinally    what runs ends with its step, then finally tasks run\r\n",
        "    cancel-[f]inally  CancelledRunFinally  what runs is ended, then finally tasks run\r\n",
        "    [a]bort                                what runs ends with its step, and nothing more runs\r\n",
        "    [c]ancel          Cancelled            what runs is ended, and nothing more runs\r\n",
    ] {
        assert!(ways.contains(line), "{ways}");
    }
    terminal.press("b");
    terminal.wait_for(PROMPT);
    assert_eq!((setting.executed_verbs(), patches(&setting)), (vec![], vec![]));
    quit(&mut terminal);
    terminal.press("c");
    terminal.wait_for("pipelinerun/x: accepted: what runs is ended, and nothing more runs");
    terminal.wait_for("pod/one: accepted: ");
    assert_eq!(setting.codes("one"), [9, 9]);
    let run = setting.api.get(&run_path("pipelineruns", "x")).unwrap();
    assert_eq!(run["spec"]["status"], "Cancelled");
    end(&setting, "Cancelled");
    terminal.wait_for("next: holdpoint retry pipelinerun/x -n default");
    assert_eq!(terminal.end(), Some(9));
}

#[test]
fn each_way_speaks_to_the_pipeline_run() {
    for (keys, status, annotation, codes) in [
        ("qs", json!("StoppedRunFinally"), json!(null), [7, 1]),
        ("qf", json!("CancelledRunFinally"), json!(null), [9, 9]),
        ("qa", json!(null), json!("given at the prompt"), [7, 1]),
        ("a", json!(null), json!("given at the prompt"), [7, 1]),
    ] {
        let setting = held();
        let mut terminal = on_terminal(&setting, "pr/x");
        terminal.wait_for(PROMPT);
        terminal.press(&keys[..1]);
        if let Some(way) = keys.get(1..).filter(|way| !way.is_empty()) {
            terminal.wait_for(HOW);
            terminal.press(way);
        }
        terminal.wait_for("pipelinerun/x: accepted: ");
        assert_eq!(setting.codes("one"), codes, "{keys}");
        let run = setting.api.get(&run_path("pipelineruns", "x")).unwrap();
        assert_eq!(run["spec"]["status"], status, "{keys}");
        assert_eq!(run["metadata"]["annotations"]["holdpoint.dev/abort"], annotation, "{keys}");
        end(&setting, "Failed");
        terminal.wait_for(&format!(", exit {}\r\n", codes[0]));
        assert_eq!(terminal.end(), Some(u8::try_from(codes[0]).unwrap().into()), "{keys}");
    }
}

#[test]
fn what_the_run_refuses_is_asked_again() {
    let setting = held();
    let mut terminal = on_terminal(&setting, "pr/x");
    terminal.wait_for(PROMPT);
    setting.api.fault("PATCH", "/pipelineruns/x", Fault::forbidden());
    quit(&mut terminal);
    terminal.press("c");
    terminal.wait_for("pipelinerun/x: unanswered: cannot set spec.status");
    terminal.wait_for(PROMPT);
    assert_eq!(setting.state("one", 0).unwrap()["phase"], "held-failed");
    terminal.press("c");
    setting.codes("one");
    end(&setting, "Failed");
    terminal.wait_for("pipelinerun/x: ");
    assert_eq!(terminal.end(), Some(0));
}

/// Finally tasks are let alone by a stop: whose step is held there goes on to be asked about.
#[test]
fn a_held_finally_task_outlasts_a_stop() {
    let setting = Setting::new();
    setting.api.put(super::runs::running("PipelineRun", "x"));
    run_held(&setting, "after", "finally");
    let mut terminal = on_terminal(&setting, "pr/x");
    terminal.wait_for(PROMPT);
    quit(&mut terminal);
    terminal.press("s");
    terminal.wait_for("pipelinerun/x: accepted: ");
    terminal.wait_for(PROMPT);
    terminal.press("c");
    assert_eq!(setting.codes("after"), [0, 0]);
    end(&setting, "Stopped");
    terminal.wait_for("pipelinerun/x: succeeded");
    assert_eq!(terminal.end(), Some(0));
}

#[test]
fn two_holds_at_once_are_asked_about_one_after_the_other() {
    let setting = held();
    run_held(&setting, "two", "tasks");
    let mut terminal = on_terminal(&setting, "pr/x");
    let shown = terminal.wait_for(PROMPT);
    let first = if shown.contains("one/build: exited") { ["one", "two"] } else { ["two", "one"] };
    let [now, later] = first;
    if !shown.contains(&format!("{later}/build: exited with 7")) {
        terminal.wait_for(&format!("{later}/build: exited with 7"));
    }
    terminal.press("c");
    terminal.wait_for("[c]ontinue\r\n");
    // One of them goes on, and the other one is asked about then.
    terminal.wait_for(PROMPT);
    let held = |pod| setting.state(pod, 0).unwrap()["phase"] == "held-failed";
    assert!(held(now) != held(later), "one key is for one hold");
    terminal.press("f");
    setting.codes("one");
    setting.codes("two");
    let mut codes = [setting.codes("one"), setting.codes("two")];
    codes.sort_unstable();
    assert_eq!(codes, [[0, 0], [7, 1]]);
    end(&setting, "Failed");
    terminal.wait_for("pipelinerun/x: failed after");
    assert_eq!(terminal.end(), Some(7));
}

#[test]
fn a_shell_outlives_its_hold() {
    let setting = Setting::new();
    let steps = [("build", "exit 7"), ("test", &*setting.home.blocks_on("gate", "echo tested"))];
    setting.run(pod("one", &[("breakpoint", "on-failure")], &steps));
    setting.reaches("one", 0, "held-failed");
    let mut terminal = on_terminal(&setting, "pod/one");
    terminal.wait_for(PROMPT);
    terminal.press("s");
    terminal.wait_for("[s]hell\r\n");
    terminal.wait_for("    look and repair; `exit` comes back to this hold\r\n");
    terminal.press("echo in''side\n");
    terminal.wait_for("inside");
    setting.type_in("continue pod/one").ended_with(0);
    setting.reaches("one", 1, "running");
    terminal.press("echo still in''side; exit\n");
    let shown = terminal.wait_for("still inside");
    assert!(!shown.contains("test: begins"), "the shell has the terminal: {shown}");
    // The hold is over: what came meanwhile is shown, and nobody is asked.
    let shown = terminal.wait_for("test: begins");
    assert!(!shown.contains(PROMPT), "{shown}");
    setting.home.unblock("gate");
    let shown = terminal.wait_for("pod/one: succeeded");
    assert!(shown.contains("test  | tested") && !shown.contains(PROMPT), "{shown}");
    assert_eq!(terminal.end(), Some(0));
}

#[test]
fn a_log_that_breaks_off_is_read_on() {
    let setting = Setting::new();
    let build = setting.home.blocks_on("gate", "echo built");
    setting.run(pod("one", &[], &[("build", &build)]));
    setting.api.fault_times(2, "GET", "pods/one/log", Fault::Cut(1));
    let mut following = Running::start(setting.command(&["attach", "pod/one"]));
    following.wait_for("build | ready");
    setting.home.unblock("gate");
    let told = following.finish();
    assert_eq!(told.code, Some(0), "{told:?}");
    assert_eq!(told.lines_of("build"), ["ready", "unblocked", "built"], "{told:?}");
}

/// Asks at the prompt for a cancel. The pods hear of it first, so the hold ends before the run is
/// changed, which takes a while.
fn cancel_slowly(setting: &Setting) -> Terminal {
    let mut terminal = on_terminal(setting, "pr/x");
    terminal.wait_for(PROMPT);
    for milliseconds in [0, 6000] {
        let slow = Fault::Slow(Duration::from_millis(milliseconds));
        setting.api.fault_times(1, "PATCH", "/pipelineruns/x", slow);
    }
    quit(&mut terminal);
    terminal.press("c");
    assert_eq!(setting.codes("one"), [9, 9]);
    terminal
}

/// Whether the run `pr/x` is cancelled.
fn is_cancelled(setting: &Setting) -> bool {
    setting.api.get(&run_path("pipelineruns", "x")).unwrap()["spec"]["status"] == "Cancelled"
}

#[test]
fn what_is_asked_of_the_run_is_not_cut_off_by_the_end_of_the_hold() {
    let setting = held();
    let mut terminal = cancel_slowly(&setting);
    terminal.wait_for("pipelinerun/x: accepted: ");
    assert!(is_cancelled(&setting));
    end(&setting, "Cancelled");
    terminal.wait_for(", exit 9\r\n");
    assert_eq!(terminal.end(), Some(9));
}

#[test]
fn nor_by_whoever_detaches() {
    let setting = held();
    let mut terminal = cancel_slowly(&setting);
    terminal.signal(Signal::SIGINT);
    terminal.wait_for("Ctrl-C again leaves at once");
    terminal.wait_for("pipelinerun/x: accepted: ");
    terminal.wait_for("detached: ");
    assert!(is_cancelled(&setting));
    assert_eq!(terminal.end(), Some(130));
}

/// Whoever is impatient would end the whole run by a key for another question.
#[test]
fn a_key_counts_once_its_question_is_shown() {
    let setting = held();
    let mut terminal = on_terminal(&setting, "pr/x");
    terminal.wait_for(PROMPT);
    setting.api.fault("GET", "/exec", Fault::Slow(Duration::from_secs(1)));
    terminal.press("p");
    terminal.wait_for("[p]ause\r\n");
    terminal.press("a");
    terminal.wait_for(PROMPT);
    setting.api.heal();
    quit(&mut terminal);
    terminal.press("b");
    terminal.wait_for(PROMPT);
    assert_eq!(patches(&setting), []);
    terminal.press("f");
    assert_eq!(setting.codes("one"), [7, 1]);
    end(&setting, "Failed");
    assert_eq!(terminal.end(), Some(7));
}
