//! What the commands take that only look: at the runs, at what steps write; and how a shell completes
//! all of it.

use clap::error::ErrorKind;
use clap::{ArgMatches, Args, Command, Error, FromArgMatches, ValueEnum};

use super::{Print, Reach};
use crate::cluster::target::Target;
use crate::program::Program;

pub(super) const LIST_HELP: &str = "\
Without a flag of a cluster (-n, -A, --context, --kubeconfig, --as, -l) these are the runs on this
machine: live, or ended within a day, newest first. With one, and always as `kubectl holdpoint
list`, they are the live runs of the cluster: those that are held or paused first, since when,
which right ends that (NEEDS), and what to type (END IT WITH; -o wide has the other verbs).

Examples:
  holdpoint list
  holdpoint list -A --held
  kubectl holdpoint list -n ci -l app=shop -o wide
  kubectl holdpoint list --held -o name | xargs -n1 kubectl holdpoint stop";

pub(super) const LOGS_HELP: &str = "\
All steps in their order, each line behind its step's name; those of several pods behind the pod's
or the task's name too. Init containers are shown where they have failed, sidecars never.

Examples:
  holdpoint logs tr/build
  holdpoint logs pr/release -f
  holdpoint logs @latest --step test";

pub(super) const COMPLETION_HELP: &str = "\
Names of targets, steps, namespaces and contexts come from the cluster that the words so far name,
where it answers within 2 s.

Examples:
  source <(holdpoint completion bash)                                   in ~/.bashrc
  source <(holdpoint completion zsh)                                    in ~/.zshrc, behind compinit
  holdpoint completion fish > ~/.config/fish/completions/holdpoint.fish

For `kubectl holdpoint` the completion of kubectl itself asks a program kubectl_complete-holdpoint
on the PATH: a link of that name to this program.";

/// Which runs to show, and how.
#[derive(Clone, Debug, Args)]
pub struct ListArguments {
    /// Only those that are held or paused
    #[arg(long)]
    pub held: bool,
    /// How to print them
    #[arg(short = 'o', long, value_enum, default_value_t)]
    pub output: Print,
    /// Of which cluster
    #[command(flatten)]
    pub reach: Reach,
}

impl ListArguments {
    /// Whether the runs of a cluster are meant, and not those on this machine.
    pub fn speaks_to_a_cluster(&self, program: Program) -> bool {
        program == Program::Plugin || self.reach.first_given().is_some()
    }
}

/// Whose logs to show, and how.
#[derive(Clone, Debug)]
pub struct LogsArguments {
    /// Whose.
    pub target: Target,
    /// Whether to go on until the run has ended.
    pub follow: bool,
    /// Of which step alone.
    pub step: Option<String>,
    /// Where the target is.
    pub reach: Reach,
}

/// The same as it is typed.
#[derive(Args)]
struct LogsTyped {
    /// What of a cluster: pod/NAME, tr/NAME, pr/NAME, job/NAME or @latest
    #[arg(id = "words", value_name = "TARGET", num_args = 0..)]
    words: Vec<String>,
    /// Go on as it is written, until the run has ended; also of what begins later
    #[arg(short = 'f', long)]
    follow: bool,
    /// Only this step
    #[arg(long, value_name = "STEP")]
    step: Option<String>,
    #[command(flatten)]
    reach: Reach,
}

impl Args for LogsArguments {
    fn augment_args(command: Command) -> Command {
        LogsTyped::augment_args(command)
    }

    fn augment_args_for_update(command: Command) -> Command {
        LogsTyped::augment_args_for_update(command)
    }
}

impl FromArgMatches for LogsArguments {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let LogsTyped { words, follow, step, reach } = LogsTyped::from_arg_matches(matches)?;
        let elsewhere = "what a run on this machine writes is shown by `holdpoint run`";
        let target = target_of("logs", words, &reach, elsewhere)?;
        Ok(Self { target, follow, step, reach })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// The target that a command needs; of runs on this machine it says where they are shown.
pub(super) fn target_of(
    command: &str,
    mut words: Vec<String>,
    reach: &Reach,
    elsewhere: &str,
) -> Result<Target, Error> {
    let refused = |why: String| Error::raw(ErrorKind::ValueValidation, format!("{why}\n"));
    let target = reach.take_target(&mut words).map_err(refused)?;
    match (target, words.first()) {
        (Some(target), None) => Ok(target),
        (_, Some(word)) => {
            Err(refused(format!("unexpected argument '{word}': see `{command} --help`")))
        }
        (None, None) => Err(refused(format!(
            "{command} needs a target, as in `{command} pod/NAME` or `{command} @latest`; {elsewhere}"
        ))),
    }
}

/// For which shell.
#[derive(Clone, Debug, Args)]
pub struct CompletionArguments {
    /// The shell that is to complete words
    #[arg(value_enum)]
    pub shell: Shell,
}

/// The shells that can.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    /// GNU's
    Bash,
    /// The Z shell
    Zsh,
    /// The friendly interactive shell
    Fish,
}
