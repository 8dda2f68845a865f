//! What the kernel knows of the server.

use std::fs;
use std::time::Duration;

use nix::unistd::{Pid, SysconfVar, sysconf};

/// A process that runs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Process(pub(crate) Pid);

impl Process {
    /// How long it has had a processor, in its own code and in the kernel's.
    pub(crate) fn worked(self) -> Duration {
        let stat = self.read("stat");
        // The name in brackets may hold anything; the state behind it is the third field.
        let (_, fields) = stat.rsplit_once(')').expect("a name in brackets");
        let ticks = fields.split_whitespace().skip(11).take(2).map(|it| it.parse::<u64>().unwrap());
        let per_second = sysconf(SysconfVar::CLK_TCK).ok().flatten().expect("ticks of a second");
        Duration::from_secs_f64(ticks.sum::<u64>() as f64 / per_second as f64)
    }

    /// The most memory that was ever resident, in MiB.
    pub(crate) fn largest_memory_mib(self) -> f64 {
        let status = self.read("status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
        kib.expect("a size") / 1024.0
    }

    fn read(self, file: &str) -> String {
        fs::read_to_string(format!("/proc/{}/{file}", self.0)).expect("a process that runs")
    }
}
