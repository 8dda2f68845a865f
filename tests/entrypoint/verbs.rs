//! What a person types at a step (2.7): which verb is accepted when, what it does, and what is told.

use std::collections::BTreeSet;

use holdpoint_tests::{Post, Row, Running, Sandbox, internal, started_at};
use serde_json::Value;

use crate::sandbox;

const PHASES: [&str; 6] =
    ["waiting", "paused", "held-before", "running", "held-failed", "held-after"];

/// The table of the contract, for holds without a limit: accepted in which phases.
const TABLE: [(&[&str], [bool; 6]); 10] = [
    (&["continue"], [false, false, true, false, true, true]),
    (&["fail"], [false, false, true, false, true, true]),
    (&["fail-continue"], [false, false, false, false, true, true]),
    (&["breakpointexit"], [false, false, false, false, true, true]),
    (&["before-continue"], [false, false, true, false, false, false]),
    (&["before-fail"], [false, false, true, false, false, false]),
    (&["retry"], [false, false, false, false, true, false]),
    (&["skip"], [true, true, true, false, false, false]),
    (&["cancel"], [true, true, true, true, true, true]),
    (&["extend", "1h"], [false, false, false, false, false, false]),
];

/// Step 1 in this phase.
fn in_phase<'a>(sandbox: &'a Sandbox, phase: &str, flags: &[&str]) -> Running<'a> {
    let step = sandbox.step(1).flags(flags).command(["sleep", "1000"]);
    let step = match phase {
        "waiting" => step.after(0),
        "paused" => {
            sandbox.write("tekton/downward/pause", "lunch");
            step
        }
        "held-before" => step.flags(["-debug_before_step"]),
        "held-failed" => step.flags(["-breakpoint_on_failure"]).command(["false"]),
        "held-after" => step.flags(["-debug_after_step"]).command(["true"]),
        _ => step,
    };
    let step = step.start();
    step.reaches(phase);
    step
}

#[test]
fn each_verb_is_accepted_in_its_phases_and_rejected_in_all_others() {
    for (column, phase) in PHASES.iter().enumerate() {
        let rejecting = sandbox();
        let unmoved = in_phase(&rejecting, phase, &[]);
        for (words, accepted) in TABLE {
            if accepted[column] {
                let sandbox = sandbox();
                let step = in_phase(&sandbox, phase, &[]);
                let said = sandbox.ask(1, words);
                assert_eq!(said.code, 0, "{words:?} while {phase}: {}", said.text);
                step.kill();
            } else {
                let said = rejecting.ask(1, words);
                assert_eq!(said.code, 3, "{words:?} while {phase}: {}", said.text);
                assert!(said.text.contains("possible: "), "{}", said.text);
                assert!(said.text.contains("cancel"), "{}", said.text);
                assert_eq!(unmoved.state().unwrap()["phase"], *phase, "after {words:?}");
            }
        }
        unmoved.kill();
    }
}

#[test]
fn extend_is_accepted_at_every_hold_with_a_limit() {
    for phase in ["held-before", "held-failed", "held-after"] {
        let sandbox = sandbox();
        let step = in_phase(&sandbox, phase, &["-breakpoint_timeout", "1h"]);
        let before = step.state().unwrap()["deadline"].clone();
        let said = sandbox.ask(1, ["extend", "5h"]);
        assert_eq!(said.code, 0, "{phase}: {}", said.text);
        let after = step.state().unwrap()["deadline"].clone();
        assert!(after.as_str() > before.as_str(), "{phase}: {before} then {after}");
        for words in [&["extend"][..], &["extend", "1h", "2h"]] {
            assert_eq!(sandbox.ask(1, words).code, 2, "{words:?}");
        }
        let said = sandbox.ask(1, ["extend", "soon"]);
        assert_eq!(said.code, 3, "{phase}: {}", said.text);
        step.kill();
    }
}

