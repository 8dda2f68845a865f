//! What is known of a step while it is followed, and what is new in what it says of itself.

use chrono::DateTime;
use entrypoint::state::{Phase, Reason, State};
use serde::Serialize;

use crate::table::time;

/// Something that a person is to hear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// Its command has begun, for the n-th time.
    Begins(u32),
    /// It waits for a person: it is held, or the run is paused.
    Held,
    /// Its hold ends at another time.
    Extended,
    /// It no longer waits for a person.
    Released,
    /// Its command is being ended.
    Terminating,
}

/// A step, followed.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    state: Option<State>,
    seconds: Option<f64>,
}

/// How a step ended, as `-o json` tells it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Ended {
    /// Its name.
    pub name: String,
    /// Its last phase; none where it never said anything.
    pub phase: Option<Phase>,
    /// Why it ended so, in one word, where there is one.
    pub reason: Option<Reason>,
    /// The code of its command's last attempt.
    pub exit_code: Option<i32>,
    /// How often its command was started.
    pub attempt: u32,
    /// When the last attempt began.
    pub started_at: Option<String>,
    /// How long the last attempt took.
    pub seconds: Option<f64>,
    /// The code of the step itself, as a pod would show it.
    #[serde(skip)]
    pub code: u8,
}

impl Progress {
    /// What the step said last.
    pub fn state(&self) -> Option<&State> {
        self.state.as_ref()
    }

    /// Its phase; before it has said anything, it waits.
    pub fn phase(&self) -> Phase {
        self.state.as_ref().map_or(Phase::Waiting, |state| state.phase)
    }

    /// What it says of itself to a person.
    pub fn full_message(&self) -> &str {
        self.state.as_ref().map_or("", |state| &state.message)
    }

    /// The same without its name before it.
    pub fn message(&self, name: &str) -> &str {
        let message = self.full_message();
        message.strip_prefix(&format!("step `{name}` ")).unwrap_or(message)
    }

    /// Takes in what the step says now, and tells what is new.
    pub fn learn(&mut self, now: State) -> Vec<News> {
        let (phase, attempt) = (self.phase(), self.state.as_ref().map_or(0, |it| it.attempt));
        let deadline = self.state.as_ref().and_then(|it| it.deadline.as_ref());
        let again = now.attempt > attempt;
        let mut news = Vec::new();
        if !again && now.phase == phase {
            let other = phase.is_held() && now.deadline.as_ref() != deadline;
            news.extend(other.then_some(News::Extended));
        } else {
            news.extend(waits(phase).then_some(News::Released));
            news.extend(again.then_some(News::Begins(now.attempt)));
            news.extend(waits(now.phase).then_some(News::Held));
            news.extend((now.phase == Phase::Terminating).then_some(News::Terminating));
        }
        if again {
            self.seconds = None;
        }
        if !matches!(now.phase, Phase::Running | Phase::Terminating) {
            self.seconds = self.seconds.or_else(|| seconds_of(&now));
        }
        self.state = Some(now);
        news
    }

    /// How the step ended: `code` is that of its entrypoint.
    pub fn ended(self, name: &str, code: u8) -> Ended {
        let state = self.state.as_ref();
        Ended {
            name: name.to_owned(),
            phase: state.map(|state| state.phase),
            reason: state.and_then(|state| state.reason),
            exit_code: state.and_then(|state| state.exit_code),
            attempt: state.map_or(0, |state| state.attempt),
            started_at: state.and_then(|state| state.started_at.clone()),
            seconds: self.seconds,
            code,
        }
    }
}

impl Ended {
    /// Whether its command was started at least once.
    pub fn has_run(&self) -> bool {
        self.attempt > 0
    }

    /// Whether its command ran and succeeded.
    pub fn has_succeeded(&self) -> bool {
        self.code == 0 && self.exit_code == Some(0)
    }

    /// Whether its command failed, and the run goes on all the same.
    pub fn is_passed_over(&self) -> bool {
        self.code == 0 && self.exit_code.is_some_and(|code| code != 0)
    }

