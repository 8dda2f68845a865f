//! Holds: what they begin with, every way out of them (1.11, 2.2, 2.3, 2.7), live breakpoints.

use debug_scripts::Verb;

use super::super::facts::Wish;
use super::super::markers::Kind;
use super::super::*;
use super::bench::*;

const NOTHING: EndRow = EndRow::Nothing;
const TIMED_OUT: EndRow = EndRow::Reason(Reason::TimeoutExceeded);

fn held() -> Rules {
    Rules { hold_on_failure: true, ..rules() }
}

fn limited() -> Rules {
    Rules { breakpoint_timeout: Some(seconds(600)), ..rules() }
}

#[test]
fn every_failure_at_its_turn_is_held_whatever_on_error_says() {
    for on_error in [OnError::StopAndFail, OnError::Continue] {
        let rules = || Rules { on_error, timeout: Some(seconds(60)), ..held() };
        for outcome in [Outcome::Exited(7), Outcome::Killed(9)] {
            Bench::running(rules()).ends(outcome).expect(Phase::HeldFailed);
        }
        let timed_out = Bench::running(rules()).pass(seconds(60)).ends(Outcome::Killed(15));
        let bench = timed_out.tell(Event::GroupGone).expect(Phase::HeldFailed);
        bench.expect_reason(Reason::TimeoutExceeded);
        let mut faulty = Bench::waiting(rules()).came();
        faulty.prepared = Prepared::Faulty("no such operator".to_owned());
        faulty.look().expect(Phase::HeldFailed);
        let mut missing = Bench::waiting(rules()).came();
        missing.not_started = Some((127, "not found".to_owned()));
        missing.look().expect(Phase::HeldFailed);
    }
}

#[test]
fn the_cancelled_and_the_skipped_are_not_held() {
    let cancelled = Bench::running(held()).verb(Verb::Cancel).ends(Outcome::Killed(15));
    cancelled.tell(Event::GroupGone).expect(Phase::Finished);
    let skipped = Bench::waiting(held()).previous_failed(Some(Reason::Cancelled)).look();
    skipped.expect(Phase::Finished);
    Bench::held_before(held()).verb(Verb::BeforeFail).expect(Phase::Finished);
    Bench::running(held()).ends(Outcome::Exited(0)).expect(Phase::Finished);
}

#[test]
fn the_hold_after_holds_whatever_came() {
    let rules = || Rules { hold_after: true, timeout: Some(seconds(60)), ..rules() };
    Bench::running(rules()).ends(Outcome::Exited(0)).expect(Phase::HeldAfter);
    for outcome in [Outcome::Exited(7), Outcome::Killed(9)] {
        Bench::running(rules()).ends(outcome).expect(Phase::HeldFailed);
    }
    let timed_out = Bench::running(rules()).pass(seconds(60)).ends(Outcome::Killed(15));
    timed_out.tell(Event::GroupGone).expect(Phase::HeldFailed);
    let mut faulty = Bench::waiting(rules()).came();
    faulty.prepared = Prepared::Faulty("no such operator".to_owned());
    faulty.look().expect(Phase::HeldFailed);
    let mut missing = Bench::waiting(rules()).came();
    missing.not_started = Some((127, "not found".to_owned()));
    missing.look().expect(Phase::HeldFailed);
}

#[test]
fn a_first_message_is_on_disk_from_the_hold_s_first_moment() {
    let bench = Bench::held_failed(rules());
    let [record] = &bench.records[..] else { panic!("one record: {:?}", bench.records) };
    assert_eq!(record.held.as_deref(), Some("7"));
    assert_eq!(record.exit_code_file, None);
    assert!(bench.log.last().unwrap().contains("exited with 7"));
}

#[test]
fn a_first_message_that_cannot_be_written_ends_no_hold() {
    let mut bench = Bench::running(held());
    bench.not_recorded = Some("no space left".to_owned());
    let bench = bench.ends(Outcome::Exited(7)).expect(Phase::HeldFailed);
    assert_eq!(bench.log.last().unwrap(), "no space left");
}

