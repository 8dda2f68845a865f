//! The verbs from another terminal: finds the run and the step, and becomes the carried entrypoint
//! that asks (contract 2.7). Its output and exit code are those of the verb.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;
use std::{fs, io};

use debug_scripts::{Tool, Word};
use entrypoint::state::Phase;
use entrypoint::verb::Answer;

use crate::args::{Print, VerbArguments};
use crate::error::Error;
use crate::exit::Exit;
use crate::run::folder::{Record, RunFolder};
use crate::run::{carried, runs};

/// Asks something of a live run. Returns only where there is nobody to be asked.
pub fn ask(arguments: &VerbArguments) -> Result<Exit, Error> {
    let Some((folder, record)) = live_run(arguments.asking.run.as_deref())? else {
        return Ok(refuse(arguments, Answer::NOBODY, no_run(arguments)));
    };
    let index = match &arguments.step {
        Some(name) => named_step(&record, name)?,
        None => match held_step(&folder, &record, arguments.word) {
            Ok(index) => index,
            Err(why) => return Ok(refuse(arguments, Answer::REJECTED, why)),
        },
    };
    Err(become_verb(&folder, &record, index, arguments))
}

/// The run that is meant, or the newest one, as long as it is live.
fn live_run(id: Option<&str>) -> Result<Option<(RunFolder, Record)>, Error> {
    let mut live = runs::live()?.into_iter();
    Ok(live.find(|(_, record)| id.is_none_or(|id| record.run == id)))
}

fn no_run(arguments: &VerbArguments) -> String {
    match &arguments.asking.run {
        Some(id) => format!("no run `{id}` is live; `holdpoint list` shows them all"),
        None => "no run is live; start one with `holdpoint run FILE`".to_owned(),
    }
}

fn refuse(arguments: &VerbArguments, code: i32, message: String) -> Exit {
    let [verb, ..] = arguments.word.help();
    let answer = Answer { code, step: None, verb, message };
    let code = answer.print(arguments.asking.output == Print::Json);
    Exit::Code(u8::try_from(code).unwrap_or(1))
}

fn named_step(record: &Record, name: &str) -> Result<usize, Error> {
    record.steps.iter().position(|step| step.name == name).ok_or_else(|| {
        let names: Vec<_> = record.steps.iter().map(|step| step.name.as_str()).collect();
        let (run, names) = (&record.run, names.join(", "));
        Error::Usage(format!("--step {name}: the steps of {run} are {names}"))
    })
}

/// The step that is held, or any where the word speaks to the whole run; else why there is none.
fn held_step(folder: &RunFolder, record: &Record, word: Word) -> Result<usize, String> {
    let phase = |index| folder.state(index).map_or(Phase::Waiting, |state| state.phase);
    let phases: Vec<_> = (0..record.steps.len()).map(phase).collect();
    let waits = |phase: Phase| match word {
        Word::Tool(Tool::Probe) => phase.is_held() || phase == Phase::Paused,
        _ => phase.is_held(),
    };
    let held: Vec<_> = (0..phases.len()).filter(|index| waits(phases[*index])).collect();
    match (held.as_slice(), word) {
        ([index], _) => Ok(*index),
        (_, Word::Run(_) | Word::Tool(Tool::Status)) | ([], Word::Tool(Tool::Probe)) => Ok(0),
        _ => {
            let how_many = if held.is_empty() { "no step is" } else { "several steps are" };
            let doing = record.steps.iter().zip(&phases);
            let doing = doing.map(|(step, phase)| format!("{}: {}", step.name, phase.word()));
            let doing = doing.collect::<Vec<_>>().join(", ");
            Err(format!("{how_many} held ({doing}); name one with --step"))
        }
    }
}

fn become_verb(
    folder: &RunFolder,
    record: &Record,
    index: usize,
    arguments: &VerbArguments,
) -> Error {
    let started = || -> Result<io::Error, Error> {
        let _kept = runs::keep(folder)?;
        Ok(command(folder, record, index, arguments)?.exec())
    };
    started().map_or_else(|error| error, Error::system("cannot ask the step"))
}

