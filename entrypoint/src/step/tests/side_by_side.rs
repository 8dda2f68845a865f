//! The machine and its model, which hear the same and must do the same.

use super::super::facts::{Request, View};
use super::super::*;
use super::model::{self, Deed, Model, Told};
use crate::state::Outcome as Answer;

/// One step twice.
#[derive(Clone, Debug)]
pub(super) struct Pair {
    pub(super) step: Step,
    pub(super) model: Model,
}

impl Pair {
    /// Tells both and compares; `is_last` where a record is answered that is followed by no other.
    pub(super) fn hears(
        &mut self,
        now: Now,
        event: &Event,
        is_last: bool,
    ) -> Result<Vec<Action>, String> {
        let actions = self.step.on(now, event.clone());
        let at = now.monotonic;
        match event {
            Event::Looked(view) => self.both_look(now, view, None, &actions)?,
            Event::Prepared(prepared, view) => {
                self.both_look(now, view, Some(prepared), &actions)?;
            }
            Event::TimePassed => self.model.time_passes(at),
            Event::Signal(signal) => self.model.is_signalled(*signal),
            Event::NotStarted { code, message } => {
                let (code, message) = (*code, message.clone());
                self.model.command_ends(at, Outcome::NotStarted { code, message });
            }
            Event::Ended(outcome) => self.model.command_ends(at, outcome.clone()),
            Event::GroupGone => self.model.group_is_gone(at),
            Event::Recorded(result) if is_last => self.model.is_recorded(result.is_ok()),
            Event::Recorded(_) | Event::Started(_) => {}
        }
        self.compare(now, event, &actions)?;
        Ok(actions)
    }

    fn both_look(
        &mut self,
        now: Now,
        view: &View,
        last_look: Option<&Prepared>,
        actions: &[Action],
    ) -> Result<(), String> {
        if self.model.phase == Phase::Finished {
            return Ok(());
        }
        self.model.sees(now.monotonic, view);
        self.compare_answers(now, view.requests.clone(), actions)?;
        self.model.heeds(now.monotonic, last_look);
        Ok(())
    }

    /// Each request that is due is answered once, in the order of 2.1; what stands behind one that
    /// changed the phase may be left for the next look.
    fn compare_answers(
        &mut self,
        now: Now,
        mut open: Vec<Request>,
        actions: &[Action],
    ) -> Result<(), String> {
        let taken: Vec<_> = actions.iter().filter_map(taken).collect();
        let answers = self.step.answers.clone().into_iter();
        let answers = answers.skip(self.step.answers.len() - taken.len());
        let mut moved_on = false;
        for ((request, kept), answer) in taken.into_iter().zip(answers) {
            let due = self.model.due_requests(&open);
            if !due.contains(request) || !due.iter().all(|other| model::goes_first(request, other))
            {
                return Err(format!("{:?} is not the one to answer now", request.wish));
            }
            let (phase, deeds) = (self.model.phase, self.model.deeds.len());
            let told = self.model.takes(now.monotonic, request);
            let accepted = answer.outcome == Answer::Accepted;
            if told != Told::Either && accepted != (told == Told::Accepted) {
                return Err(format!("{phase:?}: {:?} is to be {told:?}: {answer:?}", request.wish));
            }
            if kept && !(model::stays(request) && accepted) {
                return Err(format!("{:?} stays", request.wish));
            }
            moved_on = self.model.phase != phase || self.model.deeds.len() > deeds;
            open.retain(|other| other != request);
        }
        match self.model.due_requests(&open).first() {
            Some(request) if !moved_on => Err(format!("{:?} is not answered", request.wish)),
            _ => Ok(()),
        }
    }

    fn compare(&mut self, now: Now, event: &Event, actions: &[Action]) -> Result<(), String> {
        let Self { step, model } = self;
        let (done, expected) = (actions.iter().filter_map(deed).collect::<Vec<_>>(), &model.deeds);
        if done != *expected {
            return Err(format!("it does {done:?}, not {expected:?}"));
        }
        model.deeds.clear();
        let shown = (step.phase, step.reason(), step.attempt);
        let expected = (model.phase, model.reason(), model.attempt);
        if shown != expected {
            return Err(format!("it shows {shown:?}, not {expected:?}"));
        }
        if let Some(code) = model.held_code()
            && step.outcome.as_ref().map(Outcome::own_code) != Some(code)
        {
            return Err(format!("the code is {code}, not that of {:?}", step.outcome));
        }
        let Some(due) = model.due() else { return Ok(()) };
        // A hold may wake earlier, to speak of its limit.
        let may_be_early = step.phase.is_held();
        if step.deadline().is_none_or(|at| at > due || at < due && !may_be_early) {
            return Err(format!("it sleeps until {:?}, not {due:?}", step.deadline()));
        }
        let is_over = matches!(event, Event::TimePassed) && now.monotonic >= due;
        if is_over && !actions.contains(&Action::Look) {
            return Err("its limit passes, and it does not look".to_owned());
        }
        Ok(())
    }
}

/// The request that was answered, and whether its file stays.
fn taken(action: &Action) -> Option<(&Request, bool)> {
    match action {
        Action::Discard(request) => Some((request, false)),
        Action::Keep(request) => Some((request, true)),
        _ => None,
    }
}

/// What the model speaks of.
fn deed(action: &Action) -> Option<Deed> {
    match action.clone() {
        Action::Start(command) => Some(Deed::Start(command)),
        Action::Signal(signal) => Some(Deed::Signal(signal)),
        Action::EndLeftovers => Some(Deed::EndLeftovers),
        Action::Mark(kind, _) => Some(Deed::Mark(kind)),
        Action::Post(post) => Some(Deed::Post(post)),
        Action::Exit(code) => Some(Deed::Exit(code)),
        Action::Record(record) => Some(match record.held {
            Some(_) => Deed::RecordHold(record.row),
            None => Deed::Record(record.row, record.exit_code_file, record.ran),
        }),
        Action::Log(_)
        | Action::Look
        | Action::Discard(_)
        | Action::Keep(_)
        | Action::Prepare
        | Action::Publish => None,
    }
}
