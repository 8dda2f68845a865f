//! Whether what must always be true was true of a run, judged from its files and its log alone. The
//! number before each problem is that of the property in the design.

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt;

use chrono::DateTime;

use super::log::Entry;
use super::plan::{Events, Layout};
use super::record::Record;

/// How long before the start of a command a marker must have stood to be held against it: a step is
/// a process, and may be kept from the processor between its last look and the start.
const MARGIN_SECONDS: f64 = 0.2;

/// How long half a file must have stood still to be taken for the whole: 100 ms, less the tick of the
/// kernel's clock for files and what the log rounds away.
const STANDSTILL_SECONDS: f64 = 0.09;

/// How long a follower may take to hear of a death here, where many runs share a processor.
const HEARING_SECONDS: f64 = 5.0;

/// How long a command that is to be terminated may go on: its grace and much more.
const ENDING_SECONDS: f64 = 4.0;

/// Everything that was wrong.
pub(super) fn problems(record: &Record) -> Vec<String> {
    let mut problems = record.seen.problems.clone();
    let judge = Judge { record };
    for step in 0..record.steps.len() {
        problems.extend(judge.posted_once(step));
        problems.extend(judge.ended(step));
        problems.extend(judge.left_nothing(step));
        problems.extend(judge.heard_of_death(step));
        problems.extend(judge.heeded_markers(step));
        problems.extend(judge.was_terminated(step));
        problems.extend(judge.had_a_cause(step));
        problems.extend(judge.kept_its_success(step));
        problems.extend(judge.kept_its_word(step));
    }
    problems.extend(judge.kept_order());
    problems.extend(judge.never_two_at_once());
    let verb = |line: &String| format!("3: `{line}` has not ended");
    problems.extend(record.unanswered.iter().map(verb));
    problems.extend(judge.answers());
    problems
}

/// How long each follower took to hear of a death, in seconds.
pub(super) fn hearing(record: &Record) -> Vec<f64> {
    let judge = Judge { record };
    (0..record.steps.len()).filter_map(|step| judge.hearing(step)).collect()
}

struct Judge<'a> {
    record: &'a Record,
}

