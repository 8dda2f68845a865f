//! Requests of persons: each is answered once, by the table of verbs (contract 2.1, 2.7).

use debug_scripts::{Accepts, Verb, accepted_at};

use super::facts::{Posted, Request, Wish};
use super::gate::{Decided, HoldBefore};
use super::{Action, Cause, Now, Step};
use crate::state::{Answered, Outcome, Phase, Reason, timestamp};

/// How many answers the state keeps.
const KEPT_ANSWERS: usize = 8;

/// How many characters of what a request says are quoted.
const LONGEST_QUOTE: usize = 1000;

impl Step {
    /// Answers what was asked, in the order of 2.1. What is asked behind a request that changes the
    /// phase is looked at again in the new phase.
    pub(super) fn answer_requests(&mut self, now: Now) -> Vec<Action> {
        let mut actions = Vec::new();
        let mut requests = std::mem::take(&mut self.view.requests);
        requests.sort_by(|one, other| one.wish.cmp(&other.wish));
        for request in requests {
            if self.is_ahead_of_its_moment(&request) || self.is_behind_a_retry(&request) {
                continue;
            }
            let phase = self.phase;
            let (answer, effect) = self.take(now, &request);
            actions.extend(answer);
            let moves_on = !effect.is_empty() || self.phase != phase;
            actions.extend(effect);
            if self.phase == Phase::Finished {
                break;
            }
            if moves_on {
                actions.push(Action::Look);
                break;
            }
        }
        actions
    }

    /// Exit files that were written ahead wait for their hold: nobody waits for their answer.
    fn is_ahead_of_its_moment(&self, request: &Request) -> bool {
        request.wish.keeps_until_its_moment(request.id.as_deref())
            && match request.wish {
                Wish::Begin | Wish::DoNotBegin => self.hold_before != HoldBefore::Stands,
                _ => !matches!(self.phase, Phase::HeldFailed | Phase::HeldAfter),
            }
    }

    /// One that would take the place of a retry that was accepted and has not begun is answered when
    /// that one runs.
    fn is_behind_a_retry(&self, request: &Request) -> bool {
        self.phase == Phase::HeldFailed && self.preparing && matches!(request.wish, Wish::Retry(_))
    }

    /// Acts on a request: what is told to its writer, and what follows from it. An exit file that
    /// ended its hold stays where it is (2.1); any other request goes.
    fn take(&mut self, now: Now, request: &Request) -> (Vec<Action>, Vec<Action>) {
        let judged = self.judge(request);
        let stays = is_exit_file(&request.wish) && judged == Ok(request.wish.verb());
        let (outcome, message, effect) =
            match judged.and_then(|verb| self.accept(now, request, verb)) {
                Ok((told, effect)) => (Outcome::Accepted, told, effect),
                Err(why) => (Outcome::Rejected, why, Vec::new()),
            };
        let answer = self.answer(now, request, outcome, message);
        let done = if stays { Action::Keep } else { Action::Discard };
        (vec![answer, done(request.clone())], effect)
    }

    /// The verb that is to be done, or why there is none.
    fn judge(&self, request: &Request) -> Result<Verb, String> {
        let verb = request.wish.verb();
        let Some(moment) = self.phase.moment() else {
            return Err(format!("`{verb}` comes too late: {}", self.message()));
        };
        match verb.accepted_at(moment) {
            Accepts::Yes => Ok(verb),
            Accepts::As(other) => Ok(other),
            Accepts::WithLimit if self.limit.is_some() => Ok(verb),
            Accepts::WithLimit => Err(self.refusal(verb, "this hold has no limit")),
            Accepts::No(why) => Err(self.refusal(verb, why)),
        }
    }

    /// Why not, what the step is doing, and which verbs would do now.
    fn refusal(&self, verb: Verb, why: &str) -> String {
        let possible: Vec<_> = self
            .phase
            .moment()
            .into_iter()
            .flat_map(|moment| accepted_at(moment, self.limit.is_some()))
            .map(|verb| verb.to_string())
            .collect();
        let doing = self.message();
        format!("no `{verb}` now: {why} ({doing}); possible: {}", possible.join(", "))
    }

    fn accept(
        &mut self,
        now: Now,
        request: &Request,
        verb: Verb,
    ) -> Result<(String, Vec<Action>), String> {
        let by = told_by(request);
        let effect = match (verb, &request.wish) {
            (Verb::Retry, _) if self.view.posted == Posted::Already => {
                return Err("its post file is there already: the steps behind it go on".to_owned());
            }
            (Verb::Retry, Wish::Retry(command)) => self.retry(command.clone()?),
            (Verb::Extend, Wish::Extend(duration)) => {
                self.extend(now, duration.clone()?);
                return Ok((format!("{verb}{by}: held{}", self.until()), Vec::new()));
            }
            (Verb::Cancel, _) => self.cancel(now, &by),
            (Verb::Skip, _) if let Some(Decided::Cancel(why)) = &self.decided => {
                return Err(why.clone());
            }
            (Verb::Skip, _) => {
                let why = format!("will not run: it was skipped{by}");
                self.decided.get_or_insert(Decided::Skip(why));
                Vec::new()
            }
            (Verb::BeforeContinue, _) => {
                self.begin_held();
                Vec::new()
            }
            (Verb::BeforeFail, _) => {
                self.fail_before(now, format!("did not run: failed at its breakpoint{by}"))
            }
            (_, Wish::Exit(code)) => self.leave_with(now, *code),
            _ => self.leave(now, verb, &by),
        };
        Ok((format!("{verb}{by}"), effect))
    }

    fn cancel(&mut self, now: Now, by: &str) -> Vec<Action> {
        let why = format!("cancelled{by}");
        match self.phase {
            Phase::Running => self.terminate(now, Cause::Cancelled(why)),
            Phase::HeldFailed | Phase::HeldAfter => {
                let message = format!("{} was {why}", self.named());
                let ending = super::Ending::failed(Reason::Cancelled, message).after_hold();
                self.finish(now, ending)
            }
            _ => {
                self.decided = Some(Decided::Cancel(format!("will not run: it was {why}")));
                Vec::new()
            }
        }
    }

    fn answer(&mut self, now: Now, request: &Request, outcome: Outcome, message: String) -> Action {
        let word = match outcome {
            Outcome::Accepted => "accepted",
            Outcome::Rejected => "rejected",
        };
        let log = Action::Log(format!("{word}: {message}"));
        self.answers.push_back(Answered {
            id: request.id.clone(),
            verb: request.wish.verb().to_string(),
            outcome,
            message,
            at: timestamp(now.wall),
        });
        if self.answers.len() > KEPT_ANSWERS {
            self.answers.pop_front();
        }
        log
    }
}

/// Exit files stay where they are (2.1).
fn is_exit_file(wish: &Wish) -> bool {
    matches!(wish, Wish::Exit(_) | Wish::Leave(_) | Wish::Begin | Wish::DoNotBegin)
}

/// ` by alice ("flaky network")`, as far as it is known.
fn told_by(request: &Request) -> String {
    let by = request.by.as_deref().map(shortened);
    let by = by.map_or(String::new(), |by| format!(" by {}", by.escape_debug()));
    let reason = request.reason.as_deref().map(str::trim).filter(|reason| !reason.is_empty());
    let reason = reason.map(shortened);
    let reason = reason.map_or(String::new(), |reason| format!(" ({reason:?})"));
    by + &reason
}

/// As much of it as a person reads: the state keeps eight answers, and is read by all.
fn shortened(text: &str) -> String {
    match text.char_indices().nth(LONGEST_QUOTE) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
