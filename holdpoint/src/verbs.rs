//! The verbs from another terminal: finds the run and the step, and lets the carried entrypoint ask
//! (contract 2.7). Its output and exit code are passed on.

use std::io;

use entrypoint::state::Phase;

use crate::args::{Output, VerbArguments};
use crate::error::Error;
use crate::exit::Exit;
use crate::run::carried;
use crate::run::folder::{Record, RunFolder};

/// Asks something of a step, by the verb's name; `command` is what a retry runs instead.
pub fn ask(verb: &str, arguments: &VerbArguments, command: &[String]) -> Result<Exit, Error> {
    let (folder, record) = live_run(arguments.run.as_deref())?;
    let index = step(&folder, &record, arguments.step.as_deref())?;
    let answer = || -> io::Result<_> {
        let mut asking = carried::verb(&folder, index, verb)?;
        asking.args(["--wait", &arguments.wait]);
        if arguments.output == Output::Json {
            asking.args(["-o", "json"]);
        }
        if !command.is_empty() {
            asking.arg("--").args(command);
        }
        asking.status()
    };
    let status = answer().map_err(Error::system("cannot ask the step"))?;
    match status.code().map(u8::try_from) {
        Some(Ok(0)) => Ok(Exit::Success),
        Some(Ok(code)) => Ok(Exit::Code(code)),
        _ => Err(Error::Usage(format!("the answer is lost: {verb} ended with {status}"))),
    }
}

/// The run of this id, or the newest one, as long as it is live.
fn live_run(id: Option<&str>) -> Result<(RunFolder, Record), Error> {
    let mut live = RunFolder::live()?.into_iter();
    let found = live.find(|(_, record)| id.is_none_or(|id| record.run == id));
    found.ok_or_else(|| {
        Error::NoRun(match id {
            Some(id) => format!("no run `{id}` is live; without --run the newest one is taken"),
            None => "no run is live; start one with `holdpoint run FILE`".to_owned(),
        })
    })
}

/// The step of this name; without one the step that is held, else the first that is not finished.
fn step(folder: &RunFolder, record: &Record, name: Option<&str>) -> Result<usize, Error> {
    if let Some(name) = name {
        let names = || record.steps.join(", ");
        return record.steps.iter().position(|step| step == name).ok_or_else(|| {
            Error::Usage(format!("--step {name}: the steps of {} are {}", record.run, names()))
        });
    }
    let phase = |index: &usize| folder.state(*index).map(|state| state.phase);
    let mut steps = 0..record.steps.len();
    let held = steps.clone().find(|index| phase(index).is_some_and(Phase::is_held));
    let next = held.or_else(|| steps.find(|index| phase(index) != Some(Phase::Finished)));
    Ok(next.unwrap_or(record.steps.len().saturating_sub(1)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    fn run_with(phases: &[&str]) -> (tempfile::TempDir, RunFolder, Record) {
        let home = tempfile::tempdir().unwrap();
        let folder = RunFolder::at(home.path());
        for (index, phase) in phases.iter().enumerate() {
            std::fs::create_dir_all(folder.step(index)).unwrap();
            let state = serde_json::json!({
                "step": "", "phase": phase, "reason": null, "message": "", "attempt": 1,
                "exitCode": null, "pid": null, "startedAt": null, "since": "", "waitingFor": null,
                "deadline": null, "markers": [], "requests": [],
            });
            folder.put(index, "out.state", &state.to_string()).unwrap();
        }
        let names = (0..phases.len()).map(|index| format!("s{index}")).collect();
        (home, folder, Record::new("run-1", "run", names))
    }

    #[test]
    fn the_held_step_is_spoken_to_unless_another_is_named() {
        let (_home, folder, record) = run_with(&["finished", "running", "held-failed"]);
        assert_eq!(step(&folder, &record, None).unwrap(), 2);
        assert_eq!(step(&folder, &record, Some("s0")).unwrap(), 0);
        let (_home, folder, record) = run_with(&["finished", "running", "waiting"]);
        assert_eq!(step(&folder, &record, None).unwrap(), 1);
        let (_home, folder, record) = run_with(&["finished", "finished"]);
        assert_eq!(step(&folder, &record, None).unwrap(), 1);
    }

    #[test]
    fn a_step_that_is_not_there_is_said_with_those_that_are() {
        let (_home, folder, record) = run_with(&["running", "waiting"]);
        let error = step(&folder, &record, Some("s7")).unwrap_err().to_string();
        assert_eq!(error, "--step s7: the steps of run-1 are s0, s1");
    }
}
