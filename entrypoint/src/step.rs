//! The machine of one step: it is told what happened and says what to do. It touches no file, no
//! clock and no process, so that every order of events can be tried on it.

mod command;
mod facts;
mod gate;
mod hold;
pub mod markers;
mod message;
mod outcome;
mod requests;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::time::Duration;

use chrono::{DateTime, Utc};

pub use facts::{Awaited, Posted, Request, View, Wish, Writer};
use gate::{Decided, Gate, HoldBefore, Verdict};
use markers::{Breakpoints, Kind};
pub use message::Commands;
pub use outcome::{EndRow, Ending, OnError, Outcome, Post, signal_name};

use crate::state::{Answered, Phase, Reason, State, timestamp};

/// What a step is asked to do, as the flags say.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Its name.
    pub name: String,
    /// Whether its turn comes after failures too.
    pub finally: bool,
    /// What becomes of the run when its command fails.
    pub on_error: OnError,
    /// Hold before the command.
    pub hold_before: bool,
    /// Hold after a failure.
    pub hold_on_failure: bool,
    /// Hold after the command, whatever came of it.
    pub hold_after: bool,
    /// How long the command may run.
    pub timeout: Option<Duration>,
    /// How long the command has between SIGTERM and SIGKILL.
    pub kill_grace: Duration,
    /// How long the awaited file may take.
    pub wait_timeout: Option<Duration>,
    /// How long a hold may last.
    pub breakpoint_timeout: Option<Duration>,
    /// How a person types a verb here.
    pub commands: Commands,
}

/// A moment: on the monotonic clock for limits, on the wall clock for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// Since some fixed moment; it never goes back.
    pub monotonic: Duration,
    /// The time of day.
    pub wall: DateTime<Utc>,
}

/// What the machine is told.
#[derive(Clone, Debug)]
pub enum Event {
    /// The files were looked at.
    Looked(View),
    /// A deadline may have passed.
    TimePassed,
    /// A signal came.
    Signal(i32),
    /// [`Action::Prepare`] is done, and the files were looked at once more.
    Prepared(Prepared, View),
    /// [`Action::Start`] is done: the command runs as this process.
    Started(i32),
    /// [`Action::Start`] failed.
    NotStarted {
        /// 127 (not found), 126 (not executable), or 1.
        code: i32,
        /// What was tried and what is wrong with it.
        message: String,
    },
    /// The command ended.
    Ended(Outcome),
    /// The command has ended, and so has every member of its group.
    GroupGone,
    /// [`Action::Record`] is done; the text tells what could not be written.
    Recorded(Result<(), String>),
}

/// What came of preparing the command: substitution and when expressions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Prepared {
    /// It can start.
    Ready,
    /// It need not: a when expression was false.
    Unwanted,
    /// There is no command, which is a success.
    Nothing,
    /// It cannot.
    Faulty(String),
}

/// What the machine asks for, to be done in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Tell a person.
    Log(String),
    /// Look at the files again.
    Look,
    /// Take away a request that was answered.
    Discard(Request),
    /// Leave an exit file that was acted on where it is, and act no more on it as it is.
    Keep(Request),
    /// Substitute, evaluate, look; answered by [`Event::Prepared`].
    Prepare,
    /// Start what was prepared: the command, or this other one for one attempt.
    Start(Option<Vec<String>>),
    /// Send a signal to the command's group.
    Signal(i32),
    /// End what the command left running.
    EndLeftovers,
    /// Put a marker into the step's own control folder.
    Mark(Kind, String),
    /// Write results and the termination message; answered by [`Event::Recorded`].
    Record(Record),
    /// Write the state.
    Publish,
    /// Write the post file, unless somebody else has written one by now.
    Post(Post),
    /// Exit with this code; the last action of all.
    Exit(i32),
}

/// What is written before the post file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// When the last attempt began, or the step ended without one.
    pub started_at: DateTime<Utc>,
    /// The row that tells how it ended.
    pub row: EndRow,
    /// The content of the `exitCode` file.
    pub exit_code_file: Option<String>,
    /// Whether the command was tried, so that there may be results.
    pub ran: bool,
    /// What a hold's first record says of it, for a pod that is deleted while it lasts.
    pub held: Option<String>,
}

/// Why a command is being ended.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Cause {
    TimedOut,
    Cancelled(String),
}

impl Cause {
    fn reason(&self) -> Reason {
        match self {
            Self::TimedOut => Reason::TimeoutExceeded,
            Self::Cancelled(_) => Reason::Cancelled,
        }
    }
}

/// A limit that a hold has.
#[derive(Clone, Copy, Debug)]
struct Limit {
    at: Now,
    reminder: Option<Duration>,
}

/// Counts the time for which a file is awaited; pauses do not count.
#[derive(Clone, Copy, Debug, Default)]
struct WaitClock {
    spent: Duration,
    since: Option<Duration>,
}

