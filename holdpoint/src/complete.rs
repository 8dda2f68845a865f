//! What may be typed next: the words of the command line, and names from the cluster that the words
//! until then name. Shells ask through a script that [`register`] prints, kubectl by starting this
//! program as `kubectl_complete-holdpoint` with the words as arguments.

mod names;

use std::env;
use std::ffi::{OsStr, OsString};
use std::io::{self, Write as _};
use std::path::Path;

use clap::{Arg, Command, CommandFactory as _, ValueEnum as _};
use clap_complete::engine::{ArgValueCompleter, complete};
use clap_complete::env::{Bash, EnvCompleter, Fish, Zsh};

use crate::args::{Arguments, Shell};
use crate::error::Error;
use crate::exit::Exit;
use names::Asked;

/// The variable in which a shell's script names the shell.
const VARIABLE: &str = "HOLDPOINT_COMPLETE";

/// The name that kubectl gives to what completes a plugin's words.
const FOR_KUBECTL: &str = "kubectl_complete-holdpoint";

/// To kubectl: these are all, files are none of them (the directives of the library cobra).
const NO_FILES: &str = ":4";

/// Answers a shell or kubectl, where it is one that asks.
pub fn answer(arguments: &[OsString]) -> Option<Result<Exit, Error>> {
    let program = arguments.first().and_then(|word| Path::new(word).file_name());
    if program == Some(OsStr::new(FOR_KUBECTL)) {
        return Some(print(&for_kubectl(&arguments[1..])));
    }
    let shell = env::var_os(VARIABLE).filter(|shell| !shell.is_empty())?;
    Some(for_shell(&shell, arguments))
}

/// Prints the script that lets a shell ask.
///
/// # Errors
/// It cannot be printed.
pub fn register(shell: Shell) -> Result<Exit, Error> {
    let name = "holdpoint";
    let mut script = Vec::new();
    let written = adapter(shell).write_registration(VARIABLE, name, name, name, &mut script);
    written.map_err(Error::system("cannot write the script"))?;
    print(&String::from_utf8_lossy(&script))
}

/// How a shell is spoken to.
fn adapter(shell: Shell) -> &'static dyn EnvCompleter {
    match shell {
        Shell::Bash => &Bash,
        Shell::Zsh => &Zsh,
        Shell::Fish => &Fish,
    }
}

fn for_shell(shell: &OsStr, arguments: &[OsString]) -> Result<Exit, Error> {
    let named = Shell::from_str(&shell.to_string_lossy(), false);
    let Ok(shell) = named.map(adapter) else {
        let problem = format!("{VARIABLE}={}: it is bash, zsh or fish", shell.display());
        return Err(Error::Usage(problem));
    };
    // Behind the first `--` stands what was typed.
    let typed = arguments.iter().position(|word| word == "--").map_or(arguments.len(), |at| at + 1);
    let words = arguments[typed..].to_vec();
    let mut answer = Vec::new();
    let folder = env::current_dir().ok();
    let mut command = command(&words);
    // Where nothing can follow, nothing is said.
    let _ = shell.write_complete(&mut command, words, folder.as_deref(), &mut answer);
    print(&String::from_utf8_lossy(&answer))
}

/// A candidate a line, with what it is behind a tab, and the directive.
fn for_kubectl(words: &[OsString]) -> String {
    let words: Vec<_> = [OsString::from("holdpoint")].into_iter().chain(words.to_vec()).collect();
    let folder = env::current_dir().ok();
    let last = words.len() - 1;
    let found = complete(&mut command(&words), words, last, folder.as_deref()).unwrap_or_default();
    let line = |candidate: &clap_complete::CompletionCandidate| {
        let value = candidate.get_value().to_string_lossy().into_owned();
        let help = candidate.get_help().map(|help| help.to_string());
        match help.as_deref().and_then(|help| help.lines().next()) {
            Some(help) => format!("{value}\t{help}\n"),
            None => format!("{value}\n"),
        }
    };
    found.iter().map(line).collect::<String>() + NO_FILES + "\n"
}

fn print(text: &str) -> Result<Exit, Error> {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Error::system("cannot print")(error))
        }
        _ => Ok(Exit::Success),
    }
}

/// The command line, with where names come from.
fn command(words: &[OsString]) -> Command {
    let (before, current) = match words {
        [before @ .., current] => (before, current.is_empty()),
        [] => (words, true),
    };
    let asked = Asked::of(before);
    let mut command = Arguments::command();
    command.build();
    command.mut_subcommands(|command| {
        let asked = asked.clone();
        command.mut_args(move |arg| with_names(arg, &asked, current))
    })
}

fn with_names(arg: Arg, asked: &Asked, nothing_typed: bool) -> Arg {
    let find = match arg.get_id().as_str() {
        "words" => Asked::targets,
        "step" => Asked::steps,
        "namespace" => Asked::namespaces,
        "context" => Asked::contexts,
        "run" => Asked::runs,
        // Names before flags: flags are shown once a dash is typed, or where there is nothing else.
        _ if nothing_typed && !arg.is_positional() => return arg.hide(true),
        _ => return arg,
    };
    let asked = asked.clone();
    let arg = if nothing_typed && !arg.is_positional() { arg.hide(true) } else { arg };
    arg.add(ArgValueCompleter::new(move |current: &OsStr| {
        let current = current.to_string_lossy();
        names::candidates(find(&asked, &current), &current)
    }))
}
