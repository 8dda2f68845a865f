//! The verbs on the command line, made from their tables (contract 2.7): names, arguments and help. A
//! verb whose first word is a target speaks to a cluster, any other to a run on this machine.

mod check;

pub(crate) use check::NAMES;

use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches as _, ValueEnum};
use debug_scripts::{RunVerb, Tool, Verb, Word};
use entrypoint::go_duration;

use super::{Print, Reach};
use crate::cluster::runs::order::Order;
use crate::cluster::target::{Kind, Target};

/// What was asked, of whom, and how.
#[derive(Clone, Debug)]
pub struct VerbArguments {
    /// The verb.
    pub word: Word,
    /// What of a cluster is asked; else the run on this machine.
    pub target: Option<Target>,
    /// Which run, and for how long to wait for an answer.
    pub asking: Asking,
    /// Which step; else the one that is held.
    pub step: Option<String>,
    /// Whether a table is shown again whenever it changes.
    pub watch: bool,
    /// What stands behind the verb: a reason, a duration, breakpoints.
    pub words: Vec<String>,
    /// What a retry runs instead.
    pub command: Vec<String>,
    /// Whether losses are taken without a question.
    pub yes: bool,
    /// The image of a shell beside the step.
    pub toolbox: Option<String>,
    /// Where the target is.
    pub reach: Reach,
    /// How a target is asked.
    pub manner: Manner,
}

/// What every verb takes.
#[derive(Clone, Debug, Args)]
pub struct Asking {
    /// Which run on this machine; else the newest that is live
    #[arg(long, value_name = "ID")]
    pub run: Option<String>,
    /// How long to wait for the answer (10s; by annotation 2m); behind a PipelineRun or a TaskRun that
    /// is to end or is retried: for its end, alone however long that takes
    #[arg(long, value_name = "DURATION", num_args = 0..=1, default_missing_value = "", value_parser = wait)]
    pub wait: Option<Wait>,
    /// How to print the answer
    #[arg(short = 'o', long, value_enum, default_value_t)]
    pub output: Print,
}

/// How long `--wait` waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wait {
    /// So long: for an answer, or for the end of a whole run that is to end or is retried.
    Time(String),
    /// Until a PipelineRun or a TaskRun has ended.
    End,
}

impl VerbArguments {
    /// A verb of a run as it is given at a prompt, with this reason.
    pub fn at_prompt(verb: RunVerb, target: &Target, reach: &Reach, reason: &str) -> Self {
        Self {
            word: Word::Run(verb),
            target: Some(target.clone()),
            asking: Asking { run: None, wait: None, output: Print::default() },
            step: None,
            watch: false,
            words: vec![reason.to_owned()],
            command: Vec::new(),
            yes: false,
            toolbox: None,
            reach: reach.clone(),
            manner: Manner::default(),
        }
    }
}

impl Asking {
    /// How long to wait, where that is said.
    pub fn wait_time(&self) -> Option<&str> {
        match &self.wait {
            Some(Wait::Time(time)) => Some(time),
            _ => None,
        }
    }
}

/// How a target is asked, and until when it is followed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
#[command(next_help_heading = "In a cluster")]
pub struct Manner {
    /// Say what would be done, and do nothing
    #[arg(long)]
    pub dry_run: bool,
    /// How the run hears of it: by a command in its pod, or by the pod's annotation
    #[arg(long, value_enum, value_name = "WAY")]
    pub by: Option<By>,
    /// Stay until it is finished, or what --until says, but no longer than this
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub timeout: Option<String>,
    /// Stay until the step, or the run where it speaks to the run, is there
    #[arg(long, value_enum, value_name = "WHAT")]
    pub until: Option<Until>,
}

/// The ways by which a run in a cluster is told something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum By {
    /// A command in a container of the pod
    Exec,
    /// An annotation of the pod, where commands in it are not allowed
    Annotate,
}

/// What can be waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Until {
    /// It has ended
    Finished,
    /// A person is waited for
    Held,
    /// It is paused
    Paused,
    /// A command runs
    Running,
}

impl Manner {
    fn first_given(&self) -> Option<&'static str> {
        [
            (self.dry_run, "--dry-run"),
            (self.by.is_some(), "--by"),
            (self.timeout.is_some(), "--timeout"),
            (self.until.is_some(), "--until"),
        ]
        .into_iter()
        .find_map(|(given, flag)| given.then_some(flag))
    }
}

impl Until {
    /// The word as it is typed.
    pub fn word(self) -> &'static str {
        match self {
            Self::Finished => "finished",
            Self::Held => "held",
            Self::Paused => "paused",
            Self::Running => "running",
        }
    }
}

const RETRY_HELP: &str = "\
A PipelineRun that failed or was cancelled is retried by a new one, with only the tasks that did not
succeed, and finally; the results of the others stand in it as values (docs/runs.md). See it first:
  retry pr/NAME --dry-run -o yaml";

