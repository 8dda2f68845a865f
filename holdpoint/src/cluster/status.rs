//! `status TARGET`: one table for all steps of all pods of a run, shown once or until the run has ended.

use std::io::{self, IsTerminal as _, Write as _};
use std::time::Duration;

use entrypoint::verb::Answer;
use kube::ResourceExt as _;
use tokio::time::sleep;

use super::connect::Cluster;
use super::error::ClusterError;
use super::first::followed;
use super::hint::Hints;
use super::resolve::Found;
use super::row::{Row, table};
use super::target::Target;
use super::view::{View, has_ended, is_over, look, look_into, remarks};
use super::way::ways;
use crate::args::{Print, Reach, VerbArguments};
use crate::exit::Exit;
use crate::program::Program;

/// How often a watched run is looked at. Its steps write their states into the pod, where the API server
/// sees no change.
const GLANCE: Duration = Duration::from_secs(1);

/// Clears a terminal.
const CLEAR: &str = "\x1b[H\x1b[2J";

/// Shows the steps of a target.
///
/// # Errors
/// The target is not there, or its pods may not be read.
pub async fn status(
    program: Program,
    target: &Target,
    arguments: &VerbArguments,
) -> Result<Exit, ClusterError> {
    let cluster = Cluster::connect(&arguments.reach).await?;
    let selector = arguments.reach.selector.as_deref();
    let view = match arguments.watch {
        true => {
            let Found { target, pods } = followed(&cluster, target, selector).await?;
            View { target, pods: look_into(&cluster, pods).await }
        }
        false => look(&cluster, target, selector).await?,
    };
    let (output, reach) = (arguments.asking.output, &arguments.reach);
    let redraws = arguments.watch && output.is_for_a_person() && io::stdout().is_terminal();
    let (shown, said) = (Vec::new(), Vec::new());
    let mut paper = Paper { program, reach, output, redraws, shown, said };
    paper.show(&view);
    let (view, exit) = match arguments.watch {
        true => watch(&cluster, view, selector, &mut paper).await?,
        false => (view, Exit::Success),
    };
    if let Some(next) = next(Hints { program, reach }, &view).filter(|_| output.is_for_a_person()) {
        let _ = crate::print(&format!("next: {next}"));
    }
    Ok(exit)
}

/// Shows what changes, until the run has ended or is gone.
async fn watch(
    cluster: &Cluster,
    view: View,
    selector: Option<&str>,
    paper: &mut Paper<'_>,
) -> Result<(View, Exit), ClusterError> {
    let cluster = match (&view.target, view.pods.as_slice()) {
        // `@latest` may have found a run of another namespace.
        (Target::Named(..), [first, ..]) => &cluster.within(first.pod.namespace()),
        _ => cluster,
    };
    let mut view = view;
    loop {
        match has_ended(cluster, &view.target, view.pods.iter().map(|pod| &pod.pod)).await {
            Ok(true) => return Ok((view, Exit::Success)),
            Ok(false) => {}
            Err(error) => paper.say(format!("{error}; trying again")),
        }
        sleep(GLANCE).await;
        match look(cluster, &view.target, selector).await {
            Ok(now) => {
                view = now;
                paper.show(&view);
            }
            Err(error) if error.may_pass() => paper.say(format!("{error}; trying again")),
            Err(error) if error.is_not_found() || matches!(error, ClusterError::Nobody(_)) => {
                paper.say(format!("{} is gone: it was deleted before it had ended", view.target));
                return Ok((view, Exit::Code(u8::try_from(Answer::NOBODY).unwrap_or(1))));
            }
            Err(error) => return Err(error),
        }
    }
}

/// Where tables are shown: anew on a terminal; elsewhere a table, then what changes in it.
struct Paper<'a> {
    program: Program,
    reach: &'a Reach,
    output: Print,
    redraws: bool,
    shown: Vec<Row>,
    said: Vec<String>,
}

impl Paper<'_> {
    fn show(&mut self, view: &View) {
        let rows = view.rows();
        if rows != self.shown {
            let text = self.output.written(&rows).unwrap_or_else(|| match self.output {
                Print::Name => names(view),
                _ => self.changed(&rows, view).join("\n"),
            });
            if self.redraws {
                let _ = write!(io::stdout(), "{CLEAR}");
                self.said.clear();
            }
            if self.output == Print::Yaml && !self.shown.is_empty() {
                let _ = crate::print("---");
            }
            let _ = crate::print(&text);
            self.shown = rows;
        }
        remarks(&view.pods).into_iter().for_each(|remark| self.say(remark));
    }

    /// The lines of the table that are to be shown.
    fn changed(&self, rows: &[Row], view: &View) -> Vec<String> {
        let ways = |row: &Row| ways(self.program, self.reach, &view.target, row);
        let is_wide = self.output == Print::Wide;
        let lines = table(rows, view.title(), is_wide.then_some(&ways));
        if self.redraws || self.shown.is_empty() {
            return lines;
        }
        let is_new = |row: &Row| !self.shown.contains(row);
        lines.into_iter().skip(1).zip(rows).filter(|(_, row)| is_new(row)).map(|it| it.0).collect()
    }

    /// Says something beside the table, once.
    fn say(&mut self, text: String) {
        if !self.said.contains(&text) {
            crate::say(&text);
            self.said.push(text);
        }
    }
}

/// The pods, as they are typed as targets, oldest first.
fn names(view: &View) -> String {
    let names = view.pods.iter().map(|view| format!("pod/{}", view.pod.name_any()));
    names.collect::<Vec<_>>().join("\n")
}

/// The next useful command; none where many are meant and none of them waits.
fn next(hints: Hints<'_>, view: &View) -> Option<String> {
    if let Some(way) = hints.way_out(view) {
        return Some(way);
    }
    if matches!(view.target, Target::Every(_)) {
        return None;
    }
    let namespace = view.pods.first()?.pod.namespace()?;
    let (verb, flags) = match view.pods.iter().all(|pod| is_over(&pod.pod)) {
        true => ("logs", ""),
        false => ("status", " --watch"),
    };
    Some(hints.typed(verb, &view.target, &namespace, flags))
}
