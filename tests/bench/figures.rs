//! The figures, each with its budget and the way it is measured.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use super::chain::{Chain, STEPS, pause, quiet};
use super::contestant::{Contestant, Role};
use super::options::Options;

/// What ours is held to.
#[derive(Clone, Copy)]
pub(super) enum Budget {
    /// At most so many times the floor.
    TimesFloor(f64),
    /// At most so much more than the floor.
    AboveFloor(f64),
    AtMost(f64),
    /// Printed to be looked at.
    None,
}

/// How many samples are worth their time.
enum Samples {
    One,
    Three,
    Runs,
    ManyRuns,
}

/// A figure.
pub(super) struct Figure {
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    pub(super) unit: &'static str,
    pub(super) budget: Budget,
    samples: Samples,
    /// One sample; none where the contestant cannot do it.
    pub(super) measure: fn(&Contestant, &Options) -> io::Result<Option<f64>>,
}

pub(super) const FIGURES: [Figure; 9] = [
    Figure {
        name: "hand-off",
        title: "hand-off from step to step",
        unit: "ms",
        budget: Budget::TimesFloor(2.0),
        samples: Samples::Runs,
        measure: |contestant, _| hand_off(contestant).map(Some),
    },
    Figure {
        name: "start",
        title: "start of a step around /bin/true",
        unit: "ms",
        budget: Budget::AboveFloor(1.5),
        samples: Samples::ManyRuns,
        measure: |contestant, _| start(contestant).map(Some),
    },
    Figure {
        name: "rss",
        title: "resident memory of a waiting step",
        unit: "MiB",
        budget: Budget::AtMost(2.5),
        samples: Samples::One,
        measure: |contestant, _| memory(contestant, "status", "VmRSS:").map(Some),
    },
    Figure {
        name: "pss",
        title: "the same, shared pages divided (Pss)",
        unit: "MiB",
        budget: Budget::None,
        samples: Samples::One,
        measure: |contestant, _| memory(contestant, "smaps_rollup", "Pss:").map(Some),
    },
    Figure {
        name: "wake-ups",
        title: "wake-ups of a waiting step in 10 s",
        unit: "",
        budget: Budget::AtMost(20.0),
        samples: Samples::One,
        measure: |contestant, options| wake_ups(contestant, options.watched).map(Some),
    },
    Figure {
        name: "size",
        title: "size of the binary",
        unit: "MiB",
        budget: Budget::AtMost(4.0),
        samples: Samples::One,
        measure: |contestant, _| Ok(Some(mebibytes(fs::metadata(&contestant.program)?.len()))),
    },
    Figure {
        name: "cp",
        title: "cp of the binary into a volume",
        unit: "ms",
        budget: Budget::None,
        samples: Samples::ManyRuns,
        measure: |contestant, _| with_more_than_the_floor(contestant, copy),
    },
    Figure {
        name: "throughput",
        title: "output through -stdout_path",
        unit: "GiB/s",
        budget: Budget::None,
        samples: Samples::Three,
        measure: |contestant, options| {
            with_more_than_the_floor(contestant, |it| throughput(it, options.copied_mib))
        },
    },
    Figure {
        name: "whole",
        title: "20 no-op steps, processes included",
        unit: "ms",
        budget: Budget::None,
        samples: Samples::Runs,
        measure: |contestant, _| whole(contestant).map(Some),
    },
];

impl Figure {
    pub(super) fn samples(&self, options: &Options) -> usize {
        match self.samples {
            Samples::One => 1,
            Samples::Three => options.runs.min(3),
            Samples::Runs => options.runs,
            Samples::ManyRuns => 10 * options.runs,
        }
    }
}

impl Budget {
    /// The largest figure that meets it.
    pub(super) fn limit(self, floor: Option<f64>) -> Option<f64> {
        match self {
            Self::TimesFloor(factor) => floor.map(|floor| factor * floor),
            Self::AboveFloor(more) => floor.map(|floor| floor + more),
            Self::AtMost(limit) => Some(limit),
            Self::None => None,
        }
    }
}

/// From a step's end to the next one's, the next command's fork and exec included; all wait already.
fn hand_off(contestant: &Contestant) -> io::Result<f64> {
    let mut chain = Chain::start(&contestant.program)?;
    chain.settle();
    Ok(milliseconds(chain.run()?) / STEPS as f64)
}