/// The word by which `stop-finally` goes in clusters.
pub(super) const STOP: &str = "stop";

const SHELL: Word = Word::Tool(Tool::Shell);

const SHELL_HELP: &str = "\
The shell is the best that the step's image has, in the step's folder and environment; its exit
code is this command's (255 where the connection to a cluster breaks). Without a terminal it reads
stdin to its end. --toolbox is for images without one: a container of another image joins the pod
and shares the step's processes; it starts in /proc/1/root, the step's files, and stays listed in
the pod for good.

Examples:
  holdpoint shell                                  (at the held step of the run here)
  holdpoint shell tr/build
  holdpoint shell pod/one --step test -n ci
  holdpoint shell pod/one --toolbox busybox
  echo 'ls -l' | holdpoint shell @latest";

/// The subcommand of a verb.
pub(super) fn subcommand(word: Word) -> Command {
    let [name, _, summary] = word.help();
    let command = Asking::augment_args(Command::new(name));
    let command = if speaks_to_the_run(word) { command } else { command.arg(step()) };
    let command = match word {
        Word::Step(Verb::Extend) => command.arg(words(&["TARGET", "DURATION"])),
        Word::Step(Verb::Retry) => {
            command.arg(words(&["TARGET"])).arg(other_command()).arg(yes()).after_help(RETRY_HELP)
        }
        Word::Run(RunVerb::Breakpoint) => command.arg(words(&["TARGET", "SPEC|off"])),
        Word::Run(RunVerb::StopFinally) => command.arg(reason()).arg(finally()).visible_alias(STOP),
        Word::Run(_) | Word::Step(Verb::Cancel) => command.arg(reason()),
        Word::Tool(Tool::Status) => command.arg(words(&["TARGET"])).arg(watch()),
        Word::Tool(Tool::Shell) => command.arg(words(&["TARGET"])).arg(toolbox()),
        Word::Step(_) | Word::Tool(_) => command.arg(words(&["TARGET"])),
    };
    let command = match word {
        Word::Step(Verb::Cancel) => command.after_help(Order::differences()),
        Word::Run(verb) if Order::of(verb).is_some_and(Order::ends) => {
            command.after_help(Order::differences())
        }
        _ => command,
    };
    let command = Reach::augment_args(command);
    let is_tool = matches!(word, Word::Tool(_));
    let command = if is_tool { command } else { Manner::augment_args(command) };
    about(if word == SHELL { command.after_help(SHELL_HELP) } else { command }, summary)
}

/// What was typed behind a verb.
pub(super) fn from_matches(
    word: Word,
    matches: &mut ArgMatches,
) -> Result<VerbArguments, clap::Error> {
    let many = |id: &str, matches: &mut ArgMatches| {
        matches.try_remove_many(id).ok().flatten().map_or_else(Vec::new, Iterator::collect)
    };
    let reach = Reach::from_arg_matches_mut(matches)?;
    let manner = match word {
        Word::Tool(_) => Manner::default(),
        _ => Manner::from_arg_matches_mut(matches)?,
    };
    let mut words = many("words", matches);
    let target = reach.take_target(&mut words).map_err(refused)?;
    let step = matches.try_remove_one("step").ok().flatten();
    let arguments = VerbArguments {
        word: if step.is_none() { of_whole_run(word, target.as_ref()) } else { word },
        target,
        asking: Asking::from_arg_matches_mut(matches)?,
        step,
        watch: matches.try_remove_one("watch").ok().flatten().unwrap_or(false),
        words,
        command: many("command", matches),
        yes: matches.try_remove_one("yes").ok().flatten().unwrap_or(false),
        toolbox: matches.try_remove_one("toolbox").ok().flatten(),
        reach,
        manner,
    };
    check::all(&arguments).map_err(refused)?;
    Ok(arguments)
}

/// `cancel` of a PipelineRun or a TaskRun ends all of it.
fn of_whole_run(word: Word, target: Option<&Target>) -> Word {
    match (word, target) {
        (Word::Step(Verb::Cancel), Some(target)) if target.kind().is_some_and(Kind::is_run) => {
            Word::Run(RunVerb::CancelRun)
        }
        _ => word,
    }
}

fn refused(why: String) -> clap::Error {
    clap::Error::raw(ErrorKind::ValueValidation, format!("{why}\n"))
}

/// Says what the command does; of itself it says what its arguments are.
pub(super) fn about(command: Command, summary: &str) -> Command {
    let (first, rest) = summary.split_at(summary.chars().next().map_or(0, char::len_utf8));
    command.about(first.to_uppercase() + rest).long_about(None)
}

/// Whether no step needs to be named.
fn speaks_to_the_run(word: Word) -> bool {
    matches!(word, Word::Run(_) | Word::Tool(Tool::Status))
}

fn step() -> Arg {
    Arg::new("step").long("step").value_name("STEP").help("Which step; else the one that is held")
}

