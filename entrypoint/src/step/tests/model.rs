//! A second, small description of what one step must do, written from the contract's tables and
//! sentences alone, to be laid beside them. Of the machine it shares plain types, never a table or a
//! function.
//!
//! Where the contract leaves a choice the model says so: what is answered behind a request that
//! changed the phase may be answered now or at the next look; exit files among each other have no
//! order; a `cancel` while the command is being ended, and a `skip` behind a `cancel`, change
//! nothing, so either answer will do. Texts for people are not modelled.

mod tables;

use std::time::Duration;

use debug_scripts::Verb;

use super::super::facts::{Awaited, Posted, Request, View, Wish, Writer};
use super::super::markers::{Kind, Sighting};
use super::super::{EndRow, Outcome, Post, Prepared, Rules};
use crate::state::{Phase, Reason};
use tables::{Cell, Column, End, Take};

const TERM: i32 = 15;
const KILL: i32 = 9;
/// TERM, INT and QUIT (2.8).
const LAST_WORDS: [i32; 3] = [15, 2, 3];

/// What a step does, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Deed {
    Start(Option<Vec<String>>),
    Signal(i32),
    EndLeftovers,
    Mark(Kind),
    /// The message for a pod that is deleted during the hold.
    RecordHold(EndRow),
    /// The message, the `exitCode` file, and whether there may be results.
    Record(EndRow, Option<String>, bool),
    Post(Post),
    Exit(i32),
}

/// What is told to the writer of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    Accepted,
    Rejected,
    Either,
}

/// The hold before the command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Before {
    NotYet,
    Stands,
    Over,
}

/// What the steps before say.
enum Word {
    Nothing,
    Come,
    Failed,
    Died,
    Impossible,
}

#[derive(Clone, Debug)]
pub(super) struct Model {
    rules: Rules,
    view: View,
    pub(super) phase: Phase,
    pub(super) attempt: u32,
    pub(super) deeds: Vec<Deed>,
    waited: Duration,
    /// Since when the wait is counted, where it is.
    counted_since: Option<Duration>,
    cancelled: bool,
    skipped: bool,
    before: Before,
    /// A retry that was accepted and has not begun, with its command.
    retry: Option<Option<Vec<String>>>,
    started: Duration,
    outcome: Option<Outcome>,
    /// Why the command is being ended.
    cause: Reason,
    kill_at: Option<Duration>,
    command_is_gone: bool,
    is_going_away: bool,
    limit: Option<Duration>,
    end: Option<End>,
}

impl Model {
    pub(super) fn new(rules: Rules, now: Duration) -> Self {
        Self {
            rules,
            view: View::default(),
            phase: Phase::Waiting,
            attempt: 0,
            deeds: Vec::new(),
            waited: Duration::ZERO,
            counted_since: Some(now),
            cancelled: false,
            skipped: false,
            before: Before::NotYet,
            retry: None,
            started: now,
            outcome: None,
            cause: Reason::Cancelled,
            kill_at: None,
            command_is_gone: false,
            is_going_away: false,
            limit: None,
            end: None,
        }
    }

    /// The word in the state: before the command, what will happen shows at once (2.2).
    pub(super) fn reason(&self) -> Option<Reason> {
        match self.phase {
            Phase::Waiting | Phase::Paused | Phase::HeldBefore => self.doom()?.reason,
            Phase::Running => None,
            Phase::Terminating => Some(self.cause),
            Phase::HeldFailed | Phase::HeldAfter => self.command_end().reason,
            Phase::Finished => self.end.as_ref()?.reason,
        }
    }

    /// The code of the last attempt, as a hold shows it.
    pub(super) fn held_code(&self) -> Option<i32> {
        let held = matches!(self.phase, Phase::HeldFailed | Phase::HeldAfter);
        self.outcome.as_ref().filter(|_| held).map(tables::own_code)
    }

    /// When time alone changes something.
    pub(super) fn due(&self) -> Option<Duration> {
        match self.phase {
            Phase::Waiting => {
                let left = self.rules.wait_timeout?.saturating_sub(self.waited);
                Some(self.counted_since? + left)
            }
            Phase::Running => Some(self.started + self.rules.timeout?),
            Phase::Terminating => self.kill_at,
            Phase::HeldBefore | Phase::HeldFailed | Phase::HeldAfter => self.limit,
            Phase::Paused | Phase::Finished => None,
        }
    }

