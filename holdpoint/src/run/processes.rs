//! The processes of a run: started together, as a pod does, and none left behind.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use nix::sys::prctl::set_child_subreaper;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::waitpid;
use nix::unistd::{Pid, getpid};
use tokio::process::{Child, ChildStdout};

use super::lines::Lines;
use super::{Run, launch, step};

/// The entrypoint of a step, and what comes out of it.
pub struct Process {
    /// The process.
    pub child: Child,
    /// What the step writes, to stdout and stderr alike, so that its order stays.
    pub lines: Lines<ChildStdout>,
}

/// Starts the entrypoints of all steps. Each is a group of its own, so that Ctrl-C reaches the run
/// alone, and the run decides.
pub fn start(run: &Run) -> io::Result<Vec<Process>> {
    set_child_subreaper(true)?;
    (0..run.plan.steps.len()).map(|index| start_step(run, index)).collect()
}

fn start_step(run: &Run, index: usize) -> io::Result<Process> {
    let (reader, writer) = io::pipe()?;
    let mut command = in_step(run, index, &run.entrypoint(index)?)?;
    command.stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer).process_group(0);
    let child = tokio::process::Command::from(command).spawn()?;
    let output = std::process::ChildStdout::from(OwnedFd::from(reader));
    Ok(Process { child, lines: Lines::new(ChildStdout::from_std(output)?) })
}

/// A command that starts `program` where the step's own starts: same view, folder, environment.
pub fn in_step(run: &Run, index: usize, program: &[OsString]) -> io::Result<Command> {
    let step = &run.plan.steps[index];
    let mut command = launch::command(&run.folder, &step::folder(step, &run.layout), program)?;
    command.envs(step.env.iter().map(|(name, value)| (name, value)));
    Ok(command)
}

/// Ends at once whatever still runs below this process, to the last.
pub fn end_all() {
    loop {
        let children = children_of(getpid()).into_iter();
        // What may not be ended, as after `sudo`, cannot be waited for either.
        let ended: Vec<_> =
            children.filter(|child| kill(*child, Signal::SIGKILL).is_ok()).collect();
        if ended.is_empty() {
            return;
        }
        for child in ended {
            let _ = waitpid(child, None);
        }
    }
}

fn children_of(parent: Pid) -> Vec<Pid> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid| parent_of(*pid) == Some(parent.as_raw()))
        .map(Pid::from_raw)
        .collect()
}

/// The fourth word of `/proc/PID/stat`; the second is in brackets and may hold anything.
fn parent_of(pid: i32) -> Option<i32> {
    let stat = fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn the_children_of_a_process_are_found() {
        let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        let pid = Pid::from_raw(i32::try_from(child.id()).unwrap());
        assert!(children_of(getpid()).contains(&pid));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!children_of(getpid()).contains(&pid));
    }
}
