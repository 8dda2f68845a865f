//! `list` in a cluster: the live runs, those first that are held or paused; since when, and who can end
//! it with what.

use chrono::Utc;
use entrypoint::state::Phase;
use serde::Serialize;

use super::connect::Cluster;
use super::error::ClusterError;
use super::hint::Hints;
use super::resolve::{live, place};
use super::row::{CALM, Row};
use super::view::{PodView, look_into, remarks};
use super::way::{Way, run_of, ways};
use crate::args::{ListArguments, NAMES, Print, Reach};
use crate::exit::Exit;
use crate::program::Program;
use crate::table::{clock, columns};

/// A run and what it is doing, as `-o json` tells it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    namespace: String,
    /// As it is typed: `taskrun/x`.
    run: String,
    pod: String,
    /// The phase of the step that it stands at; none where that is not known.
    status: Option<&'static str>,
    step: String,
    since: Option<String>,
    deadline: Option<String>,
    message: String,
    /// What ends the hold or the pause, the most likely first.
    end_with: Vec<Way>,
    #[serde(skip)]
    urgency: u8,
}

/// Shows them.
///
/// # Errors
/// Pods may not be listed; names of all namespaces are asked for.
pub async fn list(program: Program, arguments: &ListArguments) -> Result<Exit, ClusterError> {
    if arguments.reach.all_namespaces && arguments.output == Print::Name {
        return Err(ClusterError::Usage(NAMES.to_owned()));
    }
    let cluster = Cluster::connect(&arguments.reach).await?;
    let pods = live(&cluster, arguments.reach.selector.as_deref()).await?;
    let views = look_into(&cluster, pods).await;
    remarks(&views).iter().for_each(|remark| crate::say(remark));
    let mut entries: Vec<_> =
        views.iter().flat_map(|view| entries(program, &arguments.reach, view)).collect();
    entries.retain(|entry| !arguments.held || entry.urgency < CALM);
    entries.sort_by_key(|entry| (entry.urgency, entry.namespace.clone()));
    if entries.is_empty() {
        crate::say(&none(&cluster, arguments));
    }
    let (text, output) = (written(&entries, arguments), arguments.output);
    if !text.is_empty() {
        let _ = crate::print(&text);
    }
    // Of one that waits the table says what to type.
    if let Some(first) = entries.first().filter(|it| it.urgency >= CALM && output.is_for_a_person())
    {
        let hints = Hints { program, reach: &arguments.reach };
        let next = hints.typed("attach", &first.run, &first.namespace, "");
        let _ = crate::print(&format!("next: {next}"));
    }
    Ok(Exit::Success)
}

/// The steps of a pod that wait for a person; where none does, the one that it stands at.
fn entries(program: Program, reach: &Reach, view: &PodView) -> Vec<Entry> {
    let waits: Vec<_> = view.rows.iter().filter(|row| row.urgency() < CALM).collect();
    let at = |wanted: fn(&Row) -> bool| view.rows.iter().find(|row| wanted(row));
    let shown = match waits.as_slice() {
        [] => at(|row| row.phase() == Some(Phase::Running))
            .or_else(|| at(|row| row.phase() != Some(Phase::Finished)))
            .into_iter()
            .collect(),
        _ => waits,
    };
    shown.into_iter().map(|row| entry(program, reach, view, row)).collect()
}

fn entry(program: Program, reach: &Reach, view: &PodView, row: &Row) -> Entry {
    let run = run_of(&view.pod);
    Entry {
        namespace: row.namespace.clone(),
        run: run.to_string(),
        pod: row.pod.clone(),
        status: row.phase().map(Phase::word),
        step: row.step().to_owned(),
        since: row.since().map(str::to_owned),
        deadline: row.state().and_then(|state| state.deadline.clone()),
        message: row.message().to_owned(),
        end_with: ways(program, reach, &run, row),
        urgency: row.urgency(),
    }
}

fn written(entries: &[Entry], arguments: &ListArguments) -> String {
    match arguments.output {
        Print::Json | Print::Yaml => arguments.output.written(entries).unwrap_or_default(),
        Print::Name => {
            let mut names: Vec<_> = entries.iter().map(|entry| entry.run.clone()).collect();
            names.dedup();
            names.join("\n")
        }
        Print::Text | Print::Wide if entries.is_empty() => String::new(),
        Print::Text | Print::Wide => table(entries, arguments),
    }
}

fn table(entries: &[Entry], arguments: &ListArguments) -> String {
    let (all, wide) = (arguments.reach.all_namespaces, arguments.output == Print::Wide);
    let mut head = if all { vec!["NAMESPACE"] } else { Vec::new() };
    head.extend(["RUN", "STATUS", "STEP", "SINCE", "NEEDS", "END IT WITH"]);
    if wide {
        head.extend(["UNTIL", "OR", "POD", "MESSAGE"]);
    }
    let head = head.into_iter().map(str::to_owned).collect();
    let rows = entries.iter().map(|entry| cells(entry, all, wide));
    columns::<Vec<String>>(std::iter::once(head).chain(rows).collect()).join("\n")
}

fn cells(entry: &Entry, all: bool, wide: bool) -> Vec<String> {
    let today = Utc::now().date_naive();
    let dash = || "-".to_owned();
    let time = |time: &Option<String>| time.as_ref().map_or_else(dash, |time| clock(time, today));
    let first = entry.end_with.first();
    let mut cells = if all { vec![entry.namespace.clone()] } else { Vec::new() };
    cells.extend([
        entry.run.clone(),
        entry.status.unwrap_or("-").to_owned(),
        entry.step.clone(),
        time(&entry.since),
        first.map_or_else(dash, |way| way.needs.to_owned()),
        first.map_or_else(dash, |way| way.command.clone()),
    ]);
    if wide {
        let others: Vec<_> = entry.end_with.iter().skip(1).map(|way| way.verb).collect();
        let others = if others.is_empty() { dash() } else { others.join(",") };
        cells.extend([time(&entry.deadline), others, entry.pod.clone(), entry.message.clone()]);
    }
    cells
}

/// Said where there is nothing to be shown.
fn none(cluster: &Cluster, arguments: &ListArguments) -> String {
    let what = if arguments.held { "no run is held or paused" } else { "no run is live" };
    let elsewhere =
        if arguments.reach.all_namespaces { "" } else { "; -A looks in all namespaces" };
    format!(
        "{what}{}{elsewhere}; `holdpoint list` without flags of a cluster shows the runs on this machine",
        place(cluster)
    )
}
