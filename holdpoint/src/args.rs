//! The command line: what can be typed, and the help that teaches it.

mod attach;
mod install;
mod look;
mod print;
mod reach;
mod reference;
mod verb;

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;

use clap::{ArgMatches, Args, CommandFactory as _, FromArgMatches, Parser, Subcommand, ValueEnum};
use controller_shim::{DEFAULT_IMAGE, Delivery};
use debug_scripts::Word;

use crate::program::Program;

pub use attach::AttachArguments;
pub use install::{InstallArguments, Issuer};
pub use look::{CompletionArguments, ListArguments, LogsArguments, Shell};
pub use print::Print;
pub use reach::Reach;
pub use reference::reference;
pub(crate) use verb::NAMES;
pub use verb::{Asking, By, Manner, Until, VerbArguments, Wait};

const EXAMPLES: &str = "\
Examples:
  holdpoint run task.yaml
  holdpoint run task.yaml -p version=1.2 -w source=. --breakpoint on-failure
  holdpoint run task.yaml --breakpoint before:deploy,after:build
  holdpoint retry                         (from another terminal, while a step is held)
  holdpoint pause 'look at the logs'      (before the next step begins)
  holdpoint inject -f job.yaml | kubectl apply -f -
  holdpoint install | kubectl apply -f -
  holdpoint retry tr/build                (a TaskRun of a cluster, whose step is held)
  holdpoint pause @latest -n ci           (the newest live run of a namespace)
  holdpoint list -A --held                (the runs of a cluster that wait for a person)
  holdpoint attach tr/build               (follow it, and be asked where a step is held)
  holdpoint logs pr/release -f            (what all steps of a PipelineRun write)

Exit codes:
  run:    0, or that of the first step that failed (128 + s for a signal s);
          130 after Ctrl-C; 2 where nothing could be run
  inject: 0; 3 where a pod was refused; with --diff 1 where there is a difference
  others: 0 accepted, 3 rejected, 4 nobody there to answer, 5 --timeout passed, 2 wrong usage";

const RUN_HELP: &str = "\
A step starts in /workspace unless it has a workingDir; give it folders of yours with -w. It runs as
you and sees the rest of this machine as it is, HOME included: what it changes there stays changed
(`git config --global`, `pip install`). Where the system allows no private view, /tekton and
/workspace are folders of the run, one line says so, and variables point to them.

Examples:
  holdpoint run task.yaml -p name=value -p list=a -p list=b -p 'object={\"key\":\"value\"}'
  holdpoint run task.yaml -w source=. --env CI=true
  holdpoint run - < task.yaml
  holdpoint run task.yaml --breakpoint on-failure --on-hold ./repair.sh

--on-hold finds in its environment: HOLDPOINT_RUN, HOLDPOINT_STEP, HOLDPOINT_PHASE,
HOLDPOINT_EXIT_CODE, HOLDPOINT_ATTEMPT, HOLDPOINT_LOG (all that the step has written),
HOLDPOINT_FOLDER (the step's folder, as this machine knows it), and `holdpoint` on its PATH.";

const INJECT_HELP: &str = "\
Does what the webhook of a cluster does, offline: pods that ask by the annotation
holdpoint.dev/inject: \"true\", in whatever kind has a template of pods, and in lists. Comments are
lost; nothing else but those pods changes. Where one is refused, nothing is printed on stdout.

Examples:
  holdpoint inject -f job.yaml --diff
  holdpoint inject -f job.yaml | kubectl apply -f -
  kubectl get cronjob nightly -o yaml | holdpoint inject --diff

Exit codes:
  0 all is printed, also where there was nothing to inject (one line on stderr says why);
  1 with --diff, where there is a difference; 2 no manifest; 3 a pod was refused";

/// Runs a Tekton Task on this machine, step by step, and holds it open where it fails.
#[derive(Debug, Parser)]
#[command(name = "holdpoint", version, help_template = help(), after_help = EXAMPLES)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

impl Arguments {
    /// Reads a command line, and shows help under the name that this program goes by.
    ///
    /// # Errors
    /// It cannot be, or asks for help.
    pub fn read(arguments: Vec<OsString>, program: Program) -> Result<Self, clap::Error> {
        let mut command = Self::command().bin_name(program.name());
        let mut matches = command.try_get_matches_from_mut(arguments)?;
        Self::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut command))
    }
}

