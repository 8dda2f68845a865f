//! The last moment before a process becomes a step: it enters the run's view, goes to the step's
//! folder, and makes sure that it does not outlive the run.

use std::ffi::OsString;
use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;

use super::folder::RunFolder;
use crate::error::Error;

/// The hidden first word of the command line that gets here.
pub const WORD: &str = "start-in-view";

/// A command that starts `program` as a step of the run sees it.
pub fn command(run: &RunFolder, folder: &Path, program: &[OsString]) -> std::io::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg(WORD).arg(run.path()).arg(folder).args(program);
    Ok(command)
}

/// Becomes the program that the arguments name: the run's folder, the folder to start in, the
/// program and its arguments. Returns only where that fails.
pub fn become_program(arguments: &[OsString]) -> Error {
    let [run, folder, program, rest @ ..] = arguments else {
        return Error::Usage(format!("`{WORD}` needs a run, a folder and a program"));
    };
    match prepare(Path::new(run), &PathBuf::from(folder)) {
        Err(error) => error,
        Ok(()) => Error::file(Path::new(program), Command::new(program).args(rest).exec()),
    }
}

fn prepare(run: &Path, folder: &Path) -> Result<(), Error> {
    let view = RunFolder::at(run).view()?;
    view.enter().map_err(Error::View)?;
    let _ = fs::create_dir_all(folder);
    std::env::set_current_dir(folder)
        .map_err(|source| Error::WorkingDir { path: folder.to_owned(), source })?;
    // Only now: a change of the user namespace takes it back.
    set_pdeathsig(Signal::SIGTERM).map_err(|error| Error::View(error.into()))
}
