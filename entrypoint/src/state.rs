//! What a step says of itself in `P.state` (contract 2.5).

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use chrono::{DateTime, SecondsFormat, Utc};
use debug_scripts::Moment;
use serde::{Deserialize, Serialize};

use crate::os::files::{read_at_most, with_ending};

/// The years 0 to 9999, in seconds since 1970: all that RFC 3339 has.
const FIRST_SECOND: i64 = -62_167_219_200;
const LAST_SECOND: i64 = 253_402_300_799;

/// More than any state has, were every marker and answer in it as long as it may be.
const LARGEST_STATE_BYTES: u64 = 16 << 20;

/// A step's state: written at every change, read by verbs, by `holdpoint` and by the steps behind it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct State {
    /// The step's name.
    pub step: String,
    /// What it is doing.
    pub phase: Phase,
    /// Why, in one word, where there is one.
    pub reason: Option<Reason>,
    /// What happened, since when, what it waits for, what to type: for a person who reads only this.
    pub message: String,
    /// 0 before the first attempt, then counted from 1.
    pub attempt: u32,
    /// The code of the last attempt, 128 + s for a signal; none before.
    pub exit_code: Option<i32>,
    /// The process of the command, while there is one.
    pub pid: Option<i32>,
    /// When the last attempt began (RFC 3339, UTC, milliseconds).
    pub started_at: Option<String>,
    /// Since when the phase lasts.
    pub since: String,
    /// What it waits for: a file or a step.
    pub waiting_for: Option<String>,
    /// When the phase ends by itself.
    pub deadline: Option<String>,
    /// The markers that it sees.
    pub markers: Vec<SeenMarker>,
    /// The last requests and what became of them, oldest first.
    pub requests: Vec<Answered>,
}

/// A marker as the state shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenMarker {
    /// The marker's name.
    pub name: String,
    /// The text of its file.
    pub reason: String,
    /// The control folder where it stands.
    pub folder: PathBuf,
    /// When its file was written (RFC 3339, UTC, nanoseconds): by this, one that was given again with
    /// the same words is known from the one before.
    #[serde(default)]
    pub written: String,
}

impl SeenMarker {
    /// When its file was written, where it says so.
    pub fn written_at(&self) -> Option<SystemTime> {
        DateTime::parse_from_rfc3339(&self.written).ok().map(SystemTime::from)
    }

    /// Whether it says the same, whenever it was written.
    pub fn says_the_same(&self, other: &Self) -> bool {
        (&self.name, &self.reason, &self.folder) == (&other.name, &other.reason, &other.folder)
    }
}

/// A request that was answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answered {
    /// The id that its writer gave it.
    pub id: Option<String>,
    /// The verb.
    pub verb: String,
    /// What became of it.
    pub outcome: Outcome,
    /// The same, for a person.
    pub message: String,
    /// When it was answered.
    pub at: String,
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It was acted on.
    Accepted,
    /// It was not, and the message says why.
    Rejected,
}

/// The phases of a step (2.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Its turn has not come.
    Waiting,
    /// Its turn has come, but the run is paused.
    Paused,
    /// Held before its command.
    HeldBefore,
    /// Its command runs.
    Running,
    /// Held after a failure.
    HeldFailed,
    /// Held after a success.
    HeldAfter,
    /// Its command is being ended.
    Terminating,
    /// It has ended; the post file follows.
    Finished,
}

impl State {
    /// What the step of this post file says of itself; nothing where it has not spoken.
    pub fn of(post: &Path) -> Option<Self> {
        let content = read_at_most(&with_ending(post, ".state"), LARGEST_STATE_BYTES).ok()?;
        serde_json::from_slice(&content).ok()
    }
}

impl Phase {
    /// The column of the table of verbs; none where no verb is taken any more.
    pub fn moment(self) -> Option<Moment> {
        match self {
            Self::Waiting | Self::Paused => Some(Moment::Waiting),
            Self::HeldBefore => Some(Moment::HeldBefore),
            Self::Running => Some(Moment::Running),
            Self::HeldFailed => Some(Moment::HeldFailed),
            Self::HeldAfter => Some(Moment::HeldAfter),
            Self::Terminating | Self::Finished => None,
        }
    }

