//! One run: its steps are started, its deeds done when they are due, and in the end every hold and
//! pause is ended, so that each process can end.

use std::fs;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use super::hands::Hands;
use super::log::{Log, boot_time};
use super::places::Places;
use super::plan::{Deed, Place, Plan};
use super::reader::Reader;
use super::record::Record;
use super::surroundings::{SmallDisk, events_can_go, without_events};
use crate::processes::{self, ROOT, STEP};
use crate::sandbox::Sandbox;

/// How long a run may take to end once nothing keeps it.
const PATIENCE: Duration = Duration::from_secs(20);

/// How often the run looks at what is due.
const TICK: Duration = Duration::from_millis(3);

/// How often holds are ended.
const HOLD_LOOK: Duration = Duration::from_millis(50);

/// A run that has begun.
pub(super) struct Run<'a> {
    pub(super) plan: &'a Plan,
    pub(super) places: Places,
    pub(super) log: Log,
    /// Before the sandbox, whose folder cannot go while a disk is in it.
    disk: Option<SmallDisk>,
    sandbox: Sandbox,
    begun: Instant,
    steps: Vec<Slot>,
    hands: Hands,
}

/// A step's process.
#[derive(Debug, Default)]
struct Slot {
    child: Option<Child>,
    end: Option<ExitStatus>,
    posted_at_end: bool,
}

impl<'a> Run<'a> {
    pub(super) fn new(program: &Path, plan: &'a Plan) -> Self {
        let sandbox = Sandbox::new(program);
        let places = Places::new(&sandbox, plan.layout, plan.steps.len());
        fs::write(places.command(), include_str!("command.sh")).unwrap();
        let disk = plan.small_disk.then(|| SmallDisk::mount(&places.disk())).flatten();
        places.make_own(plan.steps.len());
        let log = Log::new(&places.log());
        let steps = plan.steps.iter().map(|_| Slot::default()).collect();
        let hands = Hands::new(program, sandbox.root(), &places);
        Self { plan, places, log, sandbox, begun: Instant::now(), disk, steps, hands }
    }

    /// Runs it to its end.
    pub(super) fn play(mut self) -> Record {
        let boot = boot_time();
        let reader = Reader::start(&self.places, self.steps.len(), self.disk.is_none());
        let mut deeds = self.plan.deeds.iter().peekable();
        let mut begins: Vec<_> = (0..self.steps.len()).collect();
        begins.sort_by_key(|step| self.plan.steps[*step].starts_at_ms);
        let mut begins = begins.into_iter().peekable();
        if self.plan.waits_for_ready {
            self.hands.set_downward("ready", "READY");
        }
        while deeds.peek().is_some() || begins.peek().is_some() {
            let now = self.begun.elapsed().as_millis();
            while let Some(step) =
                begins.next_if(|step| u128::from(self.plan.steps[*step].starts_at_ms) <= now)
            {
                self.start(step);
            }
            while let Some((_, deed)) = deeds.next_if(|(at, _)| u128::from(*at) <= now) {
                self.perform(deed);
            }
            self.tend();
            if self.has_ended() && begins.peek().is_none() {
                break;
            }
            pause(TICK);
        }
        self.drain();
        self.record(boot, reader)
    }

    fn start(&mut self, step: usize) {
        self.log.note(&format!("start {step}"));
        let child = self.command(step).spawn().unwrap();
        self.steps[step].child = Some(child);
    }

    fn command(&self, step: usize) -> Command {
        let plan = &self.plan.steps[step];
        let places = &self.places;
        let prefix = if events_can_go() { without_events(plan.events) } else { Vec::new() };
        let mut words = prefix;
        words.push(self.sandbox.program().to_str().unwrap().to_owned());
        let path = |path: &Path| path.to_str().unwrap().to_owned();
        let awaited = step.checked_sub(1).map(|before| path(&places.post(before)));
        let ready = self.plan.waits_for_ready.then(|| path(&places.downward().join("ready")));
        if let Some(awaited) = awaited {
            words.extend(["-wait_file".into(), awaited]);
        } else if let Some(ready) = ready {
            words.extend(["-wait_file".into(), ready, "-wait_file_content".into()]);
        }
        words.extend(["-post_file".into(), path(&places.post(step))]);
        words.extend(["-termination_path".into(), path(&places.termination(step))]);
        words.extend(["-step_metadata_dir".into(), path(&places.meta(step))]);
        words.extend(["-step_name".into(), format!("step-{step}")]);
        words.extend(["-control_dir".into(), path(&places.control(Place::Control))]);
        words.extend(plan.flags.iter().cloned());
        let program = if plan.command[0] == "missing" { "/nonexistent/program" } else { "/bin/sh" };
        words.extend(["-entrypoint".into(), program.into(), "--".into()]);
        words.push(path(&places.command()));
        words.extend(plan.command.iter().cloned());
        let earlier: Vec<_> = (0..step).map(|earlier| path(&places.post(earlier))).collect();
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        command.env(ROOT, self.sandbox.root()).env(STEP, step.to_string());
        command.env("STEP", step.to_string()).env("CHAOS_EARLIER", earlier.join(" "));
        command.env("CHAOS_LOG", places.log()).env("CHAOS_BENCH", places.bench());
        command.env("CHAOS_RESULTS", places.meta(step).join("results"));
        let stderr = fs::File::create(places.stderr(step)).unwrap();
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(stderr).process_group(0);
        command
    }

