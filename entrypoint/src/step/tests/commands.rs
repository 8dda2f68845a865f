//! Commands: how they end (1.6), limits, terminations, signals (2.8), retry (2.6).

use debug_scripts::Verb;

use super::super::markers::Kind;
use super::super::*;
use super::bench::*;
use crate::state::Outcome as Answer;

const NOTHING: EndRow = EndRow::Nothing;
const CANCELLED: End = (Post::Failed, Some("killed"), EndRow::Reason(Reason::Cancelled), 9);
const TIMED_OUT: End = (Post::Failed, None, EndRow::Reason(Reason::TimeoutExceeded), 1);

fn on_error_continue() -> Rules {
    Rules { on_error: OnError::Continue, ..rules() }
}

fn limited() -> Rules {
    Rules { timeout: Some(seconds(60)), ..rules() }
}

#[test]
fn a_command_ends_as_the_table_says() {
    let table: [(Rules, Outcome, End); 6] = [
        (rules(), Outcome::Exited(0), (Post::Done, Some("0"), NOTHING, 0)),
        (rules(), Outcome::Exited(7), (Post::Failed, None, NOTHING, 7)),
        (rules(), Outcome::Killed(9), (Post::Failed, None, NOTHING, 137)),
        (on_error_continue(), Outcome::Exited(0), (Post::Done, Some("0"), NOTHING, 0)),
        (on_error_continue(), Outcome::Exited(7), (Post::Done, Some("7"), EndRow::ExitCode(7), 0)),
        (
            on_error_continue(),
            Outcome::Killed(9),
            (Post::Done, Some("137"), EndRow::ExitCode(137), 0),
        ),
    ];
    for (rules, outcome, end) in table {
        Bench::running(rules).ends(outcome).expect_end(end);
    }
}

#[test]
fn a_command_that_cannot_start_fails_whatever_on_error_says() {
    for code in [127, 126, 1] {
        let mut bench = Bench::waiting(on_error_continue()).came();
        bench.not_started = Some((code, "nosuch: not found".to_owned()));
        bench.look().expect_end((Post::Failed, None, NOTHING, code));
    }
}

#[test]
fn what_preparing_says_is_done() {
    let skipped = EndRow::Reason(Reason::Skipped);
    let table = [
        (Prepared::Unwanted, (Post::Done, Some("0"), skipped, 0), 0),
        (Prepared::Nothing, (Post::Done, Some("0"), NOTHING, 0), 1),
        (Prepared::Faulty("bad".to_owned()), (Post::Failed, None, NOTHING, 1), 1),
    ];
    for (prepared, end, attempt) in table {
        let mut bench = Bench::waiting(on_error_continue()).came();
        bench.prepared = prepared;
        let bench = bench.look().expect_end(end);
        assert!(bench.starts.is_empty());
        assert_eq!(bench.step.state().attempt, attempt);
    }
}

#[test]
fn results_that_cannot_be_written_turn_a_success_into_exit_1() {
    let problem = Some("no space left".to_owned());
    let table = [
        (Outcome::Exited(0), (Post::Done, Some("0"), NOTHING, 1)),
        (Outcome::Exited(7), (Post::Failed, None, NOTHING, 7)),
    ];
    for (outcome, end) in table {
        let mut bench = Bench::running(rules());
        bench.not_recorded = problem.clone();
        let bench = bench.ends(outcome).expect_end(end);
        assert_eq!(bench.log.iter().filter(|line| line.contains("no space left")).count(), 1);
    }
}

#[test]
fn a_timeout_terminates_then_kills() {
    let bench = Bench::running(limited()).pass(seconds(59)).expect(Phase::Running);
    let bench = bench.pass(seconds(1)).expect(Phase::Terminating);
    assert_eq!(bench.signals, [TERM]);
    let bench = bench.pass(seconds(9)).expect(Phase::Terminating);
    assert_eq!(bench.signals, [TERM]);
    let bench = bench.pass(seconds(1)).expect(Phase::Terminating);
    assert_eq!(bench.signals, [TERM, KILL]);
    bench.ends(Outcome::Killed(KILL)).expect_end(TIMED_OUT);
}

#[test]
fn what_outlives_a_terminated_command_is_killed() {
    let bench = Bench::running(limited()).pass(seconds(60)).ends(Outcome::Exited(0));
    let bench = bench.expect(Phase::Terminating).pass(seconds(10));
    assert_eq!(bench.signals, [TERM, KILL]);
    bench.expect_end(TIMED_OUT);
}

#[test]
fn a_command_that_ends_well_on_a_term_is_still_timed_out_or_cancelled() {
    for (bench, end) in [
        (Bench::running(limited()).pass(seconds(60)), TIMED_OUT),
        (Bench::running(on_error_continue()).verb(Verb::Cancel), CANCELLED),
        (Bench::running(on_error_continue()).mark(Kind::Cancel).look(), CANCELLED),
    ] {
        let bench = bench.ends(Outcome::Exited(0)).expect(Phase::Terminating);
        bench.tell(Event::GroupGone).expect_end(end);
    }
}