/// From nothing to the end of the last step.
fn whole(contestant: &Contestant) -> io::Result<f64> {
    let begun = Instant::now();
    Chain::start(&contestant.program)?.run()?;
    Ok(milliseconds(begun.elapsed()))
}

/// What a step takes more than its command alone.
fn start(contestant: &Contestant) -> io::Result<f64> {
    let folder = tempfile::tempdir()?;
    let mut step = quiet(&contestant.program);
    step.arg("-post_file").arg(folder.path().join("out"));
    step.arg("-termination_path").arg(folder.path().join("termination"));
    step.args(["-entrypoint", "/bin/true", "--"]);
    let alone = time(&mut quiet(Path::new("/bin/true")))?;
    Ok(milliseconds(time(&mut step)?) - milliseconds(alone))
}

/// The most that any waiting step of a chain takes.
fn memory(contestant: &Contestant, file: &str, field: &str) -> io::Result<f64> {
    let chain = Chain::start(&contestant.program)?;
    chain.settle();
    let kibibytes = |process| field_of(&PathBuf::from(format!("/proc/{process}/{file}")), field);
    let most = chain.processes().map(kibibytes).collect::<io::Result<Vec<_>>>()?;
    Ok(mebibytes(most.into_iter().max().unwrap_or_default() * 1024))
}

/// The most context switches of any waiting step, all its threads together.
fn wake_ups(contestant: &Contestant, watched: Duration) -> io::Result<f64> {
    let chain = Chain::start(&contestant.program)?;
    chain.settle();
    let count = || chain.processes().map(switches).collect::<io::Result<Vec<_>>>();
    let before = count()?;
    pause(watched);
    let more = count()?.into_iter().zip(before).map(|(after, before)| after - before);
    Ok(more.max().unwrap_or_default() as f64 * 10.0 / watched.as_secs_f64())
}

fn switches(process: u32) -> io::Result<u64> {
    let mut sum = 0;
    for thread in fs::read_dir(format!("/proc/{process}/task"))? {
        let status = thread?.path().join("status");
        sum += field_of(&status, "voluntary_ctxt_switches:")?;
        sum += field_of(&status, "nonvoluntary_ctxt_switches:")?;
    }
    Ok(sum)
}

fn field_of(file: &Path, field: &str) -> io::Result<u64> {
    let text = fs::read_to_string(file)?;
    let value = text.lines().find_map(|line| line.strip_prefix(field));
    let number = value.and_then(|value| value.split_whitespace().next()?.parse().ok());
    number.ok_or_else(|| io::Error::other(format!("{} has no {field}", file.display())))
}

fn copy(contestant: &Contestant) -> io::Result<f64> {
    let folder = tempfile::tempdir()?;
    let mut copy = quiet(&contestant.program);
    copy.arg("cp").arg(&contestant.program).arg(folder.path().join("entrypoint"));
    time(&mut copy).map(milliseconds)
}

/// In memory where there is a place for it, so that no disk is measured.
fn throughput(contestant: &Contestant, mib: u64) -> io::Result<f64> {
    let memory = Path::new("/dev/shm");
    let place = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
    let folder = tempfile::tempdir_in(place)?;
    let copy = folder.path().join("copy");
    let mut step = quiet(&contestant.program);
    step.arg("-post_file").arg(folder.path().join("out"));
    step.arg("-termination_path").arg(folder.path().join("termination"));
    step.arg("-stdout_path").arg(&copy);
    step.args(["-entrypoint", "dd", "--", "if=/dev/zero", "bs=1M", &format!("count={mib}")]);
    let took = time(&mut step)?;
    let copied = File::open(&copy)?.metadata()?.len();
    if copied != mib << 20 {
        return Err(io::Error::other(format!("{copied} bytes of {mib} MiB were copied")));
    }
    Ok(mib as f64 / 1024.0 / took.as_secs_f64())
}

/// The floor knows neither subcommands nor copies.
fn with_more_than_the_floor(
    contestant: &Contestant,
    measure: impl FnOnce(&Contestant) -> io::Result<f64>,
) -> io::Result<Option<f64>> {
    if contestant.role == Role::Floor { Ok(None) } else { measure(contestant).map(Some) }
}

fn time(command: &mut Command) -> io::Result<Duration> {
    let begun = Instant::now();
    let status = command.status()?;
    let took = begun.elapsed();
    if status.success() {
        Ok(took)
    } else {
        Err(io::Error::other(format!("{command:?}: {status}")))
    }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