/// The commands.
#[derive(Debug)]
pub enum Command {
    /// Run something here.
    Run(RunArguments),
    /// Show the runs.
    List(ListArguments),
    /// Follow a target.
    Attach(AttachArguments),
    /// Show what the steps of a target write.
    Logs(LogsArguments),
    /// Put the entrypoint into a manifest.
    Inject(InjectArguments),
    /// Print what a cluster needs.
    Install(InstallArguments),
    /// Ask something of a live run.
    Verb(VerbArguments),
    /// Print a shell's script for completion.
    Completion(CompletionArguments),
}

const RUN: [&str; 2] = ["run", "run a Task, TaskRun or Pod of a file here"];
const LIST: [&str; 2] =
    ["list", "show the runs on this machine, or with -n, -A… those of a cluster"];
const ATTACH: [&str; 2] =
    ["attach", "follow a run in a cluster as `run` shows one, and ask at holds"];
const LOGS: [&str; 2] = ["logs", "show what the steps of a target in a cluster have written"];
const COMPLETION: [&str; 2] = ["completion", "print the script by which a shell completes words"];
const STOP: [&str; 3] = [verb::STOP, "[--finally]", "the same as stop-finally"];
const INJECT: [&str; 2] = ["inject", "put the step entrypoint into the pods of a manifest"];

impl Subcommand for Command {
    fn augment_subcommands(command: clap::Command) -> clap::Command {
        let run = RunArguments::augment_args(clap::Command::new(RUN[0])).after_help(RUN_HELP);
        let list = ListArguments::augment_args(clap::Command::new(LIST[0]));
        let attach = AttachArguments::augment_args(clap::Command::new(ATTACH[0]));
        let logs = LogsArguments::augment_args(clap::Command::new(LOGS[0]));
        let completion = CompletionArguments::augment_args(clap::Command::new(COMPLETION[0]));
        let inject = InjectArguments::augment_args(clap::Command::new(INJECT[0]));
        let install = InstallArguments::augment_args(clap::Command::new(install::WORDS[0]));
        command
            .subcommand(verb::about(run, RUN[1]))
            .subcommand(verb::about(list.after_help(look::LIST_HELP), LIST[1]))
            .subcommand(verb::about(attach.after_help(attach::ATTACH_HELP), ATTACH[1]))
            .subcommand(verb::about(logs.after_help(look::LOGS_HELP), LOGS[1]))
            .subcommand(verb::about(inject.after_help(INJECT_HELP), INJECT[1]))
            .subcommand(verb::about(install.after_help(install::HELP), install::WORDS[1]))
            .subcommands(Word::all().map(verb::subcommand))
            .subcommand(verb::about(completion.after_help(look::COMPLETION_HELP), COMPLETION[1]))
    }

    fn augment_subcommands_for_update(command: clap::Command) -> clap::Command {
        Self::augment_subcommands(command)
    }

    fn has_subcommand(name: &str) -> bool {
        let own = [
            RUN[0],
            LIST[0],
            ATTACH[0],
            LOGS[0],
            INJECT[0],
            install::WORDS[0],
            COMPLETION[0],
            verb::STOP,
        ];
        own.contains(&name) || Word::named(name).is_some()
    }
}