#[test]
fn a_termination_that_has_begun_stays_what_it_is() {
    let bench = Bench::running(limited()).verb(Verb::Cancel).pass(seconds(5));
    let bench = bench.unmark().look().expect(Phase::Terminating).expect_reason(Reason::Cancelled);
    bench.ends(Outcome::Killed(15)).tell(Event::GroupGone).expect_end(CANCELLED);
    let bench = Bench::running(limited()).pass(seconds(60)).mark(Kind::Cancel).look();
    assert_eq!(bench.signals, [TERM]);
    bench.ends(Outcome::Killed(15)).tell(Event::GroupGone).expect_end(TIMED_OUT);
}

#[test]
fn a_cancel_that_comes_while_the_command_is_being_started_is_not_lost() {
    let mut bench = Bench::waiting(rules()).came();
    bench.not_started = Some((127, "not found".to_owned()));
    let mut step = bench.step.clone();
    let _ = step.on(bench.now, Event::Looked(bench.view.clone()));
    let _ = step.on(bench.now, Event::Prepared(Prepared::Ready, bench.view.clone()));
    bench.step = step.clone();
    let bench = bench.mark(Kind::Cancel).look();
    let failed = Event::NotStarted { code: 127, message: "not found".to_owned() };
    bench.clone().tell(failed).expect_end(CANCELLED);
    let bench = bench.tell(Event::Started(7)).expect(Phase::Terminating);
    bench.ends(Outcome::Killed(15)).tell(Event::GroupGone).expect_end(CANCELLED);
}

#[test]
fn signals_go_to_a_running_command_and_no_grace_runs() {
    for signal in [1, 2, 3, 10, 12, 15, 28] {
        let bench = Bench::running(rules()).signal(signal).pass(seconds(3600));
        assert_eq!(bench.expect(Phase::Running).signals, [signal]);
    }
    let bench = Bench::running(limited()).pass(seconds(60)).signal(2).expect(Phase::Terminating);
    assert_eq!(bench.signals, [TERM, 2]);
}

#[test]
fn after_a_term_there_are_no_holds() {
    for signal in [2, 3, 15] {
        let rules = Rules { hold_on_failure: true, hold_after: true, ..rules() };
        let bench = Bench::running(rules.clone()).signal(signal).ends(Outcome::Exited(7));
        bench.expect_end((Post::Failed, None, NOTHING, 7));
        let bench = Bench::running(rules).signal(signal).ends(Outcome::Exited(0));
        bench.expect_end((Post::Done, Some("0"), NOTHING, 0));
    }
}

#[test]
fn term_int_and_quit_end_a_step_that_has_no_command() {
    type Phases = fn(Rules) -> Bench;
    let paused: Phases = |rules| Bench::waiting(rules).came().mark(Kind::Pause).look();
    let phases: [Phases; 6] = [
        Bench::new,
        Bench::waiting,
        paused,
        Bench::held_before,
        Bench::held_failed,
        Bench::held_after,
    ];
    for (signal, exit) in [(15, 143), (2, 130), (3, 131)] {
        for phase in phases {
            let end = (Post::Failed, None, EndRow::Reason(Reason::Terminated), exit);
            let bench = phase(rules()).signal(signal).expect_end(end);
            bench.expect_reason(Reason::Terminated);
        }
    }
    for phase in phases {
        let bench = phase(rules());
        let before = bench.step.phase();
        bench.signal(10).signal(1).expect(before);
    }
}

#[test]
fn a_retry_runs_the_command_again_from_a_clean_slate() {
    let bench = Bench::held_failed(limited()).wait(seconds(30)).verb(Verb::Retry);
    let bench = bench.expect(Phase::Running).expect_answer(Verb::Retry, Answer::Accepted);
    assert_eq!(bench.starts, [None, None]);
    let leftovers = bench.done.iter().position(|action| *action == Action::EndLeftovers);
    let second = bench.done.iter().rposition(|action| matches!(action, Action::Start(_)));
    assert!(leftovers.is_some_and(|leftovers| Some(leftovers) < second));
    let state = bench.step.state();
    assert_eq!((state.attempt, state.exit_code, state.reason), (2, None, None));
    assert_eq!(state.started_at.as_deref(), Some("2026-03-01T14:20:42.000Z"));
    let bench = bench.pass(seconds(59)).expect(Phase::Running);
    bench
        .clone()
        .pass(seconds(1))
        .expect(Phase::Terminating)
        .expect_reason(Reason::TimeoutExceeded);
    let bench = bench.ends(Outcome::Exited(0)).expect_end((Post::Done, Some("0"), NOTHING, 0));
    assert_eq!(bench.records.last().unwrap().started_at, moment(seconds(42)).wall);
}

