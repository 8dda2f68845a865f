//! What became of each task: kept as it is, or run again, and why.

use std::fmt;

use serde_json::{Map, Value};

use super::matrix::combinations;
use super::refusal::Refusal;
use crate::cluster::children::{Children, End, condition, end};
use crate::cluster::look::{list, named, text};

/// Tekton's word for a task whose `when` did not hold.
const SKIPPED_BY_WHEN: &str = "When Expressions evaluated to false";

/// What becomes of a task in the new run.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Outcome {
    Kept(Kept),
    Again(Why),
}

/// A task that is not run again, and all that others may ask of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Kept {
    /// Strings, arrays and objects, by name.
    pub(super) results: Map<String, Value>,
    /// Tekton's word for `$(tasks.NAME.reason)`.
    pub(super) reason: String,
    /// How many TaskRuns it had: more than one with a matrix.
    pub(super) runs: usize,
    /// `status.artifacts` of its TaskRun.
    pub(super) artifacts: Value,
    /// It failed, and its `onError` let the run go on.
    pub(super) failed: bool,
    /// What it is, where Tekton's own controller did not run it: its results are not known here.
    pub(super) foreign: Option<String>,
}

/// Why a task runs again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// It failed.
    Failed,
    /// It was cancelled.
    Cancelled,
    /// It never began.
    NotBegun,
    /// Its `when` did not hold: Tekton asks it again, with the same values.
    Skipped,
    /// Some of its matrix did not succeed: the matrix runs again as a whole.
    Matrix {
        /// How many succeeded.
        succeeded: usize,
        /// How many there were.
        runs: usize,
    },
    /// It is a finally task: those always run.
    Finally,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed => f.write_str("it failed"),
            Self::Cancelled => f.write_str("it was cancelled"),
            Self::NotBegun => f.write_str("it never began"),
            Self::Skipped => f.write_str("its when did not hold, and is asked again"),
            Self::Matrix { succeeded, runs } => {
                write!(f, "{succeeded} of its {runs} runs succeeded, and all run again")
            }
            Self::Finally => f.write_str("it is a finally task"),
        }
    }
}

impl Kept {
    /// Tekton's word for `$(tasks.NAME.status)`.
    pub(super) fn status(&self) -> &'static str {
        if self.failed { "Failed" } else { "Succeeded" }
    }
}

/// What becomes of a task of the pipeline's `tasks`.
///
/// # Errors
/// It cannot be told, or the task would run again and is not Tekton's own.
pub(super) fn of(task: &Value, run: &Value, children: Children<'_>) -> Result<Outcome, Refusal> {
    let name = text(task, "/name");
    let gone = |child| Refusal::Gone { task: name.to_owned(), child };
    let children = children.of_task(name).map_err(gone)?;
    let ends: Vec<End> = children.iter().map(|child| end(child)).collect();
    let outcome = if ends.is_empty() {
        Outcome::Again(never_ran(name, run))
    } else if let Some(runs) = expected(task, run).filter(|expected| *expected > ends.len()) {
        Outcome::Again(Why::Matrix { succeeded: succeeded(&ends), runs })
    } else if ends.iter().all(|end| *end == End::Succeeded) {
        Outcome::Kept(kept(task, &children))
    } else if !ends.contains(&End::Cancelled) && is_ignored(name, task, run, &children) {
        Outcome::Kept(Kept { failed: true, ..kept(task, &children) })
    } else {
        Outcome::Again(ended(&ends))
    };
    match outcome {
        Outcome::Again(_) => not_foreign(task).map(|()| outcome),
        Outcome::Kept(_) => Ok(outcome),
    }
}

/// That a task which is to run again is Tekton's own.
///
/// # Errors
/// It is a custom task, or a pipeline.
pub(super) fn not_foreign(task: &Value) -> Result<(), Refusal> {
    let task_name = text(task, "/name").to_owned();
    foreign(task).map_or(Ok(()), |what| Err(Refusal::Foreign { task: task_name, what }))
}

fn foreign(task: &Value) -> Option<String> {
    if task.get("pipelineRef").is_some() || task.get("pipelineSpec").is_some() {
        return Some("a pipeline of its own".to_owned());
    }
    ["taskRef", "taskSpec"].into_iter().find_map(|place| {
        let (version, kind) =
            (text(task, &format!("/{place}/apiVersion")), text(task, &format!("/{place}/kind")));
        (!version.is_empty() && !kind.is_empty())
            .then(|| format!("a custom task ({version} {kind})"))
    })
}

fn never_ran(name: &str, run: &Value) -> Why {
    let skipped = named(list(run, "/status/skippedTasks"), name);
    match skipped.map(|task| text(task, "/reason")) {
        Some(SKIPPED_BY_WHEN) => Why::Skipped,
        _ => Why::NotBegun,
    }
}

/// How many runs a matrix was to make, where that can be known: Tekton's own copy in `status` has the
/// params of the run put in.
fn expected(task: &Value, run: &Value) -> Option<usize> {
    let resolved = named(list(run, "/status/pipelineSpec/tasks"), text(task, "/name"));
    [resolved, Some(task)].into_iter().flatten().find_map(combinations)
}

fn succeeded(ends: &[End]) -> usize {
    ends.iter().filter(|end| **end == End::Succeeded).count()
}

fn ended(ends: &[End]) -> Why {
    let succeeded = succeeded(ends);
    if succeeded > 0 {
        Why::Matrix { succeeded, runs: ends.len() }
    } else if ends.contains(&End::Cancelled) {
        Why::Cancelled
    } else {
        Why::Failed
    }
}

/// In `spec` the `onError` may still be a variable; Tekton's own copy in `status` has it replaced.
fn is_ignored(name: &str, task: &Value, run: &Value, children: &[&Value]) -> bool {
    let resolved = named(list(run, "/status/pipelineSpec/tasks"), name);
    [Some(task), resolved].iter().flatten().any(|task| text(task, "/onError") == "continue")
        || children.iter().any(|child| condition(child, "reason") == "FailureIgnored")
}

fn kept(task: &Value, children: &[&Value]) -> Kept {
    let is_matrix = task.get("matrix").is_some_and(|matrix| !matrix.is_null());
    let mut results = Map::new();
    for result in children.iter().flat_map(|child| list(child, "/status/results")) {
        let (name, value) = (text(result, "/name"), result.get("value").cloned());
        let value = value.unwrap_or_default();
        match (is_matrix, results.get_mut(name)) {
            (true, Some(Value::Array(values))) => values.push(value),
            (true, _) => drop(results.insert(name.to_owned(), Value::Array(vec![value]))),
            (false, _) => drop(results.insert(name.to_owned(), value)),
        }
    }
    let unsuccessful = children.iter().find(|child| end(child) != End::Succeeded);
    let spoken_for = unsuccessful.or(children.first());
    Kept {
        results,
        reason: spoken_for.map_or("", |child| condition(child, "reason")).to_owned(),
        runs: children.len(),
        artifacts: children
            .first()
            .and_then(|child| child.pointer("/status/artifacts"))
            .cloned()
            .unwrap_or_default(),
        failed: false,
        foreign: foreign(task),
    }
}
