//! A step that is followed: its lines, and what is new in what it says of itself.

use std::cell::{Cell, RefCell};
use std::future::{Future, pending};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::time::Duration;

use debug_scripts::RunVerb;
use entrypoint::state::{Phase, SeenMarker, State};
use tokio::sync::mpsc;
use tokio::time::sleep;

use super::Attached;
use super::looks::{Looks, StepSeen};
use crate::cluster::logs::Line;
use crate::cluster::logs::container::Log;
use crate::cluster::steps::{Life, StepPlace};
use crate::cluster::told::Told;
use crate::run::early::Early;
use crate::run::hold;
use crate::run::progress::{Ended, News, Progress, begins};
use crate::run::screen::Tone;

/// How long a log that broke off is left alone.
const PAUSE: Duration = Duration::from_millis(500);

/// How many lines may wait to be shown.
const WAITING_LINES: usize = 256;

/// A step, followed.
pub(super) struct Step<'a> {
    pub(super) attached: Attached<'a>,
    pub(super) looks: &'a Looks<'a>,
    pub(super) place: &'a StepPlace,
    /// The name before its lines.
    pub(super) name: &'a str,
    colour: usize,
    pub(super) steps_behind: usize,
    /// Whether its person is in a shell, or has asked for what must not be cut off.
    pub(super) busy: Rc<Cell<bool>>,
    /// The markers of the pod that a person has heard of.
    heard: &'a RefCell<Vec<SeenMarker>>,
    progress: Progress,
    early: Early,
    /// What was said last beside what the step says.
    remark: Option<String>,
}

/// Somebody asks the person.
type Attending<'a> = Option<Pin<Box<dyn Future<Output = ()> + 'a>>>;

impl<'a> Step<'a> {
    pub(super) fn new(
        attached: Attached<'a>,
        looks: &'a Looks<'a>,
        place: &'a StepPlace,
        name: &'a str,
        colour: usize,
        steps_behind: usize,
        heard: &'a RefCell<Vec<SeenMarker>>,
    ) -> Self {
        let (progress, early) = (Progress::default(), Early::default());
        Self {
            attached,
            looks,
            place,
            name,
            colour,
            steps_behind,
            busy: Rc::default(),
            heard,
            progress,
            early,
            remark: None,
        }
    }

    /// Follows it until its container has ended and all that it wrote is shown.
    pub(super) async fn follow(mut self) -> Ended {
        let (lines, mut written) = mpsc::channel(WAITING_LINES);
        let mut reading = pin!(read_log(self.attached, self.looks, self.place, lines));
        let (mut all_read, mut attending) = (false, None);
        let mut news = self.looks.listen();
        self.look(&mut attending);
        loop {
            tokio::select! {
                biased;
                Some(line) = written.recv() => self.take_line(line.text),
                () = &mut reading, if !all_read => all_read = true,
                _ = news.changed() => self.look(&mut attending),
                () = self.early.over() => self.show_early(),
                () = attended(&mut attending) => attending = self.offer(),
            }
            if self.code().is_some() {
                // A line may have come before the look that tells of the end was taken in.
                self.look(&mut attending);
                self.release(&mut attending);
            }
            if all_read && written.is_empty() && self.code().is_some() && attending.is_none() {
                return self.end();
            }
        }
    }

    fn code(&self) -> Option<u8> {
        self.looks.of(self.place)?.end()
    }

    /// Shows a line, or keeps it for a moment.
    fn take_line(&mut self, line: Vec<u8>) {
        let runs = matches!(self.progress.phase(), Phase::Running | Phase::Terminating);
        if runs && !self.early.must_keep(&line) {
            self.show(vec![line]);
        } else {
            self.early.keep(line);
            self.looks.hurry();
        }
    }

    fn show_early(&mut self) {
        let lines = self.early.take_all(self.progress.full_message());
        self.show(lines);
    }

    fn show(&self, lines: Vec<Vec<u8>>) {
        if !lines.is_empty() {
            let (colour, name) = (self.colour, self.name.to_owned());
            self.attached.talk.show(move |screen| {
                lines.iter().for_each(|line| screen.line(colour, &name, line));
            });
        }
    }

    /// Takes in what the last look shows, and passes on what is new.
    fn look(&mut self, attending: &mut Attending<'a>) {
        let Some(seen) = self.looks.of(self.place) else { return };
        if let Some(remark) = seen.remark.clone().filter(|it| Some(it) != self.remark.as_ref()) {
            self.remark = Some(remark.clone());
            self.attached.talk.show(move |screen| screen.say(Tone::Alert, &remark));
        }
        let said = seen.row.as_ref().and_then(|row| row.state().cloned());
        let state = match (said, seen.told()) {
            (Some(state), _) => state,
            (None, Some(told)) => ended(&self.progress, &self.place.step, told),
            (None, None) => return,
        };
        let changed = self.progress.state() != Some(&state);
        self.hear(&state);
        for news in self.progress.learn(state) {
            match news {
                News::Begins(attempt) => self.says(Tone::Progress, &begins(attempt)),
                News::Terminating => self.says(Tone::Progress, self.message()),
                News::Extended => {
                    self.says(Tone::Alert, self.message());
                    self.release(attending);
                    self.begin(attending);
                }
                News::Released => self.release(attending),
                News::Held => {
                    self.show_early();
                    self.says(Tone::Alert, self.message());
                    self.begin(attending);
                }
            }
        }
        if changed {
            let lines = self.early.take_settled(self.progress.full_message());
            self.show(lines);
        }
    }

