//! What a step says of itself to a person who reads only one line: what happened, since when, what
//! it waits for, what to type (contract 2.5).

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use debug_scripts::Verb;

use super::facts::{Awaited, Writer};
use super::markers::{self, Kind, Sighting};
use super::outcome::{Outcome, signal_name};
use super::{Cause, Now, Step, WaitClock};
use crate::state::{Phase, timestamp};

/// How a person types a verb at this step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Commands {
    /// By a debug script in this folder.
    Scripts(PathBuf),
    /// By this program, with the verb behind it.
    Program(String),
}

impl Commands {
    fn line(&self, verb: Verb) -> String {
        match (self, verb.definition().scripts.first()) {
            (Self::Scripts(folder), Some(script)) => folder.join(script).display().to_string(),
            (Self::Scripts(folder), None) => folder.join(verb.to_string()).display().to_string(),
            (Self::Program(program), _) => format!("{program} {verb}"),
        }
    }
}

impl Step {
    /// The one line.
    pub(super) fn message(&self) -> String {
        if let Some(ending) = &self.ending {
            return ending.message.clone();
        }
        match self.phase {
            Phase::Waiting => self.waiting_message(),
            Phase::Paused => self.paused_message(),
            Phase::HeldBefore => self.held_before_message(),
            Phase::Running => self.running_message(),
            Phase::HeldFailed | Phase::HeldAfter => self.held_message(),
            Phase::Terminating => self.terminating_message(),
            Phase::Finished => "finished".to_owned(),
        }
    }

    fn named(&self) -> String {
        format!("step `{}`", self.rules.name)
    }

    fn waiting_message(&self) -> String {
        let waits = match self.waiting_for() {
            Some(file) => format!("waits for {file}"),
            None => "waits for its turn".to_owned(),
        };
        match self.gate().doom() {
            Some(doom) => format!("{}; {waits}", doom.message),
            None => format!("{} {waits}", self.named()),
        }
    }

    fn paused_message(&self) -> String {
        let pause = markers::pause(&self.view.markers);
        let why = pause.map_or(String::new(), |pause| by_marker("", pause));
        let resume = match pause {
            Some(Sighting { downward: true, .. }) => {
                "take away the pod's annotation holdpoint.dev/pause".to_owned()
            }
            Some(pause) => format!("touch {}", pause.folder.join(Kind::Resume.name()).display()),
            None => "none is needed any more".to_owned(),
        };
        format!("{} is paused{why}; to resume: {resume}", self.named())
    }

    fn held_before_message(&self) -> String {
        let go = self.rules.commands.line(Verb::BeforeContinue);
        format!("{} is held before its command{}; to run it: {go}", self.named(), self.until())
    }

    fn held_message(&self) -> String {
        let outcome = self.outcome.clone().unwrap_or(Outcome::Exited(0));
        let took = self.took(self.since);
        let (verb, offer) = match self.phase {
            Phase::HeldFailed => (Verb::Retry, "retry"),
            _ => (Verb::Continue, "go on"),
        };
        let line = self.rules.commands.line(verb);
        format!("{} {outcome}{took}; held{}; {offer}: {line}", self.named(), self.until())
    }

    fn running_message(&self) -> String {
        let since = self.started.map_or(String::new(), |at| format!(" since {}", clock(at)));
        let limit = self.rules.timeout.map(|limit| format!(", at most {}", duration(limit)));
        let attempt = match self.attempt {
            0 | 1 => String::new(),
            attempt => format!(" (attempt {attempt})"),
        };
        format!("{} runs{since}{}{attempt}", self.named(), limit.unwrap_or_default())
    }

    fn terminating_message(&self) -> String {
        let why = match &self.cause {
            Some(Cause::TimedOut) => format!("ran longer than {}", self.timeout_text()),
            Some(Cause::Cancelled(why)) => format!("is {why}"),
            None => "is being ended".to_owned(),
        };
        format!("{} {why}; it was sent SIGTERM", self.named())
    }

    pub(super) fn attempt_message(&self, now: Now, outcome: &Outcome) -> String {
        format!("{} {outcome}{}", self.named(), self.took(now))
    }

