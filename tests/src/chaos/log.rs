//! The one log of a run: each line has the time since boot, a word, and what it is about. Commands
//! append to it as well as the run itself, so that the order of its lines is the order of things.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::Path;

use nix::time::{ClockId, clock_gettime};

/// The writing end.
#[derive(Debug)]
pub(super) struct Log(File);

/// A line.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    /// Seconds since boot.
    pub(super) at: f64,
    pub(super) word: String,
    pub(super) rest: Vec<String>,
}

impl Log {
    pub(super) fn new(path: &Path) -> Self {
        Self(OpenOptions::new().create(true).append(true).open(path).unwrap())
    }

    pub(super) fn note(&self, text: &str) {
        let line = format!("{:.3} {text}\n", seconds_since_boot());
        (&self.0).write_all(line.as_bytes()).unwrap();
    }
}

impl Entry {
    /// The first number behind the word: the step that it is about.
    pub(super) fn step(&self) -> usize {
        self.rest.first().and_then(|step| step.parse().ok()).unwrap_or(usize::MAX)
    }

    pub(super) fn is(&self, word: &str, step: usize) -> bool {
        self.word == word && self.step() == step
    }
}

pub(super) fn read(path: &Path) -> Vec<Entry> {
    let text = fs::read_to_string(path).unwrap();
    text.lines().filter_map(entry).collect()
}

fn entry(line: &str) -> Option<Entry> {
    let mut words = line.split_whitespace().map(str::to_owned);
    let at = words.next()?.parse().ok()?;
    Some(Entry { at, word: words.next()?, rest: words.collect() })
}

pub(super) fn seconds_since_boot() -> f64 {
    seconds(ClockId::CLOCK_BOOTTIME)
}

/// What is to be taken from a time of day to get the time since boot.
pub(super) fn boot_time() -> f64 {
    seconds(ClockId::CLOCK_REALTIME) - seconds_since_boot()
}

#[allow(clippy::cast_precision_loss, reason = "a double keeps microseconds for centuries")]
fn seconds(clock: ClockId) -> f64 {
    let now = clock_gettime(clock).unwrap();
    now.tv_sec() as f64 + now.tv_nsec() as f64 / 1e9
}