    fn perform(&mut self, deed: &Deed) {
        match deed {
            Deed::Kill(step) => self.signal(*step, "kill", Signal::SIGKILL),
            Deed::Stop(step) => self.signal(*step, "stop", Signal::SIGSTOP),
            Deed::Continue(step) => self.signal(*step, "continue", Signal::SIGCONT),
            Deed::Send(step, signal) => self.signal(*step, "send", *signal),
            Deed::Mark { place, kind, text, manner } => {
                self.hands.mark(&self.log, *place, kind, text, *manner);
            }
            Deed::Unmark { place, kind } => self.hands.unmark(&self.log, *place, kind),
            Deed::Request { step, ending, text, manner } => {
                self.log.note(&format!("request {step} {ending} {manner:?}"));
                self.hands.write(&self.places.beside(*step, ending), text, *manner, None);
            }
            Deed::Verb { step, words } => self.hands.ask(&self.log, *step, words),
            Deed::Fill => self.fill(),
            Deed::Free => self.free(),
        }
    }

    /// Only a step that has begun to speak is touched: before that, a death is a late start.
    fn signal(&mut self, step: usize, word: &str, signal: Signal) {
        let Some(child) = &self.steps[step].child else { return };
        if self.places.has(step, ".alive") {
            self.log.note(&format!("{word} {step} {signal}"));
            let _ = kill(Pid::from_raw(child.id().try_into().unwrap()), signal);
        }
    }

    fn fill(&self) {
        if self.disk.is_some() {
            self.log.note("fill");
            let filler = fs::File::create(self.places.disk().join("filler")).unwrap();
            while std::io::Write::write_all(&mut &filler, &[0; 4096]).is_ok() {}
        }
    }

    fn free(&self) {
        if fs::remove_file(self.places.disk().join("filler")).is_ok() {
            self.log.note("free");
        }
    }

    /// Does what is due by itself: reaps, and finishes what is half written.
    fn tend(&mut self) {
        self.hands.tend(&self.log);
        for (step, slot) in self.steps.iter_mut().enumerate() {
            let Some(child) = &mut slot.child else { continue };
            if let Some(end) = child.try_wait().unwrap() {
                let code = end.code().or_else(|| Some(-end.signal()?)).unwrap_or_default();
                slot.posted_at_end = self.places.has(step, "") || self.places.has(step, ".err");
                self.log.note(&format!("ended {step} {code}"));
                (slot.child, slot.end) = (None, Some(end));
            }
        }
    }

    fn has_ended(&self) -> bool {
        self.steps.iter().all(|slot| slot.end.is_some())
    }

    fn drain(&mut self) {
        self.log.note("drain");
        self.free();
        (0..self.steps.len()).for_each(|step| self.signal(step, "continue", Signal::SIGCONT));
        let begun = Instant::now();
        let mut next_look = begun;
        let mut may_be_paused = true;
        while !(self.has_ended() && self.hands.are_idle()) && begun.elapsed() < PATIENCE {
            self.tend();
            if self.hands.are_idle() && std::mem::take(&mut may_be_paused) {
                self.hands.end_pauses(&self.log, self.steps.len());
            }
            if Instant::now() >= next_look {
                (0..self.steps.len()).for_each(|step| self.end_hold(step));
                next_look = Instant::now() + HOLD_LOOK;
            }
            pause(TICK);
        }
    }

    fn end_hold(&self, step: usize) {
        if self.steps[step].child.is_none() {
            return;
        }
        let file = match self.state(step)["phase"].as_str() {
            Some("held-before") => ".beforestepexit",
            Some("held-failed" | "held-after") => ".breakpointexit",
            _ => return,
        };
        if !self.places.has(step, file) {
            self.log.note(&format!("request {step} {file}"));
            self.hands.write_whole(&self.places.beside(step, file), "0\n");
        }
    }

    fn state(&self, step: usize) -> Value {
        let text = fs::read(self.places.beside(step, ".state")).unwrap_or_default();
        serde_json::from_slice(&text).unwrap_or_default()
    }

    fn record(mut self, boot: f64, reader: Reader) -> Record {
        let seen = reader.end();
        let left = |step: usize| processes::of(self.sandbox.root(), Some(&step.to_string()));
        let mut record = Record::read(self.plan.clone(), &self.places, boot, seen);
        record.had_full_disk = self.disk.is_some();
        record.unanswered = self.hands.unanswered();
        for (step, slot) in self.steps.iter().enumerate() {
            let own = &mut record.steps[step];
            own.end = slot.end;
            own.posted_at_end = slot.posted_at_end;
            own.left = left(step).into_iter().map(described).collect();
        }
        processes::end_all(self.sandbox.root());
        for child in self.steps.iter_mut().filter_map(|slot| slot.child.as_mut()) {
            let _ = child.kill();
            let _ = child.wait();
        }
        record
    }
}

/// A process that should not be there, and where each of its threads is in the kernel.
fn described(pid: Pid) -> String {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let places = tasks.map(|task| {
        let part = |name| fs::read_to_string(task.path().join(name)).unwrap_or_default();
        let (name, place, call) = (part("comm"), part("wchan"), part("syscall"));
        format!("{} in {} ({})", name.trim(), place.trim(), call.trim())
    });
    format!("{} [{}]", processes::describe(pid), places.collect::<Vec<_>>().join(", "))
}

/// Lets the others work.
#[allow(clippy::disallowed_methods, reason = "what is looked for has no event to wait for")]
pub(super) fn pause(length: Duration) {
    std::thread::sleep(length); // why: faults come at their moments
}
