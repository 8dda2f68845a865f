//! The command line `holdpoint`: runs a Task on this machine and talks to held runs.
//!
//! The same binary carries the step entrypoint, so that nothing has to be installed: what it is
//! asked to be stands in the first words of its command line.

pub mod args;
pub mod cluster;
pub mod complete;
pub mod error;
pub mod exit;
pub mod inject;
pub mod install;
pub mod list;
pub mod plan;
pub mod program;
pub mod run;
pub mod table;
pub mod task;
pub mod terminal;
pub mod verbs;

use std::ffi::{OsStr, OsString};
use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;

use args::{Arguments, Command, VerbArguments};
use error::Error;
use exit::Exit;
use program::Program;
use run::{carried, launch};

/// Does what the command line says and gives the code to exit with.
pub fn main(arguments: Vec<OsString>) -> ExitCode {
    if let Some(code) = carried::entrypoint(&arguments) {
        return code;
    }
    if let [_, word, rest @ ..] = arguments.as_slice()
        && word == OsStr::new(launch::WORD)
    {
        return Exit::from(Err(launch::become_program(rest))).into();
    }
    if let Some(outcome) = complete::answer(&arguments) {
        return Exit::from(outcome).into();
    }
    let program = Program::of(arguments.first().map(OsString::as_os_str));
    let outcome = match Arguments::read(arguments, program) {
        Ok(arguments) => perform(program, arguments.command),
        Err(error) => Err(Error::Arguments(error)),
    };
    Exit::from(outcome).into()
}

fn perform(program: Program, command: Command) -> Result<Exit, Error> {
    match command {
        Command::Run(arguments) => run::run(arguments),
        Command::List(arguments) if arguments.speaks_to_a_cluster(program) => {
            cluster::list(program, &arguments)
        }
        Command::List(arguments) => list::list(&arguments),
        Command::Attach(arguments) => cluster::attach(program, &arguments),
        Command::Logs(arguments) => cluster::logs(program, &arguments.target, &arguments),
        Command::Inject(arguments) => inject::inject(&arguments),
        Command::Install(arguments) => install::install(&arguments),
        Command::Completion(arguments) => complete::register(arguments.shell),
        Command::Verb(arguments) => match (&arguments.target, program) {
            (Some(target), _) => cluster::ask(program, target, &arguments),
            (None, Program::Plugin) => Err(no_target(&arguments)),
            (None, Program::Holdpoint) => verbs::ask(&arguments),
        },
    }
}

/// The plugin speaks to clusters, so that nobody takes a run on this machine for one of a cluster.
fn no_target(arguments: &VerbArguments) -> Error {
    let [name, ..] = arguments.word.help();
    Error::Usage(format!(
        "{name} needs a target: `kubectl holdpoint {name} @latest` for the newest live run, or one that \
         `kubectl holdpoint list` shows, such as pod/NAME; `holdpoint {name}` speaks to a run on this \
         machine"
    ))
}

/// Prints a line on stdout.
fn print(line: &str) -> Result<(), Error> {
    print_text(&format!("{line}\n"))
}

/// Prints lines on stdout. A reader that is gone has read enough.
fn print_text(text: &str) -> Result<(), Error> {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Error::system("cannot print")(error))
        }
        _ => Ok(()),
    }
}

/// Says something beside what is printed, on stderr.
fn say(line: &str) {
    let _ = writeln!(io::stderr(), "holdpoint: {line}");
}

/// Tells the next useful command beside what is printed, on stderr.
fn hint(next: &str) {
    let _ = writeln!(io::stderr(), "next: {next}");
}

/// The last part of a path, for messages and names.
fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}
