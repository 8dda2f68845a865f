//! The machine of one step: it is told what happened and says what to do. It touches no file, no
//! clock and no process, so that every order of events can be tried on it.

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
use markers::{Begun, Breakpoints, Kind};
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
    /// Substitute, evaluate, look; answered by [`Event::Prepared`].
    Prepare,
    /// Start the command, or this other one for one attempt.
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
    /// Write the post file.
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
            Event::Started(pid) => self.begun(now, pid),
            Event::NotStarted { code, message } => {
                self.attempted(now, Outcome::NotStarted { code, message })
            }
            Event::Ended(outcome) => self.ended(now, outcome),
            Event::GroupGone => self.group_gone(now),
            Event::Recorded(result) => self.recorded(now, result),
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

    /// What the step is doing.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// What it says of itself, for `P.state`.
    pub fn state(&self) -> State {
        let mut markers: Vec<_> =
            markers::in_force(&self.view.markers).into_iter().map(|m| m.shown()).collect();
        markers
            .extend(self.view.markers.iter().filter(|m| m.kind == Kind::Resume).map(|m| m.shown()));
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
            markers,
            requests: self.answers.iter().cloned().collect(),
        }
    }

    fn reason(&self) -> Option<Reason> {
        match &self.ending {
            Some(ending) => ending.reason,
            None => match (&self.cause, &self.outcome) {
                (Some(Cause::Cancelled(_)), _) => Some(Reason::Cancelled),
                (Some(Cause::TimedOut), _) => Some(Reason::TimeoutExceeded),
                (None, Some(outcome)) => outcome.reason(),
                (None, None) => self.gate().doom().and_then(|doom| doom.reason),
            },
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
        self.see(view);
        self.count_wait(now);
        let mut actions = self.answer_requests(now);
        actions.extend(match self.phase {
            Phase::Waiting | Phase::Paused | Phase::HeldBefore => self.at_the_gate(now),
            Phase::Running => self.heed_markers_running(now),
            Phase::HeldFailed | Phase::HeldAfter => self.heed_markers_held(now),
            Phase::Terminating | Phase::Finished => Vec::new(),
        });
        actions
    }

    /// A turn that has come does not go away again with the file that brought it.
    fn see(&mut self, mut view: View) {
        if self.phase != Phase::Waiting {
            view.awaited.iter_mut().for_each(|awaited| awaited.came = true);
        }
        self.view = view;
    }

    /// Before the command: whatever the files say now decides.
    fn at_the_gate(&mut self, now: Now) -> Vec<Action> {
        if self.ending.is_some() {
            return Vec::new();
        }
        match self.gate().verdict() {
            Verdict::End(ending) => self.finish(now, ending),
            Verdict::Hold => self.hold_before(now),
            Verdict::Wait => self.stay(now, Phase::Waiting),
            Verdict::Pause => self.stay(now, Phase::Paused),
            Verdict::Begin => vec![Action::Prepare],
        }
    }

    fn stay(&mut self, now: Now, phase: Phase) -> Vec<Action> {
        if self.phase == phase {
            return Vec::new();
        }
        let was_paused = self.phase == Phase::Paused;
        self.enter(now, phase);
        match (phase, was_paused) {
            (Phase::Paused, _) => vec![Action::Log(self.message())],
            (_, true) => vec![Action::Log("no longer paused".to_owned())],
            _ => Vec::new(),
        }
    }

    /// The last look comes right before the start, so that no marker slips in between unseen.
    fn prepared(&mut self, now: Now, prepared: Prepared, view: View) -> Vec<Action> {
        self.see(view);
        if self.attempt > 0 {
            return self.begin(now, prepared);
        }
        let mut actions = self.answer_requests(now);
        actions.extend(match self.gate().verdict() {
            Verdict::Begin if self.ending.is_none() => self.begin(now, prepared),
            _ => self.at_the_gate(now),
        });
        actions
    }

    fn begin(&mut self, now: Now, prepared: Prepared) -> Vec<Action> {
        self.attempt += 1;
        self.started = Some(now);
        self.outcome = None;
        match prepared {
            Prepared::Ready => {
                self.enter(now, Phase::Running);
                vec![Action::Start(self.other_command.take())]
            }
            Prepared::Unwanted => {
                let message = "skipped: its when expressions do not hold".to_owned();
                self.finish(now, Ending::skipped_well(message))
            }
            Prepared::Nothing => self.attempted(now, Outcome::Exited(0)),
            Prepared::Faulty(message) => self.attempted(now, Outcome::Faulty(message)),
        }
    }

    fn begun(&mut self, now: Now, pid: i32) -> Vec<Action> {
        self.pid = Some(pid);
        self.enter(now, Phase::Running);
        vec![Action::Look]
    }

    /// The command has ended. A termination that has begun is not over before its group is gone.
    fn ended(&mut self, now: Now, outcome: Outcome) -> Vec<Action> {
        self.pid = None;
        match self.phase {
            Phase::Terminating => {
                self.outcome = Some(outcome);
                if self.kill_at.is_none() { self.group_gone(now) } else { Vec::new() }
            }
            _ => self.attempted(now, outcome),
        }
    }

    fn group_gone(&mut self, now: Now) -> Vec<Action> {
        if self.phase != Phase::Terminating {
            return Vec::new();
        }
        self.kill_at = None;
        match self.cause.take() {
            Some(Cause::Cancelled(why)) => self.finish(now, Ending::failed(Reason::Cancelled, why)),
            Some(Cause::TimedOut) | None => self.attempted(now, Outcome::TimedOut),
        }
    }

    /// An attempt is over: the step is held, or ends by the table of 1.6.
    fn attempted(&mut self, now: Now, outcome: Outcome) -> Vec<Action> {
        self.pid = None;
        self.outcome = Some(outcome.clone());
        if self.is_to_hold(&outcome) {
            return self.hold_after(now, &outcome);
        }
        let message = self.attempt_message(now, &outcome);
        self.finish(now, Ending::of(&outcome, self.rules.on_error, message))
    }

    fn is_to_hold(&self, outcome: &Outcome) -> bool {
        let breakpoints = self.breakpoints();
        let after = match breakpoints {
            Breakpoints::Off => false,
            Breakpoints::Set { after: true, .. } => true,
            _ => self.rules.hold_after,
        };
        let wanted = after || (self.holds_on_failure() && !outcome.is_success());
        wanted && self.last_word.is_none()
    }

    fn heed_markers_running(&mut self, now: Now) -> Vec<Action> {
        match markers::strongest(&self.view.markers) {
            Some((marker, effect)) if effect.running == Begun::Terminated => {
                if self.rules.finally && marker.kind != Kind::Cancel {
                    return Vec::new();
                }
                let why = message::by_marker("cancelled", marker);
                self.terminate(now, Cause::Cancelled(why))
            }
            _ => Vec::new(),
        }
    }

    fn terminate(&mut self, now: Now, cause: Cause) -> Vec<Action> {
        let told = match &cause {
            Cause::TimedOut => format!("its time of {} is over", self.timeout_text()),
            Cause::Cancelled(why) => why.clone(),
        };
        self.enter(now, Phase::Terminating);
        self.cause = Some(cause);
        self.kill_at = Some(now.monotonic + self.rules.kill_grace);
        let grace = message::duration(self.rules.kill_grace);
        let log = format!("{told}: sending SIGTERM, and SIGKILL after {grace}");
        vec![Action::Log(log), Action::Signal(nix::libc::SIGTERM), Action::Publish]
    }

    fn time_passed(&mut self, now: Now) -> Vec<Action> {
        if self.deadline().is_none_or(|deadline| now.monotonic < deadline) {
            return Vec::new();
        }
        match self.phase {
            Phase::Waiting => {
                let message = self.wait_timeout_message();
                self.finish(now, Ending::failed(Reason::WaitTimeout, message))
            }
            Phase::Running => self.terminate(now, Cause::TimedOut),
            Phase::Terminating => {
                self.kill_at = None;
                let mut actions = vec![Action::Signal(nix::libc::SIGKILL)];
                if self.pid.is_none() {
                    actions.extend(self.group_gone(now));
                }
                actions
            }
            _ => self.hold_limit_passed(now),
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
            _ if ends && self.ending.is_none() => {
                let message = self.terminated_message(signal);
                self.finish(now, Ending::terminated(signal, message))
            }
            _ => Vec::new(),
        }
    }

    /// Everything that is left before the exit: what the step says of itself goes first, the post
    /// file last.
    fn finish(&mut self, now: Now, ending: Ending) -> Vec<Action> {
        let record = Record {
            started_at: self.started.unwrap_or(now).wall,
            row: ending.row,
            exit_code_file: ending.exit_code_file.clone(),
            ran: self.outcome.is_some(),
            held: None,
        };
        self.ending = Some(ending);
        self.limit = None;
        vec![Action::EndLeftovers, Action::Record(record)]
    }

    fn recorded(&mut self, now: Now, result: Result<(), String>) -> Vec<Action> {
        let mut actions = Vec::new();
        let Some(ending) = self.ending.as_mut() else {
            return result.err().map(Action::Log).into_iter().collect();
        };
        if let Err(problem) = result {
            actions.push(Action::Log(problem.clone()));
            if ending.exit == 0 {
                ending.exit = 1;
                ending.message = problem;
            }
        }
        let (post, exit, message) = (ending.post, ending.exit, ending.message.clone());
        self.enter(now, Phase::Finished);
        if exit != 0 || self.ending.as_ref().is_some_and(|ending| ending.reason.is_some()) {
            actions.push(Action::Log(message));
        }
        actions.extend([Action::Publish, Action::Post(post), Action::Exit(exit)]);
        actions
    }
}
