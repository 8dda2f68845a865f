//! How the command line exits.

use std::process::ExitCode;

use crate::error::Error;

/// What a command came to, as a code of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It did what it was asked to: 0.
    Success,
    /// The code of the first step that failed, or that of a verb (3 rejected, 4 nobody answered).
    Code(u8),
    /// A signal ended the run: 128 and its number.
    Signal(i32),
    /// The command line or the file cannot be: 2.
    Usage,
}

impl Exit {
    /// The number.
    pub fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Code(code) => code,
            Self::Signal(signal) => 128_u8.saturating_add(u8::try_from(signal).unwrap_or(0)),
            Self::Usage => 2,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        exit.code().into()
    }
}

impl From<Result<Exit, Error>> for Exit {
    /// Says what went wrong, once, and turns it into a code.
    fn from(outcome: Result<Exit, Error>) -> Self {
        outcome.unwrap_or_else(|error| {
            error.print();
            error.exit()
        })
    }
}
