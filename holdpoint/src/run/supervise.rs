//! The loop that follows a run: all steps are started at once, as in a pod, and order is theirs.
//! They are shown one after the other; what comes after waits in its pipe.

mod attend;

use std::fs::File;
use std::io::{self, Write as _};
use std::process::ExitStatus;
use std::time::Duration;

use entrypoint::state::{Phase, SeenMarker};
use tokio::process::Child;
use tokio::time::timeout;

use super::Run;
use super::changes::Changes;
use super::early::Early;
use super::hold::{self, Hold};
use super::processes::{self, Process};
use super::progress::{Ended, News, Progress, begins};
use super::screen::{Screen, Tone};
use super::signals::Signals;
use crate::error::Error;

/// As long as nothing more comes, what was in the pipe is out of it: one turn of the event loop.
const ONE_TURN: Duration = Duration::from_millis(5);
/// The code of a step that was ended by force.
const KILLED: u8 = 128 + 9;
/// What a step that has ended, or is held, may still write before it is talked over.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// How long an `--on-hold` command may outlive the last step.
const HOOK_GRACE: Duration = Duration::from_secs(5);

/// How the steps ended.
pub struct Outcome {
    /// The steps, in order.
    pub steps: Vec<Ended>,
    /// The signal that ended the run.
    pub signal: Option<i32>,
}

/// Starts the steps and follows them to the end.
pub async fn supervise(
    run: &Run,
    screen: &mut Screen,
    on_hold: Option<&str>,
) -> Result<Outcome, Error> {
    let folders: Vec<_> = (0..run.plan.steps.len()).map(|index| run.folder.step(index)).collect();
    let unwatched = |error| Error::system("cannot watch the run's folder")(io::Error::other(error));
    let changes = Changes::of(&folders).map_err(unwatched)?;
    let signals = Signals::take()?;
    let processes = processes::start(run).map_err(Error::system("cannot start the steps"))?;
    let mut supervisor = Supervisor {
        run,
        screen,
        on_hold,
        changes,
        signals,
        hold: None,
        hooks: Vec::new(),
        heard: Vec::new(),
        interrupted: None,
    };
    let steps = supervisor.follow_all(processes).await?;
    supervisor.wait_for_hooks().await;
    Ok(Outcome { steps, signal: supervisor.interrupted })
}

struct Supervisor<'a> {
    run: &'a Run,
    screen: &'a mut Screen,
    on_hold: Option<&'a str>,
    changes: Changes,
    signals: Signals,
    hold: Option<Hold>,
    /// Those `--on-hold` commands whose hold is over.
    hooks: Vec<Child>,
    /// The markers that a person has heard of.
    heard: Vec<SeenMarker>,
    /// The signal that asked for the end.
    interrupted: Option<i32>,
}

/// The step that is shown.
struct Followed {
    index: usize,
    name: String,
    process: Process,
    progress: Progress,
    log: File,
    early: Early,
}

enum Happening {
    Line(Vec<u8>),
    Changed,
    Exited(io::Result<ExitStatus>),
    Signal(i32),
    AtHold(hold::Event),
    EarlyNoMore,
}

/// How a run that was interrupted is to end.
enum End {
    InOrder,
    AtOnce,
}

