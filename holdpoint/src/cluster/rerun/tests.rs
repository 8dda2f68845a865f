//! Runs that are retried: the real one whole, then tables, then what always holds.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod fixture;
mod identity;
mod outcomes;
mod properties;
mod references;
mod refusals;
mod shared;

use serde_json::{Value, json};

use super::*;

const UID: &str = "b538d6da-74e4-408e-8974-97061e9eb193";

/// A run that failed, with this spec. What is written as a pipeline is what ran.
fn failed(spec: Value) -> Value {
    ended(spec, "Failed")
}

fn ended(spec: Value, reason: &str) -> Value {
    json!({
        "apiVersion": "tekton.dev/v1",
        "kind": "PipelineRun",
        "metadata": { "name": "ci", "namespace": "default", "uid": UID },
        "spec": spec,
        "status": { "conditions": [condition("False", reason)] },
    })
}

/// A run that failed, of a pipeline with these tasks.
fn failed_tasks(tasks: Value) -> Value {
    failed(json!({ "pipelineSpec": { "tasks": tasks } }))
}

fn condition(status: &str, reason: &str) -> Value {
    json!({ "type": "Succeeded", "status": status, "reason": reason })
}

/// What was made for a task of the run.
fn child(task: &str, (status, reason): (&str, &str), results: Value) -> Value {
    json!({
        "apiVersion": "tekton.dev/v1",
        "kind": "TaskRun",
        "metadata": {
            "name": format!("ci-{task}"),
            "labels": { "tekton.dev/pipelineTask": task },
            "ownerReferences": [{ "kind": "PipelineRun", "name": "ci", "uid": UID }],
        },
        "status": { "conditions": [condition(status, reason)], "results": results },
    })
}

/// A task that succeeded, with results by name.
fn good(task: &str, results: Value) -> Value {
    let named = |(name, value): (&String, &Value)| json!({ "name": name, "value": value });
    let results: Vec<_> = results.as_object().unwrap().iter().map(named).collect();
    child(task, ("True", "Succeeded"), json!(results))
}

/// A task that failed.
fn bad(task: &str) -> Value {
    child(task, ("False", "Failed"), json!([]))
}

/// One of the runs of a matrix.
fn numbered(mut child: Value, number: usize) -> Value {
    let name = format!("{}-{number}", child["metadata"]["name"].as_str().unwrap());
    child["metadata"]["name"] = json!(name);
    child
}

fn retried(run: &Value, children: &[Value]) -> Rerun {
    rerun(run, children, &[]).unwrap_or_else(|refusal| panic!("{refusal}"))
}

/// The tasks of the new run.
fn tasks(rerun: &Rerun) -> &[Value] {
    list(&rerun.object, "/spec/pipelineSpec/tasks")
}
