//! Somebody who reads all files of a run all the time: half a file is never seen, and nothing goes
//! back to what it was.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde_json::Value;

use super::places::Places;
use super::run::pause;

const PHASES: [&str; 8] = [
    "waiting",
    "paused",
    "held-before",
    "running",
    "held-failed",
    "held-after",
    "terminating",
    "finished",
];

/// How often the files are read.
const GLANCE: Duration = Duration::from_millis(4);

/// What was seen.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    pub(super) problems: Vec<String>,
    /// When each attempt of each step began, as the state told.
    pub(super) started: BTreeMap<(usize, u64), String>,
    pub(super) looks: u64,
}

/// A reader at work.
#[derive(Debug)]
pub(super) struct Reader {
    done: Arc<AtomicBool>,
    thread: JoinHandle<Seen>,
}

impl Reader {
    /// `is_reliable` says that states can always be written.
    pub(super) fn start(places: &Places, steps: usize, is_reliable: bool) -> Self {
        let done = Arc::new(AtomicBool::new(false));
        let (places, is_done) = (places.clone(), Arc::clone(&done));
        let thread = thread::spawn(move || {
            let mut watching = Watching::new(places, steps, is_reliable);
            while !is_done.load(Ordering::Relaxed) {
                watching.look();
                pause(GLANCE);
            }
            watching.look();
            watching.seen
        });
        Self { done, thread }
    }

    pub(super) fn end(self) -> Seen {
        self.done.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

struct Watching {
    places: Places,
    is_reliable: bool,
    /// Of each step: what is posted, the attempt, whether it is finished.
    steps: Vec<(Option<bool>, u64, bool)>,
    seen: Seen,
}

impl Watching {
    fn new(places: Places, steps: usize, is_reliable: bool) -> Self {
        Self { places, is_reliable, steps: vec![(None, 0, false); steps], seen: Seen::default() }
    }

    fn look(&mut self) {
        self.seen.looks += 1;
        for step in 0..self.steps.len() {
            self.look_at_post(step);
            self.look_at_state(step);
            self.look_at_exit_code(step);
        }
    }

    fn look_at_post(&mut self, step: usize) {
        let (done, failed) = (self.places.has(step, ""), self.places.has(step, ".err"));
        let posted = (done || failed).then_some(done);
        if done && failed {
            self.problem(format!("1: step {step} has posted P and P.err"));
        }
        if let Some(before) = self.steps[step].0.filter(|before| Some(*before) != posted) {
            self.problem(format!("1: step {step} had posted {before}, and then {posted:?}"));
        }
        self.steps[step].0 = posted;
    }

    fn look_at_state(&mut self, step: usize) {
        let path = self.places.beside(step, ".state");
        let Ok(text) = fs::read_to_string(&path) else { return };
        let Ok(state) = serde_json::from_str::<Value>(&text) else {
            return self.problem(format!("5: half a state of step {step}: {text:?}"));
        };
        let phase = state["phase"].as_str().unwrap_or_default();
        let (posted, attempt, finished) = self.steps[step];
        let now = state["attempt"].as_u64().unwrap_or_default();
        if !PHASES.contains(&phase) || now < attempt || (finished && phase != "finished") {
            self.problem(format!("5: step {step} was at attempt {attempt} before {text}"));
        }
        if posted.is_some() && phase != "finished" && self.is_reliable {
            self.problem(format!("5: step {step} has posted before it said so: {text}"));
        }
        self.steps[step].1 = now;
        self.steps[step].2 = phase == "finished";
        if let Some(at) = state["startedAt"].as_str() {
            self.seen.started.insert((step, now), at.to_owned());
        }
    }

    fn look_at_exit_code(&mut self, step: usize) {
        let Ok(text) = fs::read_to_string(self.places.meta(step).join("exitCode")) else { return };
        if text != "killed" && text.parse::<u8>().is_err() {
            self.problem(format!("5: half an exitCode file of step {step}: {text:?}"));
        }
    }

    fn problem(&mut self, text: String) {
        if !self.seen.problems.contains(&text) {
            self.seen.problems.push(text);
        }
    }
}