    /// Whether that is good, and a sentence for a person; `message` is what the step says of itself.
    pub fn sentence(&self, message: &str) -> (bool, String) {
        let text = match self.seconds {
            Some(seconds) if self.has_succeeded() => format!("succeeded after {}", time(seconds)),
            _ if message.is_empty() => self.words(),
            _ if self.is_passed_over() => format!("{message}; the run goes on"),
            _ => message.to_owned(),
        };
        (self.code == 0 || self.reason == Some(Reason::Skipped), text)
    }

    /// How it ended, in a few words.
    pub fn words(&self) -> String {
        // A command that succeeded may be failed at its hold.
        let code = self.exit_code.filter(|code| *code != 0).unwrap_or(self.code.into());
        match self.reason {
            _ if self.phase != Some(Phase::Finished) && !self.has_run() => "not run".to_owned(),
            _ if self.phase != Some(Phase::Finished) => "killed".to_owned(),
            Some(Reason::Skipped) => "skipped".to_owned(),
            Some(Reason::Cancelled) => "cancelled".to_owned(),
            Some(Reason::Stopped) if self.has_run() => format!("failed ({code}), stopped"),
            Some(Reason::Stopped) => "stopped".to_owned(),
            Some(Reason::Aborted) if self.has_run() => format!("failed ({code}), aborted"),
            Some(Reason::Aborted) => "aborted".to_owned(),
            Some(Reason::TimeoutExceeded) => "timed out".to_owned(),
            Some(Reason::BreakpointTimeout) if self.code != 0 && self.has_run() => {
                format!("failed ({code}), hold timed out")
            }
            Some(Reason::BreakpointTimeout) if self.code != 0 => "hold timed out".to_owned(),
            Some(Reason::PreviousStepDied) => "the step before it died".to_owned(),
            _ if self.is_passed_over() => format!("failed ({code}), passed over"),
            _ if self.code == 0 => "succeeded".to_owned(),
            _ => format!("failed ({code})"),
        }
    }
}

/// What is said when a command begins for the n-th time.
pub fn begins(attempt: u32) -> String {
    match attempt {
        0 | 1 => "begins".to_owned(),
        _ => format!("begins again (attempt {attempt})"),
    }
}

/// Whether a step in this phase waits for a person.
fn waits(phase: Phase) -> bool {
    phase.is_held() || phase == Phase::Paused
}

