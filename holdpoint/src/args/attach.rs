//! What `attach` takes.

use clap::{ArgMatches, Args, Command, Error, FromArgMatches};

use super::look::target_of;
use super::{Output, Reach};
use crate::cluster::target::Target;

pub(super) const ATTACH_HELP: &str = "\
Shows what `holdpoint run` shows of a run here: what each step writes from its beginning, when it
begins, is held and ends, and a table at the end; pods that begin later join, the first one too. On
a terminal each hold and pause asks with its keys (`?` tells what each does; of a PipelineRun abort
and quit speak to the whole, and quit tells how the ways to end it differ); without one it says
what can be typed. Ctrl-C detaches: the run goes on.

Examples:
  holdpoint attach tr/build
  holdpoint attach pr/release -n ci
  holdpoint attach @latest --quiet -o json > outcome.json

Exit codes:
  0, or that of the first step that failed; 130 after Ctrl-C; 4 where the run cannot be read";

/// Which run to follow, and how to show it.
#[derive(Clone, Debug)]
pub struct AttachArguments {
    /// Which.
    pub target: Target,
    /// How to tell the outcome.
    pub output: Output,
    /// Whether only what matters is said.
    pub quiet: bool,
    /// Whether there are no colours.
    pub no_color: bool,
    /// Where the target is.
    pub reach: Reach,
}

/// The same as it is typed.
#[derive(Args)]
struct Typed {
    /// What of a cluster: pod/NAME, tr/NAME, pr/NAME, job/NAME or @latest
    #[arg(id = "words", value_name = "TARGET", num_args = 0..)]
    words: Vec<String>,
    /// How to tell the outcome; json: on stdout, with all else on stderr
    #[arg(short = 'o', long, value_enum, default_value_t)]
    output: Output,
    /// Say only what steps write, what is held and what goes wrong
    #[arg(short = 'q', long)]
    quiet: bool,
    /// No colours, as with NO_COLOR in the environment
    #[arg(long)]
    no_color: bool,
    #[command(flatten)]
    reach: Reach,
}

impl Args for AttachArguments {
    fn augment_args(command: Command) -> Command {
        Typed::augment_args(command)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Typed::augment_args_for_update(command)
    }
}

impl FromArgMatches for AttachArguments {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let Typed { words, output, quiet, no_color, reach } = Typed::from_arg_matches(matches)?;
        let elsewhere = "a run on this machine is followed by the `holdpoint run` that started it";
        let target = target_of("attach", words, &reach, elsewhere)?;
        Ok(Self { target, output, quiet, no_color, reach })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}
