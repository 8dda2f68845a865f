//! The loop of a step: it waits for signals, files and deadlines, tells the machine what happened,
//! and performs what the machine says. It decides nothing.

use std::collections::VecDeque;
use std::io;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use chrono::Utc;
use nix::errno::Errno;
use nix::libc::SIGCHLD;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::log;
use crate::look::Eyes;
use crate::os::signals::Signals;
use crate::os::watch::{Watch, gives_no_events};
use crate::perform::{Performed, Performer};
use crate::state::Phase;
use crate::step::{Action, Event, Now, Prepared, Rules, Step, View};

/// How long the loop sleeps at most where events tell of everything: a follower hears of a death
/// within a second even where an event was lost.
const SLOW_LOOK: Duration = Duration::from_millis(900);

/// The same where no events can be had.
const QUICK_LOOK: Duration = Duration::from_millis(50);

/// How long a command may run before files are watched: at the end of a process that watched, the
/// kernel takes 10 ms and more, which a short command is spared.
const UNWATCHED: Duration = Duration::from_millis(25);

/// Where events come from, and where actions go.
pub struct Driver<'a> {
    step: Step,
    eyes: Eyes,
    watch: Watch,
    signals: &'a Signals,
    performer: Performer<'a>,
    origin: Instant,
    next_look: Duration,
    has_events: bool,
    look_is_due: bool,
    queue: VecDeque<Event>,
}

impl<'a> Driver<'a> {
    /// A driver for a step that has not looked around yet.
    ///
    /// # Errors
    /// Where the process has no descriptors left.
    pub fn new(
        rules: Rules,
        eyes: Eyes,
        signals: &'a Signals,
        performer: Performer<'a>,
    ) -> io::Result<Self> {
        let origin = Instant::now();
        let now = Now { monotonic: Duration::ZERO, wall: Utc::now() };
        let queue = VecDeque::new();
        let watch = Watch::new(eyes.relevance())?;
        let step = Step::new(rules, now);
        Ok(Self {
            step,
            eyes,
            watch,
            signals,
            performer,
            origin,
            next_look: UNWATCHED,
            has_events: true,
            look_is_due: false,
            queue,
        })
    }

    /// Runs the step to its end and gives the code to exit with.
    pub fn run(mut self) -> i32 {
        loop {
            if let Some(code) = self.turn() {
                return code;
            }
            if self.watch.has_begun() || self.step.phase() == Phase::Running {
                self.wait();
            } else {
                self.look_everywhere();
            }
        }
    }

    /// Looks, and handles what there is to handle; the exit code where that was the last of it.
    fn turn(&mut self) -> Option<i32> {
        let signals = self.signals.take();
        let changes = self.watch.take();
        self.eyes.notice(&changes, self.now().monotonic);
        if self.now().monotonic >= self.next_look {
            self.look_everywhere();
        }
        let view = self.look();
        self.queue.push_back(Event::Looked(view));
        self.queue.push_back(Event::TimePassed);
        if signals.contains(&SIGCHLD) {
            self.queue.extend(self.performer.reap());
        }
        let others = signals.into_iter().filter(|signal| *signal != SIGCHLD);
        self.queue.extend(others.map(Event::Signal));
        self.handle_all()
    }

    fn handle_all(&mut self) -> Option<i32> {
        while let Some(event) = self.next_event() {
            let actions = self.step.on(self.now(), event);
            for action in actions {
                if let Some(code) = self.perform(action) {
                    return Some(code);
                }
            }
        }
        self.performer.publish(&self.step.state());
        None
    }

    /// A look that was asked for comes behind all that is known already: one that waited in the queue
    /// would show requests that were answered meanwhile.
    fn next_event(&mut self) -> Option<Event> {
        self.queue
            .pop_front()
            .or_else(|| std::mem::take(&mut self.look_is_due).then(|| Event::Looked(self.look())))
    }

    fn perform(&mut self, action: Action) -> Option<i32> {
        match action {
            Action::Look => self.look_is_due = true,
            Action::Prepare => {
                let prepared = self.performer.prepare(self.step.other_command());
                let view = self.last_look(&prepared);
                self.queue.push_back(Event::Prepared(prepared, view));
            }
            Action::Discard(request) => self.eyes.discard(&request),
            Action::Keep(request) => self.eyes.keep(&request),
            Action::Publish => self.performer.publish(&self.step.state()),
            action => match self.performer.perform(action) {
                Performed::Done => {}
                Performed::Then(event) => self.queue.push_back(event),
                Performed::Exit(code) => return Some(code),
            },
        }
        None
    }

    fn look(&mut self) -> View {
        self.eyes.look(self.now().monotonic)
    }

    /// The look right before the command starts trusts nothing that was seen before.
    fn last_look(&mut self, prepared: &Prepared) -> View {
        if *prepared == Prepared::Ready {
            self.eyes.notice(&self.watch.take(), self.now().monotonic);
            self.eyes.forget();
        }
        self.look()
    }

    /// The slow look checks everything, folders that have come since included.
    fn look_everywhere(&mut self) {
        self.eyes.forget();
        self.watch.want(self.eyes.folders());
        self.watch.follow();
        if self.has_events && self.lacks_events() {
            self.has_events = false;
        }
        let pause = if self.has_events { SLOW_LOOK } else { QUICK_LOOK };
        self.next_look = self.now().monotonic + pause;
    }

    fn lacks_events(&self) -> bool {
        if let Some(problem) = self.watch.problem() {
            log::line(&format!("no file events ({problem}): looking every {QUICK_LOOK:?} instead"));
            return true;
        }
        let silent = self.eyes.folders().into_iter().find(|folder| gives_no_events(folder));
        if let Some(folder) = &silent {
            let folder = folder.display();
            log::line(&format!(
                "{folder} gives no file events: looking every {QUICK_LOOK:?} instead"
            ));
        }
        silent.is_some()
    }

    /// Sleeps until something happens or is due.
    fn wait(&self) {
        let due = [Some(self.next_look), self.step.deadline(), self.eyes.look_again_at()];
        let due = due.into_iter().flatten().min().unwrap_or(self.next_look);
        let left = due.saturating_sub(self.now().monotonic);
        // Rounded up: a deadline that is not quite reached would be asked for again and again.
        let left = left + Duration::from_micros(999);
        let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
        let mut sources = [
            PollFd::new(self.signals.as_fd(), PollFlags::POLLIN),
            PollFd::new(self.watch.as_fd(), PollFlags::POLLIN),
        ];
        match poll(&mut sources, timeout) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(e) => log::line(&format!("cannot wait for events: {}", e.desc())),
        }
    }

    fn now(&self) -> Now {
        Now { monotonic: self.origin.elapsed(), wall: Utc::now() }
    }
}
