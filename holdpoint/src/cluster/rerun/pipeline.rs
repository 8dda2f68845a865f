//! The pipeline of the new run: without the tasks that are kept, and with their values in place.

use serde_json::{Map, Value, json};

use super::put::{put, refers};
use super::refusal::Refusal;
use super::values::Values;
use crate::cluster::look::text;

/// A pipeline made smaller.
#[derive(Clone, Debug, Default)]
pub(super) struct Remade {
    pub(super) pipeline: Value,
    /// Results of the pipeline that are known already. Tekton takes none that refers to no task, so
    /// that the new run cannot have them.
    pub(super) results: Map<String, Value>,
    /// Names of the results that the new run cannot have, and why.
    pub(super) lost: Vec<(String, String)>,
    /// Nothing but finally tasks was left.
    pub(super) finally_moved: bool,
}

/// Takes what is kept out of a pipeline.
///
/// # Errors
/// A value that is referred to is not there, or cannot be put in.
pub(super) fn remade(pipeline: &Value, values: &Values) -> Result<Remade, Refusal> {
    let mut made = Remade { pipeline: pipeline.clone(), ..Remade::default() };
    if let Some(tasks) = items(&mut made.pipeline, "tasks") {
        tasks.retain(|task| !values.kept.contains_key(text(task, "/name")));
        for task in tasks {
            drop_order(task, values);
            fill(task, values, "task")?;
        }
    }
    for task in items(&mut made.pipeline, "finally").into_iter().flatten() {
        fill(task, values, "finally task")?;
    }
    made.move_finally();
    made.fill_results(values);
    Ok(made)
}

fn items<'a>(value: &'a mut Value, name: &str) -> Option<&'a mut Vec<Value>> {
    value.get_mut(name)?.as_array_mut()
}

fn fill(task: &mut Value, values: &Values, kind: &str) -> Result<(), Refusal> {
    let user = format!("{kind} `{}`", text(task, "/name"));
    put(task, values, &user)?;
    settle_when(task);
    Ok(())
}

/// What is kept is done: nothing waits for it.
fn drop_order(task: &mut Value, values: &Values) {
    let Some(after) = items(task, "runAfter") else { return };
    let before = after.len();
    after.retain(|name| !name.as_str().is_some_and(|name| values.kept.contains_key(name)));
    if after.is_empty() && before > 0 {
        remove(task, "runAfter");
    }
}

/// An array without items may be put into `values`, which Tekton refuses there: `notin` it always
/// holds, `in` it never does.
fn settle_when(task: &mut Value) {
    let Some(when) = items(task, "when") else { return };
    let is_empty =
        |it: &Value| it.get("values").and_then(Value::as_array).is_some_and(Vec::is_empty);
    when.retain(|it| !(is_empty(it) && text(it, "/operator") == "notin"));
    for never in when.iter_mut().filter(|it| is_empty(it)) {
        *never = json!({ "input": "false", "operator": "in", "values": ["true"] });
    }
    if when.is_empty() {
        remove(task, "when");
    }
}

fn remove(value: &mut Value, name: &str) {
    if let Some(fields) = value.as_object_mut() {
        fields.remove(name);
    }
}

impl Remade {
    /// Tekton takes no pipeline of finally tasks alone, so they become its tasks.
    fn move_finally(&mut self) {
        if items(&mut self.pipeline, "tasks").is_none_or(|tasks| !tasks.is_empty()) {
            return;
        }
        let Some(fields) = self.pipeline.as_object_mut() else { return };
        if let Some(finally) = fields.remove("finally") {
            fields.insert("tasks".to_owned(), finally);
            self.finally_moved = true;
        }
    }

    fn fill_results(&mut self, values: &Values) {
        let Some(results) = items(&mut self.pipeline, "results") else { return };
        let mut left = Vec::new();
        for result in std::mem::take(results) {
            let (name, before) = (text(&result, "/name").to_owned(), result.clone());
            let mut result = result;
            match put(&mut result, values, &format!("result `{name}`")) {
                Err(refusal) => self.lost.push((name, problem(refusal))),
                Ok(()) if result != before && !refers(&result["value"]) => {
                    let value = result.get("value").cloned().unwrap_or_default();
                    self.results.insert(name, value);
                }
                Ok(()) => left.push(if self.finally_moved { as_tasks(result) } else { result }),
            }
        }
        *results = left;
        if results.is_empty() && !(self.results.is_empty() && self.lost.is_empty()) {
            remove(&mut self.pipeline, "results");
        }
    }
}

fn problem(refusal: Refusal) -> String {
    match refusal {
        Refusal::Reference { problem, .. } => problem,
        Refusal::Variable { text, .. } => format!("its value would hold `{text}`"),
        other => other.to_string(),
    }
}

/// `$(finally.NAME…)` is `$(tasks.NAME…)` where finally tasks have become tasks.
fn as_tasks(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(text.replace("$(finally.", "$(tasks.")),
        Value::Array(items) => items.into_iter().map(as_tasks).collect(),
        Value::Object(fields) => {
            fields.into_iter().map(|(name, field)| (name, as_tasks(field))).collect()
        }
        other => other,
    }
}