impl Supervisor<'_> {
    async fn follow_all(&mut self, processes: Vec<Process>) -> Result<Vec<Ended>, Error> {
        let mut steps = Vec::new();
        for (index, process) in processes.into_iter().enumerate() {
            let name = self.run.plan.steps[index].name.clone();
            let path = self.run.folder.log(&name);
            let log = File::create(&path).map_err(|error| Error::file(&path, error))?;
            let progress = Progress::default();
            let step = Followed { index, name, process, progress, log, early: Early::default() };
            match self.follow(step).await {
                Some(ended) => steps.push(ended),
                None => break,
            }
        }
        let cut_off = steps.len()..self.run.plan.steps.len();
        steps.extend(cut_off.map(|index| self.cut_off(index)));
        Ok(steps)
    }

    /// A step that is ended with the run, wherever it stands.
    fn cut_off(&self, index: usize) -> Ended {
        let mut progress = Progress::default();
        if let Some(state) = self.run.folder.state(index) {
            progress.learn(state);
        }
        progress.ended(&self.run.plan.steps[index].name, KILLED)
    }

    /// Follows a step to its end; none where the person wants all to end at once.
    async fn follow(&mut self, mut step: Followed) -> Option<Ended> {
        self.look(&mut step).await;
        loop {
            match self.next(&mut step).await {
                Happening::Line(line) => self.take_line(&mut step, line),
                Happening::Changed => self.look(&mut step).await,
                Happening::Exited(status) => return Some(self.end(step, status).await),
                Happening::Signal(nix::libc::SIGCONT) => self.ask_again(&step),
                Happening::Signal(signal) => match self.interrupt(&step, signal) {
                    End::InOrder => {}
                    End::AtOnce => return None,
                },
                Happening::AtHold(event) => self.at_hold(&mut step, event).await,
                Happening::EarlyNoMore => {
                    self.look(&mut step).await;
                    self.show_early(&mut step);
                }
            }
        }
    }

    async fn next(&mut self, step: &mut Followed) -> Happening {
        let Process { child, lines } = &mut step.process;
        let at_hold = async {
            match &mut self.hold {
                Some(hold) => hold.next().await,
                None => std::future::pending().await,
            }
        };
        let more = !lines.ended();
        tokio::select! {
            signal = self.signals.next() => Happening::Signal(signal),
            Some(line) = lines.next(), if more => Happening::Line(line),
            () = self.changes.next() => Happening::Changed,
            status = child.wait() => Happening::Exited(status),
            event = at_hold => Happening::AtHold(event),
            () = step.early.over() => Happening::EarlyNoMore,
        }
    }

    /// Shows a line, or keeps it for a moment.
    fn take_line(&mut self, step: &mut Followed, line: Vec<u8>) {
        // A log that cannot be written is no reason to end the step; the line is shown.
        drop(step.log.write_all(&line).and_then(|()| step.log.write_all(b"\n")));
        let runs = matches!(step.progress.phase(), Phase::Running | Phase::Terminating);
        if runs && !step.early.must_keep(&line) {
            self.screen.line(step.index, &step.name, &line);
        } else {
            step.early.keep(line);
        }
    }

    fn show_early(&mut self, step: &mut Followed) {
        let lines = step.early.take_all(step.progress.full_message());
        self.show(step, &lines);
    }

    fn show_settled(&mut self, step: &mut Followed) {
        let lines = step.early.take_settled(step.progress.full_message());
        self.show(step, &lines);
    }

    fn show(&mut self, step: &Followed, lines: &[Vec<u8>]) {
        if !lines.is_empty() {
            self.interject(step, step.progress.phase(), |screen| {
                lines.iter().for_each(|line| screen.line(step.index, &step.name, line));
            });
        }
    }

    /// Looks at what the step says of itself, and passes on what is new.
    async fn look(&mut self, step: &mut Followed) {
        let Some(state) = self.run.folder.state(step.index) else { return };
        let changed = step.progress.state() != Some(&state);
        self.hear_markers(step, &state);
        for news in step.progress.learn(state) {
            match news {
                News::Begins(attempt) => self.begins(step, attempt),
                News::Extended => {
                    let text = step.progress.message(&step.name);
                    let line = format!("{}: {text}", step.name);
                    self.interject(step, step.progress.phase(), |screen| {
                        screen.say(Tone::Alert, &line);
                    });
                }
                News::Terminating => {
                    self.says(step, Tone::Progress, step.progress.message(&step.name));
                }
                News::Released => self.leave_hold(),
                News::Held => {
                    self.drain(step, ONE_TURN).await;
                    self.show_early(step);
                    self.begin_hold(step);
                }
            }
        }
        if changed {
            self.show_settled(step);
        }
    }

    fn begins(&mut self, step: &Followed, attempt: u32) {
        self.says(step, Tone::Progress, &begins(attempt));
        if let Some(signal) = self.interrupted
            && !self.run.plan.steps[step.index].finally
        {
            self.put(step, "out.cancel", &reason(signal));
        }
    }

    /// Shows what is in the pipe, until nothing comes for a while.
    async fn drain(&mut self, step: &mut Followed, quiet: Duration) {
        let all = async {
            while let Ok(Some(line)) = timeout(quiet, step.process.lines.next()).await {
                self.take_line(step, line);
            }
        };
        // One that never stops writing is cut off.
        drop(timeout(LAST_WORDS, all).await);
    }

    async fn end(&mut self, mut step: Followed, status: io::Result<ExitStatus>) -> Ended {
        self.drain(&mut step, LAST_WORDS).await;
        self.look(&mut step).await;
        self.leave_hold();
        self.show_early(&mut step);
        self.post_for_the_dead(&step);
        let text = step.progress.message(&step.name).to_owned();
        let ended = step.progress.ended(&step.name, code_of(status));
        self.screen.ends(step.index, &step.name, ended.sentence(&text));
        ended
    }

    /// An entrypoint that could not even begin has posted nothing, and nobody would ever know.
    fn post_for_the_dead(&mut self, step: &Followed) {
        let is_there = |suffix| self.run.folder.post(step.index, suffix).exists();
        if !is_there("") && !is_there(".err") && !is_there(".alive") {
            self.put(step, "out.err", "");
        }
    }

    /// Ends the run in order, the second time at once.
    fn interrupt(&mut self, step: &Followed, signal: i32) -> End {
        if matches!(self.hold, Some(Hold::Shell(_))) && signal == nix::libc::SIGINT {
            return End::InOrder;
        }
        self.hold = None;
        if self.interrupted.replace(signal).is_some() {
            return End::AtOnce;
        }
        self.screen.say(Tone::Alert, "\nending the run; once more ends it at once");
        match self.end_in_order(step, signal) {
            Ok(()) => End::InOrder,
            Err(error) => {
                self.says(step, Tone::Alert, &error.to_string());
                End::AtOnce
            }
        }
    }

    /// The step that runs is cancelled, and only finally steps follow; a pause does not keep them back.
    fn end_in_order(&self, step: &Followed, signal: i32) -> Result<(), Error> {
        let wishes = ["stop-finally", "out.cancel", "resume"];
        wishes.iter().try_for_each(|wish| self.run.folder.put(step.index, wish, &reason(signal)))
    }

    async fn wait_for_hooks(&mut self) {
        for mut hook in self.hooks.drain(..) {
            // What is left after that is ended with everything else.
            drop(timeout(HOOK_GRACE, hook.wait()).await);
        }
    }

    fn says(&mut self, step: &Followed, tone: Tone, text: &str) {
        self.screen.step(tone, step.index, &step.name, text);
    }

    fn put(&mut self, step: &Followed, name: &str, text: &str) {
        if let Err(error) = self.run.folder.put(step.index, name, text) {
            self.says(step, Tone::Alert, &error.to_string());
        }
    }
}

fn reason(signal: i32) -> String {
    format!("the run was interrupted (signal {signal})")
}

/// The code of a process: its own, or 128 and the signal that killed it.
fn code_of(status: io::Result<ExitStatus>) -> u8 {
    use std::os::unix::process::ExitStatusExt as _;
    let Ok(status) = status else { return 1 };
    let code = status.code().or(status.signal().map(|signal| 128 + signal)).unwrap_or(1);
    u8::try_from(code).unwrap_or(1)
}
