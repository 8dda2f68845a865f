//! Running a failed command again in place (2.6).

use holdpoint_tests::{Running, Sandbox, Step, eventually, internal, result, started_at};
use serde_json::Value;

use crate::sandbox;

/// A step that fails until there is a file `repaired` in the sandbox.
fn failing(sandbox: &Sandbox) -> Step<'_> {
    let step = sandbox.step(0).flags(["-breakpoint_on_failure"]).any_stderr();
    step.shell("echo attempt; test -e repaired || exit 3")
}

/// A hold that ended well has no `exitCode` file.
fn after_hold(step: Step<'_>) -> Step<'_> {
    step.without("status/exitCode")
}

#[track_caller]
fn held_at(step: &Running<'_>, attempt: u32) -> Value {
    eventually(&format!("attempt {attempt} is held"), || {
        step.state().filter(|state| state["attempt"] == attempt && state["phase"] == "held-failed")
    })
}

#[test]
fn a_repaired_step_runs_again_in_place_and_succeeds() {
    let sandbox = sandbox();
    let step = failing(&sandbox).stdout("attempt\nattempt\n").start();
    held_at(&step, 1);
    sandbox.write("repaired", "");
    assert_eq!(sandbox.ask(0, ["retry"]).code, 0);
    step.finish();
}

#[test]
fn an_empty_file_is_enough_and_it_is_taken_away() {
    let sandbox = sandbox();
    let step = failing(&sandbox).stdout("attempt\nattempt\nattempt\n").fails(3);
    let step = step.leaves_something("out.breakpointexit").start();
    for attempt in 1..3 {
        held_at(&step, attempt);
        sandbox.write("tekton/run/0/out.retry", "");
    }
    held_at(&step, 3);
    assert!(!sandbox.has("tekton/run/0/out.retry"));
    sandbox.write("tekton/run/0/out.breakpointexit", "3");
    step.finish();
}

#[test]
fn what_the_last_attempt_left_running_is_ended_first() {
    let sandbox = sandbox();
    // The second attempt says whether what the first one left is still there.
    let script = "test -e left && { kill -0 $(cat left) && echo alive; exit 0; }; \
                  setsid sleep 1000 & echo $! > left; exit 3";
    let step = failing(&sandbox).shell(script).start();
    held_at(&step, 1);
    let left = sandbox.read("left").unwrap();
    assert!(crate::lives(left.trim()), "the leftover is gone during the hold");
    assert_eq!(sandbox.ask(0, ["retry"]).code, 0);
    step.finish();
}

#[test]
fn rows_and_results_are_those_of_the_last_attempt() {
    let sandbox = sandbox();
    let file = sandbox.folder("tekton/results").join("word").display().to_string();
    let script = format!(
        "test -e {file} && {{ printf second > {file}; exit 0; }}; printf first > {file}; exit 3"
    );
    let rows = [result("word", "second"), started_at()];
    let step = failing(&sandbox).flags(["-results", "word"]).shell(&script).rows(rows).start();
    let first = held_at(&step, 1)["startedAt"].clone();
    assert_eq!(sandbox.ask(0, ["retry"]).code, 0);
    step.finish();
    let message = sandbox.read("tekton/run/0/termination").unwrap();
    assert!(!message.contains(first.as_str().unwrap()), "{message}");
}

#[test]
fn environment_and_folder_are_as_they_were() {
    let sandbox = sandbox();
    sandbox.write("tekton/steps/step-a/results/word", "before");
    let step = failing(&sandbox).env("WORD", "$(steps.a.results.word)").in_folder("tekton");
    let script = "echo $WORD; pwd; test -e ../repaired || exit 3";
    let step = step.shell(script).stdout("before\n/tekton\nbefore\n/tekton\n").start();
    held_at(&step, 1);
    sandbox.write("repaired", "");
    assert_eq!(sandbox.ask(0, ["retry"]).code, 0);
    step.finish();
}

#[test]
fn results_of_earlier_steps_are_read_anew() {
    let sandbox = sandbox();
    sandbox.write("tekton/steps/step-a/results/word", "before");
    let step = failing(&sandbox).env("WORD", "$(steps.a.results.word)");
    let step = step.shell("echo $WORD; test -e repaired || exit 3").stdout("before\nafter\n");
    let step = step.start();
    held_at(&step, 1);
    sandbox.write("tekton/steps/step-a/results/word", "after");
    sandbox.write("repaired", "");
    assert_eq!(sandbox.ask(0, ["retry"]).code, 0);
    step.finish();
}

#[test]
fn the_timeout_is_that_of_each_attempt() {
    let sandbox = sandbox();
    let step =
        failing(&sandbox).flags(["-timeout", "2s"]).shell("test -e repaired || exec sleep 1000");
    let step = step.start();
    held_at(&step, 1);
    sandbox.write("repaired", "");
    assert_eq!(sandbox.ask(0, ["retry"]).code, 0);
    step.finish();
}

#[test]
fn another_command_is_for_one_attempt() {
    let sandbox = sandbox();
    let step = failing(&sandbox).stdout("attempt\nother words\nattempt\n").start();
    held_at(&step, 1);
    let other = "{\"command\":[\"sh\",\"-c\",\"echo other words; exit 4\"]}";
    sandbox.write("tekton/run/0/out.retry", other);
    assert_eq!(held_at(&step, 2)["exitCode"], 4);
    sandbox.write("repaired", "");
    assert_eq!(sandbox.ask(0, ["retry"]).code, 0);
    step.finish();
}

#[test]
fn the_verb_carries_another_command() {
    let sandbox = sandbox();
    let step = failing(&sandbox).stdout("attempt\na  b\n").start();
    held_at(&step, 1);
    assert_eq!(sandbox.ask(0, ["retry", "--", "echo", "a  b"]).code, 0);
    step.finish();
}

#[test]
fn another_command_helps_where_the_own_one_could_not_be_prepared() {
    const BEYOND: &str = "$(steps.a.results.list[7])";
    let faults: [fn(Step<'_>) -> Step<'_>; 4] = [
        |step| step.command(["echo", BEYOND]),
        |step| step.env("BEYOND", BEYOND),
        |step| step.flags(["-when_expressions", r#"[{"cel":"1 +"}]"#]),
        |step| step.flags(["-when_expressions", &format!(r#"[{{"cel":"{BEYOND}"}}]"#)]),
    ];
    for fault in faults {
        let sandbox = sandbox();
        sandbox.write("tekton/steps/step-a/results/list", r#"["one","two"]"#);
        let step = fault(failing(&sandbox)).env("WORD", "$(steps.a.results.list[1])");
        let step = step.stdout("one two\n").start();
        held_at(&step, 1);
        let words = ["retry", "--", "sh", "-c", "echo $0 $WORD", "$(steps.a.results.list[0])"];
        let said = sandbox.ask(0, words);
        assert_eq!(said.code, 0, "{}", said.text);
        step.finish();
    }
}

#[test]
fn another_command_runs_although_the_when_expressions_do_not_hold_by_now() {
    let sandbox = sandbox();
    let word = sandbox.write("tekton/steps/step-a/results/word", "yes");
    let expression = r#"[{"input":"$(steps.a.results.word)","operator":"in","values":["yes"]}]"#;
    let step = failing(&sandbox).flags(["-when_expressions", expression]);
    let step = step.stdout("attempt\nother\n").start();
    held_at(&step, 1);
    std::fs::write(word, "no").unwrap();
    assert_eq!(sandbox.ask(0, ["retry", "--", "echo", "other"]).code, 0);
    step.finish();
}

#[test]
fn a_command_that_does_not_parse_is_rejected_and_the_hold_stands() {
    for (request, why) in [
        ("{\"command\": oops", "no JSON list"),
        ("{\"command\":[]}", "is empty"),
        ("{\"command\":\"sh\"}", "no JSON list"),
        ("{\"command\":[\"\"]}", "the program, is empty"),
    ] {
        let sandbox = sandbox();
        let step = failing(&sandbox).start();
        held_at(&step, 1);
        sandbox.write("tekton/run/0/out.retry", request);
        let answered =
            eventually("it is answered", || step.state()?["requests"].as_array()?.first().cloned());
        assert_eq!(answered["outcome"], "rejected", "{request}");
        let told = answered["message"].as_str().unwrap();
        assert!(told.contains(why), "{request}: {told}");
        assert_eq!(held_at(&step, 1)["attempt"], 1);
        assert!(!sandbox.has("tekton/run/0/out.retry"));
        step.kill();
    }
}

#[test]
fn a_step_that_succeeded_is_never_run_again() {
    let sandbox = sandbox();
    let step = after_hold(sandbox.step(0)).flags(["-debug_after_step"]).command(["echo", "ran"]);
    let step = step.stdout("ran\n").leaves_something("out.breakpointexit").any_stderr().start();
    step.reaches("held-after");
    assert_eq!(sandbox.ask(0, ["retry"]).code, 3);
    sandbox.write("tekton/run/0/out.retry", "");
    eventually("the request is gone", || (!sandbox.has("tekton/run/0/out.retry")).then_some(()));
    assert_eq!(sandbox.ask(0, ["continue"]).code, 0);
    step.finish();
}

#[test]
fn a_step_that_is_not_held_is_not_run_again() {
    let sandbox = sandbox();
    let step = failing(&sandbox).shell(&crate::waiting_for(&sandbox, "go")).start();
    step.reaches("running");
    sandbox.write("tekton/run/0/out.retry", "");
    let answered =
        eventually("it is answered", || step.state()?["requests"].as_array()?.first().cloned());
    assert_eq!(answered["outcome"], "rejected");
    crate::release(&sandbox, "go");
    step.finish();
}

#[test]
fn a_timed_out_attempt_leaves_no_row_after_one_that_fails() {
    let sandbox = sandbox();
    let step = failing(&sandbox).flags(["-timeout", "1s"]).fails(5).rows([started_at()]);
    let step = step.shell("test -e repaired && exit 5; exec sleep 1000");
    let step = step.leaves_something("out.breakpointexit").start();
    assert_eq!(held_at(&step, 1)["reason"], "TimeoutExceeded");
    let message = eventually("the message is there", || sandbox.read("tekton/run/0/termination"));
    assert!(message.contains("TimeoutExceeded"), "{message}");
    sandbox.write("repaired", "");
    assert_eq!(sandbox.ask(0, ["retry"]).code, 0);
    held_at(&step, 2);
    sandbox.write("tekton/run/0/out.breakpointexit", "5");
    step.finish();
}

#[test]
fn term_during_the_second_attempt_goes_to_the_command_and_there_is_no_hold() {
    let sandbox = sandbox();
    let step = failing(&sandbox).shell("test -e repaired || exit 3; exec sleep 1000").fails(143);
    let step = step.rows([started_at()]).start();
    held_at(&step, 1);
    sandbox.write("repaired", "");
    assert_eq!(sandbox.ask(0, ["retry"]).code, 0);
    step.reaches("running");
    step.signal(holdpoint_tests::Signal::SIGTERM);
    step.finish();
}

#[test]
fn a_cancel_at_a_hold_has_no_exit_code_file() {
    let sandbox = sandbox();
    let rows = [started_at(), internal("Reason", "Cancelled")];
    let step = failing(&sandbox).stdout("attempt\n").fails(9).rows(rows).start();
    held_at(&step, 1);
    assert_eq!(sandbox.ask(0, ["cancel"]).code, 0);
    step.finish();
}
