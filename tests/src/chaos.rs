//! Seeded chaos on real processes: runs of two to eight steps whose entrypoints are killed, stopped
//! and spoken to at random moments, on disks that are full and without events of files. After each
//! run the properties of the design are judged from its files and the log of its commands alone.

mod figures;
mod hands;
mod judge;
mod log;
mod places;
mod plan;
mod reader;
mod record;
mod run;
mod surroundings;

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

pub use figures::Figures;

use plan::{Events, Plan};
use run::Run;

/// A run in which something was not as it must be.
#[derive(Clone, Debug)]
pub struct Failure {
    /// What repeats it, as far as time allows.
    pub seed: u64,
    /// What was wrong, what was done, and all states and logs.
    pub report: String,
}

/// Plays this many runs from this seed on, so many at a time, with `program` as the entrypoint.
///
/// # Panics
/// Where a run cannot be set up.
pub fn play(program: &Path, seed: u64, runs: u64, at_a_time: usize) -> (Figures, Vec<Failure>) {
    let next = AtomicU64::new(0);
    let played = Mutex::new((Figures::default(), Vec::new()));
    let work = || {
        let has_disks = surroundings::own_mounts();
        while let Some(run) = Some(next.fetch_add(1, Ordering::Relaxed)).filter(|run| *run < runs) {
            let (figures, failure) = play_one(program, seed + run, has_disks);
            let mut played = played.lock().unwrap();
            played.0.add(&figures);
            played.1.extend(failure);
        }
    };
    thread::scope(|scope| (0..at_a_time).for_each(|_| drop(scope.spawn(work))));
    played.into_inner().unwrap()
}

fn play_one(program: &Path, seed: u64, has_disks: bool) -> (Figures, Option<Failure>) {
    let mut plan = Plan::of(seed);
    let mut figures = Figures::default();
    if plan.small_disk && !has_disks {
        figures.count("skipped: a full disk, for want of a mount namespace");
        plan.small_disk = false;
    }
    let poor = plan.steps.iter().any(|step| step.events != Events::All);
    if poor && !surroundings::events_can_go() {
        figures.count("skipped: a step without events, for want of a user namespace");
    }
    let record = Run::new(program, &plan).play();
    figures.take(&record);
    let problems = judge::problems(&record);
    let report = format!("{}\n\n{record}", problems.join("\n"));
    (figures, (!problems.is_empty()).then_some(Failure { seed, report }))
}