    /// Asks the person; where one is busy, behind that.
    fn begin(&self, attending: &mut Attending<'a>) {
        if attending.is_none() {
            *attending = self.offer();
        }
    }

    /// Asks what to do, where the step waits for a person now.
    fn offer(&self) -> Attending<'a> {
        let waits = |state: &&State| state.phase.is_held() || state.phase == Phase::Paused;
        let state = self.progress.state().filter(waits)?;
        Some(Box::pin(self.attend(state.clone())))
    }

    /// Asks no more; neither a shell is taken away, nor what was asked for cut off.
    fn release(&self, attending: &mut Attending<'_>) {
        if !self.busy.get() {
            *attending = None;
        }
    }

    /// Tells which markers have come since, whoever put them there. Breakpoints that the pod was made
    /// with are no news.
    fn hear(&self, state: &State) {
        let mut heard = self.heard.borrow_mut();
        let is_first = self.progress.state().is_none();
        let is_old = |marker: &SeenMarker| {
            is_first && marker.name == RunVerb::Breakpoint.definition().marker
        };
        for marker in &state.markers {
            if heard.iter().any(|it| it.says_the_same(marker)) {
                continue;
            }
            heard.push(marker.clone());
            if let Some(line) = hold::marker(marker).filter(|_| !is_old(marker)) {
                self.attached.talk.show(move |screen| screen.say(Tone::Alert, &line));
            }
        }
    }

    fn message(&self) -> &str {
        self.progress.message(&self.place.step)
    }

    fn says(&self, tone: Tone, text: &str) {
        let (colour, name, text) = (self.colour, self.name.to_owned(), text.to_owned());
        self.attached.talk.show(move |screen| screen.step(tone, colour, &name, &text));
    }

    fn end(mut self) -> Ended {
        self.show_early();
        let seen = self.looks.of(self.place);
        if let Some(why) = seen.and_then(|seen| seen.lost) {
            self.says(Tone::Alert, why);
        }
        let (message, code) = (self.message().to_owned(), self.code().unwrap_or(1));
        let ended = self.progress.ended(self.name, code);
        let (colour, name, sentence) =
            (self.colour, self.name.to_owned(), ended.sentence(&message));
        self.attached.talk.show(move |screen| screen.ends(colour, &name, sentence));
        ended
    }
}

async fn attended(attending: &mut Attending<'_>) {
    match attending {
        Some(attending) => attending.await,
        None => pending().await,
    }
}

/// Reads the log of a step from its beginning to the end of its container.
async fn read_log(
    attached: Attached<'_>,
    looks: &Looks<'_>,
    place: &StepPlace,
    lines: mpsc::Sender<Line>,
) {
    let mut news = looks.listen();
    loop {
        match looks.of(place) {
            Some(seen) if seen.life != Life::Waiting => break,
            Some(StepSeen { lost: Some(_), .. }) => return,
            _ => {}
        }
        if news.changed().await.is_err() {
            return;
        }
    }
    let mut log = Log::new(attached.cluster, &looks.pod, &place.container);
    loop {
        match log.read(true, "", &lines).await {
            Ok(true) => return looks.hurry(),
            Ok(false) => sleep(PAUSE).await,
            // Its steps tell of a pod that is gone.
            Err(error) if error.is_not_found() => return looks.hurry(),
            Err(error) => {
                let text = error.to_string();
                return attached.talk.show(move |screen| screen.say(Tone::Alert, &text));
            }
        }
    }
}

/// The last state of a step whose container has ended, by what the kubelet tells of it.
fn ended(progress: &Progress, step: &str, told: &Told) -> State {
    let reason = told.reason.clone().map(serde_json::Value::String);
    let former = progress.state().cloned();
    let attempt = former.as_ref().map_or(0, |state| state.attempt);
    let has_run = u32::from(told.exit_code.is_some());
    State {
        step: step.to_owned(),
        phase: Phase::Finished,
        reason: reason.and_then(|reason| serde_json::from_value(reason).ok()),
        message: told.message.strip_prefix("it ").unwrap_or(&told.message).to_owned(),
        attempt: attempt.max(has_run),
        exit_code: told.exit_code.or(former.and_then(|state| state.exit_code)),
        pid: None,
        started_at: told.started_at.clone(),
        since: told.since.clone().unwrap_or_default(),
        waiting_for: None,
        deadline: None,
        markers: Vec::new(),
        requests: Vec::new(),
    }
}