/// Verb, then post, row and exit after: exit 7; exit 7 with on_error continue; timeout; success.
#[test]
fn each_verb_ends_a_hold_as_the_table_says() {
    use Post::{Done, Failed};
    let code = EndRow::ExitCode(7);
    let table = [
        (
            Verb::Continue,
            [(Done, NOTHING, 0), (Done, code, 0), (Done, NOTHING, 0), (Done, NOTHING, 0)],
        ),
        (
            Verb::FailContinue,
            [
                (Failed, NOTHING, 1),
                (Failed, NOTHING, 1),
                (Failed, TIMED_OUT, 1),
                (Failed, NOTHING, 1),
            ],
        ),
        (
            Verb::BreakpointExit,
            [(Done, NOTHING, 7), (Done, NOTHING, 7), (Done, NOTHING, 1), (Done, NOTHING, 0)],
        ),
        (
            Verb::Fail,
            [
                (Failed, NOTHING, 7),
                (Failed, NOTHING, 7),
                (Failed, TIMED_OUT, 1),
                (Failed, NOTHING, 1),
            ],
        ),
    ];
    let timed_out = || {
        let rules = Rules { timeout: Some(seconds(60)), ..held() };
        let bench = Bench::running(rules).pass(seconds(60)).ends(Outcome::Killed(15));
        bench.tell(Event::GroupGone)
    };
    for (verb, ends) in table {
        let steps = [
            Bench::held_failed(rules()),
            Bench::held_failed(Rules { on_error: OnError::Continue, ..rules() }),
            timed_out(),
            Bench::held_after(rules()),
        ];
        for (bench, (post, row, exit)) in steps.into_iter().zip(ends) {
            let bench = bench.verb(verb).expect_end((post, None, row, exit));
            let marks = if verb == Verb::Fail { vec![Kind::StopFinally] } else { Vec::new() };
            assert_eq!(bench.marks, marks, "{verb}");
        }
    }
}

#[test]
fn a_cancel_ends_a_hold_whatever_came_of_the_command() {
    let cancelled = EndRow::Reason(Reason::Cancelled);
    for bench in [Bench::held_failed(rules()), Bench::held_after(rules())] {
        bench.verb(Verb::Cancel).expect_end((Post::Failed, None, cancelled, 9));
    }
}

#[test]
fn the_own_code_is_the_command_s_whatever_it_was() {
    for (outcome, exit) in [(Outcome::Exited(255), 255), (Outcome::Killed(11), 139)] {
        let bench = Bench::running(held()).ends(outcome).verb(Verb::BreakpointExit);
        bench.expect_end((Post::Done, None, NOTHING, exit));
    }
    for code in [126, 127] {
        let mut bench = Bench::waiting(held()).came();
        bench.not_started = Some((code, "no".to_owned()));
        let bench = bench.look().verb(Verb::Fail);
        bench.expect_end((Post::Failed, None, NOTHING, code));
    }
}

#[test]
fn an_exit_file_by_hand_ends_a_hold_with_its_code() {
    for (code, post) in [(0, Post::Done), (1, Post::Failed), (42, Post::Failed)] {
        let exit = || by_hand(Wish::Exit(code));
        let end = (post, None, NOTHING, code);
        Bench::held_failed(rules()).ask(exit()).look().expect_end(end);
        let script = Bench::held_failed(rules()).posted().ask(exit()).look();
        script.expect_end((Post::ByOthers, None, NOTHING, code));
    }
}

#[test]
fn who_has_posted_for_a_held_step_is_not_contradicted() {
    let others = |bench: Bench| {
        let [.., Action::Post(post), Action::Exit(_)] = bench.done[..] else {
            panic!("it did not end: {:?}", bench.done);
        };
        assert_eq!(post, Post::ByOthers);
    };
    let posted = || Bench::held_failed(limited()).posted().look();
    others(posted().signal(TERM));
    others(posted().verb(Verb::Cancel));
    others(posted().verb(Verb::FailContinue));
    others(posted().mark(Kind::StopFinally).look());
    others(posted().mark(Kind::Cancel).look());
    others(posted().pass(seconds(600)));
}