fn command(
    folder: &RunFolder,
    record: &Record,
    index: usize,
    arguments: &VerbArguments,
) -> Result<Command, Error> {
    let word = arguments.word;
    if word == Word::Tool(Tool::Shell) {
        return shell(folder, record, index);
    }
    let mut command = carried::asking(folder, Path::new("/"), index, word)?;
    if let Some(wait) = arguments.asking.wait_time() {
        command.args(["--wait", wait]);
    }
    command.args(&arguments.words);
    if arguments.asking.output == Print::Json {
        command.args(["-o", "json"]);
    }
    if arguments.watch {
        command.arg("--watch");
    }
    if !arguments.command.is_empty() {
        command.arg("--").args(&arguments.command);
    }
    Ok(command)
}

/// A shell where the step's command starts, with the environment that the step has; only the terminal
/// is this one.
fn shell(folder: &RunFolder, record: &Record, index: usize) -> Result<Command, Error> {
    let place = &record.steps[index];
    let mut shell = carried::asking(folder, &place.folder, index, Word::Tool(Tool::Shell))?;
    let terminal = std::env::var_os("TERM").map(|terminal| ("TERM", terminal));
    shell.env_clear().envs(environment_of(record.pid)?).envs(terminal);
    shell.envs(place.env.iter().map(|(name, value)| (name, value)));
    Ok(shell)
}

fn environment_of(process: u32) -> Result<Vec<(OsString, OsString)>, Error> {
    let path = Path::new("/proc").join(process.to_string()).join("environ");
    let block = fs::read(&path).map_err(|error| Error::file(&path, error))?;
    let variable = |line: &[u8]| {
        let equals = line.iter().position(|byte| *byte == b'=')?;
        let text = |bytes: &[u8]| OsStr::from_bytes(bytes).to_owned();
        Some((text(&line[..equals]), text(&line[equals + 1..])))
    };
    Ok(block.split(|byte| *byte == 0).filter_map(variable).collect())
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use crate::run::folder::Place;
    use debug_scripts::{RunVerb, Verb};

    /// A run whose steps `s0`, `s1`… are in these phases.
    pub(crate) fn run_with(phases: &[&str]) -> (tempfile::TempDir, RunFolder, Record) {
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
        let place = |index| Place { name: format!("s{index}"), ..Place::default() };
        let places = (0..phases.len()).map(place).collect();
        (home, folder, Record::new("run-1", "run", places))
    }

    fn held(phases: &[&str], word: Word) -> Result<usize, String> {
        let (_home, folder, record) = run_with(phases);
        held_step(&folder, &record, word)
    }

    #[test]
    fn the_held_step_is_spoken_to() {
        let retry = Word::Step(Verb::Retry);
        assert_eq!(held(&["finished", "running", "held-failed"], retry), Ok(2));
        for (phases, why) in [
            (
                &["finished", "running"][..],
                "no step is held (s0: finished, s1: running); name one with --step",
            ),
            (
                &["held-failed", "held-before"],
                "several steps are held (s0: held-failed, s1: held-before); name one with --step",
            ),
        ] {
            assert_eq!(held(phases, retry), Err(why.to_owned()));
        }
    }

    #[test]
    fn what_speaks_to_the_run_needs_no_held_step() {
        let (pause, status) = (Word::Run(RunVerb::Pause), Word::Tool(Tool::Status));
        let probe = Word::Tool(Tool::Probe);
        for word in [pause, status, probe] {
            assert_eq!(held(&["finished", "running"], word), Ok(0), "{word:?}");
        }
        assert_eq!(held(&["finished", "paused"], probe), Ok(1));
    }

    #[test]
    fn a_step_that_is_not_there_is_said_with_those_that_are() {
        let (_home, _folder, record) = run_with(&["running", "waiting"]);
        assert_eq!(named_step(&record, "s1").unwrap(), 1);
        let error = named_step(&record, "s7").unwrap_err().to_string();
        assert_eq!(error, "--step s7: the steps of run-1 are s0, s1");
    }

    #[test]
    fn the_environment_of_a_process_is_read_as_it_is() {
        let ours = environment_of(std::process::id()).unwrap();
        assert_eq!(ours, std::env::vars_os().collect::<Vec<_>>());
    }
}
