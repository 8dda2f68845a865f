//! The step entrypoint that this binary carries inside.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::Path;
use std::process::{Command, ExitCode};

use debug_scripts::Word;
use entrypoint::Setup;
use entrypoint::paths::Paths;

use super::folder::RunFolder;
use super::sandbox::View;
use super::{launch, view};
use crate::error::Error;

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

/// The words that start it where the steps of the run see this.
pub fn program(run: &RunFolder, view: &View) -> io::Result<Vec<OsString>> {
    Ok(match view {
        View::Private { .. } => vec![INSTALLED.into()],
        View::Host => {
            vec![std::env::current_exe()?.into(), WORD.into(), run.path().into()]
        }
    })
}

/// A command that asks something of a step, in the step's own view, as `kubectl exec` does in a pod.
///
/// What is asked of the whole run is put into the first step's folder: each step reads it, so what
/// one terminal began another one ends, whichever step has ended since.
pub fn asking(run: &RunFolder, folder: &Path, step: usize, word: Word) -> Result<Command, Error> {
    let index = if matches!(word, Word::Run(_)) { 0 } else { step };
    let view = run.view()?;
    let post = view::layout(run, &view).tekton.join("run").join(index.to_string()).join("out");
    let [name, ..] = word.help();
    let made = || -> io::Result<Command> {
        let mut words = program(run, &view)?;
        words.extend([name.into(), "-post_file".into(), post.into()]);
        launch::command(run, folder, &words)
    };
    made().map_err(Error::system("cannot find this program"))
}
