//! How an attempt came out, and how a step ends: the table of contract 1.6.

use std::fmt;

use crate::state::Reason;

/// How an attempt to run the command came out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It exited with this code.
    Exited(i32),
    /// This signal killed it.
    Killed(i32),
    /// It could not be started; the code is 127 (not found), 126 (not executable), or 1.
    NotStarted {
        /// The code.
        code: i32,
        /// What was tried and what is wrong with it.
        message: String,
    },
    /// `-timeout` passed.
    TimedOut,
    /// A when expression, a substitution or a flag that cannot be.
    Faulty(String),
}

impl Outcome {
    /// The command's own code, whatever `-on_error` says (2.7).
    pub fn own_code(&self) -> i32 {
        match self {
            Self::Exited(code) => *code,
            Self::Killed(signal) => 128 + signal,
            Self::NotStarted { code, .. } => *code,
            Self::TimedOut | Self::Faulty(_) => 1,
        }
    }

    /// Whether the step did what it was asked to.
    pub fn is_success(&self) -> bool {
        *self == Self::Exited(0)
    }

    /// The word for it in the state.
    pub fn reason(&self) -> Option<Reason> {
        match self {
            Self::Exited(0) => None,
            Self::TimedOut => Some(Reason::TimeoutExceeded),
            _ => Some(Reason::Failed),
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exited(0) => f.write_str("succeeded"),
            Self::Exited(code) => write!(f, "exited with {code}"),
            Self::Killed(signal) => write!(f, "was killed by {}", signal_name(*signal)),
            Self::NotStarted { message, .. } => {
                write!(f, "could not be started: {}", one_line(message))
            }
            Self::TimedOut => f.write_str("ran out of time"),
            Self::Faulty(message) => write!(f, "could not run: {}", one_line(message)),
        }
    }
}

/// The command or the expression that is quoted may have several lines.
fn one_line(message: &str) -> String {
    message.replace(['\n', '\r'], " ")
}

/// A signal as people know it.
pub fn signal_name(signal: i32) -> String {
    nix::sys::signal::Signal::try_from(signal)
        .map_or_else(|_| format!("signal {signal}"), |signal| signal.as_str().to_owned())
}

/// Which post file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Post {
    /// `P`: the steps behind run.
    Done,
    /// `P.err`: they do not.
    Failed,
    /// None: somebody wrote it already.
    ByOthers,
}

/// The row by which the termination message tells how the step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndRow {
    /// None.
    Nothing,
    /// `Reason`.
    Reason(Reason),
    /// `ExitCode`.
    ExitCode(i32),
}

/// How a step ends: a row of 1.6.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    /// Which post file is written.
    pub post: Post,
    /// The content of the `exitCode` file, where there is one.
    pub exit_code_file: Option<String>,
    /// The row in the termination message.
    pub row: EndRow,
    /// The code that the entrypoint exits with.
    pub exit: i32,
    /// The word for it in the state.
    pub reason: Option<Reason>,
    /// What happened, for a person.
    pub message: String,
}

/// What `-on_error` asks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnError {
    /// The run ends with a failed step.
    #[default]
    StopAndFail,
    /// The run goes on after a command that failed.
    Continue,
}

impl Ending {
    /// The end of a step whose command was tried, by 1.6.
    pub fn of(outcome: &Outcome, on_error: OnError, message: String) -> Self {
        let own = outcome.own_code();
        let goes_on = on_error == OnError::Continue
            && matches!(outcome, Outcome::Exited(_) | Outcome::Killed(_));
        let (post, file, row, exit) = match outcome {
            Outcome::Exited(0) => (Post::Done, Some(0), EndRow::Nothing, 0),
            _ if goes_on => (Post::Done, Some(own), EndRow::ExitCode(own), 0),
            Outcome::TimedOut => (Post::Failed, None, EndRow::Reason(Reason::TimeoutExceeded), 1),
            _ => (Post::Failed, None, EndRow::Nothing, own),
        };
        let exit_code_file = file.map(|code| code.to_string());
        Self { post, exit_code_file, row, exit, reason: outcome.reason(), message }
    }