fn seconds_of(state: &State) -> Option<f64> {
    let began = DateTime::parse_from_rfc3339(state.started_at.as_deref()?).ok()?;
    let ended = DateTime::parse_from_rfc3339(&state.since).ok()?;
    let lasted = ended.signed_duration_since(began).to_std().ok()?;
    Some(lasted.as_secs_f64())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    fn state(phase: Phase, attempt: u32, since: &str) -> State {
        State {
            step: "test".to_owned(),
            phase,
            reason: None,
            message: String::new(),
            attempt,
            exit_code: None,
            pid: None,
            started_at: (attempt > 0).then(|| "2026-11-21T10:00:00.000Z".to_owned()),
            since: format!("2026-11-21T10:00:{since}Z"),
            waiting_for: None,
            deadline: None,
            markers: Vec::new(),
            requests: Vec::new(),
        }
    }

    #[test]
    fn only_what_is_new_is_told() {
        let mut progress = Progress::default();
        for (phase, attempt, news) in [
            (Phase::Waiting, 0, vec![]),
            (Phase::Paused, 0, vec![News::Held]),
            (Phase::HeldBefore, 0, vec![News::Released, News::Held]),
            (Phase::Running, 1, vec![News::Released, News::Begins(1)]),
            (Phase::Running, 1, vec![]),
            (Phase::HeldFailed, 1, vec![News::Held]),
            (Phase::HeldFailed, 1, vec![]),
            (Phase::HeldFailed, 2, vec![News::Released, News::Begins(2), News::Held]),
            (Phase::Running, 3, vec![News::Released, News::Begins(3)]),
            (Phase::Terminating, 3, vec![News::Terminating]),
            (Phase::Finished, 3, vec![]),
        ] {
            assert_eq!(
                progress.learn(state(phase, attempt, "00.000")),
                news,
                "{phase:?} {attempt}"
            );
        }
    }

    #[test]
    fn a_hold_that_ends_at_another_time_is_news() {
        let mut progress = Progress::default();
        for (deadline, news) in [
            (Some("1"), vec![News::Released, News::Held]),
            (Some("1"), vec![]),
            (Some("2"), vec![News::Extended]),
            (None, vec![News::Extended]),
        ] {
            let held = state(Phase::HeldBefore, 0, "00.000");
            let held = State { deadline: deadline.map(str::to_owned), ..held };
            progress.state.get_or_insert(state(Phase::Paused, 0, "00.000"));
            assert_eq!(progress.learn(held), news, "{deadline:?}");
        }
    }

    #[test]
    fn the_time_of_a_hold_is_not_that_of_the_command() {
        let mut progress = Progress::default();
        progress.learn(state(Phase::Running, 1, "00.000"));
        assert_eq!(progress.seconds, None);
        progress.learn(state(Phase::HeldFailed, 1, "01.500"));
        progress.learn(state(Phase::Finished, 1, "50.000"));
        assert_eq!(progress.ended("test", 0).seconds, Some(1.5));
    }

    #[test]
    fn a_message_does_not_repeat_the_name() {
        let mut progress = Progress::default();
        assert_eq!(progress.message("test"), "");
        for (message, shown) in
            [("step `test` exited with 1", "exited with 1"), ("skipped: no", "skipped: no")]
        {
            let state = state(Phase::Running, 1, "00.000");
            progress.learn(State { message: message.to_owned(), ..state });
            assert_eq!(progress.message("test"), shown);
        }
    }

    #[test]
    fn each_ending_has_its_words() {
        let ended = |reason, attempt, exit_code, code| {
            let mut state = state(Phase::Finished, attempt, "01.000");
            (state.reason, state.exit_code) = (reason, exit_code);
            let mut progress = Progress::default();
            progress.learn(state);
            progress.ended("test", code).words()
        };
        for (reason, attempt, exit_code, code, words) in [
            (None, 1, Some(0), 0, "succeeded"),
            (None, 1, Some(7), 0, "failed (7), passed over"),
            (Some(Reason::Failed), 1, Some(137), 137, "failed (137)"),
            (Some(Reason::Failed), 1, Some(0), 1, "failed (1)"),
            (Some(Reason::Skipped), 0, None, 0, "skipped"),
            (Some(Reason::Skipped), 0, None, 1, "skipped"),
            (Some(Reason::Stopped), 1, Some(7), 7, "failed (7), stopped"),
            (Some(Reason::Stopped), 0, None, 1, "stopped"),
            (Some(Reason::Aborted), 0, None, 1, "aborted"),
            (Some(Reason::Cancelled), 1, Some(143), 9, "cancelled"),
            (Some(Reason::TimeoutExceeded), 1, Some(143), 1, "timed out"),
            (Some(Reason::BreakpointTimeout), 1, Some(7), 7, "failed (7), hold timed out"),
            (Some(Reason::BreakpointTimeout), 0, None, 1, "hold timed out"),
            (Some(Reason::BreakpointTimeout), 1, Some(0), 0, "succeeded"),
            (Some(Reason::PreviousStepDied), 0, None, 1, "the step before it died"),
        ] {
            assert_eq!(ended(reason, attempt, exit_code, code), words, "{reason:?} {code}");
        }
        assert_eq!(Progress::default().ended("test", 137).words(), "not run");
        let mut killed = Progress::default();
        killed.learn(state(Phase::Running, 1, "01.000"));
        assert_eq!(killed.ended("test", 137).words(), "killed");
    }
}
