//! The tasks of a run and how each ended, as a table.

use chrono::DateTime;
use serde::Serialize;
use serde_json::Value;

use crate::cluster::children::{Children, End, condition, end};
use crate::cluster::look::{list, named, text};
use crate::cluster::target::Kind;
use crate::table::{columns, time};

/// A task of a PipelineRun, or a step of a TaskRun.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// Its name.
    pub name: String,
    /// A word: `succeeded`, `failed`, `cancelled`, `skipped`, `not-begun`, `running`.
    pub ended: &'static str,
    /// Why, as Tekton says.
    pub reason: String,
    /// How long it took.
    pub seconds: Option<f64>,
}

/// The tasks of a PipelineRun in the order of its pipeline, or the steps of a TaskRun.
pub fn rows(kind: Kind, run: &Value, children: &[Value]) -> Vec<Row> {
    match kind {
        Kind::PipelineRun => tasks(run, children),
        _ => list(run, "/status/steps").iter().map(step).collect(),
    }
}

/// Rows as a person reads them, a line each below their heads.
pub fn table(kind: Kind, rows: &[Row]) -> Vec<String> {
    let first = if kind == Kind::PipelineRun { "TASK" } else { "STEP" };
    let head = [first, "ENDED", "TIME", "REASON"].map(str::to_owned);
    let line = |row: &Row| {
        let seconds = row.seconds.map_or("-".to_owned(), time);
        [row.name.clone(), row.ended.to_owned(), seconds, row.reason.clone()]
    };
    columns(std::iter::once(head).chain(rows.iter().map(line)).collect())
}

fn tasks(run: &Value, children: &[Value]) -> Vec<Row> {
    let pipeline = ["/status/pipelineSpec", "/spec/pipelineSpec"]
        .into_iter()
        .find_map(|place| run.pointer(place).filter(|it| it.is_object()));
    let tasks = ["/tasks", "/finally"]
        .into_iter()
        .flat_map(|place| pipeline.map_or(&[][..], |pipeline| list(pipeline, place)));
    let children = Children::new(run, children);
    tasks.map(|task| self::task(text(task, "/name"), run, children)).collect()
}

fn task(name: &str, run: &Value, children: Children<'_>) -> Row {
    let row = |ended, reason: &str, seconds| Row {
        name: name.to_owned(),
        ended,
        reason: reason.to_owned(),
        seconds,
    };
    let children = match children.of_task(name) {
        Ok(children) => children,
        Err(gone) => return row("unknown", &format!("{gone} is gone"), None),
    };
    // Of a matrix the one that tells most is shown.
    let worst = children.iter().max_by_key(|child| end(child));
    match (worst, named(list(run, "/status/skippedTasks"), name)) {
        (Some(child), _) => row(word(end(child)), condition(child, "reason"), span(&children)),
        (None, Some(skipped)) => row("skipped", text(skipped, "/reason"), None),
        (None, None) => row("not-begun", "", None),
    }
}

fn word(end: End) -> &'static str {
    match end {
        End::Succeeded => "succeeded",
        End::Failed => "failed",
        End::Cancelled => "cancelled",
        End::Open => "running",
    }
}

/// From the first that began to the last that ended.
fn span(children: &[&Value]) -> Option<f64> {
    let all = |place: &str| {
        let times = children.iter().map(|child| instant(text(child, place)));
        times.collect::<Option<Vec<f64>>>()
    };
    let began = all("/status/startTime")?.into_iter().reduce(f64::min)?;
    let ended = all("/status/completionTime")?.into_iter().reduce(f64::max)?;
    Some(ended - began)
}

fn instant(text: &str) -> Option<f64> {
    let time = DateTime::parse_from_rfc3339(text).ok()?;
    std::time::Duration::from_millis(u64::try_from(time.timestamp_millis()).ok()?)
        .as_secs_f64()
        .into()
}

fn step(step: &Value) -> Row {
    let code = step.pointer("/terminated/exitCode").and_then(Value::as_i64);
    let reason = ["/terminationReason", "/terminated/reason", "/waiting/reason"]
        .into_iter()
        .find_map(|place| Some(text(step, place)).filter(|reason| !reason.is_empty()));
    let (began, ended) = ("/terminated/startedAt", "/terminated/finishedAt");
    Row {
        name: text(step, "/name").to_owned(),
        ended: match (code, reason) {
            (Some(0), _) => "succeeded",
            (Some(_), Some("Cancelled" | "TaskRunCancelled")) => "cancelled",
            (Some(_), Some("Skipped")) => "skipped",
            (Some(_), _) => "failed",
            (None, _) if step.get("running").is_some() => "running",
            (None, _) => "not-begun",
        },
        reason: reason.unwrap_or_default().to_owned(),
        seconds: instant(text(step, ended)).zip(instant(text(step, began))).map(|(a, b)| a - b),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn child(name: &str, task: &str, status: &str, reason: &str, seconds: u8) -> Value {
        json!({
            "kind": "TaskRun",
            "metadata": {
                "name": name,
                "labels": { "tekton.dev/pipelineTask": task },
                "ownerReferences": [{ "kind": "PipelineRun", "uid": "1" }],
            },
            "status": {
                "startTime": "2026-11-21T06:12:00Z",
                "completionTime": format!("2026-11-21T06:12:{seconds:02}Z"),
                "conditions": [{ "type": "Succeeded", "status": status, "reason": reason }],
            },
        })
    }

    #[test]
    fn each_task_stands_there_with_its_end() {
        let run = json!({
            "metadata": { "name": "ci", "uid": "1" },
            "status": {
                "pipelineSpec": {
                    "tasks": [{ "name": "a" }, { "name": "m" }, { "name": "s" }, { "name": "n" }],
                    "finally": [{ "name": "f" }],
                },
                "skippedTasks": [{ "name": "s", "reason": "PipelineRun was stopping" }],
            },
        });
        let children = [
            child("ci-a", "a", "True", "Succeeded", 7),
            child("ci-m-0", "m", "True", "Succeeded", 20),
            child("ci-m-1", "m", "False", "TaskRunCancelled", 9),
            child("ci-f", "f", "Unknown", "Running", 1),
        ];
        let table = table(Kind::PipelineRun, &rows(Kind::PipelineRun, &run, &children));
        let expected = [
            "TASK  ENDED      TIME    REASON",
            "a     succeeded  7.0 s   Succeeded",
            "m     cancelled  20.0 s  TaskRunCancelled",
            "s     skipped    -       PipelineRun was stopping",
            "n     not-begun  -",
            "f     running    1.0 s   Running",
        ];
        assert_eq!(table, expected);
    }

    #[test]
    fn a_task_run_has_steps() {
        let times = json!({
            "exitCode": 1,
            "reason": "Error",
            "startedAt": "2026-11-21T06:12:00Z",
            "finishedAt": "2026-11-21T06:12:03Z",
        });
        let run = json!({ "status": { "steps": [
            { "name": "build", "terminated": times, "terminationReason": "Cancelled" },
            { "name": "test", "waiting": { "reason": "PodInitializing" } },
        ] } });
        let table = table(Kind::TaskRun, &rows(Kind::TaskRun, &run, &[]));
        let expected = [
            "STEP   ENDED      TIME   REASON",
            "build  cancelled  3.0 s  Cancelled",
            "test   not-begun  -      PodInitializing",
        ];
        assert_eq!(table, expected);
    }
}