/// A step.
#[derive(Clone, Debug)]
pub struct Step {
    rules: Rules,
    phase: Phase,
    since: Now,
    view: View,
    wait_clock: WaitClock,
    hold_before: HoldBefore,
    decided: Option<Decided>,
    /// Since when [`Action::Prepare`] is not answered yet: the start time of what is prepared.
    preparing: Option<DateTime<Utc>>,
    attempt: u32,
    started: Option<Now>,
    pid: Option<i32>,
    outcome: Option<Outcome>,
    other_command: Option<Vec<String>>,
    cause: Option<Cause>,
    kill_at: Option<Duration>,
    last_word: Option<i32>,
    limit: Option<Limit>,
    ending: Option<Ending>,
    /// How many of [`Action::Record`] are not answered yet.
    unrecorded: usize,
    answers: VecDeque<Answered>,
}

impl Step {
    /// A step that waits for its turn.
    pub fn new(rules: Rules, now: Now) -> Self {
        Self {
            rules,
            phase: Phase::Waiting,
            since: now,
            view: View::default(),
            wait_clock: WaitClock { spent: Duration::ZERO, since: Some(now.monotonic) },
            hold_before: HoldBefore::Due,
            decided: None,
            preparing: None,
            attempt: 0,
            started: None,
            pid: None,
            outcome: None,
            other_command: None,
            cause: None,
            kill_at: None,
            last_word: None,
            limit: None,
            ending: None,
            unrecorded: 0,
            answers: VecDeque::new(),
        }
    }

    /// Takes one event and says what to do about it.
    #[must_use]
    pub fn on(&mut self, now: Now, event: Event) -> Vec<Action> {
        match event {
            Event::Looked(view) => self.looked(now, view),
            Event::TimePassed => self.time_passed(now),
            Event::Signal(signal) => self.signalled(now, signal),
            Event::Prepared(prepared, view) => self.prepared(now, prepared, view),
            Event::Started(pid) => self.begun(pid),
            Event::NotStarted { code, message } => {
                self.ended(now, Outcome::NotStarted { code, message })
            }
            Event::Ended(outcome) => self.ended(now, outcome),
            Event::GroupGone => self.group_gone(now),
            Event::Recorded(result) => self.recorded(result),
        }
    }

    /// When [`Event::TimePassed`] is due, on the monotonic clock.
    pub fn deadline(&self) -> Option<Duration> {
        match self.phase {
            Phase::Waiting => self.wait_deadline(),
            Phase::Running => self.run_deadline(),
            Phase::Terminating => self.kill_at,
            phase if phase.is_held() => {
                self.limit.map(|limit| limit.reminder.unwrap_or(limit.at.monotonic))
            }
            _ => None,
        }
    }

    /// The command that [`Action::Prepare`] speaks of, where that is not the step's own.
    pub fn other_command(&self) -> Option<&[String]> {
        self.other_command.as_deref()
    }

    /// What the step is doing.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// What it says of itself, for `P.state`.
    pub fn state(&self) -> State {
        let mut seen: Vec<_> = self.view.markers.iter().collect();
        seen.sort_by_key(|marker| marker.kind);
        State {
            step: self.rules.name.clone(),
            phase: self.phase,
            reason: self.reason(),
            message: self.message(),
            attempt: self.attempt,
            exit_code: self.outcome.as_ref().map(Outcome::own_code),
            pid: self.pid,
            started_at: self.started.map(|at| timestamp(at.wall)),
            since: timestamp(self.since.wall),
            waiting_for: self.waiting_for(),
            deadline: self.deadline_shown(),
            markers: seen.into_iter().map(markers::Sighting::shown).collect(),
            requests: self.answers.iter().cloned().collect(),
        }
    }

    fn reason(&self) -> Option<Reason> {
        match self.phase {
            Phase::Waiting | Phase::Paused | Phase::HeldBefore => self.gate().doom()?.reason,
            Phase::Running | Phase::HeldFailed | Phase::HeldAfter => {
                self.outcome.as_ref()?.reason()
            }
            Phase::Terminating => self.cause.as_ref().map(Cause::reason),
            Phase::Finished => self.ending.as_ref()?.reason,
        }
    }

    fn enter(&mut self, now: Now, phase: Phase) {
        if self.phase != phase {
            self.phase = phase;
            self.since = now;
        }
    }

