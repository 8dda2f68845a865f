//! Words for the whole run, from another terminal: what they do to each step, and how the run tells.

use crate::runner::Home;

/// What becomes of a run of `one`, `two` and the finally step `last`.
struct Row {
    verb: &'static str,
    one_finishes: bool,
    last_runs: bool,
    reason: &'static str,
    status: &'static str,
    code: i32,
}

const fn row(
    verb: &'static str,
    one_finishes: bool,
    last_runs: bool,
    [reason, status]: [&'static str; 2],
    code: i32,
) -> Row {
    Row { verb, one_finishes, last_runs, reason, status, code }
}

const FLAGS: [&str; 4] = ["-o", "json", "--finally", "last"];

#[test]
fn each_stop_does_its_own_to_a_step_that_runs_and_to_finally_steps() {
    for row in [
        row("stop-finally", true, true, ["Stopped", "stopped"], 1),
        row("cancel-finally", false, true, ["Cancelled", "cancelled"], 9),
        row("abort", true, false, ["Aborted", "aborted"], 1),
        row("cancel-run", false, false, ["Cancelled", "cancelled"], 9),
    ] {
        let home = Home::new();
        let one = home.blocks_on("go", "true");
        home.task(&[("one", &one), ("two", "echo second"), ("last", "echo cleaned")]);
        let mut run = home.start(&FLAGS);
        run.wait_for("one  | ready");
        let told = home.verb(&[row.verb, "wrong", "branch"]).ended_with(0);
        assert!(told.starts_with(&format!("accepted: {}", row.verb)), "{told}");
        run.wait_for(&format!("{} (\"wrong branch\"): ", row.verb));
        if row.one_finishes {
            home.unblock("go");
        }
        let finished = run.finish();
        let shown = |text: &str| finished.stderr.contains(text);
        assert_eq!(shown("one  | unblocked"), row.one_finishes, "{finished:#?}");
        assert!(!shown("two  | second"), "{finished:#?}");
        assert_eq!(shown("last | cleaned"), row.last_runs, "{finished:#?}");
        let outcome = finished.json();
        assert_eq!(outcome["steps"][1]["reason"], row.reason, "{}", row.verb);
        assert_eq!(outcome["status"], row.status, "{}", row.verb);
        finished.ended_with(row.code);
    }
}

#[test]
fn each_stop_ends_a_hold_and_says_so() {
    for row in [
        row("stop-finally", true, true, ["Stopped", "stopped"], 7),
        row("cancel-finally", true, true, ["Cancelled", "cancelled"], 9),
        row("abort", true, false, ["Aborted", "aborted"], 7),
        row("cancel-run", true, false, ["Cancelled", "cancelled"], 9),
    ] {
        let home = Home::new();
        home.task(&[("one", "exit 7"), ("two", "echo second"), ("last", "echo cleaned")]);
        let mut run = home.start(&[&FLAGS[..], &["-b", "on-failure"]].concat());
        run.wait_for("to go on");
        let answer = home.verb(&[row.verb, "enough", "-o", "json"]);
        assert_eq!(answer.json()["outcome"], "accepted");
        let finished = run.finish();
        assert_eq!(finished.stderr.contains("last | cleaned"), row.last_runs, "{finished:#?}");
        let outcome = finished.json();
        assert_eq!(outcome["steps"][0]["reason"], row.reason, "{}", row.verb);
        assert_eq!(outcome["status"], row.status, "{}", row.verb);
        finished.ended_with(row.code);
    }
}

#[test]
fn a_finally_step_of_the_file_runs_after_a_failure_and_the_table_tells_all() {
    let home = Home::new();
    home.file(
        "task.yaml",
        "apiVersion: tekton.dev/v1\nkind: Task\nmetadata: {name: t}\nspec:\n  steps:\n  \
         - {name: one, script: exit 7}\n  - {name: two, script: echo second}\n  \
         - {name: last, finally: true, script: echo cleaned}\n",
    );
    let finished = home.run(&[]);
    assert_eq!(finished.lines_of("last"), ["cleaned"]);
    let stdout = finished.ended_with(7);
    for line in ["one   failed (7)", "two   skipped", "last  succeeded"] {
        assert!(stdout.contains(&format!("\n{line} ")), "{line}: {stdout}");
    }
    assert!(stdout.contains(": failed after"), "{stdout}");
}

#[test]
fn a_failing_finally_step_does_not_hide_the_first_failure() {
    let home = Home::new();
    home.task(&[("one", "exit 7"), ("last", "exit 8")]);
    assert_eq!(home.run(&FLAGS).ended_with(7).matches("\"status\":\"failed\"").count(), 1);
}

#[test]
fn a_pause_is_ended_from_elsewhere_though_the_step_of_its_folder_has_ended() {
    let home = Home::new();
    let one = home.blocks_on("go", "true");
    home.task(&[("one", &one), ("two", "echo second")]);
    let mut run = home.start(&[]);
    run.wait_for("one | ready");
    home.verb(&["pause", "look", "first"]).ended_with(0);
    run.wait_for("pause (\"look first\"): ");
    home.unblock("go");
    run.wait_for("two: is paused by `pause` (\"look first\")");
    run.wait_for(" resume  ");
    let states = home.verb(&["status", "-o", "json"]).json();
    assert_eq!((&states[0]["phase"], &states[1]["phase"]), (&"finished".into(), &"paused".into()));
    let told = home.verb(&["resume"]).ended_with(0);
    assert!(told.starts_with("accepted: resume") && !told.contains("annotation"), "{told}");
    run.wait_for("resume: ");
    let finished = run.finish();
    assert_eq!(finished.lines_of("two"), ["second"]);
    finished.ended_with(0);
}

#[test]
fn breakpoints_are_set_on_a_run_that_has_begun_and_taken_away() {
    let home = Home::new();
    home.task(&[("one", "true"), ("two", "exit 7"), ("three", "exit 8")]);
    let mut run = home.start(&["-b", "after:one"]);
    run.wait_for("to go on");
    let wrong = home.verb(&["breakpoint", "before:six"]);
    assert!(wrong.stderr.contains("there is no step six"), "{wrong:#?}");
    assert_eq!(wrong.code, Some(2));
    home.verb(&["breakpoint", "before:two,on-failure"]).ended_with(0);
    run.wait_for("breakpoint (\"before:two,on-failure\"): ");
    home.verb(&["continue"]).ended_with(0);
    run.wait_for("two: is held before its command");
    home.verb(&["continue"]).ended_with(0);
    run.wait_for("two: exited with 7");
    home.verb(&["breakpoint", "off"]).ended_with(0);
    home.verb(&["continue"]).ended_with(0);
    run.finish().ended_with(8);
}
