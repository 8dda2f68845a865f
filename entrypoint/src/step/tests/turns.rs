//! A step's turn: markers (the table of 2.2), order of looks, death of a predecessor (2.4), waiting.

use debug_scripts::Verb;

use super::super::markers::Kind;
use super::super::*;
use super::bench::*;
use crate::state::Outcome as Answer;

const SKIPPED: End = (Post::Failed, None, EndRow::Reason(Reason::Skipped), 1);
const SKIPPED_WELL: End = (Post::Done, Some("0"), EndRow::Reason(Reason::Skipped), 0);
const CANCELLED: End = (Post::Failed, Some("killed"), EndRow::Reason(Reason::Cancelled), 9);
const STOPPED: End = failed(Reason::Stopped, 1);
const ABORTED: End = failed(Reason::Aborted, 1);
const DIED: End = failed(Reason::PreviousStepDied, 1);

const fn failed(reason: Reason, exit: i32) -> End {
    (Post::Failed, None, EndRow::Reason(reason), exit)
}

fn finally() -> Rules {
    Rules { finally: true, ..rules() }
}

fn debugged() -> Rules {
    Rules { hold_on_failure: true, ..rules() }
}

/// What a marker makes of a step.
enum Made {
    Stays(Phase),
    Ends(End),
}

use Made::{Ends, Stays};

fn check(bench: Bench, made: Made, cell: &str) {
    let done = match made {
        Stays(phase) => std::panic::catch_unwind(|| drop(bench.expect(phase))),
        Ends(end) => std::panic::catch_unwind(|| drop(bench.expect_end(end))),
    };
    assert!(done.is_ok(), "{cell}");
}

/// The table of 2.2: running, held-failed, held-before, held-after, turn, turn of a finally step.
fn table() -> [(Kind, [Made; 6]); 5] {
    let cancelled = failed(Reason::Cancelled, 9);
    let success = (Post::Done, None, EndRow::Nothing, 0);
    let stays =
        || [Phase::Running, Phase::HeldFailed, Phase::HeldBefore, Phase::HeldAfter].map(Stays);
    let [runs, held_failed, held_before, held_after] = stays();
    let terminated = || Stays(Phase::Terminating);
    let begins = || Stays(Phase::Running);
    let paused = || Stays(Phase::Paused);
    [
        (Kind::Pause, [runs, held_failed, held_before, held_after, paused(), paused()]),
        (
            Kind::StopFinally,
            [
                begins(),
                Ends(failed(Reason::Stopped, 7)),
                Ends(STOPPED),
                Ends(success),
                Ends(STOPPED),
                begins(),
            ],
        ),
        (
            Kind::CancelFinally,
            [
                terminated(),
                Ends(cancelled),
                Ends(CANCELLED),
                Ends(cancelled),
                Ends(CANCELLED),
                begins(),
            ],
        ),
        (
            Kind::Abort,
            [
                begins(),
                Ends(failed(Reason::Aborted, 7)),
                Ends(ABORTED),
                Ends(success),
                Ends(ABORTED),
                Ends(ABORTED),
            ],
        ),
        (
            Kind::Cancel,
            [
                terminated(),
                Ends(cancelled),
                Ends(CANCELLED),
                Ends(cancelled),
                Ends(CANCELLED),
                Ends(CANCELLED),
            ],
        ),
    ]
}

#[test]
fn each_marker_does_to_each_step_what_the_table_says() {
    for (kind, row) in table() {
        let steps = [
            Bench::running(rules()),
            Bench::held_failed(rules()),
            Bench::held_before(rules()),
            Bench::held_after(rules()),
            Bench::waiting(rules()).came(),
            Bench::waiting(finally()).came(),
        ];
        for (column, (bench, made)) in steps.into_iter().zip(row).enumerate() {
            check(bench.mark(kind).look(), made, &format!("{kind:?}, column {column}"));
        }
    }
}

