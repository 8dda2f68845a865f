//! The command: its attempts, and how they are ended (1.6, 2.2, 2.6).

use std::time::Duration;

use debug_scripts::Verb;

use super::super::super::{Outcome, Prepared};
use super::{Deed, KILL, Model, TERM, tables};
use crate::state::{Phase, Reason};

impl Model {
    pub(super) fn begin(&mut self, now: Duration, prepared: &Prepared) {
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
    pub(super) fn terminate(&mut self, now: Duration, cause: Reason) {
        (self.phase, self.cause) = (Phase::Terminating, cause);
        self.kill_at = Some(now + self.rules.kill_grace);
        self.deeds.push(Deed::Signal(TERM));
    }

    pub(in super::super) fn time_passes(&mut self, now: Duration) {
        if self.due().is_none_or(|due| now < due) {
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
    pub(in super::super) fn command_ends(&mut self, now: Duration, outcome: Outcome) {
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

    pub(in super::super) fn group_is_gone(&mut self, now: Duration) {
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
}