/// How a hold after `exit N` is left: verb, flags, post, rows, exit.
fn leaves(command: &str, flags: &[&str], verb: &str, post: Post, rows: Vec<Row>, code: i32) {
    let sandbox = sandbox();
    let hold = if command == "exit 0" { "-debug_after_step" } else { "-breakpoint_on_failure" };
    let step = sandbox.step(1).flags([hold]).flags(flags).shell(command).any_stderr();
    let step = step.fails(code).posts(post).rows(rows).leaves_something("out.breakpointexit");
    let step = if verb == "fail" { step.leaves_something("stop-finally") } else { step };
    let step = step.start();
    step.reaches(if command == "exit 0" { "held-after" } else { "held-failed" });
    let said = sandbox.ask(1, [verb]);
    assert_eq!(said.code, 0, "{verb}: {}", said.text);
    step.finish();
}

#[test]
fn each_verb_leaves_a_hold_in_its_own_way() {
    use Post::{Done, Failed};
    let plain = || vec![started_at()];
    let on_error: &[&str] = &["-on_error", "continue"];
    let timeout: &[&str] = &["-timeout", "1ms"];
    let timed_out = || vec![started_at(), internal("Reason", "TimeoutExceeded")];
    leaves("exit 3", &[], "continue", Done, plain(), 0);
    leaves("exit 3", on_error, "continue", Done, vec![started_at(), internal("ExitCode", "3")], 0);
    leaves("exit 3", &[], "fail-continue", Failed, plain(), 1);
    leaves("exit 3", on_error, "fail-continue", Failed, plain(), 1);
    leaves("exit 3", &[], "breakpointexit", Done, plain(), 3);
    leaves("exit 3", on_error, "breakpointexit", Done, plain(), 3);
    leaves("kill -9 $$", &[], "breakpointexit", Done, plain(), 137);
    leaves("no-such-command", &[], "breakpointexit", Done, plain(), 127);
    leaves("exit 3", &[], "fail", Failed, plain(), 3);
    leaves("exit 3", on_error, "fail", Failed, plain(), 3);
    leaves("exec sleep 1000", timeout, "fail", Failed, timed_out(), 1);
    leaves("exit 0", &[], "continue", Done, plain(), 0);
    leaves("exit 0", &[], "fail-continue", Failed, plain(), 1);
    leaves("exit 0", &[], "fail", Failed, plain(), 1);
    leaves("exit 0", &[], "breakpointexit", Done, plain(), 0);
}

#[test]
fn fail_lets_only_finally_steps_run() {
    let sandbox = sandbox();
    let step =
        sandbox.step(0).flags(["-breakpoint_on_failure"]).shell("exit 3").fails(3).any_stderr();
    let step = step.leaves_something("out.breakpointexit").leaves_something("stop-finally").start();
    let rows = [started_at(), internal("Reason", "Stopped")];
    let next = sandbox.step(1).after(0).flags(["-breakpoint_on_failure"]).command(["echo", "ran"]);
    let next = next.fails(1).rows(rows).any_stderr().start();
    let last =
        sandbox.step(2).after(1).flags(["-finally"]).command(["echo", "ran"]).stdout("ran\n");
    let last = last.any_stderr().start();
    step.reaches("held-failed");
    assert_eq!(sandbox.ask(0, ["fail"]).code, 0);
    step.finish();
    next.finish();
    last.finish();
}

#[test]
fn before_the_step_continue_runs_it_and_fail_does_not() {
    for (verb, runs) in
        [("continue", true), ("before-continue", true), ("fail", false), ("before-fail", false)]
    {
        let sandbox = sandbox();
        let step =
            sandbox.step(1).flags(["-debug_before_step"]).command(["echo", "ran"]).any_stderr();
        let step = if runs {
            step.stdout("ran\n").leaves_something("out.beforestepexit")
        } else {
            step.fails(1).leaves_something("out.beforestepexit.err")
        };
        let step = step.start();
        step.reaches("held-before");
        assert_eq!(sandbox.ask(1, [verb]).code, 0, "{verb}");
        step.finish();
    }
}

