//! The command line: what can be typed, and the help that teaches it.

use std::fs;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

const EXAMPLES: &str = "\
Examples:
  holdpoint run task.yaml
  holdpoint run task.yaml -p version=1.2 -w source=. --breakpoint on-failure
  holdpoint run task.yaml --breakpoint before:deploy,after:build
  holdpoint retry          (from another terminal, while a step is held)

Exit codes:
  run:    0, or that of the first step that failed (128 + s for a signal s);
          130 after Ctrl-C; 2 where nothing could be run
  others: 0 accepted, 3 rejected, 4 nobody there to answer, 2 wrong usage";

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

/// Runs a Tekton Task on this machine, step by step, and holds it open where it fails.
#[derive(Debug, Parser)]
#[command(name = "holdpoint", version, after_help = EXAMPLES)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a Task, TaskRun or Pod of a file here
    #[command(after_help = RUN_HELP)]
    Run(RunArguments),
    /// Say what each step of a live run is doing
    Status(VerbArguments),
    /// Leave the hold as a success: the next step runs
    Continue(VerbArguments),
    /// Leave the hold as a failure: with breakpoints the next step runs
    FailContinue(VerbArguments),
    /// Leave the hold with the command's own code: the next step runs
    #[command(name = "breakpointexit")]
    BreakpointExit(VerbArguments),
    /// Leave the hold as a failure and stop the run: only finally steps run
    Fail(VerbArguments),
    /// At a hold before the step: run it
    BeforeContinue(VerbArguments),
    /// At a hold before the step: fail it without running it
    BeforeFail(VerbArguments),
    /// Run the failed command again, or another one in its place
    Retry(RetryArguments),
    /// Do not run the step: go on as if it had succeeded
    Skip(VerbArguments),
    /// End the step, begun or not
    Cancel(VerbArguments),
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

/// Whom to speak to, and for how long to wait for an answer.
#[derive(Debug, Args)]
pub struct VerbArguments {
    /// Which run; else the newest that is live
    #[arg(long, value_name = "ID")]
    pub run: Option<String>,
    /// Which step; else the one that is held, or else the one that runs
    #[arg(long, value_name = "STEP")]
    pub step: Option<String>,
    /// How long to wait for the answer
    #[arg(long, value_name = "DURATION", default_value = "10s")]
    pub wait: String,
    /// How to print the answer
    #[arg(short = 'o', long, value_enum, default_value_t)]
    pub output: Output,
}

/// What to run again.
#[derive(Debug, Args)]
pub struct RetryArguments {
    /// Whom to speak to.
    #[command(flatten)]
    pub target: VerbArguments,
    /// Another command for this attempt
    #[arg(last = true, value_name = "COMMAND")]
    pub command: Vec<String>,
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
    use clap::CommandFactory as _;

    #[test]
    fn each_verb_of_the_table_that_a_local_run_has_says_what_the_table_says() {
        let command = Arguments::command();
        // A hold of a local run has no limit that could be extended.
        for row in debug_scripts::VERBS.iter().filter(|row| row.name != "extend") {
            let ours = command.find_subcommand(row.name).expect(row.name);
            let about = ours.get_about().expect(row.name).to_string().to_lowercase();
            assert_eq!(about, row.summary, "{}", row.name);
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