impl Judge<'_> {
    fn posted_once(&self, step: usize) -> Option<String> {
        let own = &self.record.steps[step];
        let killed = self.record.was_killed(step);
        if !killed && own.done == own.failed {
            let (done, failed) = (own.done, own.failed);
            return Some(format!("1: step {step} ended with P {done}, P.err {failed}"));
        }
        if killed && own.posted_at_end != (own.done || own.failed) {
            return Some(format!("1: step {step} posted after it was killed"));
        }
        let succeeded = own.end.is_some_and(|end| end.success());
        (own.failed && succeeded).then(|| format!("1: step {step} posted P.err and exited with 0"))
    }

    fn ended(&self, step: usize) -> Vec<String> {
        let own = &self.record.steps[step];
        let Some(end) = own.end else {
            return vec![format!("3: step {step} has not ended")];
        };
        let mut problems = Vec::new();
        if let Some(signal) = end.signal().filter(|_| !self.record.was_killed(step)) {
            problems.push(format!("7: the entrypoint of step {step} was ended by signal {signal}"));
        }
        if own.stderr.contains("panicked") {
            problems.push(format!("7: step {step} panicked"));
        }
        if !self.record.was_killed(step) && !self.record.had_full_disk {
            if own.state["phase"] != "finished" {
                problems.push(format!("5: step {step} ended, and its state is {}", own.state));
            }
            let message = own.termination.as_deref().unwrap_or_default();
            let packed = message.starts_with(b"tknz:");
            if !packed && serde_json::from_slice::<serde_json::Value>(message).is_err() {
                let message = String::from_utf8_lossy(message);
                problems.push(format!("5: the termination message of step {step} is {message:?}"));
            }
        }
        problems
    }

    fn left_nothing(&self, step: usize) -> Vec<String> {
        if self.record.was_killed(step) {
            return Vec::new();
        }
        let own = &self.record.steps[step];
        let left = own.left.iter().map(|process| format!("step {step} left {process} running"));
        left.chain(own.litter.iter().map(|name| format!("step {step} left {name}"))).collect()
    }

    /// What the step waits for directly and was killed before it posted.
    fn dead_predecessor(&self, step: usize) -> Option<usize> {
        let before = step.checked_sub(1)?;
        let own = &self.record.steps[before];
        (self.record.was_killed(before) && !own.done && !own.failed).then_some(before)
    }

    fn hearing(&self, step: usize) -> Option<f64> {
        let before = self.dead_predecessor(step)?;
        let touched = ["stop", "kill"].iter().any(|word| self.record.was(word, step));
        if self.record.plan.steps[step].finally || touched {
            return None;
        }
        let last = |word, step| {
            self.record.of(step).filter(|entry| entry.word == word).map(|entry| entry.at).last()
        };
        let known_from = last("kill", before)?.max(last("start", step)?);
        Some(last("ended", step)? - known_from)
    }

    fn heard_of_death(&self, step: usize) -> Option<String> {
        let seconds = self.hearing(step).filter(|seconds| *seconds > HEARING_SECONDS)?;
        Some(format!("3: step {step} heard of a death after {seconds:.1} s"))
    }

    /// When the first attempt began, since boot.
    fn began(&self, step: usize) -> Option<f64> {
        let text = self.record.seen.started.get(&(step, 1)).cloned().or_else(|| {
            let state = &self.record.steps[step].state;
            (state["attempt"] == 1).then(|| state["startedAt"].as_str().map(str::to_owned))?
        })?;
        let millis = DateTime::parse_from_rfc3339(&text).ok()?.timestamp_millis();
        Some(millis as f64 / 1e3 - self.record.boot)
    }

    fn heeded_markers(&self, step: usize) -> Vec<String> {
        let Some((index, begin)) = self.first(step, "begin") else { return Vec::new() };
        let Some(began) = self.began(step).map(|at| at.min(begin.at)) else { return Vec::new() };
        if self.record.was("stop", step) {
            return Vec::new();
        }
        let finally = self.record.plan.steps[step].finally;
        let standing = Standing::at(self.record, index);
        let stood = standing.markers.iter().filter(|(_, since)| **since < began - MARGIN_SECONDS);
        let resumed = [standing.resumed, self.seemed_resumed(step, index, began)];
        let forbids = |kind: &str, since: f64| match kind {
            "cancel" | "abort" => true,
            "cancel-finally" | "stop-finally" => !finally,
            "pause" => !resumed.iter().flatten().any(|at| *at > since - MARGIN_SECONDS),
            _ => false,
        };
        stood
            .filter(|((kind, _), since)| forbids(kind, **since))
            .map(|((kind, place), since)| {
                format!(
                    "4: step {step} began at {began:.3}; {kind} stood in {place} since {since:.3}"
                )
            })
            .collect()
    }

    /// When half a resume was written that had stood still for 100 ms before the step began, where the
    /// step could not see that nobody had closed it (2.1): without events, or before it watched.
    fn seemed_resumed(&self, step: usize, index: usize, began: f64) -> Option<f64> {
        let sees_all = self.record.plan.steps[step].events == Events::All;
        let spoke = self.record.steps[step].alive_at.map(|at| at - self.record.boot);
        let halves = self.record.entries[..index].iter().filter(|entry| {
            let is_slow = entry.rest.get(2).is_some_and(|manner| manner.starts_with("slowly"));
            entry.word == "half" && entry.rest[0] == "resume" && is_slow
        });
        let unseen =
            |at: &f64| !sees_all || spoke.is_some_and(|spoke| *at < spoke + MARGIN_SECONDS);
        let still = |at: &f64| at + STANDSTILL_SECONDS < began;
        halves.map(|entry| entry.at).rfind(|at| unseen(at) && still(at))
    }

    /// A marker that cancels a running step is not lost either.
    fn was_terminated(&self, step: usize) -> Option<String> {
        let finally = self.record.plan.steps[step].finally;
        let (index, end) = self.first(step, "end")?;
        if self.record.was("stop", step) {
            return None;
        }
        let standing = Standing::at(self.record, index);
        let ((kind, _), since) = standing.markers.iter().find(|((kind, _), since)| {
            let cancels = kind == "cancel" || (kind == "cancel-finally" && !finally);
            cancels && **since < end.at - ENDING_SECONDS
        })?;
        Some(format!("4: step {step} ended well at {:.3}; {kind} stood since {since:.3}", end.at))
    }

    /// Nothing is stopped, aborted or cancelled that nobody asked for.
    fn had_a_cause(&self, step: usize) -> Option<String> {
        let said = |kinds: &[&str]| {
            self.record.entries.iter().any(|entry| {
                let is_deed = ["mark", "half", "unmark", "unwritten", "unmark", "verb", "request"]
                    .contains(&entry.word.as_str());
                let named = |kind: &&str| entry.rest.iter().any(|word| word.ends_with(*kind));
                is_deed && kinds.iter().any(named)
            })
        };
        let timed = self.record.steps.iter().any(|own| own.reason() == "BreakpointTimeout");
        let reason = self.record.steps[step].reason();
        let is_caused = match reason {
            "Stopped" => timed || said(&["stop-finally", "fail"]),
            "Aborted" => said(&["abort"]),
            "Cancelled" => said(&["cancel", "cancel-finally", "cancel-run"]),
            "PreviousStepDied" => self.dead_predecessor(step).is_some(),
            "Terminated" => self.record.was("send", step),
            _ => true,
        };
        (!is_caused).then(|| format!("4: step {step} was {reason}, and nobody asked for that"))
    }

    /// A success that the step has heard of is never run again. One that came with the end of the
    /// step's time is a failure.
    fn kept_its_success(&self, step: usize) -> Option<String> {
        let ran_out = self.record.steps[step].stderr.contains("out of time");
        let words: Vec<_> =
            self.record.of(step).map(|e| (e.word.as_str(), e.rest.get(1))).collect();
        let ended = words
            .iter()
            .position(|(word, code)| *word == "end" && code.is_some_and(|code| code == "0"))?;
        let again = words[ended..].iter().any(|(word, _)| *word == "begin");
        (again && !ran_out).then(|| format!("6: step {step} succeeded and ran again"))
    }

    /// What a verb was told is what came of it.
    fn kept_its_word(&self, step: usize) -> Option<String> {
        let accepted = |verb: &str| {
            self.record.entries.iter().position(|entry| {
                let words = entry.rest.iter().map(String::as_str).take(3).collect::<Vec<_>>();
                entry.word == "answer" && words == ["0", &step.to_string(), verb]
            })
        };
        if accepted("cancel").is_some() && self.record.steps[step].done {
            return Some(format!("4: step {step} accepted a cancel and posted P"));
        }
        let after = &self.record.entries[accepted("skip")?..];
        let began = after.iter().any(|entry| entry.is("begin", step));
        began.then(|| format!("4: step {step} accepted a skip and began"))
    }

    /// No command begins before every earlier step has posted or died. A step that starts so late
    /// that a later one has died or posted at once before it is the one exception (2.2).
    fn kept_order(&self) -> Vec<String> {
        let mut problems = Vec::new();
        for (index, entry) in self.record.entries.iter().enumerate() {
            let step = entry.step();
            let other = entry.rest.get(1).and_then(|other| other.parse::<usize>().ok());
            let before = &self.record.entries[..index];
            let problem = match (entry.word.as_str(), other) {
                ("open", Some(other)) => {
                    let died = before.iter().any(|entry| entry.is("kill", other));
                    let finally = self.record.plan.steps[step].finally;
                    let excused =
                        (died && (finally || other + 1 != step)) || self.leaves_a_hole(other, step);
                    (!excused)
                        .then(|| format!("2: step {step} began before step {other} had ended"))
                }
                ("absent", Some(other)) => (!self.leaves_a_hole(other, step))
                    .then(|| format!("2: step {step} began before step {other} had started")),
                ("after-failure", _) => (!self.may_follow_failure(step))
                    .then(|| format!("2: step {step} began after a failure")),
                _ => None,
            };
            problems.extend(problem);
        }
        problems
    }

    /// Whether the first of these steps had no `.alive` when the later one looked for the last time,
    /// and a step between them, which waits for it, had died or posted at once.
    fn leaves_a_hole(&self, late: usize, later: usize) -> bool {
        let looked = self.began(later).or(self.first(later, "begin").map(|(_, begin)| begin.at));
        let spoke = self.record.steps[late].alive_at.map(|at| at - self.record.boot);
        let was_there =
            spoke.zip(looked).is_some_and(|(spoke, looked)| spoke < looked - MARGIN_SECONDS);
        if was_there {
            return false;
        }
        let at_once = ["Cancelled", "WaitTimeout", "Terminated"];
        (late + 1..later).any(|between| {
            // On a full disk a step cannot say how it ended.
            let untold = self.record.had_full_disk && !self.record.was("begin", between);
            self.record.was_killed(between)
                || untold
                || at_once.contains(&self.record.steps[between].reason())
        })
    }

    fn may_follow_failure(&self, step: usize) -> bool {
        let plan = &self.record.plan.steps[step];
        let by_marker = self.record.entries.iter().any(|entry| {
            ["mark", "half", "verb"].contains(&entry.word.as_str())
                && entry.rest.iter().any(|word| word == "breakpoint")
        });
        plan.finally || plan.debugged || by_marker
    }

    fn never_two_at_once(&self) -> Vec<String> {
        let entries = &self.record.entries;
        let beside = entries.iter().enumerate().filter(|(_, entry)| entry.word == "beside");
        beside
            .filter_map(|(index, entry)| {
                let begun = entries[..index].iter().rev().filter(|entry| entry.word == "begin");
                let holder = begun
                    .map(Entry::step)
                    .find(|other| *other != entry.step() && !self.has_ended(*other, index))?;
                let alone = entries[index..].iter().find(|e| e.is("alone", entry.step()));
                // The kernel ends the command of a dead entrypoint a moment after it gave up the lock.
                let is_brief = alone.is_some_and(|alone| alone.at - entry.at < 0.5);
                let dies = entries[..index].iter().any(|entry| entry.is("kill", holder));
                let (early, late) = (holder.min(entry.step()), holder.max(entry.step()));
                let excused = (dies && is_brief) || self.leaves_a_hole(early, late);
                let step = entry.step();
                (!excused).then(|| format!("2: step {step} ran beside step {holder}"))
            })
            .collect()
    }

    fn has_ended(&self, step: usize, before: usize) -> bool {
        let last = self.record.entries[..before].iter().rev().find(|entry| {
            entry.step() == step && ["begin", "ended"].contains(&entry.word.as_str())
        });
        last.is_some_and(|entry| entry.word == "ended")
    }

    fn answers(&self) -> Vec<String> {
        let answers = self.record.entries.iter().filter(|entry| entry.word == "answer");
        answers
            .filter(|entry| {
                let text = entry.rest.join(" ");
                let known = ["0", "1", "3", "4"].contains(&entry.rest[0].as_str());
                // A breakpoint before a step that has not spoken yet is a mistake of its own.
                let is_early = entry.rest[0] == "2" && text.contains("there is no step");
                text.contains("panicked") || !(known || is_early)
            })
            .map(|entry| format!("7: `{}`", entry.rest.join(" ")))
            .collect()
    }

    fn first(&self, step: usize, word: &str) -> Option<(usize, &Entry)> {
        self.record.entries.iter().enumerate().find(|(_, entry)| entry.is(word, step))
    }
}

