//! What was tried, counted.

use std::collections::BTreeMap;
use std::fmt;

use super::judge;
use super::plan::{Events, Layout};
use super::record::Record;

/// Counts of what happened in one run or in many.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    counts: BTreeMap<String, u64>,
    /// How long followers took to hear of a death, in seconds.
    hearing: Vec<f64>,
}

impl Figures {
    pub(super) fn count(&mut self, what: &str) {
        self.count_many(what, 1);
    }

    fn count_many(&mut self, what: &str, times: u64) {
        *self.counts.entry(what.to_owned()).or_default() += times;
    }

    pub(super) fn add(&mut self, other: &Self) {
        other.counts.iter().for_each(|(what, times)| self.count_many(what, *times));
        self.hearing.extend(&other.hearing);
    }

    pub(super) fn take(&mut self, record: &Record) {
        self.count("runs");
        if record.plan.layout == Layout::Flat {
            self.count("runs in the flat layout");
        }
        self.count_many("looks of the reader", record.seen.looks);
        for (step, plan) in record.plan.steps.iter().enumerate() {
            if plan.events != Events::All {
                self.count("steps short of inotify");
            }
            let reason = record.steps[step].reason();
            let killed = record.was_killed(step);
            let ending = if killed {
                "(killed)"
            } else if reason.is_empty() {
                "success"
            } else {
                reason
            };
            self.count(&format!("ended: {ending}"));
        }
        for entry in &record.entries {
            let what = match entry.word.as_str() {
                "start" => "steps started",
                "begin" => "commands begun",
                "kill" => "fault: SIGKILL to an entrypoint",
                "stop" => "fault: SIGSTOP to an entrypoint",
                "send" => "fault: TERM, INT or QUIT to an entrypoint",
                "fill" => "fault: disk filled",
                "half" => "fault: marker written slowly",
                "unmark" => "markers taken away",
                "request" => "requests by file",
                "mark" => &format!("marker: {}", entry.rest[0]),
                "answer" => &format!("verbs answered with {}", entry.rest[0]),
                _ => continue,
            };
            self.count(what);
        }
        self.hearing.extend(judge::hearing(record));
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (what, times) in &self.counts {
            writeln!(f, "{times:>9}  {what}")?;
        }
        let mut hearing = self.hearing.clone();
        hearing.sort_by(f64::total_cmp);
        let (Some(median), Some(last)) = (hearing.get(hearing.len() / 2), hearing.last()) else {
            return Ok(());
        };
        let late = hearing.iter().filter(|seconds| **seconds > 1.0).count();
        writeln!(
            f,
            "{:>9}  deaths heard of by a follower: median {median:.3} s, longest {last:.3} s, \
             {late} after more than 1 s",
            hearing.len()
        )
    }
}
