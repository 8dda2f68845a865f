//! The name of the new run, and what is written on it about the one that it retries.

use serde_json::{Map, Value, json};

use super::refusal::Refusal;
use crate::cluster::look::{mark, name, text};

/// The run that is retried.
pub const RETRY_OF: &str = "holdpoint.dev/retry-of";
/// The first run of all, which was no retry.
pub const ORIGIN: &str = "holdpoint.dev/origin";
/// Which attempt it is; the origin was the first.
pub const ATTEMPT: &str = "holdpoint.dev/attempt";
/// The tasks of the origin that have succeeded and are not in the run.
pub const KEPT: &str = "holdpoint.dev/kept";
/// Results of the pipeline that are known already and not in the run: a JSON object.
pub const KEPT_RESULTS: &str = "holdpoint.dev/kept-results";

/// The longest value of a label, and so the longest name of a PipelineRun.
const LONGEST: usize = 63;
/// Ours that speak to the pods of the old run.
const SPENT: [&str; 5] = ["pause", "stop-finally", "cancel-finally", "abort", "cancel"];

/// The metadata of the run that retries `run`.
///
/// # Errors
/// What an earlier retry wrote cannot be read.
pub(super) fn metadata(
    run: &Value,
    kept: &[String],
    results: &Map<String, Value>,
) -> Result<Value, Refusal> {
    let attempt = attempt(run)?;
    let origin = mark(run, "annotations", ORIGIN).unwrap_or_else(|| name(run));
    let mut labels = own(run, "labels");
    let mut annotations = own(run, "annotations");
    for (key, value) in [(RETRY_OF, name(run)), (ORIGIN, origin), (ATTEMPT, &attempt.to_string())] {
        labels.insert(key.to_owned(), json!(cut(value, LONGEST)));
        annotations.insert(key.to_owned(), json!(value));
    }
    let earlier = mark(run, "annotations", KEPT).unwrap_or_default();
    let earlier = earlier.split(',').filter(|name| !name.is_empty());
    let kept: Vec<&str> = earlier.chain(kept.iter().map(String::as_str)).collect();
    if !kept.is_empty() {
        annotations.insert(KEPT.to_owned(), json!(kept.join(",")));
    }
    let mut all_results = kept_results(run)?;
    all_results.extend(results.clone());
    if !all_results.is_empty() {
        let text = Value::Object(all_results).to_string();
        annotations.insert(KEPT_RESULTS.to_owned(), json!(text));
    }
    let mut metadata = Map::new();
    metadata.insert("name".to_owned(), json!(name_of(origin, run, attempt)));
    if let Some(namespace) = run.pointer("/metadata/namespace") {
        metadata.insert("namespace".to_owned(), namespace.clone());
    }
    metadata.insert("labels".to_owned(), Value::Object(labels));
    metadata.insert("annotations".to_owned(), Value::Object(annotations));
    Ok(Value::Object(metadata))
}

/// The attempt that the new run is: 2 for the first retry.
fn attempt(run: &Value) -> Result<u32, Refusal> {
    let Some(value) = mark(run, "annotations", ATTEMPT) else { return Ok(2) };
    match value.parse::<u32>().ok().and_then(|attempt| attempt.checked_add(1)) {
        Some(attempt) => Ok(attempt),
        None => Err(unreadable(run, ATTEMPT, value, "it is no number")),
    }
}

fn kept_results(run: &Value) -> Result<Map<String, Value>, Refusal> {
    let Some(value) = mark(run, "annotations", KEPT_RESULTS) else { return Ok(Map::new()) };
    serde_json::from_str(value)
        .map_err(|_| unreadable(run, KEPT_RESULTS, value, "it is no JSON object"))
}

fn unreadable(run: &Value, key: &str, value: &str, problem: &str) -> Refusal {
    Refusal::Mark {
        run: name(run).to_owned(),
        key: key.to_owned(),
        value: value.to_owned(),
        problem: problem.to_owned(),
    }
}

/// What people wrote: not what controllers of Tekton's noted there of the old run, nor what kubectl
/// did, nor markers of ours.
fn own(run: &Value, kind: &str) -> Map<String, Value> {
    let all = run.pointer("/metadata").and_then(|metadata| metadata.get(kind));
    let mut all = all.and_then(Value::as_object).cloned().unwrap_or_default();
    all.retain(|key, _| {
        let (domain, name) = key.split_once('/').unwrap_or(("", key));
        let is_tektons = domain == "tekton.dev" || domain.ends_with(".tekton.dev");
        let is_spent = domain == "holdpoint.dev" && SPENT.contains(&name);
        !is_tektons && !is_spent && key != "kubectl.kubernetes.io/last-applied-configuration"
    });
    all
}

/// `ORIGIN-retry-N`. A long name is cut; part of the run's uid then keeps it apart from others.
fn name_of(origin: &str, run: &Value, attempt: u32) -> String {
    let suffix = format!("-retry-{}", attempt.saturating_sub(1));
    if origin.len() + suffix.len() <= LONGEST {
        return format!("{origin}{suffix}");
    }
    let uid = cut(text(run, "/metadata/uid"), 8);
    let suffix = if uid.is_empty() { suffix } else { format!("-{uid}{suffix}") };
    format!("{}{suffix}", cut(origin, LONGEST.saturating_sub(suffix.len())))
}

/// The beginning of a name, so that it ends as a name may.
fn cut(text: &str, longest: usize) -> &str {
    let end = text.floor_char_boundary(longest.min(text.len()));
    text.get(..end).unwrap_or_default().trim_end_matches(['-', '.', '_'])
}
