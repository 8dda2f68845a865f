//! The one line that a person reads: what happened, since when, what it waits for, what to type.

use std::time::Duration;

use debug_scripts::Verb;

use super::super::markers::{Kind, Sighting};
use super::super::*;
use super::bench::*;

fn limited() -> Rules {
    Rules { breakpoint_timeout: Some(seconds(718)), timeout: Some(seconds(600)), ..rules() }
}

fn paused_by_its_pod() -> Bench {
    let mut bench = Bench::waiting(rules()).came();
    bench.view.markers = vec![Sighting { downward: true, ..marker(Kind::Pause, "lunch") }];
    bench.look()
}

#[test]
fn each_phase_says_what_a_person_needs() {
    let paused = Bench::waiting(rules()).came().mark(Kind::Pause).look();
    let table = [
        (
            Bench::waiting(rules()),
            "step `test` waits for step `build` (/tekton/run/0/out) since 14:20:00",
        ),
        (
            Bench::waiting(rules()).mark(Kind::StopFinally).look(),
            "will not run: the run was stopped by `stop-finally` (\"wrong branch\"); \
             waits for step `build` (/tekton/run/0/out) since 14:20:00",
        ),
        (
            Bench::waiting(rules()).verb(Verb::Cancel),
            "will not run: it was cancelled by alice (\"flaky\"); \
             waits for step `build` (/tekton/run/0/out) since 14:20:00",
        ),
        (
            paused,
            "step `test` is paused by `pause` (\"wrong branch\") since 14:20:00; \
             to resume: /tekton/debug/scripts/debug-resume",
        ),
        (
            paused_by_its_pod(),
            "step `test` is paused by `pause` (\"lunch\") since 14:20:00; \
             to resume: take away the pod's annotation holdpoint.dev/pause",
        ),
        (
            Bench::held_before(limited()),
            "step `test` is held before its command until 14:31:58; \
             run it: /tekton/debug/scripts/debug-beforestep-continue",
        ),
        (
            Bench::held_before(Rules { breakpoint_timeout: Some(seconds(86_400)), ..rules() }),
            "step `test` is held before its command until 2026-03-02 14:20:00; \
             run it: /tekton/debug/scripts/debug-beforestep-continue",
        ),
        (Bench::running(limited()), "step `test` has run since 14:20:00; it may take 10 min"),
        (
            Bench::held_failed(limited()),
            "step `test` exited with 7 after 12 s; held until 14:32:10; \
             retry: /tekton/debug/scripts/debug-retry",
        ),
        (
            Bench::held_failed(rules()),
            "step `test` exited with 7 after 12 s; held since 14:20:12; \
             retry: /tekton/debug/scripts/debug-retry",
        ),
        (
            Bench::held_after(rules()),
            "step `test` succeeded after 12 s; held since 14:20:12; \
             go on: /tekton/debug/scripts/debug-continue",
        ),
        (
            Bench::held_failed(rules()).verb(Verb::Retry),
            "step `test` has run since 14:20:12 (attempt 2)",
        ),
        (
            Bench::running(limited()).pass(seconds(600)),
            "step `test` ran longer than 10 min; \
             SIGTERM was sent at 14:30:00, SIGKILL follows after 10 s",
        ),
    ];
    for (bench, message) in table {
        assert_eq!(bench.step.state().message, message);
    }
}

/// Start of the attempt, since when the phase lasts, when it ends by itself.
#[test]
fn each_phase_shows_its_times() {
    let rules = || Rules { wait_timeout: Some(seconds(90)), ..limited() };
    let table = [
        (Bench::waiting(rules()).wait(seconds(5)).look(), [None, Some("20:00"), Some("21:30")]),
        (Bench::held_before(rules()), [None, Some("20:00"), Some("31:58")]),
        (Bench::running(rules()).wait(seconds(5)), [Some("20:00"), Some("20:00"), Some("30:00")]),
        (
            Bench::running(rules()).wait(seconds(5)).verb(Verb::Cancel),
            [Some("20:00"), Some("20:05"), Some("20:15")],
        ),
        (Bench::held_failed(rules()), [Some("20:00"), Some("20:12"), Some("32:10")]),
        (Bench::held_after(rules()), [Some("20:00"), Some("20:12"), Some("32:10")]),
        (
            Bench::held_failed(rules()).wait(seconds(8)).verb(Verb::Retry),
            [Some("20:20"), Some("20:20"), Some("30:20")],
        ),
        (
            Bench::running(rules()).wait(seconds(5)).ends(Outcome::Exited(0)),
            [Some("20:00"), Some("20:05"), None],
        ),
    ];
    for (bench, times) in table {
        let state = bench.step.state();
        let times = times.map(|time| time.map(|time| format!("2026-03-01T14:{time}.000Z")));
        assert_eq!(
            [state.started_at, Some(state.since), state.deadline],
            times,
            "{}",
            state.message
        );
    }
}