/// The markers that stand, whole, at a line of the log.
struct Standing {
    /// All steps have the same folder.
    is_flat: bool,
    /// Since when, by kind and place.
    markers: BTreeMap<(String, String), f64>,
    /// When a pause was last ended.
    resumed: Option<f64>,
}

impl Standing {
    fn at(record: &Record, index: usize) -> Self {
        let is_flat = record.plan.layout == Layout::Flat;
        let mut standing = Self { is_flat, markers: BTreeMap::new(), resumed: None };
        for entry in &record.entries[..index] {
            standing.follow(entry);
        }
        standing
    }

    fn follow(&mut self, entry: &Entry) {
        let word = |at: usize| entry.rest.get(at).cloned().unwrap_or_default();
        let named = (word(0), self.place(word(1)));
        match entry.word.as_str() {
            "mark" if named.0 == "resume" => self.resumed = Some(entry.at),
            "mark" => drop(self.markers.insert(named, entry.at)),
            "half" | "unmark" | "unmarked" => drop(self.markers.remove(&named)),
            "verb" if word(1) == "resume" => self.resumed = Some(entry.at),
            // A verb that was not heard takes its marker back, and with it any that it replaced.
            "answer" if word(0) != "0" => {
                self.markers.retain(|(kind, _), _| *kind != marker(&word(2)))
            }
            "answer" => self.told(&word(2), &word(1), entry.at),
            _ => {}
        }
    }

    fn place(&self, word: String) -> String {
        if self.is_flat && word.starts_with("Own") { "Own".to_owned() } else { word }
    }

    fn told(&mut self, verb: &str, step: &str, at: f64) {
        match verb {
            "resume" => self.resumed = Some(at),
            "pause" | "stop-finally" | "cancel-finally" | "abort" | "cancel-run" => {
                let place = self.place(format!("Own({step})"));
                self.markers.insert((marker(verb), place), at);
            }
            _ => {}
        }
    }
}

fn marker(verb: &str) -> String {
    if verb == "cancel-run" { "cancel".to_owned() } else { verb.to_owned() }
}
