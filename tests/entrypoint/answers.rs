//! What a verb is answered (2.7): where it is rejected, why, what the step is doing, and which verbs
//! would do now; of a word to the run, who has not heard it.

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
fn what_an_answer_quotes_is_one_line_and_short() {
    let sandbox = sandbox();
    let step = held(&sandbox, &[]);
    let long = "x".repeat(1001);
    let text = format!(r#"{{"by":"al\nice\u001b[2J","reason":"{long}\n","command":["false"]}}"#);
    sandbox.write("tekton/run/1/out.retry", text);
    let quoted = format!(r#"retry by al\nice\u{{1b}}[2J ("{}…")"#, &long[..1000]);
    step.says(&format!("accepted: {quoted}\n"));
    step.kill();
}

/// Random bytes are quoted six times as long as they are.
#[test]
fn requests_full_of_random_bytes_keep_no_verb_from_its_answer() {
    let sandbox = sandbox();
    let step = held(&sandbox, &[]);
    for round in 1..=8 {
        sandbox.write("tekton/run/1/out.retry", "\u{1}".repeat(1 << 16));
        holdpoint_tests::eventually("it is tried again", || {
            (step.state()?["attempt"] == 1 + round).then_some(())
        });
        step.reaches("held-failed");
    }
    assert_eq!(sandbox.ask(1, ["skip"]).code, 3);
    step.kill();
}

#[test]
fn who_may_not_read_the_state_is_told_so() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let sandbox = sandbox();
    let step = held(&sandbox, &[]);
    sandbox.set_mode("tekton/run/1", 0o700);
    let call = sandbox.call(["retry", "-post_file", &sandbox.at("tekton/run/1/out")]);
    let told = "unanswered: cannot read /tekton/run/1/out.state: Permission denied (os error 13); \
                ask as the user of the step\n";
    let call = call.as_user(1000).without_traces().exits(4).stdout(told);
    call.leaves_something("tekton/run/1").run();
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

/// Words that speak to the run, with what they need behind them.
const TO_THE_RUN: [&[&str]; 7] = [
    &["pause"],
    &["resume"],
    &["stop-finally"],
    &["cancel-finally"],
    &["abort"],
    &["cancel-run"],
    &["breakpoint", "on-failure"],
];

#[test]
fn where_no_step_lives_a_run_takes_no_markers() {
    let sandbox = sandbox();
    sandbox.step(0).command(["true"]).start().finish();
    let dead = sandbox.step(1).command(["sleep", "1000"]).start();
    dead.reaches("running");
    dead.kill();
    for words in TO_THE_RUN {
        let said = sandbox.ask(1, words);
        assert_eq!(said.code, 3, "{words:?}: {}", said.text);
        assert!(said.text.contains("no step of this run is alive"), "{words:?}: {}", said.text);
        assert!(!sandbox.has(&format!("tekton/run/1/{}", words[0])), "{words:?}");
    }
}

#[test]
fn a_marker_is_accepted_where_all_that_live_have_seen_it_whoever_is_gone() {
    for words in &TO_THE_RUN[..3] {
        let sandbox = sandbox();
        sandbox.step(0).command(["true"]).start().finish();
        let dead = sandbox.step(1).command(["sleep", "1000"]).start();
        dead.reaches("running");
        dead.kill();
        let step = sandbox.step(2).command(["sleep", "1000"]).start();
        step.reaches("running");
        let said = sandbox.ask(2, *words);
        assert_eq!(said.code, 0, "{words:?}: {}", said.text);
        let seen = step.state().unwrap()["markers"][0]["name"].clone();
        assert_eq!(seen, words[0], "accepted before it was seen");
        step.kill();
    }
}

#[test]
fn one_step_that_has_not_seen_a_marker_is_named_and_the_marker_taken_back() {
    let sandbox = sandbox();
    let deaf = sandbox.step(1).flags(["-step_name", "deaf"]).command(["sleep", "1000"]).start();
    deaf.reaches("running");
    let next = sandbox.step(2).after(1).flags(["-step_name", "next"]).command(["true"]).start();
    next.reaches("waiting");
    deaf.signal(holdpoint_tests::Signal::SIGSTOP);
    let said = sandbox.ask(2, ["abort", "--wait", "300ms"]);
    assert_eq!(said.code, 4, "{}", said.text);
    assert!(said.text.contains("`deaf`") && !said.text.contains("`next`"), "{}", said.text);
    assert!(!sandbox.has("tekton/run/2/abort"));
    deaf.kill();
    next.kill();
}

#[test]
fn a_breakpoint_that_cannot_be_is_refused_before_it_is_set() {
    let sandbox = sandbox();
    let step = sandbox.step(1).flags(["-step_name", "build"]).command(["sleep", "1000"]).start();
    step.reaches("running");
    for spec in ["on-success", "before:test", "after:", "before:build,oops", ""] {
        let said = sandbox.ask(1, ["breakpoint", spec]);
        assert_eq!(said.code, 2, "{spec:?}: {}", said.text);
        assert!(said.text.contains("give on-failure, before:STEP"), "{spec:?}: {}", said.text);
        assert!(!sandbox.has("tekton/run/1/breakpoint"), "{spec:?}");
    }
    for spec in ["on-failure", "before:build, after:build", "off"] {
        assert_eq!(sandbox.ask(1, ["breakpoint", spec]).code, 0, "{spec:?}");
        assert_eq!(sandbox.read("tekton/run/1/breakpoint").as_deref(), Some(spec));
    }
    step.kill();
}
