//! The verbs on the command line, made from their tables (contract 2.7): names, arguments and help.

use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches as _};
use debug_scripts::{RunVerb, Tool, Verb, Word};
use entrypoint::go_duration;

use super::Output;

/// What was asked, of whom, and how.
#[derive(Clone, Debug)]
pub struct VerbArguments {
    /// The verb.
    pub word: Word,
    /// Of whom, and for how long to wait for an answer.
    pub asking: Asking,
    /// Which step; else the one that is held.
    pub step: Option<String>,
    /// Whether a table is shown again whenever it changes.
    pub watch: bool,
    /// What stands behind the verb: a reason, a duration, breakpoints.
    pub words: Vec<String>,
    /// What a retry runs instead.
    pub command: Vec<String>,
}

/// What every verb takes.
#[derive(Clone, Debug, Args)]
pub struct Asking {
    /// Which run; else the newest that is live
    #[arg(long, value_name = "ID")]
    pub run: Option<String>,
    /// How long to wait for the answer
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = duration)]
    pub wait: String,
    /// How to print the answer
    #[arg(short = 'o', long, value_enum, default_value_t)]
    pub output: Output,
}

/// The subcommand of a verb.
pub(super) fn subcommand(word: Word) -> Command {
    let [name, _, summary] = word.help();
    let command = about(Asking::augment_args(Command::new(name)), summary);
    let command = if speaks_to_the_run(word) { command } else { command.arg(step()) };
    match word {
        Word::Step(Verb::Extend) => {
            command.arg(word_behind("DURATION").required(true).value_parser(duration))
        }
        Word::Step(Verb::Retry) => command.arg(other_command()),
        Word::Run(RunVerb::Breakpoint) => command.arg(word_behind("SPEC|off").required(true)),
        Word::Run(_) => command.arg(word_behind("REASON").num_args(0..)),
        Word::Tool(Tool::Status) => command.arg(watch()),
        Word::Step(_) | Word::Tool(_) => command,
    }
}

/// What was typed behind a verb.
pub(super) fn from_matches(
    word: Word,
    matches: &mut ArgMatches,
) -> Result<VerbArguments, clap::Error> {
    let many = |id: &str, matches: &mut ArgMatches| {
        matches.try_remove_many(id).ok().flatten().map_or_else(Vec::new, Iterator::collect)
    };
    Ok(VerbArguments {
        word,
        asking: Asking::from_arg_matches_mut(matches)?,
        step: matches.try_remove_one("step").ok().flatten(),
        watch: matches.try_remove_one("watch").ok().flatten().unwrap_or(false),
        words: many("words", matches),
        command: many("command", matches),
    })
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

fn word_behind(name: &'static str) -> Arg {
    Arg::new("words").value_name(name)
}

fn other_command() -> Arg {
    let help = "Another command for this attempt";
    Arg::new("command").value_name("COMMAND").help(help).num_args(1..).last(true)
}

fn watch() -> Arg {
    let help = "Show it again whenever something changes, until all steps have ended";
    Arg::new("watch").long("watch").help(help).action(ArgAction::SetTrue)
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

    fn parse(line: &str) -> Result<VerbArguments, clap::Error> {
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
            assert_eq!(parsed.asking.output, Output::Json, "{name}");
        }
    }

    #[test]
    fn what_a_verb_does_not_take_is_refused() {
        for line in [
            "extend",
            "extend soon",
            "breakpoint",
            "breakpoint off on-failure",
            "continue now",
            "pause --step one",
            "retry make",
            "skip --watch",
            "cancel --wait -1s",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