#[test]
fn a_finally_step_that_has_begun_is_ended_by_cancel_alone() {
    let steps = [Bench::running, Bench::held_failed, Bench::held_after];
    for begun in steps {
        for kind in [Kind::Pause, Kind::StopFinally, Kind::CancelFinally, Kind::Abort] {
            let bench = begun(finally());
            let phase = bench.step.phase();
            bench.mark(kind).look().expect(phase);
        }
        let bench = begun(finally()).mark(Kind::Cancel).look();
        assert!(matches!(bench.step.phase(), Phase::Terminating | Phase::Finished));
    }
    let held = || Bench::held_before(finally());
    held().mark(Kind::CancelFinally).look().expect(Phase::HeldBefore);
    held().mark(Kind::Abort).look().expect_end(ABORTED);
}

#[test]
fn the_stronger_marker_wins_at_a_turn_whatever_the_order() {
    let strength = [
        (Kind::Cancel, Reason::Cancelled),
        (Kind::Abort, Reason::Aborted),
        (Kind::CancelFinally, Reason::Cancelled),
        (Kind::StopFinally, Reason::Stopped),
    ];
    for (rank, (strong, reason)) in strength.into_iter().enumerate() {
        for (weak, _) in strength.into_iter().skip(rank).chain([(Kind::Pause, reason)]) {
            for pair in [[strong, weak], [weak, strong]] {
                let bench = Bench::waiting(rules()).came().mark(pair[0]).mark(pair[1]).look();
                bench.expect(Phase::Finished).expect_reason(reason);
            }
        }
    }
}

#[test]
fn a_marker_is_shown_at_once_but_posted_after_the_step_before() {
    for (kind, reason) in [
        (Kind::StopFinally, Reason::Stopped),
        (Kind::Abort, Reason::Aborted),
        (Kind::Cancel, Reason::Cancelled),
    ] {
        let bench = Bench::waiting(rules()).mark(kind).look().expect(Phase::Waiting);
        let bench = bench.expect_reason(reason).came().look();
        bench.expect(Phase::Finished).expect_reason(reason);
    }
    for verb in [Verb::Cancel, Verb::Skip] {
        let bench = Bench::waiting(rules()).verb(verb).expect(Phase::Waiting);
        let bench = bench.expect_answer(verb, Answer::Accepted);
        bench.came().look().expect(Phase::Finished);
    }
}

#[test]
fn a_removed_marker_is_no_marker() {
    let bench = Bench::waiting(rules()).mark(Kind::Abort).look().unmark().look();
    bench.expect_reason(None).came().look().expect(Phase::Running);
}

#[test]
fn a_marker_does_not_tell_the_reason_of_a_command_that_goes_on() {
    Bench::running(rules()).mark(Kind::StopFinally).look().expect_reason(None);
}

#[test]
fn a_cancel_posts_at_once_where_no_step_is_awaited() {
    let unknown = |mut bench: Bench| {
        bench.view.awaited[0].writer = Writer::Unknown;
        bench
    };
    unknown(Bench::waiting(rules())).mark(Kind::Cancel).look().expect_end(CANCELLED);
    unknown(Bench::waiting(rules())).verb(Verb::Cancel).expect_end(CANCELLED);
    unknown(Bench::waiting(rules())).mark(Kind::Abort).look().expect(Phase::Waiting);
    unknown(Bench::waiting(rules())).verb(Verb::Skip).expect(Phase::Waiting);
    let mut two = unknown(Bench::waiting(rules()));
    two.view.awaited.push(awaited());
    two.mark(Kind::Cancel).look().expect(Phase::Waiting).came().look().expect_end(CANCELLED);
}

#[test]
fn looks_come_in_the_order_of_the_contract() {
    let skip = || request(wish_of(Verb::Skip));
    let cancel = || request(wish_of(Verb::Cancel));
    let step = || Bench::waiting(rules());
    step().previous_died().mark(Kind::Cancel).ask(skip()).look().expect_end(DIED);
    step().previous_failed(None).mark(Kind::Abort).ask(skip()).look().expect_end(ABORTED);
    step().previous_failed(None).ask(skip()).ask(cancel()).look().expect_end(CANCELLED);
    step().previous_failed(None).ask(skip()).look().expect_end(SKIPPED_WELL);
    step().previous_failed(None).mark(Kind::Pause).look().expect_end(SKIPPED);
    step().came().mark(Kind::Pause).ask(skip()).look().expect_end(SKIPPED_WELL);
    let held = Rules { hold_before: true, ..rules() };
    let bench = Bench::waiting(held).came().mark(Kind::Pause).look().expect(Phase::Paused);
    let bench = bench.unmark().look().expect(Phase::HeldBefore);
    bench.ask(by_hand(facts::Wish::Begin)).mark(Kind::Abort).look().expect_end(ABORTED);
}

