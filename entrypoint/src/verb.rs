//! Verbs: a person at a held step asks by a file and is told what became of it (contract 2.7).

mod answer;
mod ask;
mod find;
mod mark;
mod options;
mod shell;

use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::mem::ManuallyDrop;
use std::path::Path;

use debug_scripts::{Script, Tool, Word};

use crate::log;
use crate::os::files::folder_of;
use crate::os::lock::Listener;
use crate::paths::Paths;
use crate::status;

pub use answer::Answer;
pub use ask::ask;
pub use mark::mark;
pub use options::Options;
pub use shell::{NO_SHELL, NOT_FOUND};

/// The exit code for a command line that cannot be.
const USAGE: i32 = 2;

/// The first word of a debug script's line; the kernel puts the script's path behind it.
const SCRIPT: &str = "script";

/// The verb that these words begin with, and what stands behind it; by a debug script too.
pub fn parse(words: &[OsString]) -> Option<(Word, &[OsString])> {
    let (first, rest) = words.split_first()?;
    match (first.to_str()?, rest) {
        (SCRIPT, [path, rest @ ..]) => Some((named_by_script(path)?, rest)),
        (name, rest) => Some((Word::named(name)?, rest)),
    }
}

fn named_by_script(path: &OsStr) -> Option<Word> {
    let name = Path::new(path).file_name()?.to_str()?;
    Script::named(name).map(|script| script.word)
}

/// Carries out a verb and gives its exit code: 0 accepted, 3 rejected, 4 nobody answered.
pub fn main(word: Word, words: &[OsString], behind: &[OsString], paths: &Paths) -> i32 {
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
    match options.post_file.clone().map_or_else(|| find::post_file(paths), Ok) {
        Ok(post) => carry_out(word, &post, &options, behind, paths),
        // Where no step lives, none is held.
        Err(_) if word == Word::Tool(Tool::Probe) => 0,
        Err(problem) => {
            log::line(&problem);
            Answer::NOBODY
        }
    }
}

fn carry_out(
    word: Word,
    post: &Path,
    options: &Options,
    behind: &[OsString],
    paths: &Paths,
) -> i32 {
    // Kept until this process is gone: its exit code is a part of the answer.
    let _listener = ManuallyDrop::new(listener(word, post));
    let answered = match word {
        Word::Step(verb) => ask(post, verb, &options.arguments, behind, options.wait),
        Word::Run(verb) => mark(post, folder_of(post), verb, &options.arguments, options.wait),
        Word::Tool(Tool::Status) => return status::main(post, options.json, options.watch),
        Word::Tool(Tool::Probe) => return status::probe(post),
        Word::Tool(Tool::Shell) => return shell::main(post, paths),
    };
    match answered {
        Ok(answer) => answer.print(options.json),
        Err(problem) => {
            log::line(&problem);
            USAGE
        }
    }
}

/// Where the verb may end the step, and with it the container.
fn listener(word: Word, post: &Path) -> Option<Listener> {
    let speaks = matches!(word, Word::Step(_) | Word::Run(_));
    speaks.then(|| Listener::of(folder_of(post)))
}

fn usage(word: Word) -> String {
    let [name, arguments, summary] = word.help();
    let others: Vec<_> = Word::all().map(|word| word.help()[0]).collect();
    format!(
        "{name}: {summary}\n\n\
         Usage: entrypoint {name} [-post_file P] [--wait 10s] [-o json] {arguments}\n\n  \
         -post_file P  the step's post file; without it the held step of this container\n  \
         --wait DUR    how long to wait for the answer (10s)\n  \
         -o json       print the answer as JSON\n\n\
         Exit code: 0 accepted, 3 rejected, 4 nobody answered.\n\
         Verbs: {}\n",
        others.join(", ")
    )
}
