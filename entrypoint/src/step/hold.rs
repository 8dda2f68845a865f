//! Holds: how a step comes into one, what ends it, and what it ends as (contract 1.11, 2.2, 2.3).

use std::time::Duration;

use debug_scripts::Verb;

use super::markers::{Begun, Kind};
use super::message;
use super::outcome::{EndRow, Ending, OnError, Outcome, Post};
use super::{Action, HoldBefore, Limit, Now, Record, Step};
use crate::state::{Phase, Reason};

impl Step {
    /// Holds before the command. From here on only a person, a marker or the limit ends the hold.
    pub(super) fn hold_before(&mut self, now: Now) -> Vec<Action> {
        if self.phase == Phase::HeldBefore {
            return self.heed_limit(now);
        }
        self.enter(now, Phase::HeldBefore);
        self.hold_before = HoldBefore::Stands;
        self.limit = self.rules.breakpoint_timeout.map(|limit| Limit::new(now, limit));
        vec![Action::Log(self.message()), Action::Look]
    }

    /// Holds after an attempt. What would be said of it now is on disk from the first moment, for a
    /// pod that is deleted while it is held.
    pub(super) fn hold_after(&mut self, now: Now, outcome: &Outcome) -> Vec<Action> {
        let phase = if outcome.is_success() { Phase::HeldAfter } else { Phase::HeldFailed };
        self.enter(now, phase);
        self.limit = self.rules.breakpoint_timeout.map(|limit| Limit::new(now, limit));
        let record = self.record(Record {
            started_at: self.started.unwrap_or(now).wall,
            row: row_of(outcome),
            exit_code_file: None,
            ran: true,
            held: Some(outcome.own_code().to_string()),
        });
        vec![Action::Log(self.message()), record, Action::Publish, Action::Look]
    }

    /// What ends a hold after an attempt, when no request does.
    pub(super) fn heed_held(&mut self, now: Now) -> Vec<Action> {
        match self.end_by_marker() {
            Some(ending) => self.finish(now, ending),
            None => self.heed_limit(now),
        }
    }

    /// How the strongest marker ends the hold, where it does.
    pub(super) fn end_by_marker(&self) -> Option<Ending> {
        let (marker, effect) = self.marker_once_begun()?;
        let Begun::HoldEnds(reason) = effect.held else { return None };
        let ending = match reason {
            Reason::Cancelled => {
                let cancelled = format!("{} was cancelled at its hold", self.named());
                Ending::failed(reason, message::by_marker(&cancelled, marker))
            }
            _ if self.phase == Phase::HeldAfter => self.left(Verb::Continue),
            _ => Ending {
                row: EndRow::Reason(reason),
                reason: Some(reason),
                message: message::by_marker(&self.hold_was_ended(), marker),
                ..self.left(Verb::Fail)
            },
        };
        Some(ending.after_hold())
    }

    /// Ends the hold before the step without running it.
    pub(super) fn fail_before(&mut self, now: Now, message: String) -> Vec<Action> {
        let ending = Ending { row: EndRow::Nothing, ..Ending::failed(Reason::Failed, message) };
        self.finish(now, ending)
    }

    /// Ends the hold after an attempt, as a verb says; `by` tells who gave it, and why.
    pub(super) fn leave(&mut self, now: Now, verb: Verb, by: &str) -> Vec<Action> {
        let mut actions = Vec::new();
        if verb == Verb::Fail {
            let why = format!("step `{}` was failed at its breakpoint{by}", self.rules.name);
            actions.push(Action::Mark(Kind::StopFinally, why));
        }
        let ending = self.left(verb);
        actions.extend(self.finish(now, ending));
        actions
    }

    /// Ends the hold with a code that a person or a script of Tekton's wrote (1.11).
    pub(super) fn leave_with(&mut self, now: Now, code: i32) -> Vec<Action> {
        let verb = if code == 0 { Verb::Continue } else { Verb::FailContinue };
        let ending = self.left(verb).exiting(code);
        self.finish(now, ending)
    }