#[test]
fn a_pause_holds_back_the_command_until_it_is_over() {
    let bench = Bench::waiting(rules()).came().mark(Kind::Pause).look().expect(Phase::Paused);
    let bench = bench.pass(seconds(3600)).look().expect(Phase::Paused);
    bench.clone().verb(Verb::Cancel).expect_end(CANCELLED);
    bench.clone().verb(Verb::Skip).expect_end(SKIPPED_WELL);
    bench.clone().mark(Kind::StopFinally).look().expect_end(STOPPED);
    bench.clone().unmark().look().expect(Phase::Running);
    bench.mark(Kind::Resume).look().expect(Phase::Running);
}

/// Found by a random run: `stop-finally` is stronger, but it forbids a finally step nothing.
#[test]
fn a_pause_holds_back_a_finally_step_of_a_stopped_run() {
    for kind in [Kind::StopFinally, Kind::CancelFinally] {
        let bench = Bench::waiting(finally()).mark(kind).mark(Kind::Pause).came().look();
        bench.expect(Phase::Paused).mark(Kind::Resume).look().expect(Phase::Running);
    }
}

#[test]
fn a_pause_comes_again_after_the_hold_before() {
    let bench = Bench::held_before(rules()).mark(Kind::Pause).look().expect(Phase::HeldBefore);
    let bench = bench.verb(Verb::BeforeContinue).expect(Phase::Paused);
    bench.unmark().look().expect(Phase::Running);
}

#[test]
fn a_turn_that_has_come_stays() {
    let mut bench = Bench::held_before(rules());
    bench.view.awaited[0].came = false;
    bench.view.awaited[0].writer = Writer::Died;
    bench.look().expect(Phase::HeldBefore).verb(Verb::BeforeContinue).expect(Phase::Running);
}

#[test]
fn the_last_look_comes_right_before_the_start() {
    for (kind, end) in [(Kind::StopFinally, STOPPED), (Kind::Cancel, CANCELLED)] {
        let mut bench = Bench::waiting(rules()).came();
        let asked = bench.step.on(bench.now, Event::Looked(bench.view.clone()));
        assert_eq!(asked, [Action::Prepare]);
        let bench = bench.mark(kind);
        let prepared = Event::Prepared(Prepared::Ready, bench.view.clone());
        let bench = bench.tell(prepared).expect_end(end);
        assert!(bench.starts.is_empty());
    }
    let mut bench = Bench::held_before(rules());
    let go = View { requests: vec![request(wish_of(Verb::BeforeContinue))], ..bench.view.clone() };
    assert!(bench.step.on(bench.now, Event::Looked(go)).contains(&Action::Prepare));
    let bench = bench.mark(Kind::Abort);
    let prepared = Event::Prepared(Prepared::Ready, bench.view.clone());
    assert!(bench.tell(prepared).expect_end(ABORTED).starts.is_empty());
    let mut bench = Bench::waiting(rules()).came();
    let _ = bench.step.on(bench.now, Event::Looked(bench.view.clone()));
    let bench = bench.mark(Kind::Pause);
    let prepared = Event::Prepared(Prepared::Ready, bench.view.clone());
    let bench = bench.tell(prepared).expect(Phase::Paused);
    assert_eq!(bench.unmark().look().expect(Phase::Running).starts.len(), 1);
}

#[test]
fn no_command_begins_beside_an_earlier_step() {
    for rules in [rules(), finally()] {
        let mut bench = Bench::waiting(rules).came();
        bench.view.busy = Some("build".to_owned());
        let mut bench = bench.look().expect(Phase::Waiting);
        assert_eq!(bench.step.state().waiting_for.as_deref(), Some("build"));
        bench.view.busy = None;
        bench.look().expect(Phase::Running);
    }
}