    /// The word as it stands in files.
    pub fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Paused => "paused",
            Self::HeldBefore => "held-before",
            Self::Running => "running",
            Self::HeldFailed => "held-failed",
            Self::HeldAfter => "held-after",
            Self::Terminating => "terminating",
            Self::Finished => "finished",
        }
    }

    /// Whether a person is waited for.
    pub fn is_held(self) -> bool {
        matches!(self, Self::HeldBefore | Self::HeldFailed | Self::HeldAfter)
    }
}

/// Why a step ended as it did: the words of 1.6 and 2.2 to 2.4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Reason {
    /// An earlier step failed, a when expression was false, or a person skipped it.
    Skipped,
    /// `-timeout` passed.
    TimeoutExceeded,
    /// Cancelled, begun or not.
    Cancelled,
    /// The run was stopped gracefully before it began.
    Stopped,
    /// The run was aborted before it began.
    Aborted,
    /// `-wait_timeout` passed.
    WaitTimeout,
    /// The step before it died without a word.
    PreviousStepDied,
    /// Nobody ended its hold within `-breakpoint_timeout`.
    BreakpointTimeout,
    /// Its command failed.
    Failed,
    /// A signal ended it while it waited or was held.
    Terminated,
}

impl Reason {
    /// The word as it stands in files.
    pub fn word(self) -> &'static str {
        match self {
            Self::Skipped => "Skipped",
            Self::TimeoutExceeded => "TimeoutExceeded",
            Self::Cancelled => "Cancelled",
            Self::Stopped => "Stopped",
            Self::Aborted => "Aborted",
            Self::WaitTimeout => "WaitTimeout",
            Self::PreviousStepDied => "PreviousStepDied",
            Self::BreakpointTimeout => "BreakpointTimeout",
            Self::Failed => "Failed",
            Self::Terminated => "Terminated",
        }
    }

    /// Whether a step behind it may run with breakpoints although this one failed (2.4).
    pub fn lets_debugged_run_go_on(self) -> bool {
        !matches!(
            self,
            Self::Cancelled
                | Self::Stopped
                | Self::Aborted
                | Self::WaitTimeout
                | Self::PreviousStepDied
                | Self::BreakpointTimeout
                | Self::Terminated
        )
    }
}

/// When a file was written, as [`SeenMarker::written`] shows it. A file can have a time that RFC 3339
/// has no year for: then it is the nearest that it has.
pub fn written(file: SystemTime) -> String {
    let seconds = match file.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_secs()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_secs()).map_or(i64::MIN, |it| -it),
    };
    let time = match seconds {
        ..=FIRST_SECOND => DateTime::from_timestamp(FIRST_SECOND, 0).unwrap_or_default(),
        LAST_SECOND.. => DateTime::from_timestamp(LAST_SECOND, 0).unwrap_or_default(),
        _ => DateTime::<Utc>::from(file),
    };
    time.to_rfc3339_opts(SecondsFormat::Nanos, true)
}

/// A time as all files of the contract show it: RFC 3339, UTC, milliseconds.
pub fn timestamp(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::time::Duration;

    use super::*;

    /// As tmpfs keeps them.
    #[test]
    fn a_file_may_have_a_time_that_no_calendar_has() {
        let after = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let before = |seconds| SystemTime::UNIX_EPOCH - Duration::from_secs(seconds);
        let table = [
            (after(0), "1970-01-01T00:00:00.000000000Z"),
            (after(1) + Duration::from_nanos(7), "1970-01-01T00:00:01.000000007Z"),
            (before(1), "1969-12-31T23:59:59.000000000Z"),
            (after(253_402_300_798), "9999-12-31T23:59:58.000000000Z"),
            (after(9_999_999_999_999), "9999-12-31T23:59:59.000000000Z"),
            (after(i64::MAX as u64), "9999-12-31T23:59:59.000000000Z"),
            (before(9_999_999_999_999), "0000-01-01T00:00:00.000000000Z"),
        ];
        for (file, shown) in table {
            assert_eq!(written(file), shown);
            let marker = SeenMarker {
                name: String::new(),
                reason: String::new(),
                folder: PathBuf::new(),
                written: written(file),
            };
            assert!(marker.written_at().is_some(), "{shown}");
        }
    }
}
