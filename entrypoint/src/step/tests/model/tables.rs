//! The tables of the contract as they stand there, row by row: 1.6, 2.2, 2.4 and 2.7.

use debug_scripts::Verb;

use super::super::super::facts::Wish;
use super::super::super::markers::Kind;
use super::super::super::{EndRow, OnError, Outcome, Post};
use crate::state::{Phase, Reason};

/// How a step ends: the columns of 1.6, and the word in its state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct End {
    pub(in super::super) post: Post,
    pub(in super::super) file: Option<String>,
    pub(in super::super) row: EndRow,
    pub(in super::super) exit: i32,
    pub(in super::super) reason: Option<Reason>,
}

fn end(
    post: Post,
    file: Option<&str>,
    row: EndRow,
    exit: i32,
    reason: impl Into<Option<Reason>>,
) -> End {
    End { post, file: file.map(str::to_owned), row, exit, reason: reason.into() }
}

/// The rows of 1.6 that begin with the command.
pub(super) fn end_of_command(outcome: &Outcome, on_error: OnError) -> End {
    use EndRow::{ExitCode, Nothing};
    use OnError::{Continue, StopAndFail};
    use Post::{Done, Failed};
    use Reason::{Failed as Fails, TimeoutExceeded};
    let n = own_code(outcome);
    let text = n.to_string();
    match (outcome, on_error) {
        (Outcome::Exited(0), _) => end(Done, Some("0"), Nothing, 0, None),
        (Outcome::Exited(_), StopAndFail) => end(Failed, None, Nothing, n, Fails),
        (Outcome::Exited(_), Continue) => end(Done, Some(&text), ExitCode(n), 0, Fails),
        (Outcome::Killed(_), Continue) => end(Done, Some(&text), ExitCode(n), 0, Fails),
        (Outcome::Killed(_), StopAndFail) => end(Failed, None, Nothing, n, Fails),
        (Outcome::NotStarted { .. }, _) => end(Failed, None, Nothing, n, Fails),
        (Outcome::TimedOut, _) => {
            end(Failed, None, EndRow::Reason(TimeoutExceeded), 1, TimeoutExceeded)
        }
        (Outcome::Faulty(_), _) => end(Failed, None, Nothing, 1, Fails),
    }
}

/// The *own code* of 2.7, whatever on_error says.
pub(super) fn own_code(outcome: &Outcome) -> i32 {
    match outcome {
        Outcome::Exited(n) => *n,
        Outcome::Killed(s) => 128 + s,
        Outcome::NotStarted { code, .. } => *code,
        Outcome::TimedOut | Outcome::Faulty(_) => 1,
    }
}

/// The step does not run, or is ended by other than its command: 1.6, 2.2 to 2.4.
pub(super) fn end_without(reason: Reason) -> End {
    let (file, exit) = match reason {
        Reason::Cancelled => (Some("killed"), 9),
        _ => (None, 1),
    };
    end(Post::Failed, file, EndRow::Reason(reason), exit, reason)
}

/// A when expression is false (1.3), or `P.skip` (2.1).
pub(super) fn end_skipped_well() -> End {
    end(Post::Done, Some("0"), EndRow::Reason(Reason::Skipped), 0, Reason::Skipped)
}

/// "Anything else that goes wrong" in 1.6: a W that can never be, `before-fail`.
pub(super) fn end_of_anything_else() -> End {
    end(Post::Failed, None, EndRow::Nothing, 1, Reason::Failed)
}

/// TERM, INT, QUIT to a step that has no command (2.8).
pub(super) fn end_by_signal(signal: i32) -> End {
    End { exit: 128 + signal, ..end_without(Reason::Terminated) }
}

/// The first four rows of 2.7: how a hold after an attempt is left. There is no `exitCode` file after
/// a hold (1.11).
pub(super) fn end_by_verb(verb: Verb, outcome: &Outcome, on_error: OnError) -> End {
    let command = end_of_command(outcome, on_error);
    let own = own_code(outcome);
    let failed = command.reason.or(Some(Reason::Failed));
    let failed_row = end_of_command(outcome, OnError::StopAndFail).row;
    let went_on_row = match command.row {
        EndRow::ExitCode(n) => EndRow::ExitCode(n),
        _ => EndRow::Nothing,
    };
    match (verb, own) {
        (Verb::Continue, _) => end(Post::Done, None, went_on_row, 0, None),
        (Verb::FailContinue, _) => end(Post::Failed, None, failed_row, 1, failed),
        (Verb::BreakpointExit, n) => end(Post::Done, None, EndRow::Nothing, n, command.reason),
        (Verb::Fail, 0) => end(Post::Failed, None, failed_row, 1, failed),
        (_, n) => end(Post::Failed, None, failed_row, n, failed),
    }
}

/// The columns of 2.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Column {
    Running,
    Held,
    Turn,
    FinallyTurn,
}

