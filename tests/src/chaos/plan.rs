//! What happens in a run, all of it from its seed: the steps, and what is done to them when.

use std::fmt;

use nix::sys::signal::Signal;

use crate::random::Random;

/// A run before it begins.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) seed: u64,
    pub(super) layout: Layout,
    /// Whether the run folders are on a disk that can be filled.
    pub(super) small_disk: bool,
    /// Whether the first step waits for `downward/ready`.
    pub(super) waits_for_ready: bool,
    pub(super) steps: Vec<StepPlan>,
    /// In the order of time.
    pub(super) deeds: Vec<(u64, Deed)>,
}

/// Where post files are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// `run/N/out`, as Tekton has them.
    Tekton,
    /// `tools/N`, as in TEP-0042.
    Flat,
}

#[derive(Clone, Debug)]
pub(super) struct StepPlan {
    pub(super) flags: Vec<String>,
    pub(super) finally: bool,
    pub(super) debugged: bool,
    /// The words behind the script that every command is.
    pub(super) command: Vec<String>,
    pub(super) starts_at_ms: u64,
    pub(super) events: Events,
}

/// What a step gets of inotify.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Events {
    All,
    /// So many watches.
    Watches(u64),
    /// No instance.
    Nothing,
}

/// Something that is done to a run.
#[derive(Clone, Debug)]
pub(super) enum Deed {
    Kill(usize),
    Stop(usize),
    Continue(usize),
    Send(usize, Signal),
    Mark { place: Place, kind: &'static str, text: String, manner: Manner },
    Unmark { place: Place, kind: &'static str },
    Request { step: usize, ending: &'static str, text: String, manner: Manner },
    Verb { step: usize, words: Vec<String> },
    Fill,
    Free,
}

/// A control folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    /// The folder of this step's post file.
    Own(usize),
    Downward,
    /// The folder of `-control_dir`.
    Control,
}

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    /// Beside its place, then renamed.
    Renamed,
    /// Beside its place, then linked, and the other name taken away.
    Linked,
    /// In its place, at once.
    AtOnce,
    /// In its place, half of it, and the rest so many milliseconds later.
    Slowly(u64),
}

pub(super) const MARKERS: [&str; 7] =
    ["pause", "resume", "stop-finally", "cancel-finally", "abort", "cancel", "breakpoint"];

/// Within this time everything is done that is done to a run.
const BUSY_MS: u64 = 700;

impl Plan {
    pub(super) fn of(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let random = &mut random;
        let layout = *random.pick(&[Layout::Tekton, Layout::Tekton, Layout::Flat]);
        let small_disk = random.chance(20);
        let count = random.index(7) + 2;
        let steps: Vec<_> = (0..count).map(|_| StepPlan::random(random)).collect();
        let mut deeds = Vec::new();
        for _ in 0..random.between(0, 8) {
            // More of it early: most steps wait, and what comes early can still act on all of them.
            let latest = random.between(1, BUSY_MS);
            let at = random.below(latest);
            add_deed(random, count, at, &mut deeds);
        }
        if small_disk {
            let at = random.below(BUSY_MS);
            deeds.push((at, Deed::Fill));
            deeds.push((at + random.between(20, 300), Deed::Free));
        }
        deeds.sort_by_key(|(at, _)| *at);
        let waits_for_ready = random.chance(50);
        Self { seed, layout, small_disk, waits_for_ready, steps, deeds }
    }
}

impl StepPlan {
    fn random(random: &mut Random) -> Self {
        let (finally, debugged) = (random.chance(25), random.chance(25));
        let mut flags = Vec::new();
        let mut flag = |given: bool, flag: String| flags.extend(given.then_some(flag));
        flag(finally, "-finally".into());
        flag(debugged, "-breakpoint_on_failure".into());
        flag(random.chance(6), "-debug_before_step".into());
        flag(random.chance(6), "-debug_after_step".into());
        flag(random.chance(20), "-on_error=continue".into());
        flag(random.chance(20), format!("-timeout={}ms", random.between(5, 200)));
        flag(true, format!("-kill_grace={}ms", random.between(0, 150)));
        flag(random.chance(10), format!("-wait_timeout={}ms", random.between(50, 1500)));
        flag(random.chance(25), format!("-breakpoint_timeout={}ms", random.between(20, 600)));
        flag(random.chance(5), r#"-when_expressions=[{"cel":"1 == 2"}]"#.into());
        flag(random.chance(3), r#"-when_expressions=[{"cel":"1 +"}]"#.into());
        flag(random.chance(30), "-step_results=r".into());
        flag(random.chance(10), "-compress_termination_message".into());
        let starts_at_ms = match random.below(10) {
            0 => random.between(200, 900),
            1..4 => random.below(100),
            _ => 0,
        };
        let events = match random.below(12) {
            0 => Events::Nothing,
            1 => Events::Watches(random.below(4)),
            _ => Events::All,
        };
        let command = random_command(random);
        Self { flags, finally, debugged, command, starts_at_ms, events }
    }
}

fn random_command(random: &mut Random) -> Vec<String> {
    let (word, value) = match random.below(20) {
        0..6 => ("exit", 0),
        6..9 => ("exit", random.between(1, 255)),
        9..13 => ("sleep", random.between(1, 30) * 10),
        13 => ("stubborn", 0),
        14 => ("children", random.below(2)),
        15..18 => ("result", *random.pick(&[0, 1, 900, 3500, 5000, 70_000])),
        18 => ("killed", *random.pick(&[9, 15, 6])),
        _ => ("missing", 0),
    };
    vec![word.to_owned(), value.to_string()]
}

fn add_deed(random: &mut Random, steps: usize, at: u64, deeds: &mut Vec<(u64, Deed)>) {
    let step = random.index(steps);
    match random.below(20) {
        0..3 => deeds.push((at, Deed::Kill(step))),
        3..5 => {
            deeds.push((at, Deed::Stop(step)));
            deeds.push((at + random.between(5, 400), Deed::Continue(step)));
        }
        5 => {
            let signal = *random.pick(&[Signal::SIGTERM, Signal::SIGINT, Signal::SIGQUIT]);
            deeds.push((at, Deed::Send(step, signal)));
        }
        6..12 => mark(random, steps, at, deeds),
        12..15 => {
            let (ending, text) = random_request(random);
            let manner = random_manner(random);
            deeds.push((at, Deed::Request { step, ending, text, manner }));
        }
        15 => {
            // Several hands at once.
            for _ in 0..random.between(2, 4) {
                deeds.push((at, Deed::Verb { step, words: random_verb(random, steps) }));
            }
        }
        _ => deeds.push((at, Deed::Verb { step, words: random_verb(random, steps) })),
    }
}

fn mark(random: &mut Random, steps: usize, at: u64, deeds: &mut Vec<(u64, Deed)>) {
    let place = match random.below(10) {
        0 | 1 => Place::Downward,
        2 => Place::Control,
        _ => Place::Own(random.index(steps)),
    };
    let kind = *random.pick(&MARKERS);
    let text = match kind {
        "breakpoint" => random_breakpoint(random, steps),
        _ => random.pick(&["", "wrong branch", "a reason\nof two lines"]).to_string(),
    };
    let text = if place == Place::Downward { format!("{text}!") } else { text };
    let manner = random_manner(random);
    deeds.push((at, Deed::Mark { place, kind, text, manner }));
    if random.chance(40) {
        deeds.push((at + random.between(1, 300), Deed::Unmark { place, kind }));
    }
}

fn random_manner(random: &mut Random) -> Manner {
    match random.below(5) {
        0 => Manner::Renamed,
        1 => Manner::Linked,
        2 => Manner::Slowly(random.between(1, 250)),
        _ => Manner::AtOnce,
    }
}

fn random_breakpoint(random: &mut Random, steps: usize) -> String {
    let step = random.index(steps);
    random
        .pick(&[
            "on-failure".to_owned(),
            format!("before:step-{step}"),
            format!("after:step-{step},on-failure"),
            "off".to_owned(),
        ])
        .clone()
}

fn random_request(random: &mut Random) -> (&'static str, String) {
    let (ending, text) = *random.pick(&[
        (".cancel", ""),
        (".cancel", r#"{"id":"c","by":"a person","reason":"enough"}"#),
        (".skip", "not today"),
        (".retry", ""),
        (".retry", r#"{"id":"r","command":["/bin/true"]}"#),
        (".retry", r#"{"command": nonsense"#),
        (".extend", "300ms"),
        (".extend", "for ever"),
        (".breakpointexit", "0"),
        (".breakpointexit", "17\n"),
        (".breakpointexit.err", ""),
        (".beforestepexit", ""),
        (".beforestepexit.err", ""),
    ]);
    (ending, text.to_owned())
}

fn random_verb(random: &mut Random, steps: usize) -> Vec<String> {
    let verbs = [
        "continue",
        "fail-continue",
        "breakpointexit",
        "fail",
        "before-continue",
        "before-fail",
        "retry",
        "retry -- /bin/true",
        "skip",
        "cancel",
        "extend 300ms",
        "pause a look",
        "resume",
        "stop-finally enough",
        "cancel-finally",
        "abort",
        "cancel-run",
        "status",
        "probe",
    ];
    let mut words: Vec<_> = random.pick(&verbs).split(' ').map(str::to_owned).collect();
    if random.chance(5) {
        words = vec!["breakpoint".to_owned(), random_breakpoint(random, steps)];
    }
    words
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let disk = if self.small_disk { ", on a small disk" } else { "" };
        let ready = if self.waits_for_ready { ", waits for ready" } else { "" };
        writeln!(f, "seed {}: {:?}{disk}{ready}", self.seed, self.layout)?;
        for (index, step) in self.steps.iter().enumerate() {
            let (at, command) = (step.starts_at_ms, step.command.join(" "));
            let (flags, events) = (step.flags.join(" "), step.events);
            writeln!(f, "  step {index}: `{command}`, at {at} ms, {flags}, events {events:?}")?;
        }
        for (at, deed) in &self.deeds {
            writeln!(f, "  {at:>4} ms: {deed:?}")?;
        }
        Ok(())
    }
}