    fn left(&self, verb: Verb) -> Ending {
        let outcome = self.outcome.clone().unwrap_or(Outcome::Exited(0));
        let post = match verb {
            Verb::Continue | Verb::BreakpointExit => Post::Done,
            _ => Post::Failed,
        };
        let exit = match verb {
            Verb::Continue => 0,
            Verb::FailContinue => 1,
            Verb::Fail if outcome.is_success() => 1,
            _ => outcome.own_code(),
        };
        let row = match (verb, &outcome, self.rules.on_error) {
            (Verb::Continue, Outcome::Exited(0), _) => EndRow::Nothing,
            (Verb::Continue, Outcome::Exited(_) | Outcome::Killed(_), OnError::Continue) => {
                EndRow::ExitCode(outcome.own_code())
            }
            (Verb::Continue | Verb::BreakpointExit, ..) => EndRow::Nothing,
            _ => row_of(&outcome),
        };
        let reason = (verb != Verb::Continue)
            .then(|| outcome.reason().or((exit != 0).then_some(Reason::Failed)))
            .flatten();
        let message = format!("{} by `{verb}`", self.hold_was_ended());
        Ending { post, exit_code_file: None, row, exit, reason, message }
    }

    fn hold_was_ended(&self) -> String {
        format!("{}; its hold was ended", self.what_happened())
    }

    /// A hold's limit is spoken of once more when a tenth of it is left.
    pub(super) fn remind_or_look(&mut self, now: Now) -> Vec<Action> {
        let reminder = self.limit.as_mut().and_then(|limit| limit.reminder.take());
        if let (Some(_), Some(limit)) = (reminder, self.limit)
            && !limit.is_reached(now)
        {
            let left = message::duration(limit.at.monotonic.saturating_sub(now.monotonic));
            return vec![Action::Log(format!("{left} left: {}", self.message()))];
        }
        vec![Action::Look]
    }

    fn heed_limit(&mut self, now: Now) -> Vec<Action> {
        if !self.limit.is_some_and(|limit| limit.is_reached(now)) {
            return Vec::new();
        }
        let reason = Reason::BreakpointTimeout;
        let message = self.limit_message();
        let (verb, mark) = match self.phase {
            Phase::HeldBefore => return self.finish(now, Ending::failed(reason, message)),
            Phase::HeldAfter => (Verb::Continue, None),
            _ => (Verb::Fail, Some(Action::Mark(Kind::StopFinally, message.clone()))),
        };
        let row = EndRow::Reason(reason);
        let ending = Ending { row, reason: Some(reason), message, ..self.left(verb) };
        mark.into_iter().chain(self.finish(now, ending)).collect()
    }

    /// Gives the hold more time, counted from now.
    pub(super) fn extend(&mut self, now: Now, by: Duration) {
        self.limit = Some(Limit::new(now, by));
    }

    /// Runs the command again, or another one in its place (2.6).
    pub(super) fn retry(&mut self, now: Now, command: Option<Vec<String>>) -> Vec<Action> {
        self.other_command = command;
        self.limit = None;
        let mut actions = vec![Action::EndLeftovers];
        actions.extend(self.prepare(now));
        actions
    }

    /// Ends the hold before the step: nothing but a marker keeps its command back any more.
    pub(super) fn begin_held(&mut self) {
        self.hold_before = HoldBefore::Over;
        self.limit = None;
    }
}

impl Limit {
    /// A limit that is reached so long after now; it is spoken of again when a tenth is left.
    fn new(now: Now, limit: Duration) -> Self {
        let at = Now {
            monotonic: now.monotonic.saturating_add(limit),
            wall: chrono::TimeDelta::from_std(limit)
                .ok()
                .and_then(|delta| now.wall.checked_add_signed(delta))
                .unwrap_or(now.wall),
        };
        Self { at, reminder: Some(now.monotonic.saturating_add(limit - limit / 10)) }
    }

    fn is_reached(self, now: Now) -> bool {
        now.monotonic >= self.at.monotonic
    }
}

fn row_of(outcome: &Outcome) -> EndRow {
    match outcome {
        Outcome::TimedOut => EndRow::Reason(Reason::TimeoutExceeded),
        _ => EndRow::Nothing,
    }
}
