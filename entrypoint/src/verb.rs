//! Verbs: a person at a held step asks by a file and is told what became of it (contract 2.7).

mod ask;
mod find;

use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use debug_scripts::{VERBS, Verb};

use crate::go_duration;
use crate::log;
use crate::paths::Paths;
use crate::status;

pub use ask::{Answer, ask};

/// What the first word of the command line may be, beside subcommands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// A verb of the table.
    Ask(Verb),
    /// The table of the run's steps.
    Status,
}

/// How a verb is to be carried out: what every verb takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The step's post file; found where it is not given.
    pub post_file: Option<PathBuf>,
    /// How long to wait for the answer.
    pub wait: Duration,
    /// Whether the answer is printed as JSON.
    pub json: bool,
    /// What stands behind the flags.
    pub arguments: Vec<String>,
    /// Whether help is asked for.
    pub help: bool,
}

/// How long an answer may take where nothing is said.
const DEFAULT_WAIT: Duration = Duration::from_secs(10);

/// The exit code for a command line that cannot be.
const USAGE: i32 = 2;

/// The verb of this name.
pub fn named(word: &OsStr) -> Option<Word> {
    match word.to_str()? {
        "status" => Some(Word::Status),
        name => Verb::named(name).map(Word::Ask),
    }
}

/// Carries out a verb and gives its exit code: 0 accepted, 3 rejected, 4 nobody answered.
pub fn main(word: Word, words: &[OsString], behind: Vec<OsString>, paths: &Paths) -> i32 {
    let options = match Options::parse(words) {
        Ok(options) if options.help => {
            let _ = std::io::stdout().write_all(usage(word).as_bytes());
            return 0;
        }
        Ok(options) => options,
        Err(problem) => {
            log::line(&format!("{problem}\n{}", usage(word)));
            return USAGE;
        }
    };
    let post = match options.post_file.clone().map_or_else(|| find::post_file(paths), Ok) {
        Ok(post) => post,
        Err(problem) => {
            log::line(&problem);
            return Answer::NOBODY;
        }
    };
    match word {
        Word::Status => status::main(&post, options.json),
        Word::Ask(verb) => match ask(&post, verb, &options.arguments, &behind, options.wait) {
            Ok(answer) => answer.print(options.json),
            Err(problem) => {
                log::line(&problem);
                USAGE
            }
        },
    }
}

impl Options {
    fn parse(words: &[OsString]) -> Result<Self, String> {
        let mut options = Self {
            post_file: None,
            wait: DEFAULT_WAIT,
            json: false,
            arguments: Vec::new(),
            help: false,
        };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let text = word.to_str().ok_or_else(|| format!("{} is no text", word.display()))?;
            let Some(flag) = text.strip_prefix('-').filter(|flag| !flag.is_empty()) else {
                options.arguments.push(text.to_owned());
                continue;
            };
            let flag = flag.strip_prefix('-').unwrap_or(flag);
            if ["h", "help"].contains(&flag) {
                options.help = true;
                continue;
            }
            let (name, value) = match flag.split_once('=') {
                Some((name, value)) => (name, value.to_owned()),
                None => {
                    let next = words.next().and_then(|next| next.to_str());
                    (
                        flag,
                        next.ok_or_else(|| format!("flag needs an argument: -{flag}"))?.to_owned(),
                    )
                }
            };
            options.set(name, value)?;
        }
        Ok(options)
    }

    fn set(&mut self, name: &str, value: String) -> Result<(), String> {
        match (name, value.as_str()) {
            ("post_file", _) => self.post_file = Some(PathBuf::from(value)),
            ("o", "json") => self.json = true,
            ("o", "table") => self.json = false,
            ("wait", _) => {
                let wait = go_duration::parse(&value).ok().and_then(|wait| wait.to_unsigned());
                self.wait =
                    wait.ok_or_else(|| format!("-wait {value} is no duration such as 10s"))?;
            }
            _ => return Err(format!("flag provided but not defined: -{name} {value}")),
        }
        Ok(())
    }
}

fn usage(word: Word) -> String {
    let (name, arguments, summary) = match word {
        Word::Status => ("status", "", "show every step of the run, a line each"),
        Word::Ask(verb) => {
            let row = verb.definition();
            (row.name, row.arguments, row.summary)
        }
    };
    let others: Vec<_> = VERBS.iter().map(|row| row.name).collect();
    format!(
        "{name}: {summary}\n\n\
         Usage: entrypoint {name} [-post_file P] [--wait 10s] [-o json] {arguments}\n\n  \
         -post_file P  the step's post file; without it the held step of this container\n  \
         --wait DUR    how long to wait for the answer (10s)\n  \
         -o json       print the answer as JSON\n\n\
         Exit code: 0 accepted, 3 rejected, 4 nobody answered.\n\
         Verbs: {}, status\n",
        others.join(", ")
    )
}