#[test]
fn a_death_is_never_taken_for_a_turn_but_by_a_finally_step() {
    Bench::waiting(rules()).previous_died().look().expect_end(DIED);
    Bench::waiting(debugged()).previous_died().look().expect_end(DIED);
    Bench::waiting(finally()).previous_died().look().expect(Phase::Running);
    Bench::waiting(rules()).previous_died().came().look().expect(Phase::Running);
    Bench::waiting(rules()).previous_died().previous_failed(None).look().expect_end(SKIPPED);
}

#[test]
fn a_failure_before_skips_all_but_finally_and_debugged_steps() {
    let go_on = [None, Some(Reason::Failed), Some(Reason::TimeoutExceeded), Some(Reason::Skipped)];
    let end = [
        Reason::Cancelled,
        Reason::Stopped,
        Reason::Aborted,
        Reason::WaitTimeout,
        Reason::PreviousStepDied,
        Reason::BreakpointTimeout,
        Reason::Terminated,
    ];
    for reason in go_on.into_iter().chain(end.map(Some)) {
        Bench::waiting(rules()).previous_failed(reason).look().expect_end(SKIPPED);
        Bench::waiting(finally()).previous_failed(reason).look().expect(Phase::Running);
        let both = Bench::waiting(rules()).previous_failed(reason).came();
        both.look().expect(Phase::Running);
    }
    for reason in go_on {
        Bench::waiting(debugged()).previous_failed(reason).look().expect(Phase::Running);
        let live = Bench::waiting(rules()).breakpoint("on-failure").previous_failed(reason);
        live.look().expect(Phase::Running);
    }
    for reason in end {
        Bench::waiting(debugged()).previous_failed(Some(reason)).look().expect_end(SKIPPED);
    }
}

#[test]
fn files_are_awaited_in_their_order() {
    let mut bench = Bench::waiting(rules());
    bench.view.awaited.push(Awaited { failed: true, ..awaited() });
    let mut bench = bench.look().expect(Phase::Waiting);
    bench.view.awaited[0].came = true;
    bench.look().expect_end(SKIPPED);
}

#[test]
fn a_file_that_can_never_be_is_an_error() {
    let mut bench = Bench::waiting(rules());
    bench.view.awaited[0].never = Some("/tekton/run/0 is a file".to_owned());
    bench.look().expect_end((Post::Failed, None, EndRow::Nothing, 1));
}

#[test]
fn a_wait_has_its_limit() {
    let rules = || Rules { wait_timeout: Some(seconds(60)), ..rules() };
    let timed_out = failed(Reason::WaitTimeout, 1);
    let bench = Bench::waiting(rules()).pass(seconds(59)).expect(Phase::Waiting);
    bench.pass(seconds(1)).expect_end(timed_out);
    let stopped = Bench::waiting(rules()).mark(Kind::StopFinally).look();
    stopped.pass(seconds(60)).expect_end(timed_out);
    let bench = Bench::running(rules()).pass(seconds(3600)).expect(Phase::Running);
    bench.ends(Outcome::Exited(0)).expect_end((Post::Done, Some("0"), EndRow::Nothing, 0));
    let late = Bench::waiting(rules()).wait(seconds(60)).came();
    late.tell(Event::TimePassed).expect(Phase::Running);
}

#[test]
fn pauses_do_not_count_in_a_wait() {
    let rules = Rules { wait_timeout: Some(seconds(60)), ..rules() };
    let bench = Bench::waiting(rules).wait(seconds(40)).mark(Kind::Pause).look();
    let bench = bench.pass(seconds(3600)).expect(Phase::Waiting).unmark().look();
    let bench = bench.pass(seconds(19)).expect(Phase::Waiting);
    bench.pass(seconds(1)).expect_end(failed(Reason::WaitTimeout, 1));
}

#[test]
fn all_markers_that_it_sees_are_in_the_state() {
    let bench = Bench::waiting(rules()).mark(Kind::Resume).mark(Kind::Pause).look();
    let names: Vec<_> = bench.step.state().markers.into_iter().map(|m| m.name).collect();
    assert_eq!(names, ["pause", "resume"]);
}
