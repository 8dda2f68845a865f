//! A step's turn: what it looks at, in this order, before its command may begin (contract 2.2).

use super::facts::{Awaited, View, Writer};
use super::markers::{self, Turn};
use super::message::by_marker;
use super::outcome::{EndRow, Ending, OnError, Outcome};
use crate::state::Reason;

/// What a person decided about a step that has not begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Decided {
    /// It goes on as if it had succeeded; the text tells who said so.
    Skip(String),
    /// It is cancelled; the text tells who said so.
    Cancel(String),
}

/// Whether the hold before the command has still to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HoldBefore {
    /// There is none, or it is over.
    Over,
    /// It comes when the turn does.
    Due,
    /// It has come, and whatever brought it may go away.
    Stands,
}

/// What a step knows when it asks whether its turn has come.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gate<'a> {
    /// What the files say.
    pub(super) view: &'a View,
    /// Whether it runs after failures too (`-finally`).
    pub(super) finally: bool,
    /// Whether a breakpoint on failure is set, so that a failure before it counts as done.
    pub(super) debugged: bool,
    /// The hold before the command.
    pub(super) hold: HoldBefore,
    /// What a person decided.
    pub(super) decided: Option<&'a Decided>,
}

/// What the step does now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It goes on waiting.
    Wait,
    /// It waits until no pause is in force.
    Pause,
    /// It is held before its command.
    Hold,
    /// Its command may begin.
    Begin,
    /// It ends without having run.
    End(Ending),
}

/// What an awaited file means for the step.
enum Standing {
    Open,
    Came,
    Failed,
    Died,
    Never(String),
}

impl Gate<'_> {
    /// Looks at everything in the contract's order.
    pub(super) fn verdict(&self) -> Verdict {
        let doom = self.doom();
        let (awaited, standing) = self.standing();
        match standing {
            Standing::Open => match doom {
                Some(doom) if self.posts_at_once(&doom) => Verdict::End(doom),
                _ => Verdict::Wait,
            },
            Standing::Never(why) => Verdict::End(impossible(why)),
            Standing::Died => Verdict::End(previous_died(awaited)),
            Standing::Failed => Verdict::End(doom.unwrap_or_else(|| previous_failed(awaited))),
            Standing::Came => doom.map_or_else(|| self.at_its_turn(), Verdict::End),
        }
    }

    /// How the step will end without running, whatever it still waits for.
    pub(super) fn doom(&self) -> Option<Ending> {
        if let Some(Decided::Cancel(why)) = self.decided {
            return Some(Ending::failed(Reason::Cancelled, why.clone()));
        }
        if let Some((marker, Turn::DoesNotRun(reason))) = self.turns().next() {
            return Some(Ending::failed(reason, will_not_run(marker)));
        }
        match self.decided {
            Some(Decided::Skip(why)) => Some(Ending::skipped_well(why.clone())),
            _ => None,
        }
    }

    /// What each marker makes of this step's turn, strongest first.
    fn turns(&self) -> impl Iterator<Item = (&markers::Sighting, Turn)> {
        markers::effects(&self.view.markers).map(|(marker, effect)| {
            (marker, if self.finally { effect.finally_turn } else { effect.turn })
        })
    }

    /// The turn has come and nothing forbids the command: a pause and a hold may still keep it back.
    fn at_its_turn(&self) -> Verdict {
        let paused = self.turns().any(|(_, turn)| turn == Turn::Pauses);
        match self.hold {
            HoldBefore::Stands => Verdict::Hold,
            _ if self.view.busy.is_some() => Verdict::Wait,
            _ if paused => Verdict::Pause,
            HoldBefore::Due => Verdict::Hold,
            HoldBefore::Over => Verdict::Begin,
        }
    }

    /// A cancelled step need not wait for files that no step is known to write (2.2).
    fn posts_at_once(&self, doom: &Ending) -> bool {
        let is_open = |awaited: &&Awaited| matches!(self.standing_of(awaited), Standing::Open);
        let mut open = self.view.awaited.iter().filter(is_open);
        doom.reason == Some(Reason::Cancelled) && open.all(|a| a.writer == Writer::Unknown)
    }

    /// The first awaited file that is not simply there, in the order of the flag.
    fn standing(&self) -> (Option<&Awaited>, Standing) {
        self.view
            .awaited
            .iter()
            .map(|awaited| (Some(awaited), self.standing_of(awaited)))
            .find(|(_, standing)| !matches!(standing, Standing::Came))
            .unwrap_or((None, Standing::Came))
    }

    fn standing_of(&self, awaited: &Awaited) -> Standing {
        let goes_on = self.debugged && awaited.reason.is_none_or(Reason::lets_debugged_run_go_on);
        match awaited {
            Awaited { came: true, .. } => Standing::Came,
            Awaited { failed: true, .. } if self.finally || goes_on => Standing::Came,
            Awaited { failed: true, .. } => Standing::Failed,
            Awaited { never: Some(why), .. } => Standing::Never(why.clone()),
            Awaited { writer: Writer::Died, .. } if self.finally => Standing::Came,
            Awaited { writer: Writer::Died, .. } => Standing::Died,
            _ => Standing::Open,
        }
    }
}

/// ``will not run: the run was stopped by `stop-finally` ("wrong branch")``.
fn will_not_run(marker: &markers::Sighting) -> String {
    use markers::Kind;
    let done = match marker.kind {
        Kind::Cancel | Kind::CancelFinally => "cancelled",
        Kind::Abort => "aborted",
        _ => "stopped",
    };
    by_marker(&format!("will not run: the run was {done}"), marker)
}

fn previous_name(awaited: Option<&Awaited>) -> String {
    match awaited {
        Some(Awaited { step: Some(step), .. }) => format!("step `{step}`"),
        Some(Awaited { file, .. }) => format!("the step that writes {}", file.display()),
        None => "the step before".to_owned(),
    }
}

fn previous_died(awaited: Option<&Awaited>) -> Ending {
    let name = previous_name(awaited);
    let message =
        format!("{name} died without a word (killed, or out of memory): this step cannot run");
    Ending::failed(Reason::PreviousStepDied, message)
}

fn previous_failed(awaited: Option<&Awaited>) -> Ending {
    let why = awaited.and_then(|awaited| awaited.reason);
    let why = why.filter(|reason| *reason != Reason::Failed);
    let why = why.map_or(String::new(), |reason| format!(" ({})", reason.word()));
    let message = format!("skipped: {} failed{why}", previous_name(awaited));
    Ending::failed(Reason::Skipped, message)
}

fn impossible(why: String) -> Ending {
    let outcome = Outcome::Faulty(why.clone());
    Ending { row: EndRow::Nothing, ..Ending::of(&outcome, OnError::StopAndFail, why) }
}