#[test]
fn each_end_says_what_happened() {
    let cancelled = Bench::running(rules()).verb(Verb::Cancel).ends(Outcome::Killed(15));
    let mut missing = Bench::waiting(rules()).came();
    missing.not_started = Some((127, "nosuch: not found in PATH".to_owned()));
    let table = [
        (
            Bench::waiting(rules()).previous_died().look(),
            "step `build` died without a word (killed, or out of memory): this step cannot run",
        ),
        (
            Bench::waiting(rules()).previous_failed(Some(Reason::Failed)).look(),
            "skipped: step `build` failed",
        ),
        (
            Bench::waiting(rules()).previous_failed(Some(Reason::Cancelled)).look(),
            "skipped: step `build` failed (Cancelled)",
        ),
        (
            Bench::waiting(Rules { wait_timeout: Some(seconds(90)), ..rules() }).pass(seconds(90)),
            "step `test` waited 1 min 30 s for /tekton/run/0/out, which did not come",
        ),
        (
            Bench::waiting(rules()).signal(TERM),
            "step `test` got SIGTERM while it waited for its turn",
        ),
        (paused_by_its_pod().signal(2), "step `test` got SIGINT while it was paused"),
        (cancelled.tell(Event::GroupGone), "step `test` was cancelled by alice (\"flaky\")"),
        (missing.look(), "step `test` could not be started: nosuch: not found in PATH"),
        (
            Bench::running(rules()).wait(seconds(3700)).ends(Outcome::Killed(9)),
            "step `test` was killed by SIGKILL after 1 h 1 min",
        ),
        (
            Bench::held_failed(rules()).verb(Verb::Fail),
            "step `test` exited with 7 after 12 s; its hold was ended by `fail`",
        ),
        (
            Bench::held_failed(rules()).mark(Kind::Abort).look(),
            "step `test` exited with 7 after 12 s; its hold was ended by `abort` (\"wrong branch\")",
        ),
        (
            Bench::held_failed(limited()).pass(seconds(718)),
            "step `test` exited with 7 after 12 s and was held since 14:20:12; \
             nobody ended the hold in time",
        ),
        (Bench::held_before(rules()).signal(TERM), "step `test` got SIGTERM while it was held"),
    ];
    for (bench, message) in table {
        assert_eq!(bench.expect(Phase::Finished).step.state().message, message);
    }
}

#[test]
fn answers_say_what_came_of_it() {
    let refused = Bench::running(rules()).verb(Verb::Retry);
    let extended = Bench::held_failed(limited()).verb(Verb::Extend);
    let table = [
        (
            refused,
            "no `retry` now: its command is running (step `test` has run since 14:20:00); \
             possible: cancel",
        ),
        (extended, "extend by alice (\"flaky\"): held until 14:30:12"),
    ];
    for (bench, message) in table {
        assert_eq!(bench.step.state().requests[0].message, message);
    }
}

#[test]
fn lengths_of_time_are_short() {
    let table =
        [(0, "0 ms"), (59, "59 s"), (60, "1 min"), (185, "3 min 5 s"), (7800, "2 h 10 min")];
    for (length, text) in table {
        assert_eq!(message::duration(seconds(length)), text);
    }
    assert_eq!(message::duration(Duration::from_millis(340)), "340 ms");
}

#[test]
fn what_a_message_quotes_does_not_break_its_line() {
    let not_found = Outcome::NotStarted { code: 127, message: "a\nb".to_owned() };
    let faulty = Outcome::Faulty("`1 +\n\n* 2`: unexpected token".to_owned());
    for outcome in [not_found, faulty] {
        for rules in [rules(), Rules { hold_on_failure: true, ..rules() }] {
            let message = Bench::running(rules).ends(outcome.clone()).step.state().message;
            assert_eq!(message.lines().count(), 1, "{message}");
        }
    }
}