#[test]
fn skip_and_cancel_before_the_turn_post_after_the_step_before() {
    for (verb, reason, code, post) in
        [("skip", "Skipped", 0, Post::Done), ("cancel", "Cancelled", 9, Post::Failed)]
    {
        let sandbox = sandbox();
        let first = sandbox.step(0).shell(&crate::waiting_for(&sandbox, "go")).start();
        first.reaches("running");
        let rows = [started_at(), internal("Reason", reason)];
        let file = if code == 0 { "0" } else { "killed" };
        let step = sandbox.step(1).after(0).command(["echo", "ran"]).exits(code).posts(post);
        let step = step.exit_code_file(file).rows(rows).any_stderr().start();
        step.reaches("waiting");
        assert_eq!(sandbox.ask(1, [verb]).code, 0);
        let state = step.state().unwrap();
        assert_eq!(
            (state["phase"].as_str(), state["reason"].as_str()),
            (Some("waiting"), Some(reason))
        );
        assert!(!sandbox.has("tekton/run/1/out") && !sandbox.has("tekton/run/1/out.err"));
        crate::release(&sandbox, "go");
        first.finish();
        step.finish();
    }
}

#[test]
fn cancel_ends_a_running_command() {
    let sandbox = sandbox();
    let rows = [started_at(), internal("Reason", "Cancelled")];
    let step =
        sandbox.step(1).command(["sleep", "1000"]).fails(9).exit_code_file("killed").rows(rows);
    let step = step.any_stderr().start();
    step.reaches("running");
    assert_eq!(sandbox.ask(1, ["cancel", "wrong", "branch"]).code, 0);
    let ran = step.finish();
    assert!(ran.stderr.contains("wrong branch"), "{}", ran.stderr);
}

#[test]
fn a_finished_step_rejects_everything_and_says_how_it_ended() {
    let sandbox = sandbox();
    sandbox.step(1).shell("exit 3").fails(3).any_stderr().start().finish();
    for (words, _) in TABLE {
        let said = sandbox.ask(1, words);
        assert_eq!(said.code, 3, "{words:?}: {}", said.text);
        assert!(said.text.contains("exited with 3"), "{words:?}: {}", said.text);
    }
    assert!(!sandbox.has("tekton/run/1/out.retry"));
}

#[test]
fn nobody_answers_for_a_step_that_died_or_never_was() {
    let sandbox = sandbox();
    in_phase(&sandbox, "held-failed", &[]).kill();
    for (words, _) in TABLE {
        assert_eq!(sandbox.ask(1, words).code, 4, "{words:?}");
        assert_eq!(sandbox.ask(7, words).code, 4, "{words:?}");
    }
}

#[test]
fn a_request_that_nobody_answers_is_taken_back() {
    let sandbox = sandbox();
    let step = in_phase(&sandbox, "held-failed", &[]);
    step.signal(holdpoint_tests::Signal::SIGSTOP);
    let said = sandbox.ask(1, ["retry", "--wait", "100ms"]);
    assert_eq!(said.code, 4, "{}", said.text);
    assert!(!sandbox.has("tekton/run/1/out.retry"));
    step.signal(holdpoint_tests::Signal::SIGCONT);
    assert_eq!(step.state().unwrap()["attempt"], 1);
    step.kill();
}

#[test]
fn answers_are_json_where_that_is_asked_for() {
    let sandbox = sandbox();
    let step = in_phase(&sandbox, "held-failed", &["-step_name", "build"]);
    for (words, outcome) in
        [(["skip", "-o", "json"], "rejected"), (["cancel", "-o=json", ""], "accepted")]
    {
        let words: Vec<_> = words.into_iter().filter(|word| !word.is_empty()).collect();
        let said: Value = sandbox.ask(1, &words).json();
        assert_eq!(
            (said["outcome"].as_str(), said["verb"].as_str()),
            (Some(outcome), Some(words[0]))
        );
        assert_eq!(said["step"], "build");
        assert!(!said["message"].as_str().unwrap().is_empty());
    }
    step.kill();
}