#[test]
fn a_retry_may_bring_another_command_for_one_attempt() {
    let other = Some(vec!["sh".to_owned(), "-x".to_owned()]);
    let wish = facts::Wish::Retry(Ok(other.clone()));
    let bench = Bench::held_failed(rules()).ask(request(wish)).look();
    let bench = bench.ends(Outcome::Exited(7)).expect(Phase::HeldFailed).verb(Verb::Retry);
    assert_eq!(bench.starts, [None, other, None]);
}

#[test]
fn a_retry_whose_command_does_not_parse_is_rejected() {
    let wish = facts::Wish::Retry(Err("`command` is no list".to_owned()));
    let bench = Bench::held_failed(rules()).ask(request(wish)).look().expect(Phase::HeldFailed);
    let bench = bench.expect_answer(Verb::Retry, Answer::Rejected);
    assert_eq!(bench.starts.len(), 1);
}

#[test]
fn a_marker_that_comes_while_a_retry_is_prepared_is_not_lost() {
    for (kind, exit, reason) in [
        (Kind::Cancel, 9, Reason::Cancelled),
        (Kind::Abort, 7, Reason::Aborted),
        (Kind::StopFinally, 7, Reason::Stopped),
    ] {
        let mut bench = Bench::held_failed(rules());
        let retry = request(wish_of(Verb::Retry));
        let view = View { requests: vec![retry], ..bench.view.clone() };
        let asked = bench.tell_alone(Event::Looked(view));
        assert!(asked.contains(&Action::Prepare));
        let bench = bench.mark(kind);
        let prepared = Event::Prepared(Prepared::Ready, bench.view.clone());
        let bench = bench.tell(prepared);
        assert_eq!(bench.starts.len(), 1);
        bench.expect_end((Post::Failed, None, EndRow::Reason(reason), exit));
    }
}

#[test]
fn a_retry_does_not_run_beside_the_steps_that_a_script_let_go_on() {
    let mut bench = Bench::held_failed(rules());
    let retry = request(wish_of(Verb::Retry));
    let view = View { requests: vec![retry], ..bench.view.clone() };
    assert!(bench.tell_alone(Event::Looked(view)).contains(&Action::Prepare));
    let bench = bench.posted();
    let prepared = Event::Prepared(Prepared::Ready, bench.view.clone());
    let bench = bench.tell(prepared).expect(Phase::HeldFailed);
    assert_eq!(bench.starts.len(), 1);
    let bench = bench.ask(by_hand(facts::Wish::Exit(0))).look();
    bench.expect_end((Post::ByOthers, None, NOTHING, 0));
}

#[test]
fn nothing_starts_for_a_retry_whose_hold_has_ended() {
    let mut bench = Bench::held_failed(rules());
    let retry = request(wish_of(Verb::Retry));
    let view = View { requests: vec![retry], ..bench.view.clone() };
    assert!(bench.tell_alone(Event::Looked(view)).contains(&Action::Prepare));
    let bench = bench.signal(TERM);
    let prepared = Event::Prepared(Prepared::Ready, bench.view.clone());
    assert!(bench.step.clone().on(bench.now, prepared).is_empty());
    bench.expect_end((Post::Failed, None, EndRow::Reason(Reason::Terminated), 143));
}

#[test]
fn two_looks_before_the_command_is_prepared_start_it_once() {
    let mut bench = Bench::waiting(rules()).came();
    let looked = Event::Looked(bench.view.clone());
    let ready = Event::Prepared(Prepared::Ready, bench.view.clone());
    let events = [looked.clone(), looked, ready.clone(), ready];
    let actions: Vec<_> = events.into_iter().flat_map(|e| bench.step.on(bench.now, e)).collect();
    let count = |wanted: &Action| actions.iter().filter(|action| *action == wanted).count();
    assert_eq!((count(&Action::Prepare), count(&Action::Start(None))), (1, 1));
}

#[test]
fn the_start_time_is_noted_before_the_command_is_prepared_and_its_limit_counts_from_its_start() {
    let rules = Rules { timeout: Some(seconds(60)), ..rules() };
    let mut step = Step::new(rules, moment(seconds(0)));
    let view = View { awaited: vec![Awaited { came: true, ..awaited() }], ..View::default() };
    let actions = step.on(moment(seconds(1)), Event::Looked(view.clone()));
    assert!(actions.contains(&Action::Prepare), "{actions:?}");
    let begun = step.on(moment(seconds(4)), Event::Prepared(Prepared::Ready, view));
    assert!(begun.contains(&Action::Start(None)), "{begun:?}");
    assert_eq!(step.state().started_at.as_deref(), Some("2026-03-01T14:20:01.000Z"));
    assert_eq!(step.deadline(), Some(moment(seconds(64)).monotonic));
}