#[test]
fn an_exit_file_that_is_there_when_the_hold_begins_ends_it_at_once() {
    let bench = Bench::waiting(Rules { hold_before: true, ..held() });
    let bench = bench.ask(by_hand(Wish::Exit(3))).ask(by_hand(Wish::Begin)).look();
    let bench = bench.came().look().expect(Phase::Running).ends(Outcome::Exited(7));
    let bench = bench.expect_end((Post::Failed, None, NOTHING, 3));
    assert_eq!(bench.step.state().requests.len(), 2);
    assert!(!bench.done.iter().any(|action| matches!(action, Action::Discard(_))));
}

#[test]
fn the_hold_before_goes_on_or_does_not() {
    let failed = (Post::Failed, None, NOTHING, 1);
    let step = || Bench::held_before(rules());
    for verb in [Verb::BeforeContinue, Verb::Continue] {
        step().verb(verb).expect(Phase::Running);
    }
    for verb in [Verb::BeforeFail, Verb::Fail] {
        assert!(step().verb(verb).expect_end(failed).marks.is_empty());
    }
    step().ask(by_hand(Wish::Begin)).look().expect(Phase::Running);
    step().ask(by_hand(Wish::DoNotBegin)).look().expect_end(failed);
}

/// The exit file of `continue` would else end the next hold, which nobody has seen yet.
#[test]
fn a_continue_that_began_the_step_ends_no_later_hold() {
    let bench = Bench::held_before(held()).verb(Verb::Continue).ends(Outcome::Exited(7));
    let bench = bench.expect(Phase::HeldFailed);
    assert!(bench.view.requests.is_empty());
    assert_eq!(bench.step.state().requests.len(), 1);
}

#[test]
fn a_hold_has_its_limit() {
    let reason = EndRow::Reason(Reason::BreakpointTimeout);
    type Hold = fn(Rules) -> Bench;
    let table: [(Hold, Post, i32, &[Kind]); 3] = [
        (Bench::held_before, Post::Failed, 1, &[]),
        (Bench::held_failed, Post::Failed, 7, &[Kind::StopFinally]),
        (Bench::held_after, Post::Done, 0, &[]),
    ];
    for (hold, post, exit, marks) in table {
        let bench = hold(limited());
        let phase = bench.step.phase();
        let bench = bench.pass(seconds(599)).expect(phase).pass(seconds(1));
        assert_eq!(bench.marks, marks);
        let bench = bench.expect_end((post, None, reason, exit));
        bench.expect_reason(Reason::BreakpointTimeout);
    }
}

#[test]
fn the_limit_is_measured_by_the_monotonic_clock() {
    for hold in [Bench::held_before, Bench::held_failed, Bench::held_after] {
        let mut bench = hold(limited());
        let phase = bench.step.phase();
        bench.now.wall += seconds(3600);
        let mut bench = bench.tell(Event::TimePassed).look().expect(phase);
        bench.now.wall -= seconds(7200);
        bench.pass(seconds(600)).expect(Phase::Finished);
    }
}

#[test]
fn a_hold_without_a_limit_lasts() {
    for hold in [Bench::held_before, Bench::held_failed, Bench::held_after] {
        let bench = hold(rules());
        let phase = bench.step.phase();
        assert_eq!(bench.step.deadline(), None);
        bench.pass(seconds(1_000_000)).look().expect(phase);
    }
}

