//! One step on a bench: a clock that is set by hand, files that are values, a performer of actions
//! that answers at once and refuses whatever the contract forbids at any time.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use chrono::{DateTime, Utc};
use debug_scripts::Verb;

use super::super::facts::*;
use super::super::markers::{Kind, Sighting};
use super::super::*;

pub(super) const TERM: i32 = 15;
pub(super) const KILL: i32 = 9;

pub(super) fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// A moment so long after the start, which is 14:20:00.
pub(super) fn moment(after: Duration) -> Now {
    let start: DateTime<Utc> = "2026-03-01T14:20:00Z".parse().unwrap();
    Now { monotonic: seconds(1000) + after, wall: start + after }
}

pub(super) fn rules() -> Rules {
    Rules {
        name: "test".to_owned(),
        finally: false,
        on_error: OnError::StopAndFail,
        hold_before: false,
        hold_on_failure: false,
        hold_after: false,
        timeout: None,
        kill_grace: seconds(10),
        wait_timeout: None,
        breakpoint_timeout: None,
        commands: Commands::Scripts("/tekton/debug/scripts".into()),
    }
}

/// The file of the step before, which is alive.
pub(super) fn awaited() -> Awaited {
    Awaited {
        file: "/tekton/run/0/out".into(),
        step: Some("build".to_owned()),
        writer: Writer::Alive,
        ..Awaited::default()
    }
}

pub(super) fn marker(kind: Kind, text: &str) -> Sighting {
    Sighting {
        kind,
        reason: text.to_owned(),
        folder: "/tekton/run/1".into(),
        written: SystemTime::UNIX_EPOCH + seconds(5),
        downward: false,
    }
}

/// A request as a verb writes it.
pub(super) fn request(wish: Wish) -> Request {
    let id = Some(format!("id of {wish:?}"));
    let reason = Some("flaky".to_owned());
    Request { wish, file: PathBuf::from("request"), id, by: Some("alice".to_owned()), reason }
}

/// A file as a hand or a script of Tekton's writes it.
pub(super) fn by_hand(wish: Wish) -> Request {
    Request { id: None, by: None, reason: None, ..request(wish) }
}

/// What the verb writes.
pub(super) fn wish_of(verb: Verb) -> Wish {
    match verb {
        Verb::Continue | Verb::FailContinue | Verb::BreakpointExit | Verb::Fail => {
            Wish::Leave(verb)
        }
        Verb::BeforeContinue => Wish::Begin,
        Verb::BeforeFail => Wish::DoNotBegin,
        Verb::Retry => Wish::Retry(Ok(None)),
        Verb::Skip => Wish::Skip,
        Verb::Cancel => Wish::Cancel,
        Verb::Extend => Wish::Extend(Ok(seconds(600))),
    }
}