    /// Whether nothing is missing but the last look: then that has to come.
    pub(super) fn may_start(&self) -> bool {
        match self.phase {
            Phase::Waiting | Phase::Paused | Phase::HeldBefore => self.turn_is_free(),
            Phase::HeldFailed => self.retry.is_some(),
            _ => false,
        }
    }

    /// The step looks. A turn that has come stays, whatever is taken away.
    pub(super) fn sees(&mut self, now: Duration, view: &View) {
        let had_come = self.phase != Phase::Waiting;
        self.view = view.clone();
        self.view.awaited.iter_mut().for_each(|awaited| awaited.came |= had_come);
        if let Some(since) = self.counted_since {
            self.waited += now - since;
        }
        let counts = !had_come && !self.is_paused() && self.view.awaited.iter().any(is_silent);
        self.counted_since = counts.then_some(now);
    }

    /// The requests that are to be answered in this phase, of those that are there. Exit files that
    /// a hand wrote ahead of their hold wait for it (2.1); so does a retry for the one before it.
    pub(super) fn due_requests(&self, requests: &[Request]) -> Vec<Request> {
        let is_due = |request: &&Request| match (&request.wish, &request.id) {
            (Wish::Begin | Wish::DoNotBegin, None) => self.before == Before::Stands,
            (Wish::Exit(_), None) => matches!(self.phase, Phase::HeldFailed | Phase::HeldAfter),
            (Wish::Retry(_), _) => self.retry.is_none(),
            _ => self.phase != Phase::Finished,
        };
        requests.iter().filter(is_due).cloned().collect()
    }

    /// A person's request is taken: what is told, and what follows at once.
    pub(super) fn takes(&mut self, now: Duration, request: &Request) -> Told {
        let verb = tables::rank_and_verb(&request.wish).1;
        let verb = match tables::verb_cell(verb, self.phase) {
            None if verb == Verb::Cancel => return Told::Either,
            None | Some(Take::No) => return Told::Rejected,
            Some(Take::WithLimit) if self.limit.is_none() => return Told::Rejected,
            Some(Take::Yes | Take::WithLimit) => verb,
            Some(Take::As(other)) => other,
        };
        match &request.wish {
            Wish::Retry(Err(_)) | Wish::Extend(Err(_)) => return Told::Rejected,
            // The steps behind it go on already: running it again would be beside them.
            Wish::Retry(_) if self.is_posted_by_others() => return Told::Rejected,
            Wish::Skip if self.cancelled => return Told::Either,
            Wish::Extend(Ok(by)) => self.limit = Some(now + *by),
            Wish::Retry(Ok(command)) => {
                self.retry = Some(command.clone());
                self.limit = None;
                self.deeds.push(Deed::EndLeftovers);
            }
            Wish::Exit(0) => self.finish(self.left_by(Verb::Continue)),
            Wish::Exit(n) => self.finish(End { exit: *n, ..self.left_by(Verb::FailContinue) }),
            _ => self.does(now, verb),
        }
        Told::Accepted
    }

    fn does(&mut self, now: Duration, verb: Verb) {
        match (verb, self.phase) {
            (Verb::Cancel, Phase::Running) => self.terminate(now, Reason::Cancelled),
            (Verb::Cancel, Phase::HeldFailed | Phase::HeldAfter) => {
                self.finish(End { file: None, ..tables::end_without(Reason::Cancelled) });
            }
            (Verb::Cancel, _) => self.cancelled = true,
            (Verb::Skip, _) => self.skipped = true,
            (Verb::BeforeContinue, _) => (self.before, self.limit) = (Before::Over, None),
            (Verb::BeforeFail, _) => self.finish(tables::end_of_anything_else()),
            (Verb::Fail, _) => {
                self.deeds.push(Deed::Mark(Kind::StopFinally));
                self.finish(self.left_by(verb));
            }
            (verb, _) => self.finish(self.left_by(verb)),
        }
    }

