//! What a reference to a task that is kept stands for.

use std::collections::BTreeMap;

use serde_json::Value;

use super::outcome::{Kept, Outcome};
use crate::cluster::look::{list, text};
use crate::task::reference::{Reference, Segment, names};

/// What stands where a reference stood.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Found {
    Text(String),
    /// An array or an object, as a whole.
    Whole(Value),
    /// The reference itself: it is not one to a task that is kept.
    Same,
}

/// The tasks that are kept, by name.
#[derive(Clone, Debug, Default)]
pub(super) struct Values {
    pub(super) kept: BTreeMap<String, Kept>,
    /// `$(tasks.status)`, where it is settled by what is kept.
    pub(super) aggregate: Option<&'static str>,
}

/// What is wrong with a reference, and with which task's.
pub(super) type Wrong = (String, String);

impl Values {
    pub(super) fn of(outcomes: &[(String, Outcome)]) -> Self {
        let kept: BTreeMap<String, Kept> = outcomes
            .iter()
            .filter_map(|(name, outcome)| match outcome {
                Outcome::Kept(kept) => Some((name.clone(), kept.clone())),
                Outcome::Again(_) => None,
            })
            .collect();
        // One failure is enough for Tekton, also an ignored one. Without one, what is kept does not
        // change how the rest is summed up.
        let aggregate = if kept.values().any(|kept| kept.failed) {
            Some("Failed")
        } else {
            (kept.len() == outcomes.len()).then_some("Succeeded")
        };
        Self { kept, aggregate }
    }

    /// The names of what is kept, in the order of the pipeline.
    pub(super) fn in_order(&self, pipeline: &Value) -> Vec<String> {
        let names = list(pipeline, "/tasks").iter().map(|task| text(task, "/name"));
        names.filter(|name| self.kept.contains_key(*name)).map(str::to_owned).collect()
    }

    /// What a reference that begins with `tasks` stands for.
    ///
    /// # Errors
    /// The task has no such result, item or key.
    pub(super) fn find(&self, reference: &Reference<'_>) -> Result<Found, Wrong> {
        let (task, rest) = match reference.path.as_deref() {
            Some([Segment::Name("status")]) => {
                let aggregate = self.aggregate.map(|status| Found::Text(status.to_owned()));
                return Ok(aggregate.unwrap_or(Found::Same));
            }
            Some([Segment::Name(task), rest @ ..]) => (*task, rest),
            _ => return Ok(Found::Same),
        };
        let Some(kept) = self.kept.get(task) else { return Ok(Found::Same) };
        kept.find(rest).map_err(|problem| (task.to_owned(), format!("task `{task}` {problem}")))
    }
}

impl Kept {
    fn find(&self, path: &[Segment<'_>]) -> Result<Found, String> {
        let text = |text: &str| Ok(Found::Text(text.to_owned()));
        match path {
            [Segment::Name("status")] => text(self.status()),
            [Segment::Name("reason")] => text(&self.reason),
            [Segment::Name("results"), path @ ..] => self.result(path),
            [Segment::Name("matrix"), Segment::Name("length")] => text(&self.runs.to_string()),
            [Segment::Name("matrix"), Segment::Name(result), Segment::Name("length")] => {
                let values = self.results.get(*result).and_then(Value::as_array);
                text(&values.map_or(0, Vec::len).to_string())
            }
            [Segment::Name(list @ ("inputs" | "outputs")), path @ ..] => self.artifact(list, path),
            _ => Ok(Found::Same),
        }
    }

    /// Tekton reads `results.a.b` as the key `b` of the object `a`; a name with dots is another way.
    fn result(&self, path: &[Segment<'_>]) -> Result<Found, String> {
        if let Some(what) = &self.foreign {
            return Err(format!("is {what}, and what it left is not known"));
        }
        let (parts, _) = names(path);
        let found = (1..=parts.len()).find_map(|count| {
            let name = parts.get(..count)?.join(".");
            Some((self.results.get(&name)?, name, path.get(count..)?))
        });
        match found {
            Some((value, name, rest)) => part(value, &name, rest),
            None => Err(self.lacks(&parts.join("."))),
        }
    }

    fn lacks(&self, result: &str) -> String {
        let ended = if self.failed { "failed" } else { "succeeded" };
        let others: Vec<&str> = self.results.keys().map(String::as_str).collect();
        let others = if others.is_empty() { "none".to_owned() } else { others.join(", ") };
        format!("{ended} without a result `{result}` (its results: {others})")
    }

    /// `outputs` is its first artifact, `outputs.NAME` a certain one: the JSON of its values.
    fn artifact(&self, list: &str, path: &[Segment<'_>]) -> Result<Found, String> {
        let items = self.artifacts.get(list).and_then(Value::as_array);
        let mut items = items.map_or(&[][..], Vec::as_slice).iter();
        let item = match path {
            [] => items.next(),
            [Segment::Name(name)] => {
                items.find(|item| item.get("name").and_then(Value::as_str) == Some(name))
            }
            _ => return Ok(Found::Same),
        };
        let values = item.and_then(|item| item.get("values"));
        let values = values.ok_or_else(|| format!("left no such artifact among its {list}"))?;
        Ok(Found::Text(values.to_string()))
    }
}

/// The part of a result that is asked for.
fn part(value: &Value, name: &str, path: &[Segment<'_>]) -> Result<Found, String> {
    let found = match (value, path) {
        (Value::String(text), []) => return Ok(Found::Text(text.clone())),
        (Value::Array(_) | Value::Object(_), [] | [Segment::All]) => {
            return Ok(Found::Whole(value.clone()));
        }
        (Value::Array(items), [Segment::Index(index)]) => items.get(*index),
        (Value::Object(keys), [Segment::Name(key)]) => keys.get(*key),
        _ => None,
    };
    match found.and_then(Value::as_str) {
        Some(text) => Ok(Found::Text(text.to_owned())),
        None => Err(format!("has no such part of its result `{name}` (it is {value})")),
    }
}
