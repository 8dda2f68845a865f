//! The command: how it begins, how it is ended, and what follows from how it came out
//! (contract 1.3, 1.6, 2.2, 2.6).

use super::gate::Verdict;
use super::markers::{self, Begun, Breakpoints, Effect, Kind, Sighting};
use super::message;
use super::outcome::{Ending, Outcome};
use super::{Action, Cause, Now, Posted, Prepared, Step, View};
use crate::state::{Phase, Reason};

impl Step {
    /// Asks for what the command needs, once.
    pub(super) fn prepare(&mut self, now: Now) -> Vec<Action> {
        if self.preparing.is_some() {
            return Vec::new();
        }
        self.preparing = Some(now.wall);
        vec![Action::Prepare]
    }

    /// The last look comes right before the start, so that no marker slips in between unseen.
    pub(super) fn prepared(&mut self, now: Now, prepared: Prepared, view: View) -> Vec<Action> {
        let Some(noted) = self.preparing.filter(|_| self.phase != Phase::Finished) else {
            return Vec::new();
        };
        self.see(view);
        let mut actions = self.answer_requests(now);
        self.preparing = None;
        actions.extend(if self.may_begin() {
            // What a limit of the command counts begins with the command itself.
            self.started = Some(Now { wall: noted, ..now });
            self.begin(now, prepared)
        } else {
            self.heed(now)
        });
        actions
    }

    fn may_begin(&self) -> bool {
        match self.phase {
            Phase::Waiting | Phase::Paused | Phase::HeldBefore => {
                self.gate().verdict() == Verdict::Begin
            }
            Phase::HeldFailed => {
                self.end_by_marker().is_none() && self.view.posted == Posted::Nothing
            }
            _ => false,
        }
    }

    fn begin(&mut self, now: Now, prepared: Prepared) -> Vec<Action> {
        let command = self.other_command.take();
        if prepared == Prepared::Unwanted {
            let message = "skipped: its when expressions do not hold".to_owned();
            return self.finish(now, Ending::skipped_well(message));
        }
        self.attempt += 1;
        self.outcome = None;
        self.enter(now, Phase::Running);
        match prepared {
            Prepared::Ready => vec![Action::Start(command)],
            Prepared::Faulty(message) => self.attempted(now, Outcome::Faulty(message)),
            Prepared::Nothing | Prepared::Unwanted => self.attempted(now, Outcome::Exited(0)),
        }
    }

    pub(super) fn begun(&mut self, pid: i32) -> Vec<Action> {
        if !matches!(self.phase, Phase::Running | Phase::Terminating) {
            return Vec::new();
        }
        self.pid = Some(pid);
        vec![Action::Look]
    }

    /// The command has ended. A termination that has begun is not over before its group is gone.
    pub(super) fn ended(&mut self, now: Now, outcome: Outcome) -> Vec<Action> {
        match self.phase {
            Phase::Running => self.attempted(now, outcome),
            Phase::Terminating => {
                let had_a_group = !matches!(outcome, Outcome::NotStarted { .. });
                self.pid = None;
                self.outcome = Some(outcome);
                if had_a_group && self.kill_at.is_some() {
                    return Vec::new();
                }
                self.group_gone(now)
            }
            _ => Vec::new(),
        }
    }

    pub(super) fn group_gone(&mut self, now: Now) -> Vec<Action> {
        if self.phase != Phase::Terminating {
            return Vec::new();
        }
        self.kill_at = None;
        match self.cause.take() {
            Some(Cause::Cancelled(why)) => {
                let message = format!("{} was {why}", self.named());
                self.finish(now, Ending::failed(Reason::Cancelled, message))
            }
            Some(Cause::TimedOut) | None => self.attempted(now, Outcome::TimedOut),
        }
    }

    /// An attempt is over: the step is held, or ends by the table of 1.6.
    fn attempted(&mut self, now: Now, outcome: Outcome) -> Vec<Action> {
        self.pid = None;
        self.outcome = Some(outcome.clone());
        if self.is_to_hold(&outcome) {
            return self.hold_after(now, &outcome);
        }
        let message = self.attempt_message(now, &outcome);
        self.finish(now, Ending::of(&outcome, self.rules.on_error, message))
    }

    fn is_to_hold(&self, outcome: &Outcome) -> bool {
        let breakpoints = self.breakpoints();
        let after = match breakpoints {
            Breakpoints::Off => false,
            Breakpoints::Set { after: true, .. } => true,
            _ => self.rules.hold_after,
        };
        let wanted = after || (self.holds_on_failure() && !outcome.is_success());
        wanted && self.last_word.is_none()
    }

    pub(super) fn heed_markers_running(&mut self, now: Now) -> Vec<Action> {
        match self.marker_once_begun() {
            Some((marker, effect)) if effect.running == Begun::Terminated => {
                let why = message::by_marker("cancelled", marker);
                self.terminate(now, Cause::Cancelled(why))
            }
            _ => Vec::new(),
        }
    }

    /// The strongest marker, as far as it concerns a step that has begun: a finally step is ended by
    /// `cancel` alone.
    pub(super) fn marker_once_begun(&self) -> Option<(&Sighting, &'static Effect)> {
        markers::strongest(&self.view.markers)
            .filter(|(marker, _)| !self.rules.finally || marker.kind == Kind::Cancel)
    }

    pub(super) fn terminate(&mut self, now: Now, cause: Cause) -> Vec<Action> {
        self.enter(now, Phase::Terminating);
        self.cause = Some(cause);
        self.kill_at = Some(now.monotonic.saturating_add(self.rules.kill_grace));
        let log = Action::Log(self.message());
        vec![log, Action::Signal(nix::libc::SIGTERM), Action::Publish]
    }

    pub(super) fn grace_is_over(&mut self, now: Now) -> Vec<Action> {
        self.kill_at = None;
        let mut actions = vec![Action::Signal(nix::libc::SIGKILL)];
        if self.pid.is_none() {
            actions.extend(self.group_gone(now));
        }
        actions
    }
}