impl FromArgMatches for Command {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Self::from_arg_matches_mut(&mut matches.clone())
    }

    fn from_arg_matches_mut(matches: &mut ArgMatches) -> Result<Self, clap::Error> {
        let (name, mut matches) = matches
            .remove_subcommand()
            .ok_or_else(|| clap::Error::new(clap::error::ErrorKind::MissingSubcommand))?;
        match Word::named(&name) {
            Some(word) => verb::from_matches(word, &mut matches).map(Self::Verb),
            None if name == LIST[0] => {
                ListArguments::from_arg_matches_mut(&mut matches).map(Self::List)
            }
            None if name == ATTACH[0] => {
                AttachArguments::from_arg_matches_mut(&mut matches).map(Self::Attach)
            }
            None if name == LOGS[0] => {
                LogsArguments::from_arg_matches_mut(&mut matches).map(Self::Logs)
            }
            None if name == COMPLETION[0] => {
                CompletionArguments::from_arg_matches_mut(&mut matches).map(Self::Completion)
            }
            None if name == INJECT[0] => {
                InjectArguments::from_arg_matches_mut(&mut matches).map(Self::Inject)
            }
            None if name == install::WORDS[0] => {
                InstallArguments::from_arg_matches_mut(&mut matches).map(Self::Install)
            }
            None => RunArguments::from_arg_matches_mut(&mut matches).map(Self::Run),
        }
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// The help of the whole, with the commands in groups.
fn help() -> String {
    let rows = |belongs: fn(&Word) -> bool| Word::all().filter(belongs).map(Word::help);
    let look = rows(|word| matches!(word, Word::Tool(_)));
    let groups = [
        group("Run", [[RUN[0], "FILE", RUN[1]]]),
        group(
            "Look",
            [
                [LIST[0], "", LIST[1]],
                [ATTACH[0], "TARGET", ATTACH[1]],
                [LOGS[0], "TARGET [-f]", LOGS[1]],
            ]
            .into_iter()
            .chain(look),
        ),
        group("At a held step", rows(|word| matches!(word, Word::Step(_)))),
        group("For the whole run", rows(|word| matches!(word, Word::Run(_))).chain([STOP])),
        group(
            "For a cluster",
            [
                [INJECT[0], "[-f FILE]", INJECT[1]],
                [install::WORDS[0], "[--policy]", install::WORDS[1]],
            ],
        ),
        group("For your shell", [[COMPLETION[0], "SHELL", COMPLETION[1]]]),
    ];
    format!(
        "{{about}}\n\n{{usage-heading}} {{usage}}\n\n{}Options:\n{{options}}{{after-help}}",
        groups.concat()
    )
}

fn group<'a>(title: &str, rows: impl IntoIterator<Item = [&'a str; 3]>) -> String {
    let line = |[name, arguments, summary]: [&str; 3]| {
        let typed = format!("{name} {arguments}");
        format!("  {typed:23} {summary}\n")
    };
    format!("{title}:\n{}\n", rows.into_iter().map(line).collect::<String>())
}

/// What to run, and how.
#[derive(Debug, Args)]
pub struct RunArguments {
    /// The file with the Task, TaskRun or Pod; `-` for standard input
    pub file: PathBuf,
    /// Give a parameter; repeat for the items of an array, JSON for an object
    #[arg(short = 'p', long = "param", value_name = "NAME=VALUE", value_parser = pair)]
    pub params: Vec<(String, String)>,
    /// Give a workspace a folder of this machine; else it gets a new one
    #[arg(short = 'w', long = "workspace", value_name = "NAME=DIR", value_parser = folder)]
    pub workspaces: Vec<(String, PathBuf)>,
    /// Set a variable of every step
    #[arg(short = 'e', long, value_name = "NAME=VALUE", value_parser = pair)]
    pub env: Vec<(String, String)>,
    /// Which Task, TaskRun or Pod of the file to run
    #[arg(long)]
    pub name: Option<String>,
    /// Run this step also after a failure or a stop
    #[arg(long, value_name = "STEP")]
    pub finally: Vec<String>,
    /// Where to hold: on-failure, before:STEP or after:STEP
    #[arg(short = 'b', long = "breakpoint", value_name = "WHERE", value_delimiter = ',')]
    pub breakpoints: Vec<String>,
    /// End each hold that nobody ends within this time: 30m
    #[arg(long, value_name = "DURATION", value_parser = verb::duration)]
    pub breakpoint_timeout: Option<String>,
    /// Run a command at each hold; a hold that it leaves standing waits on
    #[arg(long, value_name = "CMD")]
    pub on_hold: Option<String>,
    /// How to tell the outcome; json: on stdout, with all else on stderr
    #[arg(short = 'o', long, value_enum, default_value_t)]
    pub output: Output,
    /// Say only what steps write, what is held and what goes wrong
    #[arg(short = 'q', long)]
    pub quiet: bool,
    /// No colours, as with NO_COLOR in the environment
    #[arg(long)]
    pub no_color: bool,
}

