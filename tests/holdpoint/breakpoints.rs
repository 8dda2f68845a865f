//! Steps that are held, without a terminal.

use std::fs;

use crate::runner::Home;

/// Fails until there is a file `ok`.
const NEEDS_OK: &str = "echo trying; cat ok";

#[test]
fn a_hold_says_what_to_type_and_a_retry_runs_the_step_again() {
    let home = Home::new();
    home.task(&[("one", NEEDS_OK), ("two", "echo second")]);
    let mut run = home.start(&["--breakpoint", "on-failure"]);
    run.wait_for("held");
    run.wait_for(" shell  ");
    run.wait_for(" retry  ");
    run.wait_for(" status  ");
    let states = home.verb(&["status", "-o", "json"]).json();
    assert_eq!(states[0]["step"], "one");
    assert_eq!(states[0]["phase"], "held-failed");
    assert!(home.verb(&["retry"]).ended_with(0).contains("accepted"));
    run.wait_for("begins again (attempt 2)");
    run.wait_for("to go on");
    assert!(home.verb(&["retry", "--", "echo", "instead"]).ended_with(0).contains("accepted"));
    let finished = run.finish();
    assert_eq!(finished.lines_of("two"), ["second"]);
    assert!(finished.lines_of("one").contains(&"instead"), "{finished:#?}");
    finished.ended_with(0);
}

#[test]
fn a_hold_is_left_by_each_verb_with_its_own_outcome() {
    for (verb, code, status, second_runs) in [
        ("continue", 0, "succeeded", true),
        ("fail-continue", 1, "failed", true),
        ("breakpointexit", 7, "failed", true),
        ("fail", 7, "failed", false),
    ] {
        let home = Home::new();
        home.task(&[("one", "exit 7"), ("two", "echo second")]);
        let mut run = home.start(&["--breakpoint", "on-failure", "-o", "json"]);
        run.wait_for("to go on");
        home.verb(&[verb, "--step", "one"]).ended_with(0);
        let finished = run.finish();
        assert_eq!(finished.code, Some(code), "{verb}: {finished:#?}");
        assert_eq!(finished.json()["status"], status, "{verb}");
        assert_eq!(finished.stderr.contains("two | second"), second_runs, "{verb}: {finished:#?}");
    }
}

#[test]
fn steps_are_held_before_and_after_by_name() {
    let home = Home::new();
    home.task(&[("one", "echo first"), ("two", "echo second")]);
    let mut run = home.start(&["--breakpoint", "after:one,before:two"]);
    run.wait_for("one | first");
    run.wait_for("one: ");
    run.wait_for("to go on");
    assert_eq!(home.verb(&["retry"]).code, Some(3), "it succeeded");
    home.verb(&["continue"]).ended_with(0);
    run.wait_for("two: ");
    run.wait_for("to go on");
    home.verb(&["continue"]).ended_with(0);
    run.wait_for("two | second");
    run.finish().ended_with(0);
}

#[test]
fn the_command_of_a_hold_is_told_everything_and_can_repair() {
    let home = Home::new();
    home.task_with("  stepTemplate: {workingDir: src}\n", &[("one", NEEDS_OK)]);
    home.program(
        "repair",
        "#!/bin/sh\n\
         echo \"$HOLDPOINT_STEP $HOLDPOINT_EXIT_CODE $HOLDPOINT_ATTEMPT $HOLDPOINT_PHASE\" > told\n\
         grep -c trying \"$HOLDPOINT_LOG\" >> told\n\
         touch \"$HOLDPOINT_FOLDER/ok\"\n\
         \"$HOLDPOINT\" status --run \"$HOLDPOINT_RUN\" > /dev/null && holdpoint retry\n",
    );
    let stdout = home.run(&["--breakpoint", "on-failure", "--on-hold", "./repair"]).ended_with(0);
    assert!(stdout.contains("begins again (attempt 2)"), "{stdout}");
    assert_eq!(fs::read_to_string(home.path("told")).unwrap(), "one 1 1 held-failed\n1\n");
}

#[test]
fn what_the_command_of_a_hold_writes_is_not_in_the_json() {
    let home = Home::new();
    home.task(&[("one", "exit 7")]);
    let hook = "echo looking; holdpoint continue";
    let ran = home.run(&["--breakpoint", "on-failure", "--on-hold", hook, "-o", "json"]);
    assert_eq!(ran.json()["status"], "succeeded");
    assert!(ran.stderr.contains("looking\n"), "{ran:#?}");
}

#[test]
fn a_hold_that_its_command_leaves_standing_waits_on() {
    for (command, said) in [
        ("true", "still held"),
        ("exit 9", "--on-hold failed (exit status: 9)"),
        ("./no-program", "--on-hold failed (exit status: 127)"),
    ] {
        let home = Home::new();
        home.task(&[("one", "exit 7")]);
        let mut run = home.start(&["--breakpoint", "on-failure", "--on-hold", command]);
        run.wait_for(said);
        run.wait_for("to go on");
        home.verb(&["continue"]).ended_with(0);
        run.finish().ended_with(0);
    }
}
