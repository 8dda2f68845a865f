//! The step entrypoint that this binary carries inside.

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::{Command, ExitCode};

use entrypoint::Setup;
use entrypoint::paths::Paths;

use super::folder::RunFolder;

/// The hidden first word of the command line of an entrypoint whose `/tekton` is in a run's folder.
const WORD: &str = "entrypoint-of-step";

/// Where steps with a view of their own find the entrypoint.
pub const INSTALLED: &str = "/tekton/bin/entrypoint";

/// Is the entrypoint where the command line asks for it, and gives the code to exit with.
pub fn entrypoint(arguments: &[OsString]) -> Option<ExitCode> {
    let (paths, arguments) = match arguments {
        [_, word, root, rest @ ..] if word == OsStr::new(WORD) => {
            (Paths::under(Path::new(root)), rest)
        }
        [me, rest @ ..] if Path::new(me).file_name() == Some(OsStr::new("entrypoint")) => {
            (Paths::installed(), rest)
        }
        _ => return None,
    };
    let setup = Setup { paths, program: "holdpoint".to_owned() };
    let code = entrypoint::main(arguments.to_vec(), &setup);
    Some(ExitCode::from(u8::try_from(code).unwrap_or(1)))
}

/// The words that start it outside of any view, for the run in this folder.
pub fn program(run: &RunFolder) -> std::io::Result<Vec<OsString>> {
    let me = std::env::current_exe()?;
    Ok(vec![me.into(), WORD.into(), run.path().into()])
}

/// A command that asks something of a step of the run, from the outside.
pub fn verb(run: &RunFolder, index: usize, verb: &str) -> std::io::Result<Command> {
    let program = program(run)?;
    let mut command = Command::new(&program[0]);
    command.args(&program[1..]).arg(verb).arg("-post_file").arg(run.post(index, ""));
    Ok(command)
}