/// What stands in the table of 2.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cell {
    GoesOn,
    Finishes,
    Terminated,
    StaysHeld,
    Ends(Reason),
    Paused,
    DoesNotRun(Reason),
    Runs,
}

/// 2.2, in the contract's order; `breakpoint` speaks of holds and stands in the model itself.
#[rustfmt::skip]
const MARKERS: [(Kind, [Cell; 4]); 5] = {
    use Cell::{DoesNotRun, Ends, Finishes, GoesOn, Paused, Runs, StaysHeld, Terminated};
    use Reason::{Aborted, Cancelled, Stopped};
    [   //                   running     held             turn comes             a finally step
        (Kind::Pause,         [GoesOn,     StaysHeld,       Paused,                Paused]),
        (Kind::StopFinally,   [Finishes,   Ends(Stopped),   DoesNotRun(Stopped),   Runs]),
        (Kind::CancelFinally, [Terminated, Ends(Cancelled), DoesNotRun(Cancelled), Runs]),
        (Kind::Abort,         [Finishes,   Ends(Aborted),   DoesNotRun(Aborted),   DoesNotRun(Aborted)]),
        (Kind::Cancel,        [Terminated, Ends(Cancelled), DoesNotRun(Cancelled), DoesNotRun(Cancelled)]),
    ]
};

/// "The stronger wins: cancel, abort, cancel-finally, stop-finally, pause."
pub(super) const STRONGEST_FIRST: [Kind; 5] =
    [Kind::Cancel, Kind::Abort, Kind::CancelFinally, Kind::StopFinally, Kind::Pause];

pub(super) fn marker_cell(kind: Kind, column: Column) -> Cell {
    let row = MARKERS.iter().find(|row| row.0 == kind).expect("a row of 2.2");
    row.1[column as usize]
}

/// What stands in the table of verbs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Take {
    No,
    Yes,
    As(Verb),
    WithLimit,
}

/// The second table of 2.7, in the contract's order.
#[rustfmt::skip]
const VERBS: [(Verb, [Take; 5]); 10] = {
    use Take::{As, No, WithLimit, Yes};
    use Verb::{BeforeContinue, BeforeFail};
    [   //                     waiting, paused  held-before         running  held-failed  held-after
        (Verb::Continue,       [No,             As(BeforeContinue), No,      Yes,         Yes]),
        (Verb::Fail,           [No,             As(BeforeFail),     No,      Yes,         Yes]),
        (Verb::FailContinue,   [No,             No,                 No,      Yes,         Yes]),
        (Verb::BreakpointExit, [No,             No,                 No,      Yes,         Yes]),
        (Verb::BeforeContinue, [No,             Yes,                No,      No,          No]),
        (Verb::BeforeFail,     [No,             Yes,                No,      No,          No]),
        (Verb::Retry,          [No,             No,                 No,      Yes,         No]),
        (Verb::Skip,           [Yes,            Yes,                No,      No,          No]),
        (Verb::Cancel,         [Yes,            Yes,                Yes,     Yes,         Yes]),
        (Verb::Extend,         [No,             WithLimit,          No,      WithLimit,   WithLimit]),
    ]
};

/// The cell of a verb; none where the table has no column for the phase.
pub(super) fn verb_cell(verb: Verb, phase: Phase) -> Option<Take> {
    let column = match phase {
        Phase::Waiting | Phase::Paused => 0,
        Phase::HeldBefore => 1,
        Phase::Running => 2,
        Phase::HeldFailed => 3,
        Phase::HeldAfter => 4,
        Phase::Terminating | Phase::Finished => return None,
    };
    let row = VERBS.iter().find(|row| row.0 == verb).expect("a row of 2.7");
    Some(row.1[column])
}

/// "Several at once are taken in the order cancel, exit files, skip, retry, extend" (2.1), and the
/// verb that each file stands for. Among exit files the contract gives no order.
pub(super) fn rank_and_verb(wish: &Wish) -> (u8, Verb) {
    match wish {
        Wish::Cancel => (0, Verb::Cancel),
        Wish::Exit(0) => (1, Verb::Continue),
        Wish::Exit(_) => (1, Verb::FailContinue),
        Wish::Leave(verb) => (1, *verb),
        Wish::Begin => (1, Verb::BeforeContinue),
        Wish::DoNotBegin => (1, Verb::BeforeFail),
        Wish::Skip => (2, Verb::Skip),
        Wish::Retry(_) => (3, Verb::Retry),
        Wish::Extend(_) => (4, Verb::Extend),
    }
}

/// 2.4: with breakpoints `W.err` counts as W, unless the step before gives one of these reasons.
pub(super) const NEVER_TAKEN_AS_DONE: [Reason; 7] = [
    Reason::Cancelled,
    Reason::Stopped,
    Reason::Aborted,
    Reason::WaitTimeout,
    Reason::PreviousStepDied,
    Reason::BreakpointTimeout,
    Reason::Terminated,
];
