//! Verbs from another terminal: which run and which step they find.

use std::fs::File;

use crate::runner::{Home, Running};

#[test]
fn without_a_run_there_is_nobody_to_ask() {
    let home = Home::new();
    home.task(&[("one", "true")]);
    home.run(&[]).ended_with(0);
    for (words, problem) in [
        (&["status"][..], "no run is live"),
        (&["retry"], "no run is live"),
        (&["pause", "for lunch"], "no run is live"),
        (&["shell"], "no run is live"),
        (&["continue", "--run", "task-1"], "no run `task-1` is live"),
    ] {
        let told = home.verb(words).ended_with(4);
        assert!(told.starts_with(&format!("unanswered: {problem}")), "{told}");
        let json = home.verb(&[words, &["-o", "json"]].concat()).json();
        assert_eq!(json["outcome"], "unanswered");
        assert!(json["message"].as_str().unwrap().starts_with(problem), "{json}");
    }
}

#[test]
fn the_newest_run_is_taken_unless_one_is_named() {
    let home = Home::new();
    home.task(&[("one", "exit 7")]);
    let mut runs: Vec<_> = (0..2)
        .map(|_| {
            let mut run = home.start(&["--breakpoint", "on-failure", "-o", "json"]);
            run.wait_for("to go on");
            run
        })
        .collect();
    home.verb(&["continue"]).ended_with(0);
    let newest = runs.pop().unwrap().finish();
    assert_eq!(newest.code, Some(0));
    let newest = newest.json()["run"].as_str().unwrap().to_owned();
    assert_eq!(home.verb(&["continue", "--run", &newest]).code, Some(4));
    home.verb(&["fail"]).ended_with(0);
    assert_eq!(runs.pop().unwrap().finish().code, Some(7));
}

#[test]
fn a_verb_at_the_wrong_time_is_rejected() {
    let home = Home::new();
    home.task(&[("one", "true"), ("two", "exit 7")]);
    let mut run = home.start(&["--breakpoint", "on-failure"]);
    run.wait_for("to go on");
    assert_eq!(home.verb(&["retry", "--step", "one"]).code, Some(3));
    assert_eq!(home.verb(&["skip"]).code, Some(3));
    let unknown = home.verb(&["retry", "--step", "six"]);
    assert_eq!(unknown.code, Some(2), "{unknown:#?}");
    assert!(unknown.stderr.contains("--step six: the steps of "), "{unknown:#?}");
    home.verb(&["fail"]).ended_with(0);
    run.finish().ended_with(7);
}

#[test]
fn where_no_step_is_held_the_steps_are_listed_with_what_they_do() {
    let home = Home::new();
    let one = home.blocks_on("go", "true");
    home.task(&[("one", &one), ("two", "echo second")]);
    let mut run = home.start(&[]);
    run.wait_for("one | ready");
    let why = "no step is held (one: running, two: waiting); name one with --step";
    assert_eq!(home.verb(&["retry"]).ended_with(3), format!("rejected: {why}\n"));
    let json = home.verb(&["skip", "-o", "json"]).json();
    assert_eq!((&json["outcome"], &json["message"]), (&"rejected".into(), &why.into()));
    home.wait_for_steps(2);
    let json = home.verb(&["skip", "--step", "two", "-o", "json"]).json();
    assert_eq!((&json["outcome"], &json["step"]), (&"accepted".into(), &"two".into()));
    home.unblock("go");
    let finished = run.finish();
    assert!(!finished.lines_of("two").contains(&"second"), "{finished:#?}");
    finished.ended_with(0);
}

#[test]
fn a_step_that_runs_is_cancelled_by_name() {
    let home = Home::new();
    home.task(&[("one", &home.blocks_on("go", "true"))]);
    let mut run = home.start(&["-o", "json"]);
    run.wait_for("one | ready");
    let mut cancel = home.holdpoint(&["cancel", "--step", "one"]);
    cancel.env("HOLDPOINT_USER", "alice");
    Running::start(cancel).finish().ended_with(0);
    let finished = run.finish();
    assert!(finished.stderr.contains("one: was cancelled by alice"), "{finished:#?}");
    assert_eq!(finished.json()["status"], "cancelled");
    finished.ended_with(9);
}

#[test]
fn a_hold_before_the_step_is_left_by_its_own_verbs() {
    for (verb, code, runs) in [("before-continue", 0, true), ("before-fail", 1, false)] {
        let home = Home::new();
        home.task(&[("one", "echo first")]);
        let mut run = home.start(&["--breakpoint", "before:one"]);
        run.wait_for("to go on");
        home.verb(&[verb]).ended_with(0);
        let finished = run.finish();
        assert_eq!(finished.lines_of("one").contains(&"first"), runs, "{finished:#?}");
        finished.ended_with(code);
    }
}

