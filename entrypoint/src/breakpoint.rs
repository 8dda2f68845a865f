//! Where a run is to be held, as flags, markers and annotations say it: `on-failure`, or
//! `before:test,after:build,on-failure`, or `off` (2.2, 2.9).

use thiserror::Error;

/// One place where a run is held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Breakpoint {
    /// At every step that fails.
    OnFailure,
    /// Before the command of this step.
    Before(String),
    /// After the command of this step, whatever came of it.
    After(String),
}

/// Why a text says no breakpoints.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BreakpointError {
    /// A word that is none.
    #[error("{0:?} is no breakpoint")]
    Unknown(String),
    /// `off` beside others.
    #[error("off stands alone")]
    OffBesideOthers,
}

/// Reads breakpoints between commas; none for `off`, which stands alone.
///
/// # Errors
/// `off` is not alone, or a word is no breakpoint, be it empty: the first one is named.
pub fn parse(text: &str) -> Result<Vec<Breakpoint>, BreakpointError> {
    let words: Vec<_> = text.split(',').map(str::trim).collect();
    match words.as_slice() {
        ["off"] => Ok(Vec::new()),
        words if words.contains(&"off") => Err(BreakpointError::OffBesideOthers),
        words => words.iter().copied().map(one).collect(),
    }
}

fn one(word: &str) -> Result<Breakpoint, BreakpointError> {
    match word.split_once(':') {
        None if word == "on-failure" => Ok(Breakpoint::OnFailure),
        Some(("before", step)) if !step.is_empty() => Ok(Breakpoint::Before(step.to_owned())),
        Some(("after", step)) if !step.is_empty() => Ok(Breakpoint::After(step.to_owned())),
        _ => Err(BreakpointError::Unknown(word.to_owned())),
    }
}

impl Breakpoint {
    /// The step that it names, if it names one.
    pub fn step(&self) -> Option<&str> {
        match self {
            Self::OnFailure => None,
            Self::Before(step) | Self::After(step) => Some(step),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn breakpoints_stand_between_commas() {
        let (before, after) =
            (Breakpoint::Before("test".into()), Breakpoint::After("build".into()));
        let cases = [
            ("on-failure", vec![Breakpoint::OnFailure]),
            ("before:test, after:build ,on-failure\n", vec![before, after, Breakpoint::OnFailure]),
            ("after:a:b", vec![Breakpoint::After("a:b".into())]),
            (" off ", vec![]),
        ];
        for (text, wanted) in cases {
            assert_eq!(parse(text), Ok(wanted), "{text}");
        }
    }

    #[test]
    fn the_first_wrong_word_is_named() {
        let cases = [
            ("", ""),
            ("on-failure,", ""),
            ("during:test", "during:test"),
            ("before:", "before:"),
            ("On-Failure,x", "On-Failure"),
        ];
        for (text, word) in cases {
            assert_eq!(parse(text), Err(BreakpointError::Unknown(word.into())), "{text}");
        }
        for text in ["on-failure, off", "off,x", "off,off"] {
            assert_eq!(parse(text), Err(BreakpointError::OffBesideOthers), "{text}");
        }
    }
}