#[test]
fn the_limit_is_spoken_of_once_more_when_a_tenth_is_left() {
    let bench = Bench::held_failed(limited());
    let said = bench.log.len();
    let bench = bench.pass(seconds(539));
    assert_eq!(bench.log.len(), said);
    let bench = bench.pass(seconds(1)).pass(seconds(1)).pass(seconds(1));
    assert_eq!(bench.log.len(), said + 1);
    let line = &bench.log[said];
    assert!(line.starts_with("1 min left: step `test` exited with 7"), "{line}");
    assert!(line.contains("held until 14:30:12"), "{line}");
    bench.expect(Phase::HeldFailed);
}

#[test]
fn an_extension_counts_from_now() {
    let bench = Bench::held_failed(limited()).wait(seconds(590)).verb(Verb::Extend);
    let state = bench.step.state();
    assert_eq!(state.deadline.as_deref(), Some("2026-03-01T14:40:02.000Z"));
    let bench = bench.pass(seconds(599)).expect(Phase::HeldFailed).pass(seconds(1));
    bench.expect(Phase::Finished);
}

#[test]
fn a_request_that_is_there_when_the_limit_passes_goes_first() {
    for (hold, verb) in [
        (Bench::held_failed as fn(Rules) -> Bench, Verb::Retry),
        (Bench::held_before, Verb::BeforeContinue),
    ] {
        let bench = hold(limited()).wait(seconds(600)).ask(request(wish_of(verb)));
        bench.tell(Event::TimePassed).expect(Phase::Running);
    }
    for hold in [Bench::held_before, Bench::held_failed, Bench::held_after] {
        let late = || hold(limited()).wait(seconds(600)).ask(request(wish_of(Verb::Extend)));
        let phase = late().step.phase();
        late().tell(Event::TimePassed).expect(phase);
        late().look().expect(phase);
    }
}

#[test]
fn a_step_that_was_let_go_is_not_overtaken_by_its_limit() {
    let mut bench = Bench::held_before(limited());
    let go = View { requests: vec![request(Wish::Begin)], ..bench.view.clone() };
    assert!(bench.step.on(bench.now, Event::Looked(go)).contains(&Action::Prepare));
    let bench = bench.pass(seconds(600)).look();
    let prepared = Event::Prepared(Prepared::Ready, bench.view.clone());
    bench.tell(prepared).expect(Phase::Running);
}

#[test]
fn breakpoints_are_set_on_a_live_run() {
    let step = |text: &str| Bench::waiting(rules()).breakpoint(text).came().look();
    step("before:test").expect(Phase::HeldBefore);
    step("before:build").expect(Phase::Running);
    step("after:test").ends(Outcome::Exited(0)).expect(Phase::HeldAfter);
    step("after:build").ends(Outcome::Exited(0)).expect(Phase::Finished);
    step("after:build,on-failure").ends(Outcome::Exited(7)).expect(Phase::HeldFailed);
    let running = Bench::running(rules()).breakpoint("on-failure").look();
    running.ends(Outcome::Exited(7)).expect(Phase::HeldFailed);
    let off = Bench::running(held()).breakpoint("off").look();
    off.ends(Outcome::Exited(7)).expect(Phase::Finished);
}

#[test]
fn taking_a_breakpoint_away_ends_no_hold() {
    let before = || Bench::waiting(rules()).breakpoint("before:test").came().look();
    before().unmark().look().expect(Phase::HeldBefore);
    before().breakpoint("off").look().expect(Phase::HeldBefore);
    let failed = || Bench::running(rules()).breakpoint("on-failure").look();
    let failed = || failed().ends(Outcome::Exited(7)).expect(Phase::HeldFailed);
    failed().unmark().look().expect(Phase::HeldFailed);
    failed().breakpoint("off").look().expect(Phase::HeldFailed);
}

#[test]
fn a_step_that_is_held_before_does_not_go_back_to_waiting() {
    let mut bench = Bench::held_before(rules());
    bench.view.busy = Some("late".to_owned());
    let mut bench = bench.look().expect(Phase::HeldBefore).verb(Verb::BeforeContinue);
    assert!(bench.starts.is_empty());
    bench.view.busy = None;
    bench.look().expect(Phase::Running);
}
