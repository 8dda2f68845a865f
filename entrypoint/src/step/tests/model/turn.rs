//! A step whose turn comes: what it looks at before its command (2.2, 2.3, 2.4).

use std::time::Duration;

use super::super::super::Prepared;
use super::super::super::facts::{Awaited, Writer};
use super::super::super::markers::{Kind, Sighting};
use super::tables::{self, Cell, Column, End};
use super::{Before, Model, is_silent};
use crate::state::{Phase, Reason};

/// What the steps before say.
enum Word {
    Nothing,
    Come,
    Failed,
    Died,
    Impossible,
}

impl Model {
    /// "At its turn a step looks in this order" (2.2).
    pub(super) fn at_its_turn(&mut self, now: Duration, last_look: Option<&Prepared>) {
        let doom = self.doom();
        match self.word_of_those_before() {
            Word::Impossible => return self.finish(tables::end_of_anything_else()),
            Word::Died => return self.finish(tables::end_without(Reason::PreviousStepDied)),
            Word::Nothing => return self.waits(now, doom),
            Word::Failed => {
                return self.finish(doom.unwrap_or(tables::end_without(Reason::Skipped)));
            }
            Word::Come => {}
        }
        match doom {
            Some(doom) => self.finish(doom),
            None if self.before == Before::Stands => self.hold_before(now),
            None if self.view.busy.is_some() => self.phase = Phase::Waiting,
            None if self.is_paused() => self.phase = Phase::Paused,
            None if self.is_to_hold_before() => self.hold_before(now),
            None => last_look.into_iter().for_each(|prepared| self.begin(now, prepared)),
        }
    }

    pub(super) fn turn_is_free(&self) -> bool {
        matches!(self.word_of_those_before(), Word::Come)
            && self.doom().is_none()
            && self.before != Before::Stands
            && self.view.busy.is_none()
            && !self.is_paused()
            && !self.is_to_hold_before()
    }

    /// "At once posts: a cancel where W has no `.alive`, `-wait_timeout`" (2.2).
    fn waits(&mut self, now: Duration, doom: Option<End>) {
        let is_no_step = |awaited: &Awaited| awaited.writer == Writer::Unknown;
        let no_step = self.view.awaited.iter().filter(|a| is_silent(a)).all(is_no_step);
        match doom {
            Some(doom) if doom.reason == Some(Reason::Cancelled) && no_step => self.finish(doom),
            _ if self.counted_since.is_some() && self.due().is_some_and(|due| now >= due) => {
                self.finish(tables::end_without(Reason::WaitTimeout));
            }
            _ => self.phase = Phase::Waiting,
        }
    }

    /// Each W in order (1.3, 2.3 `-finally`, 2.4).
    fn word_of_those_before(&self) -> Word {
        let breakpoints = self.holds_on_failure();
        for awaited in &self.view.awaited {
            let bars = |reason: Reason| tables::NEVER_TAKEN_AS_DONE.contains(&reason);
            let counts_as_w = breakpoints && !awaited.reason.is_some_and(bars);
            match awaited {
                Awaited { came: true, .. } => {}
                Awaited { failed: true, .. } if self.rules.finally || counts_as_w => {}
                Awaited { failed: true, .. } => return Word::Failed,
                Awaited { never: Some(_), .. } => return Word::Impossible,
                Awaited { writer: Writer::Died, .. } if self.rules.finally => {}
                Awaited { writer: Writer::Died, .. } => return Word::Died,
                _ => return Word::Nothing,
            }
        }
        Word::Come
    }

    /// Why it will not run: the strongest marker or `P.cancel`, then `P.skip`.
    pub(super) fn doom(&self) -> Option<End> {
        if self.cancelled {
            return Some(tables::end_without(Reason::Cancelled));
        }
        let column = if self.rules.finally { Column::FinallyTurn } else { Column::Turn };
        match self.strongest().map(|kind| tables::marker_cell(kind, column)) {
            Some(Cell::DoesNotRun(reason)) => Some(tables::end_without(reason)),
            _ => self.skipped.then(tables::end_skipped_well),
        }
    }

    fn strongest(&self) -> Option<Kind> {
        let in_force = |kind: &Kind| match kind {
            Kind::Pause => self.is_paused(),
            _ => self.view.markers.iter().any(|marker| marker.kind == *kind),
        };
        tables::STRONGEST_FIRST.into_iter().find(in_force)
    }

    /// "A finally step that has begun is ended by `cancel` alone."
    pub(super) fn begun_cell(&self, column: Column) -> Option<Cell> {
        let kind = self.strongest().filter(|kind| !self.rules.finally || *kind == Kind::Cancel)?;
        Some(tables::marker_cell(kind, column))
    }

    /// "`resume` ends every pause that is not newer than itself"; one in the downward folder stays.
    pub(super) fn is_paused(&self) -> bool {
        let of = |kind| self.view.markers.iter().filter(move |marker| marker.kind == kind);
        let ended = |pause: &Sighting| of(Kind::Resume).any(|r| pause.written <= r.written);
        of(Kind::Pause).any(|pause| pause.downward || !ended(pause))
    }

    /// The items of the newest `breakpoint` marker; `off` ends the flags' breakpoints too.
    pub(super) fn breakpoint_asks(&self, item: &str, flag: bool) -> bool {
        let mut breakpoints: Vec<_> =
            self.view.markers.iter().filter(|marker| marker.kind == Kind::Breakpoint).collect();
        breakpoints.sort_by_key(|marker| marker.written);
        match breakpoints.last().map(|marker| marker.reason.trim()) {
            None => flag,
            Some("off") => false,
            Some(text) => flag || text.split(',').any(|one| one.trim() == item),
        }
    }

    pub(super) fn holds_on_failure(&self) -> bool {
        self.breakpoint_asks("on-failure", self.rules.hold_on_failure)
    }

    fn is_to_hold_before(&self) -> bool {
        let item = format!("before:{}", self.rules.name);
        self.before == Before::NotYet && self.breakpoint_asks(&item, self.rules.hold_before)
    }
}
