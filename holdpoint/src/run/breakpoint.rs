//! Where a run is to be held: `--breakpoint`.

use crate::error::Error;
use crate::plan::Step;

/// The breakpoints of a run; every step that they name is one of the run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Breakpoints {
    /// Hold each step that fails.
    pub on_failure: bool,
    /// How long a hold may last, as a Go duration.
    pub timeout: Option<String>,
    before: Vec<String>,
    after: Vec<String>,
}

impl Breakpoints {
    /// Reads `on-failure`, `before:STEP` and `after:STEP`; the step must be one of `steps`.
    pub fn parse(words: &[String], timeout: Option<String>, steps: &[Step]) -> Result<Self, Error> {
        let mut breakpoints = Self { timeout, ..Self::default() };
        for word in words.iter().map(|word| word.trim()).filter(|word| !word.is_empty()) {
            match word.split_once(':') {
                None if word == "on-failure" => breakpoints.on_failure = true,
                Some(("before", step)) => breakpoints.before.push(known(word, step, steps)?),
                Some(("after", step)) => breakpoints.after.push(known(word, step, steps)?),
                _ => return Err(unknown(word, "it is on-failure, before:STEP or after:STEP")),
            }
        }
        Ok(breakpoints)
    }

    /// Whether this step is held before it begins.
    pub fn hold_before(&self, step: &str) -> bool {
        self.before.iter().any(|name| name == step)
    }

    /// Whether this step is held after its command.
    pub fn hold_after(&self, step: &str) -> bool {
        self.after.iter().any(|name| name == step)
    }
}

fn known(word: &str, step: &str, steps: &[Step]) -> Result<String, Error> {
    if steps.iter().any(|it| it.name == step) {
        return Ok(step.to_owned());
    }
    let names: Vec<_> = steps.iter().map(|step| step.name.as_str()).collect();
    Err(unknown(word, &format!("there is no step `{step}`; the steps are {}", names.join(", "))))
}

fn unknown(word: &str, way_out: &str) -> Error {
    Error::Usage(format!("--breakpoint {word}: {way_out}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    fn parse(words: &[&str]) -> Result<Breakpoints, Error> {
        let step = |name: &str| Step { name: name.to_owned(), ..Step::default() };
        let words: Vec<_> = words.iter().map(|word| (*word).to_owned()).collect();
        Breakpoints::parse(&words, None, &[step("build"), step("test")])
    }

    #[test]
    fn each_kind_is_read() {
        let read = parse(&["on-failure", "before:test", " after:build ", ""]).unwrap();
        assert!(read.on_failure);
        assert!(read.hold_before("test") && !read.hold_before("build"));
        assert!(read.hold_after("build") && !read.hold_after("test"));
        assert_eq!(parse(&[]).unwrap(), Breakpoints::default());
    }

    #[test]
    fn what_cannot_be_is_said_with_the_way_out() {
        for (word, way_out) in [
            ("failure", "it is on-failure, before:STEP or after:STEP"),
            ("during:test", "it is on-failure, before:STEP or after:STEP"),
            ("before:tset", "there is no step `tset`; the steps are build, test"),
            ("after:", "there is no step ``; the steps are build, test"),
        ] {
            let error = parse(&[word]).unwrap_err().to_string();
            assert_eq!(error, format!("--breakpoint {word}: {way_out}"));
        }
    }
}
