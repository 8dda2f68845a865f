//! Holds of steps that failed (1.11): which there are, what is on disk while they last, and what
//! ends them.

use holdpoint_tests::{Post, Running, Sandbox, Signal, Step, eventually, internal, started_at};
use serde_json::Value;

use crate::sandbox;

const CONTINUED: [&str; 2] = ["-on_error", "continue"];

/// A step that will be held after `exit 3`.
fn failing(sandbox: &Sandbox) -> Step<'_> {
    sandbox.step(0).flags(["-breakpoint_on_failure"]).shell("exit 3").any_stderr()
}

/// The same, held.
fn held(step: Step<'_>) -> Running<'_> {
    let step = step.start();
    step.reaches("held-failed");
    step
}

fn nothing_is_posted(sandbox: &Sandbox) {
    for file in ["out", "out.err", "status/exitCode"] {
        assert!(!sandbox.has(&format!("tekton/run/0/{file}")), "{file} is there during the hold");
    }
}

#[test]
fn whatever_fails_once_its_turn_has_come_is_held_also_with_on_error() {
    let cases: [(&[&str], &[&str], i32); 8] = [
        (&["sh", "-c", "exit 3"], &[], 3),
        (&["sh", "-c", "kill -9 $$"], &[], 137),
        (&["no-such-command"], &[], 127),
        (&["/etc/passwd"], &[], 126),
        (&["sleep", "1000"], &["-timeout", "1ms"], 1),
        (&["true"], &["-timeout", "-1s"], 1),
        (&["true"], &["-when_expressions", "{"], 1),
        (&["true"], &["-when_expressions", r#"[{"cel":"1 =="}]"#], 1),
    ];
    for (command, flags, code) in cases {
        for on_error in [&[][..], &CONTINUED] {
            let sandbox = sandbox();
            let step = failing(&sandbox).flags(flags).flags(on_error).command(command);
            let step =
                held(step.fails(code).leaves_something("out.breakpointexit").rows(match flags {
                    ["-timeout", "1ms"] => {
                        vec![started_at(), internal("Reason", "TimeoutExceeded")]
                    }
                    _ => vec![started_at()],
                }));
            nothing_is_posted(&sandbox);
            sandbox.write("tekton/run/0/out.breakpointexit", format!("{code}\n"));
            step.finish();
        }
    }
}

#[test]
fn an_index_out_of_range_is_held() {
    let sandbox = sandbox();
    sandbox.write("tekton/steps/step-a/results/list", "[]");
    let step = held(failing(&sandbox).command(["echo", "$(steps.a.results.list[0])"]));
    nothing_is_posted(&sandbox);
    step.kill();
}

#[test]
fn a_step_that_succeeds_or_is_skipped_is_not_held() {
    let sandbox = sandbox();
    let step = sandbox.step(0).flags(["-breakpoint_on_failure"]);
    step.command(["true"]).run();
    let expression = r#"[{"cel":"false"}]"#;
    let step = sandbox.step(1).flags(["-breakpoint_on_failure", "-when_expressions", expression]);
    let rows = [started_at(), internal("Reason", "Skipped")];
    step.command(["true"]).rows(rows).any_stderr().run();
}

#[test]
fn a_cancelled_step_is_not_held() {
    let sandbox = sandbox();
    let rows = [started_at(), internal("Reason", "Cancelled")];
    let step = failing(&sandbox).command(["sleep", "1000"]).fails(9).rows(rows);
    let step = step.exit_code_file("killed").start();
    step.reaches("running");
    sandbox.write("tekton/downward/cancel", "true");
    step.finish();
}

#[test]
fn a_step_that_fails_before_its_command_by_a_person_is_not_held() {
    let sandbox = sandbox();
    let step = failing(&sandbox).flags(["-debug_before_step"]).fails(1);
    let step = step.leaves("out.beforestepexit.err", "").start();
    step.reaches("held-before");
    sandbox.write("tekton/run/0/out.beforestepexit.err", "");
    step.finish();
}

#[test]
fn the_log_says_what_happened_and_how_to_go_on() {
    let sandbox = sandbox();
    let step = held(failing(&sandbox));
    let log = step.stderr();
    for part in ["exited with 3", "held", "retry"] {
        assert!(log.contains(part), "{part:?} is not in {log:?}");
    }
    step.kill();
}

#[test]
fn the_first_line_of_the_exit_file_is_the_code_and_anything_else_is_zero() {
    for (content, code) in [
        ("0\n", 0),
        ("", 0),
        ("7\n", 7),
        ("7", 7),
        (" 7 \n", 7),
        ("255\n", 255),
        ("256\n", 0),
        ("-1\n", 0),
        ("one\n", 0),
        ("\n7\n", 0),
        ("9\n{\"by\":\"alice\",\"reason\":\"known flake\"}\n", 9),
    ] {
        let sandbox = sandbox();
        let post = if code == 0 { Post::Done } else { Post::Failed };
        let step = failing(&sandbox).fails(code).posts(post);
        let step = held(step.leaves("out.breakpointexit", content));
        sandbox.write("tekton/run/0/out.breakpointexit", content);
        step.finish();
    }
}

#[test]
fn the_failure_file_of_the_documentation_ends_the_hold_as_failed() {
    let sandbox = sandbox();
    let step = held(failing(&sandbox).fails(1).leaves("out.breakpointexit.err", ""));
    sandbox.write("tekton/run/0/out.breakpointexit.err", "");
    step.finish();
}

#[test]
fn an_exit_file_that_is_there_when_the_hold_begins_ends_it_at_once() {
    let sandbox = sandbox();
    sandbox.write("tekton/run/0/out.breakpointexit", "4\n");
    let rows = [started_at()];
    failing(&sandbox).fails(4).rows(rows).start().finish();
    assert_eq!(sandbox.read("tekton/run/0/out.breakpointexit").as_deref(), Some("4\n"));
}

/// What Tekton's own scripts do: they post themselves, and then write the exit file.
#[test]
fn after_the_scripts_of_tekton_there_is_one_post_file_and_the_right_exit() {
    for (script, post, code) in [
        ("touch out; echo 0 > out.breakpointexit", Post::Done, 0),
        ("touch out.err; echo 1 > out.breakpointexit", Post::Failed, 1),
    ] {
        let sandbox = sandbox();
        let step = failing(&sandbox).fails(code).posts(post);
        let step = held(step.leaves("out.breakpointexit", &format!("{code}\n")));
        crate::shell(&sandbox.path("tekton/run/0"), script);
        step.finish();
    }
}

#[test]
fn the_scripts_of_tekton_end_a_hold_before_the_step() {
    let sandbox = sandbox();
    let step = sandbox.step(0).flags(["-debug_before_step"]).command(["echo", "ran"]);
    let step = step.stdout("ran\n").leaves("out.beforestepexit", "0\n").any_stderr().start();
    step.reaches("held-before");
    crate::shell(&sandbox.path("tekton/run/0"), "echo 0 > out.beforestepexit");
    step.finish();
    let step = sandbox.step(1).flags(["-debug_before_step"]).command(["echo", "ran"]);
    let step = step.fails(1).leaves("out.beforestepexit.err", "1\n").any_stderr().start();
    step.reaches("held-before");
    crate::shell(&sandbox.path("tekton/run/1"), "echo 1 > out.beforestepexit.err");
    step.finish();
}

#[test]
fn what_the_step_left_running_lives_during_the_hold_and_is_gone_after() {
    let sandbox = sandbox();
    let step = failing(&sandbox).shell("sleep 1000 & echo $! > tekton/run/0/left; exit 3").fails(3);
    let step = step.leaves_something("left").leaves_something("out.breakpointexit");
    let step = held(step);
    let left = sandbox.read("tekton/run/0/left").unwrap();
    assert!(crate::lives(left.trim()), "the leftover is gone during the hold");
    sandbox.write("tekton/run/0/out.breakpointexit", "3");
    step.finish();
    assert!(!crate::lives(left.trim()), "the leftover lives after the step");
}

#[test]
fn the_termination_message_is_on_disk_during_the_hold_and_replaced_after() {
    let sandbox = sandbox();
    sandbox.folder("tekton/results");
    let result = sandbox.at("tekton/results/word");
    let step = failing(&sandbox).flags(["-results", "word"]);
    let step = step.shell(&format!("printf first > {result}; exit 3"));
    let rows = [holdpoint_tests::result("word", "second"), started_at()];
    let step = held(step.fails(3).rows(rows).leaves_something("out.breakpointexit"));
    let keys = eventually("the message is there", || {
        let rows: Value = serde_json::from_str(&sandbox.read("tekton/run/0/termination")?).ok()?;
        let row = |row: &Value| format!("{}={}", row["key"], row["value"]).replace('"', "");
        Some(rows.as_array()?.iter().map(row).collect::<Vec<_>>())
    });
    assert_eq!(keys.len(), 3, "{keys:?}");
    assert_eq!((keys[0].as_str(), keys[1].as_str()), ("holdpoint.dev/held=3", "word=first"));
    sandbox.write("tekton/results/word", "second");
    sandbox.write("tekton/run/0/out.breakpointexit", "3");
    step.finish();
}

#[test]
fn term_during_a_hold_ends_it_and_posts() {
    for (signal, code) in [(Signal::SIGTERM, 143), (Signal::SIGINT, 130), (Signal::SIGQUIT, 131)] {
        let sandbox = sandbox();
        let rows = [started_at(), internal("Reason", "Terminated")];
        let step = held(failing(&sandbox).fails(code).rows(rows));
        step.signal(signal);
        step.finish();
    }
}

#[test]
fn each_hold_that_nobody_ends_is_ended_by_its_limit() {
    for (flag, command, post, code) in [
        ("-debug_before_step", "exit 0", Post::Failed, 1),
        ("-breakpoint_on_failure", "exit 3", Post::Failed, 3),
        ("-debug_after_step", "exit 0", Post::Done, 0),
    ] {
        let sandbox = sandbox();
        let step = sandbox.step(0).flags([flag, "-breakpoint_timeout", "20ms"]).shell(command);
        let step = step.exits(code).posts(post).without("status/exitCode").any_stderr();
        let step = step.rows([started_at(), internal("Reason", "BreakpointTimeout")]);
        // As by the verb `fail`: of the steps behind it only finally steps run.
        let step = if code == 3 { step.leaves_something("stop-finally") } else { step };
        step.start().finish();
    }
}

#[test]
fn what_outlived_a_timeout_is_gone_while_its_step_is_held() {
    let sandbox = sandbox();
    let script = "(trap '' TERM; echo > ready; while :; do sleep 0.01; done) & \
                  echo $! > left; wait";
    let step = failing(&sandbox).shell(script);
    let step = held(step.flags(["-timeout", "200ms", "-kill_grace", "50ms"]));
    let left = sandbox.read("left").unwrap();
    eventually("it is gone", || (!crate::lives(left.trim())).then_some(()));
    step.kill();
}

#[test]
fn a_debugged_run_goes_on_after_a_step_that_was_left_as_failed() {
    let sandbox = sandbox();
    let next = sandbox.step(1).after(0).flags(["-breakpoint_on_failure"]);
    let next = next.command(["echo", "ran"]).stdout("ran\n").any_stderr().start();
    let step = held(failing(&sandbox).fails(1).leaves_something("out.breakpointexit"));
    assert_eq!(next.stdout(), "");
    assert_eq!(sandbox.ask(0, ["fail-continue"]).code, 0);
    step.finish();
    next.finish();
}

#[test]
fn a_shell_has_the_changed_variables_at_every_hold() {
    let beyond = "$(steps.a.results.list[7])";
    for (flag, phase, command) in [
        ("-debug_before_step", "held-before", ["echo", "ran"]),
        ("-breakpoint_on_failure", "held-failed", ["echo", beyond]),
        ("-debug_after_step", "held-after", ["echo", "ran"]),
    ] {
        let sandbox = sandbox();
        sandbox.write("tekton/steps/step-a/results/list", r#"["one","two"]"#);
        let step = sandbox.step(0).flags([flag]).env("WORD", "$(steps.a.results.list[1])");
        let step = step.env("SAME", "same").any_stderr().command(command).start();
        step.reaches(phase);
        let shown = sandbox.read("tekton/run/0/out.env");
        assert_eq!(shown.as_deref(), Some("WORD=two\0"), "{phase}");
        step.kill();
    }
}

#[test]
fn a_variable_that_cannot_be_is_told_at_the_turn_and_not_at_the_hold_before_it() {
    let sandbox = sandbox();
    sandbox.write("tekton/steps/step-a/results/list", r#"["one","two"]"#);
    let step = sandbox.step(0).flags(["-debug_before_step"]).command(["echo", "ran"]);
    let step = step.env("FIRST", "$(steps.a.results.list[0])");
    let step = step.env("BEYOND", "$(steps.a.results.list[7])");
    let step = step.fails(1).any_stderr().leaves_something("out.beforestepexit").start();
    step.reaches("held-before");
    assert_eq!(sandbox.read("tekton/run/0/out.env").as_deref(), Some("FIRST=one\0"));
    assert!(!step.stderr().contains("out of range"), "{}", step.stderr());
    assert_eq!(sandbox.ask(0, ["before-continue"]).code, 0);
    let ran = step.finish();
    assert!(ran.stderr.contains("out of range"), "{}", ran.stderr);
}

#[test]
fn without_breakpoints_the_next_step_is_skipped_after_a_hold_that_failed() {
    let sandbox = sandbox();
    let rows = [started_at(), internal("Reason", "Skipped")];
    let next = sandbox.step(1).after(0).command(["echo", "ran"]).fails(1).rows(rows);
    let next = next.any_stderr().start();
    let step = held(failing(&sandbox).fails(3).leaves_something("out.breakpointexit"));
    sandbox.write("tekton/run/0/out.breakpointexit", "3");
    step.finish();
    next.finish();
}
