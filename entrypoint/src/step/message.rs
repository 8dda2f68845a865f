//! What a step says of itself to a person who reads only one line: what happened, since when, what
//! it waits for, what to type (contract 2.5).

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use debug_scripts::{RunVerb, Verb};

use super::facts::Awaited;
use super::markers::{self, Sighting};
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
        let row = verb.definition();
        self.typed(row.name, row.scripts)
    }

    fn run_line(&self, verb: RunVerb) -> String {
        let row = verb.definition();
        self.typed(row.name, row.scripts)
    }

    fn typed(&self, name: &str, scripts: &[&str]) -> String {
        match self {
            Self::Scripts(folder) => {
                folder.join(scripts.first().unwrap_or(&name)).display().to_string()
            }
            Self::Program(program) => format!("{program} {name}"),
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

    pub(super) fn named(&self) -> String {
        format!("step `{}`", self.rules.name)
    }

    fn waiting_message(&self) -> String {
        let waits = match (self.open_file(), self.waiting_for()) {
            (Some(Awaited { step: Some(step), file, .. }), _) => {
                format!("waits for step `{step}` ({})", file.display())
            }
            (_, Some(other)) => format!("waits for {other}"),
            _ => "waits for its turn".to_owned(),
        };
        let since = clock(self.since);
        match self.gate().doom() {
            Some(doom) => format!("{}; {waits} since {since}", doom.message),
            None => format!("{} {waits} since {since}", self.named()),
        }
    }

    fn paused_message(&self) -> String {
        let pause = markers::pause(&self.view.markers);
        let why = pause.map_or(String::new(), |pause| by_marker("", pause));
        let resume = match pause {
            Some(Sighting { downward: true, .. }) => {
                "take away the pod's annotation holdpoint.dev/pause".to_owned()
            }
            _ => self.rules.commands.run_line(RunVerb::Resume),
        };
        let since = clock(self.since);
        format!("{} is paused{why} since {since}; to resume: {resume}", self.named())
    }

    fn held_before_message(&self) -> String {
        let go = self.rules.commands.line(Verb::BeforeContinue);
        format!("{} is held before its command{}; run it: {go}", self.named(), self.until())
    }

    fn held_message(&self) -> String {
        let (verb, offer) = match self.phase {
            Phase::HeldFailed => (Verb::Retry, "retry"),
            _ => (Verb::Continue, "go on"),
        };
        let line = self.rules.commands.line(verb);
        format!("{}; held{}; {offer}: {line}", self.what_happened(), self.until())
    }

    fn running_message(&self) -> String {
        let since = self.started.map_or(String::new(), |at| format!(" since {}", clock(at)));
        let attempt = match self.attempt {
            0 | 1 => String::new(),
            attempt => format!(" (attempt {attempt})"),
        };
        let limit = self.rules.timeout.map(|limit| format!("; it may take {}", duration(limit)));
        format!("{} has run{since}{attempt}{}", self.named(), limit.unwrap_or_default())
    }

    fn terminating_message(&self) -> String {
        let why = match &self.cause {
            Some(Cause::TimedOut) => format!("ran longer than {}", self.timeout_text()),
            Some(Cause::Cancelled(why)) => format!("was {why}"),
            None => "is being ended".to_owned(),
        };
        let (named, since) = (self.named(), clock(self.since));
        let grace = duration(self.rules.kill_grace);
        format!("{named} {why}; SIGTERM was sent at {since}, SIGKILL follows after {grace}")
    }

    /// ``step `test` exited with 7 after 12 s``.
    pub(super) fn attempt_message(&self, now: Now, outcome: &Outcome) -> String {
        format!("{} {outcome}{}", self.named(), self.took(now, outcome))
    }

    /// The same of the attempt after which the step is held.
    pub(super) fn what_happened(&self) -> String {
        let outcome = self.outcome.clone().unwrap_or(Outcome::Exited(0));
        self.attempt_message(self.since, &outcome)
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
        let held = match self.phase {
            Phase::HeldBefore => format!("{} was held before its command", self.named()),
            _ => format!("{} and was held", self.what_happened()),
        };
        format!("{held} since {}; nobody ended the hold in time", clock(self.since))
    }

    pub(super) fn timeout_text(&self) -> String {
        duration(self.rules.timeout.unwrap_or_default())
    }

    fn took(&self, until: Now, outcome: &Outcome) -> String {
        match (self.started, outcome) {
            (None, _) | (_, Outcome::NotStarted { .. } | Outcome::Faulty(_)) => String::new(),
            (Some(started), _) => {
                let spent = until.monotonic.saturating_sub(started.monotonic);
                format!(" after {}", duration(spent))
            }
        }
    }

    pub(super) fn until(&self) -> String {
        match self.limit {
            Some(limit) if limit.at.wall.date_naive() != self.since.wall.date_naive() => {
                format!(" until {} {}", limit.at.wall.date_naive(), clock(limit.at))
            }
            Some(limit) => format!(" until {}", clock(limit.at)),
            None => format!(" since {}", clock(self.since)),
        }
    }

    /// What the step waits for, where it does.
    pub(super) fn waiting_for(&self) -> Option<String> {
        if self.phase != Phase::Waiting {
            return None;
        }
        match self.open_file() {
            Some(awaited) => Some(awaited.file.display().to_string()),
            None => self.view.busy.clone(),
        }
    }

    fn open_file(&self) -> Option<&Awaited> {
        self.view.awaited.iter().find(|awaited| awaited.is_open())
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
        let paused = markers::pause(&self.view.markers).is_some();
        let counts = self.phase == Phase::Waiting && !paused && self.open_file().is_some();
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
    let both = |large: u64, one: &str, small: u64, other: &str| match small {
        0 => format!("{large} {one}"),
        _ => format!("{large} {one} {small} {other}"),
    };
    match seconds {
        0 => format!("{} ms", length.as_millis()),
        1..60 => format!("{seconds} s"),
        60..3600 => both(seconds / 60, "min", seconds % 60, "s"),
        _ => both(seconds / 3600, "h", seconds % 3600 / 60, "min"),
    }
}
