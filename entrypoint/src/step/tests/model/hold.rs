//! Holds, and how they are left (1.11, 2.2, 2.3, 2.7).

use std::time::Duration;

use debug_scripts::Verb;

use super::super::super::markers::Kind;
use super::super::super::{EndRow, Outcome, Prepared};
use super::tables::{self, Cell, Column, End};
use super::{Before, Deed, Model};
use crate::state::{Phase, Reason};

impl Model {
    pub(super) fn is_to_hold_after(&self, outcome: &Outcome) -> bool {
        let item = format!("after:{}", self.rules.name);
        let failed = *outcome != Outcome::Exited(0);
        let asked = self.breakpoint_asks(&item, self.rules.hold_after);
        !self.is_going_away && (asked || failed && self.holds_on_failure())
    }

    pub(super) fn hold_before(&mut self, now: Duration) {
        if self.phase != Phase::HeldBefore {
            (self.phase, self.before) = (Phase::HeldBefore, Before::Stands);
            self.limit = self.rules.breakpoint_timeout.map(|limit| now + limit);
        } else if self.limit.is_some_and(|limit| now >= limit) {
            self.finish(tables::end_without(Reason::BreakpointTimeout));
        }
    }

    /// What ends a hold after an attempt: a marker (2.2), the retry that was accepted (2.6), its
    /// limit (2.3).
    pub(super) fn at_its_hold(&mut self, now: Duration, last_look: Option<&Prepared>) {
        if let Some(Cell::Ends(reason)) = self.begun_cell(Column::Held) {
            return self.finish(self.left_by_marker(reason));
        }
        if let Some(prepared) = last_look {
            return if self.is_posted_by_others() {
                self.retry = None;
            } else {
                self.begin(now, prepared);
            };
        }
        if self.limit.is_some_and(|limit| now >= limit) {
            let reason = Reason::BreakpointTimeout;
            let verb = if self.phase == Phase::HeldAfter { Verb::Continue } else { Verb::Fail };
            if verb == Verb::Fail {
                self.deeds.push(Deed::Mark(Kind::StopFinally));
            }
            let row = EndRow::Reason(reason);
            self.finish(End { row, reason: Some(reason), ..self.left_by(verb) });
        }
    }

    /// "After a failure: as by the verb `fail`, with that Reason; after success: posts its success."
    /// The run is stopped already, so there is no marker to set.
    fn left_by_marker(&self, reason: Reason) -> End {
        match (reason, self.phase) {
            (Reason::Cancelled, _) => End { file: None, ..tables::end_without(reason) },
            (_, Phase::HeldAfter) => self.left_by(Verb::Continue),
            _ => {
                let row = EndRow::Reason(reason);
                End { row, reason: Some(reason), ..self.left_by(Verb::Fail) }
            }
        }
    }

    pub(super) fn left_by(&self, verb: Verb) -> End {
        let outcome = self.outcome.clone().expect("a hold has an outcome");
        tables::end_by_verb(verb, &outcome, self.rules.on_error)
    }

    pub(super) fn command_end(&self) -> End {
        let outcome = self.outcome.clone().expect("a hold has an outcome");
        tables::end_of_command(&outcome, self.rules.on_error)
    }
}