    pub(super) fn terminated_message(&self, signal: i32) -> String {
        let doing = match self.phase {
            Phase::Waiting => "waited for its turn",
            Phase::Paused => "was paused",
            _ => "was held",
        };
        format!("{} got {} while it {doing}", self.named(), signal_name(signal))
    }

    pub(super) fn wait_timeout_message(&self) -> String {
        let limit = duration(self.rules.wait_timeout.unwrap_or_default());
        let file = self.waiting_for().unwrap_or_default();
        format!("{} waited {limit} for {file}, which did not come", self.named())
    }

    pub(super) fn limit_message(&self) -> String {
        format!("{} was held since {} and nobody ended it", self.named(), clock(self.since))
    }

    pub(super) fn timeout_text(&self) -> String {
        duration(self.rules.timeout.unwrap_or_default())
    }

    fn took(&self, until: Now) -> String {
        let Some(started) = self.started else { return String::new() };
        let spent = until.monotonic.saturating_sub(started.monotonic);
        format!(" after {}", duration(spent))
    }

    fn until(&self) -> String {
        self.limit.map_or(String::new(), |limit| format!(" until {}", clock(limit.at)))
    }

    /// What the step waits for, where it does.
    pub(super) fn waiting_for(&self) -> Option<String> {
        if self.phase != Phase::Waiting {
            return None;
        }
        let open = |awaited: &&Awaited| !awaited.came && !awaited.failed;
        match self.view.awaited.iter().find(open) {
            Some(awaited) => Some(awaited.file.display().to_string()),
            None => self.view.busy.clone(),
        }
    }

    pub(super) fn deadline_shown(&self) -> Option<String> {
        let at = match self.phase {
            phase if phase.is_held() => return self.limit.map(|limit| timestamp(limit.at.wall)),
            Phase::Waiting | Phase::Running | Phase::Terminating => self.deadline()?,
            _ => return None,
        };
        let wait = chrono::TimeDelta::from_std(at.checked_sub(self.since.monotonic)?).ok()?;
        self.since.wall.checked_add_signed(wait).map(timestamp)
    }

    pub(super) fn run_deadline(&self) -> Option<Duration> {
        let started = self.started?.monotonic;
        self.rules.timeout.map(|limit| started.saturating_add(limit))
    }

    pub(super) fn wait_deadline(&self) -> Option<Duration> {
        let (limit, since) = (self.rules.wait_timeout?, self.wait_clock.since?);
        Some(since.saturating_add(limit.saturating_sub(self.wait_clock.spent)))
    }

    /// The wait counts while a file is awaited and no pause is in force.
    pub(super) fn count_wait(&mut self, now: Now) {
        let awaited = |a: &Awaited| !a.came && !a.failed && a.writer != Writer::Died;
        let paused = markers::pause(&self.view.markers).is_some();
        let counts =
            self.phase == Phase::Waiting && !paused && self.view.awaited.iter().any(awaited);
        self.wait_clock = match (counts, self.wait_clock) {
            (true, WaitClock { since: Some(_), .. }) | (false, WaitClock { since: None, .. }) => {
                self.wait_clock
            }
            (true, clock) => WaitClock { since: Some(now.monotonic), ..clock },
            (false, WaitClock { since: Some(since), spent }) => {
                WaitClock { spent: spent + now.monotonic.saturating_sub(since), since: None }
            }
        };
    }
}

/// ``cancelled by `cancel` ("wrong branch")``.
pub(super) fn by_marker(done: &str, marker: &Sighting) -> String {
    let reason = match marker.reason.trim() {
        "" => String::new(),
        reason => format!(" ({reason:?})"),
    };
    format!("{done} by `{}`{reason}", marker.kind.name())
}

/// A time of day, to the second, UTC.
fn clock(at: Now) -> impl fmt::Display {
    at.wall.format("%H:%M:%S")
}

/// A length of time as a person says it: `340 ms`, `12 s`, `3 min 5 s`, `2 h 10 min`.
pub(super) fn duration(length: Duration) -> String {
    let seconds = length.as_secs();
    match seconds {
        0 => format!("{} ms", length.as_millis()),
        1..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}
