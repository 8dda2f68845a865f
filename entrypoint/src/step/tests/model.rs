//! A second, small description of what one step must do, written from the contract's tables and
//! sentences alone, to be laid beside them. Of the machine it shares plain types, never a table or a
//! function.
//!
//! Where the contract leaves a choice the model says so: what is answered behind a request that
//! changed the phase may be answered now or at the next look; exit files among each other have no
//! order; a `cancel` while the command is being ended, and a `skip` behind a `cancel`, change
//! nothing, so either answer will do. Texts for people are not modelled.

mod command;
mod hold;
mod tables;
mod turn;

use std::time::Duration;

use debug_scripts::Verb;

use super::super::facts::{Awaited, Posted, Request, View, Wish, Writer};
use super::super::markers::Kind;
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
