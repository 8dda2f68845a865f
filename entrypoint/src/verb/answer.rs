//! What became of what a person asked, and how it is told: a line or JSON, and an exit code.

use std::io::{self, Write};

use serde::Serialize;

/// What became of what was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// 0 accepted, 3 rejected, 4 nobody answered.
    pub code: i32,
    /// The step, where it could be asked.
    pub step: Option<String>,
    /// What was asked.
    pub verb: &'static str,
    /// What came of it, for a person.
    pub message: String,
}

#[derive(Serialize)]
struct Printed<'a> {
    verb: &'a str,
    outcome: &'a str,
    step: Option<&'a str>,
    message: &'a str,
}

impl Answer {
    /// The exit code where nobody answered.
    pub const NOBODY: i32 = 4;
    /// The exit code of what was rejected.
    pub const REJECTED: i32 = 3;
    pub(super) const ACCEPTED: i32 = 0;

    /// Prints it and gives the exit code.
    pub fn print(&self, json: bool) -> i32 {
        let outcome = match self.code {
            Self::ACCEPTED => "accepted",
            Self::REJECTED => "rejected",
            _ => "unanswered",
        };
        let step = self.step.as_deref();
        let printed = Printed { verb: self.verb, outcome, step, message: &self.message };
        let line = if json {
            serde_json::to_string(&printed).unwrap_or_default()
        } else {
            format!("{outcome}: {}", self.message)
        };
        let _ = writeln!(io::stdout(), "{line}");
        self.code
    }
}