#[test]
fn only_a_hold_with_a_limit_is_extended() {
    let home = Home::new();
    home.task(&[("one", "exit 7")]);
    let mut limited = home.start(&["-b", "on-failure", "--breakpoint-timeout", "1h"]);
    limited.wait_for("held until");
    limited.wait_for("extend 30m");
    let until = |home: &Home| home.verb(&["status", "-o", "json"]).json()[0]["deadline"].clone();
    let before = until(&home);
    assert!(home.verb(&["extend", "2h"]).ended_with(0).starts_with("accepted: extend"));
    assert!(until(&home).as_str() > before.as_str());
    limited.wait_for("one: exited with 7");
    home.verb(&["fail"]).ended_with(0);
    limited.finish().ended_with(7);

    let mut unlimited = home.start(&["-b", "on-failure"]);
    unlimited.wait_for("to go on");
    assert!(home.verb(&["extend", "2h"]).ended_with(3).contains("no limit"));
    home.verb(&["fail"]).ended_with(0);
    unlimited.finish().ended_with(7);
}

#[test]
fn a_hold_that_nobody_ends_is_over_at_its_limit() {
    let home = Home::new();
    home.task(&[("one", "exit 7"), ("two", "true"), ("last", "echo cleaned")]);
    let flags = ["-b", "on-failure", "--breakpoint-timeout", "10ms", "--finally", "last"];
    let finished = home.run(&flags);
    assert_eq!(finished.lines_of("last"), ["cleaned"]);
    assert!(finished.stdout.contains("one   failed (7), hold timed out"), "{finished:#?}");
    finished.ended_with(7);
    let outcome = home.run(&[&flags[..], &["-o", "json"]].concat()).json();
    assert_eq!(outcome["status"], "failed");
    assert_eq!(outcome["steps"][0]["reason"], "BreakpointTimeout");
}

#[test]
fn probe_tells_by_its_code_whether_a_step_waits_for_a_person() {
    let home = Home::new();
    home.task(&[("one", &home.blocks_on("go", "exit 7")), ("two", "true")]);
    let mut run = home.start(&["-b", "on-failure"]);
    run.wait_for("one | ready");
    assert_eq!(home.verb(&["probe"]).ended_with(0), "");
    home.unblock("go");
    run.wait_for("to go on");
    assert!(home.verb(&["probe"]).ended_with(1).starts_with("step `one` exited with 7"));
    home.verb(&["pause"]).ended_with(0);
    home.verb(&["continue"]).ended_with(0);
    run.wait_for("two: is paused");
    assert!(home.verb(&["probe"]).ended_with(1).starts_with("step `two` is paused"));
    assert_eq!(home.verb(&["probe", "--step", "one"]).ended_with(0), "");
    home.verb(&["resume"]).ended_with(0);
    run.finish().ended_with(0);
}

#[test]
fn a_watched_status_ends_with_the_run() {
    let home = Home::new();
    home.task(&[("one", "exit 7"), ("two", "true")]);
    let mut run = home.start(&["-b", "on-failure"]);
    run.wait_for("to go on");
    let mut watched = Running::start(home.holdpoint(&["status", "--watch"]));
    watched.wait_for("held-failed");
    home.verb(&["continue"]).ended_with(0);
    run.finish().ended_with(0);
    let table = watched.finish().ended_with(0);
    assert!(table.lines().last().unwrap().starts_with("two   finished"), "{table}");
}

#[test]
fn a_shell_is_opened_where_the_step_is_and_as_it_is() {
    let home = Home::new();
    home.file(
        "task.yaml",
        "apiVersion: tekton.dev/v1\nkind: Task\nmetadata: {name: t}\nspec:\n  steps:\n  \
         - {name: make, results: [{name: r}], script: printf made > $(step.results.r.path)}\n  \
         - name: use\n    workingDir: deep\n    env: [{name: OWN, value: 'is $(steps.make.results.r)'}]\n    \
         script: exit 7\n",
    );
    let mut command = home.holdpoint(&["run", "task.yaml", "-b", "on-failure"]);
    command.env("GIVEN", "to the run");
    let mut run = Running::start(command);
    run.wait_for("to go on");
    let typed = home.file("typed", "pwd; ls /tekton/steps; echo $OWN, $GIVEN, $TYPED; exit 3\n");
    let mut shell = home.holdpoint(&["shell"]);
    shell.env("TYPED", "elsewhere").stdin(File::open(typed).unwrap());
    let shown = Running::start(shell).finish().ended_with(3);
    let lines: Vec<_> = shown.lines().collect();
    assert_eq!(lines[0], "/workspace/deep");
    assert!(lines.contains(&"step-use"), "{shown}");
    assert_eq!(lines.last(), Some(&"is made, to the run,"), "{shown}");
    home.verb(&["fail"]).ended_with(0);
    run.finish().ended_with(7);
}