    /// The end of a step that failed for a reason other than its command.
    pub fn failed(reason: Reason, message: String) -> Self {
        let cancelled = reason == Reason::Cancelled;
        Self {
            post: Post::Failed,
            exit_code_file: cancelled.then(|| "killed".to_owned()),
            row: EndRow::Reason(reason),
            exit: if cancelled { 9 } else { 1 },
            reason: Some(reason),
            message,
        }
    }

    /// The end of a step that need not run: a when expression was false, or a person skipped it.
    pub fn skipped_well(message: String) -> Self {
        Self {
            post: Post::Done,
            exit_code_file: Some("0".to_owned()),
            row: EndRow::Reason(Reason::Skipped),
            exit: 0,
            reason: Some(Reason::Skipped),
            message,
        }
    }

    /// The end of a step that a signal met while it waited or was held (2.8).
    pub fn terminated(signal: i32, message: String) -> Self {
        Self { exit: 128 + signal, ..Self::failed(Reason::Terminated, message) }
    }

    /// The same end after a hold: without an `exitCode` file (1.11).
    pub fn after_hold(self) -> Self {
        Self { exit_code_file: None, ..self }
    }

    /// The same end with another code.
    pub fn exiting(self, exit: i32) -> Self {
        Self { exit, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rows of 1.6 that begin with a command: post, exitCode file, row, exit.
    #[test]
    fn each_row_of_the_table() {
        use OnError::{Continue, StopAndFail};
        use Post::{Done, Failed};
        let not_found = Outcome::NotStarted { code: 127, message: String::new() };
        let not_executable = Outcome::NotStarted { code: 126, message: String::new() };
        let timed_out = EndRow::Reason(Reason::TimeoutExceeded);
        let rows = [
            (Outcome::Exited(0), StopAndFail, Done, Some("0"), EndRow::Nothing, 0),
            (Outcome::Exited(0), Continue, Done, Some("0"), EndRow::Nothing, 0),
            (Outcome::Exited(7), StopAndFail, Failed, None, EndRow::Nothing, 7),
            (Outcome::Exited(7), Continue, Done, Some("7"), EndRow::ExitCode(7), 0),
            (Outcome::Killed(9), Continue, Done, Some("137"), EndRow::ExitCode(137), 0),
            (Outcome::Killed(9), StopAndFail, Failed, None, EndRow::Nothing, 137),
            (not_found.clone(), StopAndFail, Failed, None, EndRow::Nothing, 127),
            (not_found, Continue, Failed, None, EndRow::Nothing, 127),
            (not_executable, Continue, Failed, None, EndRow::Nothing, 126),
            (Outcome::TimedOut, StopAndFail, Failed, None, timed_out, 1),
            (Outcome::TimedOut, Continue, Failed, None, timed_out, 1),
            (Outcome::Faulty(String::new()), Continue, Failed, None, EndRow::Nothing, 1),
        ];
        for (outcome, on_error, post, file, row, exit) in rows {
            let ending = Ending::of(&outcome, on_error, String::new());
            let file = file.map(str::to_owned);
            assert_eq!(
                (ending.post, ending.exit_code_file, ending.row, ending.exit),
                (post, file, row, exit),
                "{outcome:?} {on_error:?}"
            );
        }
    }

    #[test]
    fn a_cancelled_step_exits_with_nine() {
        let ending = Ending::failed(Reason::Cancelled, String::new());
        assert_eq!((ending.exit, ending.exit_code_file.as_deref()), (9, Some("killed")));
        let ending = Ending::failed(Reason::Stopped, String::new());
        assert_eq!((ending.exit, ending.exit_code_file), (1, None));
    }
}