/// What to inject, and how.
#[derive(Debug, Args)]
pub struct InjectArguments {
    /// The manifest, YAML or JSON; `-` or nothing for standard input
    #[arg(short = 'f', long, value_name = "FILE")]
    pub filename: Option<PathBuf>,
    /// The image with the entrypoint
    #[arg(long, value_name = "IMAGE", default_value = DEFAULT_IMAGE)]
    pub image: String,
    /// How the entrypoint comes into a pod
    #[arg(long, value_enum, default_value_t)]
    pub delivery: Delivery,
    /// Show what would change instead
    #[arg(long)]
    pub diff: bool,
    /// How to print it; else as it came
    #[arg(short = 'o', long, value_enum)]
    pub output: Option<Format>,
}

/// The languages of manifests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// YAML
    Yaml,
    /// JSON
    Json,
}

/// For whom the outcome is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For a person
    #[default]
    Text,
    /// For a program
    Json,
}

fn pair(text: &str) -> Result<(String, String), &'static str> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("it is NAME=VALUE"),
    }
}

fn folder(text: &str) -> Result<(String, PathBuf), String> {
    let (name, path) = pair(text).map_err(|_| "it is NAME=DIR")?;
    let folder = fs::canonicalize(&path).map_err(|error| format!("{path}: {error}"))?;
    if folder.is_dir() { Ok((name, folder)) } else { Err(format!("{path} is no folder")) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn help_has_every_command_in_its_group() {
        let help = Arguments::command().render_help().to_string();
        let start_of = |line: &str| help.find(line).unwrap_or_else(|| panic!("{line}: {help}"));
        for word in Word::all() {
            let [name, arguments, summary] = word.help();
            let title = match word {
                Word::Step(_) => "\nAt a held step:\n",
                Word::Run(_) => "\nFor the whole run:\n",
                Word::Tool(_) => "\nLook:\n",
            };
            let line = format!("\n  {:23} {summary}\n", format!("{name} {arguments}"));
            let (title, line) = (start_of(title), start_of(&line));
            assert!(title < line && !help[title..line].contains("\n\n"), "{name}: {help}");
        }
    }

    #[test]
    fn a_pair_is_split_at_its_first_equals_sign() {
        assert_eq!(pair("a=b=c"), Ok(("a".to_owned(), "b=c".to_owned())));
        assert_eq!(pair("a="), Ok(("a".to_owned(), String::new())));
        for text in ["", "a", "=b"] {
            assert_eq!(pair(text), Err("it is NAME=VALUE"), "{text}");
        }
    }

    #[test]
    fn a_workspace_is_a_folder_that_is_there() {
        assert_eq!(folder("w=/").unwrap(), ("w".to_owned(), PathBuf::from("/")));
        assert_eq!(folder("w=/dev/null").unwrap_err(), "/dev/null is no folder");
        assert!(folder("w=/no/such").unwrap_err().starts_with("/no/such: No such file"));
    }

    #[test]
    fn the_definition_of_the_command_line_holds_together() {
        Arguments::command().debug_assert();
    }
}