/// How a step ended, as the table of 1.6 has its columns.
pub(super) type End = (Post, Option<&'static str>, EndRow, i32);

#[derive(Clone, Debug)]
pub(super) struct Bench {
    pub(super) step: Step,
    pub(super) now: Now,
    pub(super) view: View,
    pub(super) prepared: Prepared,
    pub(super) not_started: Option<(i32, String)>,
    pub(super) not_recorded: Option<String>,
    pub(super) log: Vec<String>,
    pub(super) starts: Vec<Option<Vec<String>>>,
    pub(super) signals: Vec<i32>,
    pub(super) marks: Vec<Kind>,
    pub(super) records: Vec<Record>,
    pub(super) done: Vec<Action>,
}

impl Bench {
    /// A step that has not looked yet and waits for the step before.
    pub(super) fn new(rules: Rules) -> Self {
        let now = moment(Duration::ZERO);
        Self {
            step: Step::new(rules, now),
            now,
            view: View { awaited: vec![awaited()], ..View::default() },
            prepared: Prepared::Ready,
            not_started: None,
            not_recorded: None,
            log: Vec::new(),
            starts: Vec::new(),
            signals: Vec::new(),
            marks: Vec::new(),
            records: Vec::new(),
            done: Vec::new(),
        }
    }

    /// Waits for the step before, and has looked.
    pub(super) fn waiting(rules: Rules) -> Self {
        Self::new(rules).look()
    }

    /// Its turn has come.
    pub(super) fn at_its_turn(rules: Rules) -> Self {
        Self::waiting(rules).came().look()
    }

    pub(super) fn running(rules: Rules) -> Self {
        Self::at_its_turn(rules).expect(Phase::Running)
    }

    pub(super) fn held_before(rules: Rules) -> Self {
        Self::at_its_turn(Rules { hold_before: true, ..rules }).expect(Phase::HeldBefore)
    }

    /// Held after its command exited with 7, 12 seconds after it began.
    pub(super) fn held_failed(rules: Rules) -> Self {
        let rules = Rules { hold_on_failure: true, ..rules };
        Self::running(rules).pass(seconds(12)).ends(Outcome::Exited(7)).expect(Phase::HeldFailed)
    }

    pub(super) fn held_after(rules: Rules) -> Self {
        let rules = Rules { hold_after: true, ..rules };
        Self::running(rules).pass(seconds(12)).ends(Outcome::Exited(0)).expect(Phase::HeldAfter)
    }

    pub(super) fn came(mut self) -> Self {
        self.view.awaited.iter_mut().for_each(|awaited| awaited.came = true);
        self
    }

    pub(super) fn previous_failed(mut self, reason: Option<Reason>) -> Self {
        self.view.awaited[0].failed = true;
        self.view.awaited[0].reason = reason;
        self
    }

    pub(super) fn previous_died(mut self) -> Self {
        self.view.awaited[0].writer = Writer::Died;
        self
    }

    pub(super) fn mark(mut self, kind: Kind) -> Self {
        self.view.markers.push(marker(kind, "wrong branch"));
        self
    }

    /// Sets the one breakpoint marker to this text.
    pub(super) fn breakpoint(mut self, text: &str) -> Self {
        self.view.markers.retain(|marker| marker.kind != Kind::Breakpoint);
        self.view.markers.push(marker(Kind::Breakpoint, text));
        self
    }

    pub(super) fn unmark(mut self) -> Self {
        self.view.markers.clear();
        self
    }

    pub(super) fn ask(mut self, request: Request) -> Self {
        self.view.requests.push(request);
        self
    }

    pub(super) fn verb(self, verb: Verb) -> Self {
        self.ask(request(wish_of(verb))).look()
    }

    /// Somebody else has written a post file.
    pub(super) fn posted(mut self) -> Self {
        self.view.posted = Posted::Already;
        self
    }

    pub(super) fn look(self) -> Self {
        let view = self.view.clone();
        self.tell(Event::Looked(view))
    }

    pub(super) fn ends(self, outcome: Outcome) -> Self {
        self.tell(Event::Ended(outcome))
    }

    pub(super) fn signal(self, signal: i32) -> Self {
        self.tell(Event::Signal(signal))
    }

    pub(super) fn wait(mut self, by: Duration) -> Self {
        self.now = Now { monotonic: self.now.monotonic + by, wall: self.now.wall + by };
        self
    }

    pub(super) fn pass(self, by: Duration) -> Self {
        self.wait(by).tell(Event::TimePassed)
    }

    /// Tells the step, does what it asks, and tells it what came of that, until it asks no more.
    pub(super) fn tell(mut self, event: Event) -> Self {
        let mut events = VecDeque::from([event]);
        let mut look_is_due = false;
        while let Some(event) = events.pop_front() {
            assert!(self.done.len() < 1000, "it goes round in circles: {:?}", self.step);
            for action in self.step.on(self.now, event) {
                look_is_due |= action == Action::Look;
                events.extend(self.perform(action));
            }
            if events.is_empty() && std::mem::take(&mut look_is_due) {
                events.push_back(Event::Looked(self.view.clone()));
            }
        }
        self
    }

    /// Tells the step one event. Of what it asks, the log alone is done.
    pub(super) fn tell_alone(&mut self, event: Event) -> Vec<Action> {
        let actions = self.step.on(self.now, event);
        self.log.extend(actions.iter().filter_map(|action| match action {
            Action::Log(line) => Some(line.clone()),
            _ => None,
        }));
        actions
    }

    fn perform(&mut self, action: Action) -> Option<Event> {
        self.refuse_what_is_never_allowed(&action);
        self.done.push(action.clone());
        match action {
            Action::Log(line) => self.log.push(line),
            Action::Discard(request) | Action::Keep(request) => {
                self.view.requests.retain(|asked| *asked != request);
            }
            Action::Prepare => {
                return Some(Event::Prepared(self.prepared.clone(), self.view.clone()));
            }
            Action::Start(command) => {
                self.starts.push(command);
                return Some(match self.not_started.clone() {
                    Some((code, message)) => Event::NotStarted { code, message },
                    None => Event::Started(100),
                });
            }
            Action::Signal(signal) => self.signals.push(signal),
            Action::Mark(kind, _) => self.marks.push(kind),
            Action::Record(record) => {
                self.records.push(record);
                return Some(Event::Recorded(self.not_recorded.clone().map_or(Ok(()), Err)));
            }
            Action::Look
            | Action::EndLeftovers
            | Action::Publish
            | Action::Post(_)
            | Action::Exit(_) => {}
        }
        None
    }

    fn refuse_what_is_never_allowed(&self, action: &Action) {
        let done = |wanted: fn(&Action) -> bool| self.done.iter().any(wanted);
        assert!(!done(|a| matches!(a, Action::Exit(_))), "{action:?} after the exit");
        let posted = done(|a| matches!(a, Action::Post(_)));
        match action {
            Action::Post(_) => {
                assert!(!posted, "posted twice");
                assert_eq!(self.step.phase(), Phase::Finished);
                assert_eq!(self.done.last(), Some(&Action::Publish));
                assert!(self.records.last().is_some_and(|record| record.held.is_none()));
            }
            Action::Record(Record { held: None, .. }) => {
                let ending = self.step.state();
                let is_said = self.log.contains(&ending.message);
                assert!(is_said || ending.reason.is_none(), "nobody was told: {}", ending.message);
            }
            Action::Publish => self.expect_that_the_log_spoke_first(),
            Action::Exit(_) => assert!(posted, "an exit without a post file"),
            Action::Start(_) | Action::Signal(_) | Action::Prepare | Action::Mark(..) => {
                assert!(!posted, "{action:?} after the post file");
            }
            _ => {}
        }
    }

    /// A log line comes before the state that it speaks of (2.5), and so does the first message of a hold.
    fn expect_that_the_log_spoke_first(&self) {
        let state = self.step.state();
        let is_told = match state.phase {
            Phase::Waiting | Phase::Running => false,
            Phase::Finished => state.reason.is_some(),
            _ => true,
        };
        let answers = state.requests.iter().map(|answered| &answered.message);
        for message in answers.chain(is_told.then_some(&state.message)) {
            let is_said = self.log.iter().any(|line| line.ends_with(message));
            assert!(is_said, "the state speaks before the log: {message}");
        }
        if matches!(state.phase, Phase::HeldFailed | Phase::HeldAfter) {
            let first = self.records.last().and_then(|record| record.held.as_ref());
            assert!(first.is_some(), "the state speaks of a hold that is not on disk");
        }
    }

    #[track_caller]
    pub(super) fn expect(self, phase: Phase) -> Self {
        assert_eq!(self.step.phase(), phase, "{:#?}", self.log);
        self
    }

    #[track_caller]
    pub(super) fn expect_reason(self, reason: impl Into<Option<Reason>>) -> Self {
        assert_eq!(self.step.state().reason, reason.into(), "{:#?}", self.log);
        self
    }

    /// The step has ended so.
    #[track_caller]
    pub(super) fn expect_end(self, end: End) -> Self {
        assert_eq!(self.step.phase(), Phase::Finished, "{:#?}", self.log);
        let record = self.records.last().expect("something was recorded");
        let file = record.exit_code_file.as_deref();
        let [.., Action::Publish, Action::Post(post), Action::Exit(exit)] = self.done[..] else {
            panic!("it did not end with its state, its post file and its exit: {:#?}", self.done);
        };
        assert_eq!((post, file, record.row, exit), end, "{:#?}", self.log);
        self
    }

    /// The last request got this answer.
    #[track_caller]
    pub(super) fn expect_answer(self, verb: Verb, outcome: crate::state::Outcome) -> Self {
        let answered = self.step.state().requests.pop().expect("an answer");
        assert_eq!((answered.verb, answered.outcome), (verb.to_string(), outcome));
        self
    }
}