    /// What files and clock ask for, once requests are answered. The last look before the start
    /// brings what came of the preparation.
    pub(super) fn heeds(&mut self, now: Duration, last_look: Option<&Prepared>) {
        match self.phase {
            Phase::Waiting | Phase::Paused | Phase::HeldBefore => self.at_its_turn(now, last_look),
            Phase::Running if self.begun_cell(Column::Running) == Some(Cell::Terminated) => {
                self.terminate(now, Reason::Cancelled);
            }
            Phase::HeldFailed | Phase::HeldAfter => self.at_its_hold(now, last_look),
            Phase::Running | Phase::Terminating | Phase::Finished => {}
        }
    }

    /// "At its turn a step looks in this order" (2.2).
    fn at_its_turn(&mut self, now: Duration, last_look: Option<&Prepared>) {
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

    fn turn_is_free(&self) -> bool {
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
    fn doom(&self) -> Option<End> {
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
    fn begun_cell(&self, column: Column) -> Option<Cell> {
        let kind = self.strongest().filter(|kind| !self.rules.finally || *kind == Kind::Cancel)?;
        Some(tables::marker_cell(kind, column))
    }

    /// "`resume` ends every pause that is not newer than itself"; one in the downward folder stays.
    fn is_paused(&self) -> bool {
        let of = |kind| self.view.markers.iter().filter(move |marker| marker.kind == kind);
        let ended = |pause: &Sighting| of(Kind::Resume).any(|r| pause.written <= r.written);
        of(Kind::Pause).any(|pause| pause.downward || !ended(pause))
    }

    /// The items of the newest `breakpoint` marker; `off` ends the flags' breakpoints too.
    fn breakpoint_asks(&self, item: &str, flag: bool) -> bool {
        let mut breakpoints: Vec<_> =
            self.view.markers.iter().filter(|marker| marker.kind == Kind::Breakpoint).collect();
        breakpoints.sort_by_key(|marker| marker.written);
        match breakpoints.last().map(|marker| marker.reason.trim()) {
            None => flag,
            Some("off") => false,
            Some(text) => flag || text.split(',').any(|one| one.trim() == item),
        }
    }

    fn holds_on_failure(&self) -> bool {
        self.breakpoint_asks("on-failure", self.rules.hold_on_failure)
    }

    fn is_to_hold_before(&self) -> bool {
        let item = format!("before:{}", self.rules.name);
        self.before == Before::NotYet && self.breakpoint_asks(&item, self.rules.hold_before)
    }

    fn is_to_hold_after(&self, outcome: &Outcome) -> bool {
        let item = format!("after:{}", self.rules.name);
        let failed = *outcome != Outcome::Exited(0);
        let asked = self.breakpoint_asks(&item, self.rules.hold_after);
        !self.is_going_away && (asked || failed && self.holds_on_failure())
    }

    fn hold_before(&mut self, now: Duration) {
        if self.phase != Phase::HeldBefore {
            (self.phase, self.before) = (Phase::HeldBefore, Before::Stands);
            self.limit = self.rules.breakpoint_timeout.map(|limit| now + limit);
        } else if self.limit.is_some_and(|limit| now >= limit) {
            self.finish(tables::end_without(Reason::BreakpointTimeout));
        }
    }

    /// What ends a hold after an attempt: a marker (2.2), the retry that was accepted (2.6), its
    /// limit (2.3).
    fn at_its_hold(&mut self, now: Duration, last_look: Option<&Prepared>) {
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

    fn left_by(&self, verb: Verb) -> End {
        let outcome = self.outcome.clone().expect("a hold has an outcome");
        tables::end_by_verb(verb, &outcome, self.rules.on_error)
    }

    fn command_end(&self) -> End {
        let outcome = self.outcome.clone().expect("a hold has an outcome");
        tables::end_of_command(&outcome, self.rules.on_error)
    }

    fn begin(&mut self, now: Duration, prepared: &Prepared) {
        let command = self.retry.take().flatten();
        if *prepared == Prepared::Unwanted {
            return self.finish(tables::end_skipped_well());
        }
        (self.phase, self.started, self.outcome) = (Phase::Running, now, None);
        self.attempt += 1;
        self.command_is_gone = false;
        match prepared {
            Prepared::Faulty(why) => self.attempted(now, Outcome::Faulty(why.clone())),
            Prepared::Nothing => self.attempted(now, Outcome::Exited(0)),
            _ => self.deeds.push(Deed::Start(command)),
        }
    }

    /// SIGTERM to the group, SIGKILL after the grace (2.2).
    fn terminate(&mut self, now: Duration, cause: Reason) {
        (self.phase, self.cause) = (Phase::Terminating, cause);
        self.kill_at = Some(now + self.rules.kill_grace);
        self.deeds.push(Deed::Signal(TERM));
    }

    pub(super) fn time_passes(&mut self, now: Duration) {
        if !self.due().is_some_and(|due| now >= due) {
            return;
        }
        match self.phase {
            Phase::Running => self.terminate(now, Reason::TimeoutExceeded),
            Phase::Terminating => {
                self.kill_at = None;
                self.deeds.push(Deed::Signal(KILL));
                if self.command_is_gone {
                    self.is_terminated(now);
                }
            }
            // The limits of waits and holds are judged by a look: a request that is there goes first.
            _ => {}
        }
    }

    /// The command ended, or could not be started.
    pub(super) fn command_ends(&mut self, now: Duration, outcome: Outcome) {
        match self.phase {
            Phase::Running => self.attempted(now, outcome),
            Phase::Terminating => {
                self.command_is_gone = true;
                if self.kill_at.is_none() {
                    self.is_terminated(now);
                }
            }
            _ => {}
        }
    }

    pub(super) fn group_is_gone(&mut self, now: Duration) {
        if self.phase == Phase::Terminating {
            self.is_terminated(now);
        }
    }

    fn is_terminated(&mut self, now: Duration) {
        match self.cause {
            Reason::TimeoutExceeded => self.attempted(now, Outcome::TimedOut),
            reason => self.finish(tables::end_without(reason)),
        }
    }

    fn attempted(&mut self, now: Duration, outcome: Outcome) {
        let is_held = self.is_to_hold_after(&outcome);
        let succeeded = outcome == Outcome::Exited(0);
        self.outcome = Some(outcome);
        if !is_held {
            return self.finish(self.command_end());
        }
        self.phase = if succeeded { Phase::HeldAfter } else { Phase::HeldFailed };
        self.limit = self.rules.breakpoint_timeout.map(|limit| now + limit);
        let row = self.left_by(Verb::Fail).row;
        self.deeds.push(Deed::RecordHold(row));
    }

    /// 2.8: forwarded to a command; TERM, INT and QUIT end a step that has none.
    pub(super) fn is_signalled(&mut self, signal: i32) {
        let is_last_word = LAST_WORDS.contains(&signal);
        self.is_going_away |= is_last_word;
        match self.phase {
            Phase::Running | Phase::Terminating => self.deeds.push(Deed::Signal(signal)),
            Phase::Finished => {}
            _ if is_last_word => self.finish(tables::end_by_signal(signal)),
            _ => {}
        }
    }

    /// The message is on disk, or could not be written: then a success exits with 1 (1.6).
    pub(super) fn is_recorded(&mut self, written: bool) {
        let Some(End { post, exit, .. }) = &self.end else { return };
        let exit = if *exit == 0 && !written { 1 } else { *exit };
        self.deeds.extend([Deed::Post(*post), Deed::Exit(exit)]);
    }

    /// It ends so, unless somebody posted for it at its hold (1.11).
    fn finish(&mut self, end: End) {
        let post = if self.is_posted_by_others() { Post::ByOthers } else { end.post };
        let ran = self.attempt > 0;
        self.deeds.push(Deed::EndLeftovers);
        self.deeds.push(Deed::Record(end.row, end.file.clone(), ran));
        self.end = Some(End { post, ..end });
        self.phase = Phase::Finished;
    }

    fn is_posted_by_others(&self) -> bool {
        let held = matches!(self.phase, Phase::HeldFailed | Phase::HeldAfter);
        held && self.view.posted == Posted::Already
    }
}

/// Neither W nor `W.err`, and no death.
fn is_silent(awaited: &Awaited) -> bool {
    !awaited.came && !awaited.failed && awaited.writer != Writer::Died
}

/// Whether the first of these files is taken no later than the second (2.1).
pub(super) fn goes_first(one: &Request, other: &Request) -> bool {
    tables::rank_and_verb(&one.wish).0 <= tables::rank_and_verb(&other.wish).0
}

/// Whether its file stays when it is accepted (2.1).
pub(super) fn stays(request: &Request) -> bool {
    tables::rank_and_verb(&request.wish).0 == 1
}