#[test]
fn of_several_at_once_each_is_answered_and_none_acted_on_twice() {
    let sandbox = sandbox();
    let step = sandbox.step(1).flags(["-breakpoint_on_failure"]).any_stderr();
    let step = step.shell("echo attempt; exit 3").start();
    step.reaches("held-failed");
    let verbs: Vec<_> = (0..8).map(|_| sandbox.start_asking(1, ["retry", "-o", "json"])).collect();
    let answers: Vec<_> = verbs.into_iter().map(|verb| verb.end(&sandbox)).collect();
    let accepted = answers.iter().filter(|said| said.code == 0).count();
    for said in &answers {
        assert!([0, 3].contains(&said.code), "{} {}", said.code, said.text);
    }
    let attempts = holdpoint_tests::eventually("the last attempt is held", || {
        let state = step.state()?;
        (state["phase"] == "held-failed").then(|| state["attempt"].as_u64())?
    });
    assert!(accepted > 0);
    assert_eq!(attempts as usize, 1 + accepted);
    assert_eq!(step.stdout().lines().count(), 1 + accepted);
    let ids: BTreeSet<_> = step.state().unwrap()["requests"]
        .as_array()
        .unwrap()
        .iter()
        .map(|request| request["id"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(ids.len(), step.state().unwrap()["requests"].as_array().unwrap().len());
    step.kill();
}

/// The state shows the last eight answers: one who is slow to look must not miss its own.
#[test]
fn many_hands_at_once_are_each_answered() {
    let sandbox = sandbox();
    let step = in_phase(&sandbox, "held-failed", &["-breakpoint_timeout", "1h"]);
    let words = ["extend", "1h", "--wait", "25s"];
    let verbs: Vec<_> = (0..20).map(|_| sandbox.start_asking(1, words)).collect();
    for verb in verbs {
        let said = verb.end(&sandbox);
        assert_eq!(said.code, 0, "{}", said.text);
    }
    assert_eq!(step.stderr().matches("accepted: extend").count(), 20);
    step.kill();
}

#[test]
fn a_verb_that_is_stopped_keeps_its_answer_and_the_others_wait() {
    let sandbox = sandbox();
    let step = in_phase(&sandbox, "held-failed", &["-breakpoint_timeout", "1h"]);
    step.signal(holdpoint_tests::Signal::SIGSTOP);
    let slow = sandbox.start_asking(1, ["extend", "1h", "--wait", "25s"]);
    holdpoint_tests::eventually("it has asked", || sandbox.read("tekton/run/1/out.extend"));
    slow.signal(holdpoint_tests::Signal::SIGSTOP);
    step.signal(holdpoint_tests::Signal::SIGCONT);
    holdpoint_tests::eventually("it is answered", || {
        step.stderr().contains("accepted: extend").then_some(())
    });
    let words = ["extend", "1h", "--wait", "25s"];
    let others: Vec<_> = (0..9).map(|_| sandbox.start_asking(1, words)).collect();
    // They wait for their turn, half of their time at most.
    let said = sandbox.ask(1, ["extend", "soon", "--wait", "2s"]);
    assert_eq!(said.code, 3, "{}", said.text);
    slow.signal(holdpoint_tests::Signal::SIGCONT);
    for verb in others.into_iter().chain([slow]) {
        let said = verb.end(&sandbox);
        assert_eq!(said.code, 0, "{}", said.text);
    }
    step.kill();
}

#[test]
fn one_way_out_of_a_hold_is_taken_and_the_others_are_told() {
    let sandbox = sandbox();
    let step =
        sandbox.step(1).flags(["-breakpoint_on_failure"]).any_stderr().shell("exit 3").start();
    step.reaches("held-failed");
    let verbs = ["continue", "fail-continue", "cancel", "breakpointexit"];
    let verbs: Vec<_> = verbs.iter().map(|verb| sandbox.start_asking(1, [verb])).collect();
    let answers: Vec<_> = verbs.into_iter().map(|verb| verb.end(&sandbox)).collect();
    assert_eq!(answers.iter().filter(|said| said.code == 0).count(), 1, "{answers:?}");
    assert!(answers.iter().all(|said| [0, 3].contains(&said.code)), "{answers:?}");
    step.end();
    let posts = ["out", "out.err"].map(|file| sandbox.has(&format!("tekton/run/1/{file}")));
    assert_ne!(posts[0], posts[1], "{answers:?}");
}

#[test]
fn without_a_post_file_the_one_live_step_is_meant() {
    let sandbox = sandbox();
    let step = in_phase(&sandbox, "held-failed", &[]);
    assert_eq!(sandbox.call(["retry"]).start().end(), 0);
    let other = sandbox.step(0).command(["sleep", "1000"]).start();
    other.reaches("running");
    assert_eq!(sandbox.call(["cancel"]).start().end(), 4, "two steps live");
    other.kill();
    assert_eq!(sandbox.call(["skip"]).start().end(), 3, "one of them died");
    step.kill();
}

#[test]
fn a_verb_counts_only_as_the_first_word_and_flags_stand_behind_it() {
    let sandbox = sandbox();
    let step = in_phase(&sandbox, "held-failed", &[]);
    for words in
        [&["cancel", "-nonsense", "x"][..], &["cancel", "-wait", "soon"], &["cancel", "-wait"]]
    {
        let said = sandbox.ask(1, words);
        assert_eq!(said.code, 2, "{words:?}: {}", said.text);
    }
    assert_eq!(step.state().unwrap()["phase"], "held-failed");
    step.kill();
}

#[test]
fn breakpoints_that_cannot_be_are_refused() {
    let sandbox = sandbox();
    let step = in_phase(&sandbox, "held-failed", &["-step_name", "build"]);
    for (spec, why) in [
        ("before:tset", "there is no step tset in build"),
        ("sometimes", "\"sometimes\" is no breakpoint"),
        ("off,before:build", "off stands alone"),
        ("on-failure, off", "off stands alone"),
    ] {
        let said = sandbox.ask(1, ["breakpoint", spec]);
        assert!(said.code == 2 && said.text.contains(why), "{spec}: {}", said.text);
        assert!(!sandbox.has("tekton/run/1/breakpoint"), "{spec}");
    }
    step.kill();
}

#[test]
fn status_shows_every_step_of_the_run() {
    let sandbox = sandbox();
    sandbox.step(0).command(["true"]).start().finish();
    let step = in_phase(&sandbox, "held-failed", &["-step_name", "build"]);
    let next = sandbox.step(2).after(1).command(["true"]).start();
    next.reaches("waiting");
    let said = sandbox.ask(1, ["status"]);
    assert_eq!(said.code, 0);
    let lines: Vec<_> = said.text.lines().collect();
    assert_eq!(lines.len(), 4, "{}", said.text);
    assert!(lines[2].contains("build") && lines[2].contains("held-failed"), "{}", said.text);
    let states = sandbox.ask(1, ["status", "-o", "json"]).json();
    let phases: Vec<_> = states.as_array().unwrap().iter().map(|s| s["phase"].clone()).collect();
    assert_eq!(phases, ["finished", "held-failed", "waiting"]);
    step.kill();
    assert!(sandbox.ask(1, ["status"]).text.contains("died"));
    next.kill();
}

#[test]
fn a_watched_table_ends_with_the_last_step_although_that_one_died() {
    let sandbox = sandbox();
    let step = in_phase(&sandbox, "running", &[]);
    step.kill();
    let said = sandbox.ask(1, ["status", "--watch"]);
    assert!(said.code == 0 && said.text.contains("died"), "{}", said.text);
}

#[test]
fn a_run_that_is_paused_by_several_hands_stays_paused() {
    let sandbox = sandbox();
    let step = in_phase(&sandbox, "running", &[]);
    let hands: Vec<_> =
        (0..4).map(|hand| sandbox.start_asking(1, ["pause", &format!("hand {hand}")])).collect();
    for hand in hands {
        let said = hand.end(&sandbox);
        assert_eq!(said.code, 0, "{}", said.text);
    }
    assert!(sandbox.has("tekton/run/1/pause"));
    step.kill();
}

#[test]
fn a_marker_that_is_given_again_with_the_same_words_is_to_be_seen_again() {
    let sandbox = sandbox();
    let step = in_phase(&sandbox, "running", &["-step_name", "build"]);
    assert_eq!(sandbox.ask(1, ["pause", "lunch"]).code, 0);
    assert_eq!(sandbox.ask(1, ["resume"]).code, 0);
    step.signal(holdpoint_tests::Signal::SIGSTOP);
    let said = sandbox.ask(1, ["pause", "--wait", "100ms", "lunch"]);
    assert!(said.code == 4 && said.text.contains("`build`"), "{}", said.text);
    let said = sandbox.ask(1, ["pause", "--wait", "100ms", "supper"]);
    assert!(said.code == 4 && said.text.contains("stands again"), "{}", said.text);
    assert_eq!(sandbox.read("tekton/run/1/pause").as_deref(), Some("lunch"));
    step.signal(holdpoint_tests::Signal::SIGCONT);
    assert_eq!(sandbox.ask(1, ["pause", "lunch"]).code, 0);
    step.kill();
}

#[test]
fn a_marker_of_another_hand_is_not_taken_back() {
    let sandbox = sandbox();
    let step = in_phase(&sandbox, "running", &[]);
    step.signal(holdpoint_tests::Signal::SIGSTOP);
    let asking = sandbox.start_asking(1, ["abort", "--wait", "2s", "mine"]);
    holdpoint_tests::eventually("the marker is there", || sandbox.read("tekton/run/1/abort"));
    std::fs::rename(sandbox.write("beside", "theirs"), sandbox.path("tekton/run/1/abort")).unwrap();
    let said = asking.end(&sandbox);
    assert_eq!(said.code, 4, "{}", said.text);
    assert_eq!(sandbox.read("tekton/run/1/abort").as_deref(), Some("theirs"));
    step.kill();
}

#[test]
fn a_reason_may_be_longer_than_the_state_shows() {
    let sandbox = sandbox();
    let step = in_phase(&sandbox, "running", &[]);
    let said = sandbox.ask(1, ["pause", &"long ".repeat(2000)]);
    assert_eq!(said.code, 0, "{}", said.text);
    step.kill();
}

#[test]
fn a_post_file_may_be_named_from_where_one_stands() {
    let sandbox = sandbox();
    let step = in_phase(&sandbox, "running", &[]);
    let from_here = |words: [&str; 2]| {
        let call = sandbox.call([words[0], "-post_file", "out", words[1]]);
        ["out.state", "pause"].iter().fold(call.in_folder("tekton/run/1"), |call, file| {
            call.leaves_something(&format!("tekton/run/1/{file}"))
        })
    };
    from_here(["pause", "lunch"]).stdout("accepted: pause…").run();
    from_here(["status", "-o=json"]).stdout("[{…running…}]\n").run();
    step.kill();
}

#[test]
fn the_entrypoint_posts_and_not_the_verb() {
    let sandbox = sandbox();
    let step = in_phase(&sandbox, "held-failed", &[]);
    step.signal(holdpoint_tests::Signal::SIGSTOP);
    let said = sandbox.ask(1, ["continue", "--wait", "100ms"]);
    assert_eq!(said.code, 4, "{}", said.text);
    for file in ["out", "out.err", "out.breakpointexit"] {
        assert!(!sandbox.has(&format!("tekton/run/1/{file}")), "{file}");
    }
    step.kill();
}
