//! `holdpoint list`: the runs of this user that are live or ended within a day.

use chrono::{DateTime, Local, Utc};
use entrypoint::state::Phase;
use serde::Serialize;

use crate::args::{ListArguments, Print};
use crate::error::Error;
use crate::exit::Exit;
use crate::run::folder::{Record, RunFolder};
use crate::run::runs;
use crate::table::{columns, time};

/// A run, as `-o json` tells it.
#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    run: String,
    name: String,
    status: String,
    /// The one that is held, paused or runs.
    step: Option<String>,
    started_at: String,
    age_seconds: f64,
}

/// Shows them, newest first.
///
/// # Errors
/// They cannot be read, or are asked for in a form that only those of a cluster have.
pub fn list(arguments: &ListArguments) -> Result<Exit, Error> {
    runs::clean_up()?;
    let mut rows: Vec<_> =
        runs::all()?.iter().map(|(folder, record)| row(folder, record)).collect();
    rows.retain(|row| !arguments.held || ["held", "paused"].contains(&row.status.as_str()));
    let names = || rows.iter().map(|row| row.run.clone()).collect::<Vec<_>>().join("\n");
    let text = match arguments.output {
        Print::Json | Print::Yaml => arguments.output.written(&rows).unwrap_or_default(),
        Print::Name if rows.is_empty() => return Ok(Exit::Success),
        Print::Name => names(),
        Print::Text if rows.is_empty() => none(arguments.held).to_owned(),
        Print::Text => table(&rows),
        Print::Wide => {
            let problem = "-o wide is for the runs of a cluster, as in `list -A -o wide`";
            return Err(Error::Usage(problem.to_owned()));
        }
    };
    crate::print(&text)?;
    Ok(Exit::Success)
}

/// Said where there is nothing to be shown: the runs of a cluster are elsewhere.
fn none(held: bool) -> &'static str {
    if held {
        "no run on this machine is held or paused; `kubectl holdpoint list --held` looks in the cluster"
    } else {
        "no runs on this machine; start one with `holdpoint run FILE`, or look in the cluster with \
         `kubectl holdpoint list`"
    }
}

fn row(folder: &RunFolder, record: &Record) -> Row {
    let (status, step) = status(folder, record);
    let began = DateTime::parse_from_rfc3339(&record.started_at).ok();
    let age = began.map(|began| Utc::now().signed_duration_since(began));
    Row {
        run: record.run.clone(),
        name: record.name.clone(),
        status,
        step,
        started_at: record.started_at.clone(),
        age_seconds: age.and_then(|age| age.to_std().ok()).map_or(0.0, |age| age.as_secs_f64()),
    }
}

/// What became of the run, or what it is doing and at which step.
fn status(folder: &RunFolder, record: &Record) -> (String, Option<String>) {
    // Asked before the outcome is read: a run that ends in between has said how by then.
    let live = folder.is_live();
    if let Some(status) = folder.status() {
        return (status.to_string(), None);
    }
    if !live {
        return ("killed".to_owned(), None);
    }
    let phases: Vec<_> = (0..record.steps.len())
        .map(|index| folder.state(index).map_or(Phase::Waiting, |state| state.phase))
        .collect();
    let name = |found: usize| record.steps[found].name.clone();
    let first = |wanted: fn(Phase) -> bool| phases.iter().position(|phase| wanted(*phase));
    if let Some(held) = first(Phase::is_held) {
        return ("held".to_owned(), Some(name(held)));
    }
    match first(|phase| phase == Phase::Paused) {
        Some(paused) => ("paused".to_owned(), Some(name(paused))),
        None => ("running".to_owned(), first(|phase| phase == Phase::Running).map(name)),
    }
}

fn table(rows: &[Row]) -> String {
    let head = ["RUN", "NAME", "STATUS", "STARTED", "AGE"].map(str::to_owned);
    let line = |row: &Row| {
        let step = row.step.as_ref().map_or(String::new(), |step| format!(": {step}"));
        let began = DateTime::parse_from_rfc3339(&row.started_at).map(DateTime::<Local>::from);
        let started = began.map_or(String::new(), |it| it.format("%Y-%m-%d %H:%M:%S").to_string());
        [
            row.run.clone(),
            row.name.clone(),
            format!("{}{step}", row.status),
            started,
            time(row.age_seconds),
        ]
    };
    columns(std::iter::once(head).chain(rows.iter().map(line)).collect()).join("\n")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use crate::run::folder::Place;
    use crate::run::summary::Status;
    use crate::verbs::tests::run_with;
    use serde_json::json;

    #[test]
    fn a_run_says_at_which_step_it_stands() {
        for (phases, status, step) in [
            (&["finished", "running", "waiting"][..], "running", Some("s1")),
            (&["finished", "held-failed", "waiting"], "held", Some("s1")),
            (&["held-before", "waiting"], "held", Some("s0")),
            (&["finished", "paused"], "paused", Some("s1")),
            (&["waiting"], "running", None),
        ] {
            let (_home, folder, record) = run_with(phases);
            let (folder, alive) = folder.begin().unwrap();
            let expected = (status.to_owned(), step.map(str::to_owned));
            assert_eq!(super::status(&folder, &record), expected, "{phases:?}");
            drop(alive);
            assert_eq!(super::status(&folder, &record).0, "killed");
            folder.set_outcome(&json!({"status": "stopped", "steps": []})).unwrap();
            assert_eq!(super::status(&folder, &record), (Status::Stopped.to_string(), None));
        }
    }

    #[test]
    fn a_table_says_where_a_run_is_held() {
        let place = Place { name: "test".to_owned(), ..Place::default() };
        let row = Row {
            run: "run-1".to_owned(),
            name: "build".to_owned(),
            status: "held".to_owned(),
            step: Some(place.name),
            started_at: "2026-11-21T10:00:00.000Z".to_owned(),
            age_seconds: 61.0,
        };
        let table = table(&[row]);
        assert!(table.contains("run-1  build  held: test  2026-11-2"), "{table}");
        assert!(table.ends_with("1 min 1 s"), "{table}");
    }
}