    fn gate(&self) -> Gate<'_> {
        let breakpoints = self.breakpoints();
        let hold = match (self.hold_before, breakpoints) {
            (HoldBefore::Stands, _) => HoldBefore::Stands,
            (HoldBefore::Due, Breakpoints::Set { before: true, .. }) => HoldBefore::Due,
            (_, Breakpoints::Off) => HoldBefore::Over,
            (due, _) if self.rules.hold_before => due,
            _ => HoldBefore::Over,
        };
        Gate {
            view: &self.view,
            finally: self.rules.finally,
            debugged: self.holds_on_failure(),
            hold,
            decided: self.decided.as_ref(),
        }
    }

    fn breakpoints(&self) -> Breakpoints {
        markers::breakpoints(&self.view.markers, &self.rules.name)
    }

    fn holds_on_failure(&self) -> bool {
        match self.breakpoints() {
            Breakpoints::Off => false,
            Breakpoints::Set { on_failure: true, .. } => true,
            _ => self.rules.hold_on_failure,
        }
    }

    fn looked(&mut self, now: Now, view: View) -> Vec<Action> {
        if self.phase == Phase::Finished {
            return Vec::new();
        }
        self.see(view);
        self.count_wait(now);
        let mut actions = self.answer_requests(now);
        actions.extend(self.heed(now));
        actions
    }

    /// A turn that has come does not go away again with the file that brought it.
    fn see(&mut self, mut view: View) {
        if self.phase != Phase::Waiting {
            view.awaited.iter_mut().for_each(|awaited| awaited.came = true);
        }
        self.view = view;
    }

    /// What the files and the clock ask for, once requests are answered.
    fn heed(&mut self, now: Now) -> Vec<Action> {
        match self.phase {
            Phase::Waiting | Phase::Paused | Phase::HeldBefore => self.at_the_gate(now),
            Phase::Running => self.heed_markers_running(now),
            Phase::HeldFailed | Phase::HeldAfter => self.heed_held(now),
            Phase::Terminating | Phase::Finished => Vec::new(),
        }
    }

    /// Before the command: whatever the files say now decides.
    fn at_the_gate(&mut self, now: Now) -> Vec<Action> {
        match self.gate().verdict() {
            Verdict::End(ending) => self.finish(now, ending),
            Verdict::Hold => self.hold_before(now),
            Verdict::Wait if self.wait_is_over(now) => {
                let message = self.wait_timeout_message();
                self.finish(now, Ending::failed(Reason::WaitTimeout, message))
            }
            Verdict::Wait => self.stay(now, Phase::Waiting),
            Verdict::Pause => self.stay(now, Phase::Paused),
            Verdict::Begin => self.prepare(now),
        }
    }

    fn wait_is_over(&self, now: Now) -> bool {
        self.phase == Phase::Waiting
            && self.wait_deadline().is_some_and(|deadline| now.monotonic >= deadline)
    }

    fn stay(&mut self, now: Now, phase: Phase) -> Vec<Action> {
        if self.phase == phase {
            return Vec::new();
        }
        self.enter(now, phase);
        vec![Action::Log(self.message())]
    }

    /// Limits of waits and holds are judged by a look, since what a person asked in time goes first.
    fn time_passed(&mut self, now: Now) -> Vec<Action> {
        if self.deadline().is_none_or(|deadline| now.monotonic < deadline) {
            return Vec::new();
        }
        match self.phase {
            Phase::Running => self.terminate(now, Cause::TimedOut),
            Phase::Terminating => self.grace_is_over(now),
            _ => self.remind_or_look(now),
        }
    }

    /// TERM, INT and QUIT end a step that has no command; a running command gets every signal (2.8).
    fn signalled(&mut self, now: Now, signal: i32) -> Vec<Action> {
        let ends = [nix::libc::SIGTERM, nix::libc::SIGINT, nix::libc::SIGQUIT].contains(&signal);
        if ends {
            self.last_word = Some(signal);
        }
        match self.phase {
            Phase::Running | Phase::Terminating => vec![Action::Signal(signal)],
            Phase::Finished => Vec::new(),
            _ if ends => {
                let message = self.terminated_message(signal);
                self.finish(now, Ending::terminated(signal, message))
            }
            _ => Vec::new(),
        }
    }

    /// The step has ended: nothing that comes later changes how. What it says of itself goes first,
    /// the post file last.
    fn finish(&mut self, now: Now, ending: Ending) -> Vec<Action> {
        let was_held = matches!(self.phase, Phase::HeldFailed | Phase::HeldAfter);
        let post = if was_held && self.view.posted == Posted::Already {
            Post::ByOthers
        } else {
            ending.post
        };
        self.enter(now, Phase::Finished);
        self.limit = None;
        let record = self.record(Record {
            started_at: self.started.unwrap_or(now).wall,
            row: ending.row,
            exit_code_file: ending.exit_code_file.clone(),
            ran: self.outcome.is_some(),
            held: None,
        });
        let is_worth_a_word = ending.exit != 0 || ending.reason.is_some();
        let log = is_worth_a_word.then(|| Action::Log(ending.message.clone()));
        self.ending = Some(Ending { post, ..ending });
        log.into_iter().chain([Action::EndLeftovers, record]).collect()
    }

    fn record(&mut self, record: Record) -> Action {
        self.unrecorded += 1;
        Action::Record(record)
    }

    /// Records are answered in their order; behind the last one the step may go.
    fn recorded(&mut self, result: Result<(), String>) -> Vec<Action> {
        let Some(left) = self.unrecorded.checked_sub(1) else { return Vec::new() };
        self.unrecorded = left;
        let Some(ending) = self.ending.as_mut().filter(|_| left == 0) else {
            return result.err().map(Action::Log).into_iter().collect();
        };
        let mut actions = Vec::new();
        if let Err(problem) = result {
            actions.push(Action::Log(problem.clone()));
            if ending.exit == 0 {
                ending.exit = 1;
                ending.message = problem;
            }
        }
        actions.extend([Action::Publish, Action::Post(ending.post), Action::Exit(ending.exit)]);
        actions
    }
}