/// The target and what the verb takes behind it.
fn words(names: &'static [&'static str]) -> Arg {
    let help =
        "What of a cluster: pod/NAME, tr/NAME, pr/NAME, job/NAME or @latest; else the run here";
    let taken = Arg::new("words").value_names(names).num_args(0..=names.len());
    taken.action(ArgAction::Append).help(help)
}

/// The same with a reason of any number of words.
fn reason() -> Arg {
    words(&["TARGET", "REASON"]).num_args(0..)
}

fn finally() -> Arg {
    let help = "Run the finally steps, as it always does";
    Arg::new("finally").long("finally").help(help).action(ArgAction::SetTrue)
}

fn yes() -> Arg {
    let help = "Retry a PipelineRun without a question, whatever cannot be carried over";
    Arg::new("yes").long("yes").help(help).action(ArgAction::SetTrue)
}

fn other_command() -> Arg {
    let help = "Another command for this attempt";
    Arg::new("command").value_name("COMMAND").help(help).num_args(1..).last(true)
}

fn toolbox() -> Arg {
    let help =
        "In a cluster: open the shell of this image beside the step (waits --wait for it, 2m)";
    Arg::new("toolbox").long("toolbox").value_name("IMAGE").help(help)
}

fn watch() -> Arg {
    let help = "Show it again whenever something changes, until all steps have ended";
    Arg::new("watch").long("watch").help(help).action(ArgAction::SetTrue)
}

fn wait(text: &str) -> Result<Wait, String> {
    if text.is_empty() {
        return Ok(Wait::End);
    }
    match Target::of(text) {
        Ok(None) => Ok(Wait::Time(duration(text)?)),
        _ => Err(format!("a target stands before --wait, as in `{text} --wait`")),
    }
}

/// A duration as the steps read it.
pub(super) fn duration(text: &str) -> Result<String, &'static str> {
    let duration = go_duration::parse(text).ok().and_then(|duration| duration.to_unsigned());
    duration.map(|_| text.to_owned()).ok_or("it is a duration such as 90s, 30m or 1h30m")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    pub(super) fn parse(line: &str) -> Result<VerbArguments, clap::Error> {
        let mut words = line.split(' ');
        let word = Word::named(words.next().unwrap()).unwrap();
        let words = std::iter::once("holdpoint").chain(words);
        from_matches(word, &mut subcommand(word).try_get_matches_from(words)?)
    }

    #[test]
    fn each_verb_takes_what_its_row_says() {
        for word in Word::all() {
            let [name, arguments, _] = word.help();
            let (behind, taken) = match arguments {
                "" => ("", 0),
                "[--watch]" => (" --watch", 0),
                "[-- COMMAND…]" => (" -- make -j", 2),
                "[REASON]" => (" wrong branch", 2),
                "DURATION" => (" 30m", 1),
                "SPEC|off" => (" before:test,on-failure", 1),
                other => panic!("{name} {other}"),
            };
            let parsed = parse(&format!("{name} --run r --wait 1s -o json{behind}")).unwrap();
            assert_eq!(parsed.words.len() + parsed.command.len(), taken, "{name}");
            assert_eq!(parsed.watch, arguments == "[--watch]", "{name}");
            assert_eq!(parsed.asking.run.as_deref(), Some("r"), "{name}");
            let about = subcommand(word).get_about().unwrap().to_string();
            assert_eq!(about.to_lowercase(), word.help()[2].to_lowercase(), "{name}");
            assert_eq!(parsed.asking.output, Print::Json, "{name}");
        }
    }

    #[test]
    fn each_verb_takes_a_target_before_all_else() {
        for word in Word::all() {
            let [name, arguments, _] = word.help();
            let behind = match arguments {
                "DURATION" => " 30m",
                "SPEC|off" => " off",
                "[REASON]" => " why",
                _ => "",
            };
            let parsed = parse(&format!("{name} tr/x -n ns{behind}")).unwrap();
            assert_eq!(parsed.target, Some("taskrun/x".parse().unwrap()), "{name}");
            assert_eq!(parsed.words.concat(), behind.trim(), "{name}");
            assert_eq!(parsed.reach.namespace.as_deref(), Some("ns"), "{name}");
        }
        assert!(parse("stop-finally @latest --finally").is_ok());
    }

    #[test]
    fn cancel_of_a_run_of_tektons_is_that_of_all_of_it() {
        let (all, one) = (Word::Run(RunVerb::CancelRun), Word::Step(Verb::Cancel));
        for (line, word) in [
            ("cancel pr/x", all),
            ("cancel tr/x superseded by 7", all),
            ("cancel pr -l commit=1", all),
            ("cancel pr/x --step build", one),
            ("cancel pod/x", one),
            ("cancel @latest", one),
        ] {
            assert_eq!(parse(line).unwrap().word, word, "{line}");
        }
    }
}
