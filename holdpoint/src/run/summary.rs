//! What became of a run: the table for a person, the JSON for a program, and the exit code.

use std::{fmt, fs};

use entrypoint::state::Reason;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Run;
use super::folder::RunFolder;
use super::progress::Ended;
use super::screen::{Screen, Tone};
use crate::exit::Exit;
use crate::plan::TaskResult;
use crate::table::{columns, time};

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Every step succeeded, was skipped with success or passed over.
    Succeeded,
    /// A step failed.
    Failed,
    /// A step was cancelled, or the run was interrupted.
    Cancelled,
    /// The run was stopped; finally steps ran.
    Stopped,
    /// The run was aborted.
    Aborted,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Stopped => "stopped",
            Self::Aborted => "aborted",
        })
    }
}

/// The outcome of a run, as `-o json` prints it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    run: String,
    status: Status,
    exit_code: u8,
    seconds: f64,
    steps: Vec<Ended>,
    results: Map<String, Value>,
}

impl Summary {
    /// Sums up the steps of a run that took so many seconds; `signal` is the one that ended it.
    pub fn of(run: &Run, steps: Vec<Ended>, seconds: f64, signal: Option<i32>) -> Self {
        let results = results(&run.folder, &run.plan.results, &run.step_names());
        Self { results, ..Self::of_steps(run.folder.id(), steps, seconds, signal) }
    }

    /// The same for a run of this name, whose results are not known.
    pub fn of_steps(run: String, steps: Vec<Ended>, seconds: f64, signal: Option<i32>) -> Self {
        let (status, exit) = verdict(&steps, signal);
        let seconds = (seconds * 1e3).round() / 1e3;
        Self { run, status, exit_code: exit.code(), seconds, steps, results: Map::new() }
    }

    /// The code to exit with.
    pub fn exit(&self) -> Exit {
        if self.exit_code == 0 { Exit::Success } else { Exit::Code(self.exit_code) }
    }

    /// The JSON, in one line.
    pub fn json(&self) -> serde_json::Result<String> {
        serde_json::to_string(self)
    }

    /// Shows the table of steps, the results, and how it all ended.
    pub fn show(&self, screen: &mut Screen) {
        screen.say(Tone::Progress, "");
        for line in self.table() {
            screen.say(Tone::Progress, &line);
        }
        for (name, value) in &self.results {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            screen.say(Tone::Progress, &format!("result {name} = {}", text.trim_end()));
        }
        let good = self.status == Status::Succeeded;
        let status = screen.verdict(good, &self.status.to_string());
        let text = format!("{}: {status} after {}", self.run, time(self.seconds));
        let tone = if good { Tone::Progress } else { Tone::Alert };
        screen.say(tone, &if good { text } else { format!("{text}, exit {}", self.exit_code) });
    }

    fn table(&self) -> Vec<String> {
        let head = ["STEP", "ENDED", "TIME", "ATTEMPTS"].map(str::to_owned);
        let row = |step: &Ended| {
            let took = step.seconds.map(time).unwrap_or_default();
            [step.name.clone(), step.words(), took, step.attempt.to_string()]
        };
        columns(std::iter::once(head).chain(self.steps.iter().map(row)).collect())
    }
}

/// The first step that did not succeed decides; an interrupted run is cancelled.
fn verdict(steps: &[Ended], signal: Option<i32>) -> (Status, Exit) {
    if let Some(signal) = signal {
        return (Status::Cancelled, Exit::Signal(signal));
    }
    let Some(failed) = steps.iter().find(|step| step.code != 0) else {
        return (Status::Succeeded, Exit::Success);
    };
    let status = match failed.reason {
        Some(Reason::Cancelled) => Status::Cancelled,
        Some(Reason::Stopped) => Status::Stopped,
        Some(Reason::Aborted) => Status::Aborted,
        _ => Status::Failed,
    };
    (status, Exit::Code(failed.code))
}

/// The results that are there, in the order of the file.
fn results(run: &RunFolder, results: &[TaskResult], steps: &[String]) -> Map<String, Value> {
    let file = |result: &TaskResult| match &result.from_step {
        None => Some(run.tekton().join("results").join(&result.name)),
        Some((step, name)) => {
            let index = steps.iter().position(|it| it == step)?;
            Some(run.step(index).join("status/results").join(name))
        }
    };
    let read = |result: &TaskResult| {
        let content = fs::read(file(result)?).ok()?;
        Some((result.name.clone(), value(&String::from_utf8_lossy(&content))))
    };
    results.iter().filter_map(read).collect()
}

/// An array or object of strings where the text is one, else the text as it stands.
fn value(text: &str) -> Value {
    let all_strings = |value: &Value| match value {
        Value::Array(items) => items.iter().all(Value::is_string),
        Value::Object(keys) => keys.values().all(Value::is_string),
        _ => false,
    };
    let structured = serde_json::from_str(text).ok().filter(all_strings);
    structured.unwrap_or_else(|| text.into())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use crate::run::progress::Progress;
    use serde_json::json;

    fn step(code: u8, reason: Option<Reason>) -> Ended {
        Ended { reason, ..Progress::default().ended("step", code) }
    }

    #[test]
    fn the_first_step_that_did_not_succeed_decides() {
        let good = || step(0, None);
        let skipped = || step(1, Some(Reason::Skipped));
        for (steps, status, code) in [
            (vec![good(), good()], Status::Succeeded, 0),
            (vec![good(), step(7, Some(Reason::Failed)), skipped()], Status::Failed, 7),
            (vec![step(7, None), step(1, Some(Reason::Stopped))], Status::Failed, 7),
            (vec![good(), step(9, Some(Reason::Cancelled)), skipped()], Status::Cancelled, 9),
            (vec![good(), step(1, Some(Reason::Stopped))], Status::Stopped, 1),
            (vec![step(3, Some(Reason::Aborted)), good()], Status::Aborted, 3),
        ] {
            let (told, exit) = verdict(&steps, None);
            assert_eq!((told, exit.code()), (status, code), "{steps:?}");
        }
        assert_eq!(verdict(&[good()], Some(2)), (Status::Cancelled, Exit::Signal(2)));
    }

    #[test]
    fn a_result_is_what_its_text_says() {
        for (text, expected) in [
            ("plain\n", json!("plain\n")),
            ("7", json!("7")),
            ("[\"a\",\"b\"]", json!(["a", "b"])),
            ("{\"k\":\"v\"}", json!({"k": "v"})),
            ("[1]", json!("[1]")),
            ("", json!("")),
        ] {
            assert_eq!(value(text), expected, "{text}");
        }
    }
}
