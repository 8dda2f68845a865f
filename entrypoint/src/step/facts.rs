//! What the files of a run say at one moment, as the machine is told it.

use std::path::PathBuf;
use std::time::Duration;

use debug_scripts::Verb;

use super::markers::Sighting;
use crate::state::Reason;

/// One look at everything that could matter to a step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// The files that the step waits for, in order.
    pub awaited: Vec<Awaited>,
    /// What else keeps the command back: an earlier step that is alive and has not posted, or a
    /// breakpoint that is still being written. Not looked for while a file is awaited.
    pub busy: Option<String>,
    /// Every marker file in every control folder.
    pub markers: Vec<Sighting>,
    /// Requests and exit files that have not been acted on.
    pub requests: Vec<Request>,
    /// Whether somebody else has written the step's post files already.
    pub posted: Posted,
}

/// A file that the step waits for, with what is known of the step that will write it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Awaited {
    /// The file.
    pub file: PathBuf,
    /// Whether it is there (and, where that is asked for, not empty).
    pub came: bool,
    /// Whether the file that tells of a failure is there.
    pub failed: bool,
    /// The name of the step that writes it, where its state tells.
    pub step: Option<String>,
    /// Why its writer failed, where it says so.
    pub reason: Option<Reason>,
    /// What is known of its writer.
    pub writer: Writer,
    /// Why it can never come.
    pub never: Option<String>,
}

impl Awaited {
    /// Whether nothing is known yet of how its writer ended.
    pub fn is_open(&self) -> bool {
        !self.came && !self.failed && self.writer != Writer::Died
    }
}

/// What is known of the process that writes an awaited file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Writer {
    /// Nothing: it has not begun, or it is no step.
    #[default]
    Unknown,
    /// It holds the lock on its `.alive` file.
    Alive,
    /// It held that lock, and is gone without a post file.
    Died,
}

/// The step's own post files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Posted {
    /// There is none.
    #[default]
    Nothing,
    /// One is there: Tekton's debug scripts write them themselves.
    Already,
}

/// What a person asks of this step by a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// What is asked.
    pub wish: Wish,
    /// The file that asks it.
    pub file: PathBuf,
    /// The id under which it is answered.
    pub id: Option<String>,
    /// Who asks.
    pub by: Option<String>,
    /// Why.
    pub reason: Option<String>,
}

/// What is asked. The order of variants is the order in which requests are taken (2.1).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wish {
    /// `P.cancel`.
    Cancel,
    /// `P.breakpointexit` or `P.breakpointexit.err`, written by hand.
    Exit(i32),
    /// An exit file that names its verb.
    Leave(Verb),
    /// `P.beforestepexit`.
    Begin,
    /// `P.beforestepexit.err`.
    DoNotBegin,
    /// `P.skip`.
    Skip,
    /// `P.retry`, with another command for this attempt where one is given.
    Retry(Result<Option<Vec<String>>, String>),
    /// `P.extend`.
    Extend(Result<Duration, String>),
}

impl Wish {
    /// The verb under which it is answered.
    pub fn verb(&self) -> Verb {
        match self {
            Self::Cancel => Verb::Cancel,
            Self::Exit(0) => Verb::Continue,
            Self::Exit(_) => Verb::FailContinue,
            Self::Leave(verb) => *verb,
            Self::Begin => Verb::BeforeContinue,
            Self::DoNotBegin => Verb::BeforeFail,
            Self::Skip => Verb::Skip,
            Self::Retry(_) => Verb::Retry,
            Self::Extend(_) => Verb::Extend,
        }
    }

    /// Whether its file stays where it is until its moment comes: exit files that a person or a
    /// script of Tekton's wrote ahead of the hold.
    pub fn keeps_until_its_moment(&self, id: Option<&str>) -> bool {
        id.is_none() && matches!(self, Self::Exit(_) | Self::Begin | Self::DoNotBegin)
    }
}
