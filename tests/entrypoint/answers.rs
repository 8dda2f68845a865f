//! What a verb is answered (2.7): where it is rejected, why, what the step is doing, and which verbs
//! would do now.

use holdpoint_tests::{Running, Sandbox};

use crate::sandbox;

/// Step 1, held after a failure.
fn held<'a>(sandbox: &'a Sandbox, flags: &[&str]) -> Running<'a> {
    let step = sandbox.step(1).flags(["-breakpoint_on_failure"]).flags(flags).any_stderr();
    let step = step.shell("exit 3").start();
    step.reaches("held-failed");
    step
}

fn message(sandbox: &Sandbox, step: &Running<'_>) -> String {
    sandbox.plain(step.state().unwrap()["message"].as_str().unwrap())
}

/// The verbs behind `possible: `.
fn possible(text: &str) -> Vec<&str> {
    text.trim_end().rsplit("possible: ").next().unwrap().split(", ").collect()
}

#[test]
fn a_rejected_verb_is_told_why_what_the_step_does_and_what_would_do_now() {
    let sandbox = sandbox();
    let step = sandbox.step(1).command(["sleep", "1000"]).start();
    step.reaches("running");
    for (verb, why) in [
        ("retry", "its command is running"),
        ("skip", "the step has begun"),
        ("before-fail", "the step is not held before its command"),
    ] {
        let said = sandbox.ask(1, [verb]);
        assert_eq!((said.code, possible(&said.text)), (3, vec!["cancel"]), "{verb}");
        assert!(said.text.contains(why), "{verb}: {}", said.text);
        assert!(said.text.contains(&message(&sandbox, &step)), "{verb}: {}", said.text);
    }
    step.kill();
}

#[test]
fn extend_is_offered_where_the_hold_has_a_limit() {
    let verbs = ["continue", "fail-continue", "breakpointexit", "fail", "retry", "cancel"];
    for (flags, more) in [(&[][..], &[][..]), (&["-breakpoint_timeout", "1h"], &["extend"])] {
        let sandbox = sandbox();
        let step = held(&sandbox, flags);
        let said = sandbox.ask(1, ["skip"]);
        assert_eq!((said.code, possible(&said.text)), (3, [&verbs[..], more].concat()));
        step.kill();
    }
}

#[test]
fn what_came_of_a_verb_is_printed_with_who_asked_and_why() {
    let sandbox = sandbox();
    let step = held(&sandbox, &["-breakpoint_timeout", "1h"]);
    let post = sandbox.at("tekton/run/1/out");
    let call = sandbox.call(["retry", "flaky", "network", "-post_file", &post]);
    let call =
        call.env("HOLDPOINT_USER", "alice").without_traces().leaves_something("tekton/run/1");
    let asked = call.start();
    holdpoint_tests::eventually("it is answered", || {
        let told = "accepted: retry by alice (\"flaky network\")\n";
        (asked.stdout() == told).then_some(())
    });
    assert_eq!(asked.end(), 0);
    step.kill();
}

#[test]
fn flags_stand_behind_the_arguments_too() {
    let sandbox = sandbox();
    let step = held(&sandbox, &[]);
    let said = sandbox.ask(1, ["pause", "gone", "fishing", "-o", "json", "--wait=5s"]).json();
    assert_eq!((&said["outcome"], &said["verb"]), (&"accepted".into(), &"pause".into()));
    assert_eq!(sandbox.read("tekton/run/1/pause").as_deref(), Some("gone fishing"));
    step.kill();
}
