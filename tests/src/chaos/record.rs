//! What is left of a run: files and the log, as the judge and a person need them.

use std::fmt;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::ExitStatus;

use serde_json::Value;

use super::log::{self, Entry};
use super::places::Places;
use super::plan::{Layout, Plan};
use super::reader::Seen;

/// A run that is over.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) plan: Plan,
    pub(super) steps: Vec<StepRecord>,
    pub(super) entries: Vec<Entry>,
    log: String,
    pub(super) seen: Seen,
    /// When the machine began, as a time of day.
    pub(super) boot: f64,
    pub(super) had_full_disk: bool,
    pub(super) unanswered: Vec<String>,
}

#[derive(Debug, Default)]
pub(super) struct StepRecord {
    pub(super) end: Option<ExitStatus>,
    pub(super) posted_at_end: bool,
    /// When it began to speak, as a time of day.
    pub(super) alive_at: Option<f64>,
    pub(super) done: bool,
    pub(super) failed: bool,
    pub(super) state: Value,
    pub(super) stderr: String,
    pub(super) termination: Option<Vec<u8>>,
    /// Processes that outlived it.
    pub(super) left: Vec<String>,
    /// Temporary files that outlived it.
    pub(super) litter: Vec<String>,
}

impl Record {
    pub(super) fn read(plan: Plan, places: &Places, boot: f64, seen: Seen) -> Self {
        let steps = (0..plan.steps.len()).map(|step| StepRecord::read(places, step, plan.layout));
        Self {
            steps: steps.collect(),
            entries: log::read(&places.log()),
            log: fs::read_to_string(places.log()).unwrap_or_default(),
            plan,
            seen,
            boot,
            had_full_disk: false,
            unanswered: Vec::new(),
        }
    }

    pub(super) fn of(&self, step: usize) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(move |entry| entry.step() == step)
    }

    pub(super) fn was(&self, word: &str, step: usize) -> bool {
        self.of(step).any(|entry| entry.word == word)
    }

    /// Whether a kill has ended its entrypoint.
    pub(super) fn was_killed(&self, step: usize) -> bool {
        let signal = self.steps[step].end.and_then(|end| end.signal());
        signal == Some(9) && self.was("kill", step)
    }
}

impl StepRecord {
    fn read(places: &Places, step: usize, layout: Layout) -> Self {
        let state = fs::read(places.beside(step, ".state")).unwrap_or_default();
        let names = fs::read_dir(places.own(step)).into_iter().flatten().flatten();
        let names = names.map(|entry| entry.file_name().to_string_lossy().into_owned());
        let is_litter = |name: &String| name.starts_with(".holdpoint-");
        Self {
            done: places.has(step, ""),
            failed: places.has(step, ".err"),
            state: serde_json::from_slice(&state).unwrap_or_default(),
            stderr: fs::read_to_string(places.stderr(step)).unwrap_or_default(),
            termination: fs::read(places.termination(step)).ok(),
            litter: if layout == Layout::Tekton {
                names.filter(is_litter).collect()
            } else {
                Vec::new()
            },
            alive_at: changed_at(&places.beside(step, ".alive")),
            ..Self::default()
        }
    }

    pub(super) fn reason(&self) -> &str {
        self.state["reason"].as_str().unwrap_or_default()
    }
}

/// When a file was renamed into its place, in seconds.
#[allow(clippy::cast_precision_loss, reason = "a double keeps microseconds for centuries")]
fn changed_at(path: &Path) -> Option<f64> {
    let file = fs::metadata(path).ok()?;
    Some(file.ctime() as f64 + file.ctime_nsec() as f64 / 1e9)
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\nwhat happened:\n{}", self.plan, self.log)?;
        for (number, step) in self.steps.iter().enumerate() {
            let (done, failed, end) = (step.done, step.failed, step.end);
            writeln!(f, "step {number}: P {done}, P.err {failed}, {end:?}\n  {}", step.state)?;
            for line in step.stderr.lines() {
                writeln!(f, "  > {line}")?;
            }
        }
        Ok(())
    }
}
