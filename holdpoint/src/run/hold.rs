//! A step that waits for a person: what is said, what can be typed, and `--on-hold`.

use std::io;
use std::path::Path;
use std::process::{ExitStatus, Output, Stdio};

use chrono::{DateTime, Utc};
use debug_scripts::{RUN_VERBS, RunVerb, Tool, Verb, Word, accepted_at};
use entrypoint::state::{Phase, SeenMarker, State};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

use super::prompt::Keys;
use super::{Run, carried, runs, step};
use crate::error::Error;
use crate::table::time;

/// How much time the key for it gives a hold that has a limit.
const EXTENSION: &str = "30m";

/// The reason of what is asked of a whole run.
pub const REASON: &str = "given at the prompt";

/// Said before a shell is opened at a hold.
pub const SHELL_OPENS: &str = "    look and repair; `exit` comes back to this hold";

/// Something happened at a hold.
pub enum Event {
    /// The `--on-hold` command ended.
    HookEnded(io::Result<ExitStatus>),
    /// A key was pressed; none where the terminal is gone.
    Key(Option<u8>),
    /// What was asked by a key was answered.
    Answered(Word, io::Result<Output>),
    /// The shell was left.
    ShellEnded,
}

/// What the hold is waiting for, beside the step itself.
pub enum Hold {
    /// The `--on-hold` command.
    Hook(Child),
    /// A key.
    Prompt(Keys),
    /// The answer to what a key asked.
    Asking(Word, JoinHandle<io::Result<Output>>),
    /// The end of a shell.
    Shell(Child),
    /// Somebody elsewhere.
    Elsewhere,
}

impl Hold {
    /// The next event; never one where all happens elsewhere.
    pub async fn next(&mut self) -> Event {
        match self {
            Self::Hook(child) => Event::HookEnded(child.wait().await),
            Self::Prompt(keys) => Event::Key(keys.next().await),
            Self::Asking(word, answer) => {
                let answer = answer.await.unwrap_or_else(|error| Err(io::Error::other(error)));
                Event::Answered(*word, answer)
            }
            Self::Shell(child) => {
                // However it was left, the hold still stands.
                drop(child.wait().await);
                Event::ShellEnded
            }
            Self::Elsewhere => std::future::pending().await,
        }
    }
}

/// A key, its word in the prompt, and what it asks.
pub type Choice = (u8, &'static str, Word);

/// Every key of a hold, in the order of the prompt.
const AT_HOLDS: [Choice; 8] = [
    (b'r', "[r]etry", Word::Step(Verb::Retry)),
    (b'c', "[c]ontinue", Word::Step(Verb::Continue)),
    (b'f', "[f]ail", Word::Step(Verb::Fail)),
    (b'x', "e[x]tend", Word::Step(Verb::Extend)),
    (b's', "[s]hell", Word::Tool(Tool::Shell)),
    (b'p', "[p]ause", Word::Run(RunVerb::Pause)),
    (b'a', "[a]bort", Word::Run(RunVerb::Abort)),
    (b'q', "[q]uit", Word::Run(RunVerb::StopFinally)),
];

/// Every key of a pause.
const AT_PAUSES: [Choice; 3] = [
    (b'r', "[r]esume", Word::Run(RunVerb::Resume)),
    (b'a', "[a]bort", Word::Run(RunVerb::Abort)),
    (b'q', "[q]uit", Word::Run(RunVerb::StopFinally)),
];

/// The keys that do something for a step that waits for a person. Where no steps are behind it, there
/// is nothing to pause.
pub fn choices(state: &State, steps_behind: usize) -> Vec<Choice> {
    if state.phase == Phase::Paused {
        return AT_PAUSES.to_vec();
    }
    let possible = possible(state);
    let applies = |word| match word {
        Word::Step(verb) => possible.contains(&verb),
        Word::Run(RunVerb::Pause) => steps_behind > 0,
        Word::Run(_) | Word::Tool(_) => true,
    };
    AT_HOLDS.into_iter().filter(|(_, _, word)| applies(*word)).collect()
}

/// The prompt: the words of the keys, and how much time is left.
pub fn question(choices: &[Choice], state: &State) -> String {
    let words: Vec<_> = choices.iter().map(|(_, word, _)| *word).collect();
    let deadline = state.deadline.as_deref().filter(|_| state.phase.is_held());
    let ends = deadline.and_then(|deadline| DateTime::parse_from_rfc3339(deadline).ok());
    let left = ends.map_or(String::new(), |ends| {
        let left = ends.signed_duration_since(Utc::now()).to_std().unwrap_or_default();
        format!(" ({} left)", time(left.as_secs_f64()))
    });
    format!("{}{left} ?", words.join("  "))
}

/// What each key does, a line each.
pub fn explained(choices: &[Choice]) -> Vec<String> {
    let line = |(_, shown, word): &Choice| format!("    {shown:<11} {}", word.help()[2]);
    choices.iter().map(line).collect()
}

fn possible(state: &State) -> Vec<Verb> {
    let moment = state.phase.moment().into_iter();
    moment.flat_map(|moment| accepted_at(moment, state.deadline.is_some())).collect()
}

/// What can be typed in another terminal, a line each. The run is named where others are live too.
pub fn commands(run: &Run, state: &State) -> Vec<String> {
    let others = runs::live().is_ok_and(|live| live.len() > 1);
    let which = if others { format!(" --run {}", run.folder.id()) } else { String::new() };
    let line = |word: Word| {
        let [name, _, summary] = word.help();
        let typed = match word {
            Word::Step(Verb::Extend) => format!("{name} {EXTENSION}{which}"),
            _ => format!("{name}{which}"),
        };
        let width = 13 + which.len();
        format!("    {} {typed:width$}  {summary}", run.command_name)
    };
    let known = [Verb::Retry, Verb::Continue, Verb::FailContinue, Verb::Fail, Verb::Extend];
    let possible = possible(state);
    let verbs = known.into_iter().filter(|verb| possible.contains(verb)).map(Word::Step);
    let resume = (state.phase == Phase::Paused).then_some(Word::Run(RunVerb::Resume));
    let shell = state.phase.is_held().then_some(Word::Tool(Tool::Shell));
    let words = shell.into_iter().chain(verbs).chain(resume).chain([Word::Tool(Tool::Status)]);
    let title = "  to go on, type in another terminal:".to_owned();
    std::iter::once(title).chain(words.map(line)).collect()
}

/// ``pause ("looking at the logs"): begin no further command until resume``.
pub fn marker(seen: &SeenMarker) -> Option<String> {
    let row = RUN_VERBS.iter().find(|row| row.marker == seen.name)?;
    let reason = match seen.reason.as_str() {
        "" => String::new(),
        reason => format!(" ({reason:?})"),
    };
    Some(format!("{}{reason}: {}", row.name, row.summary))
}

/// Starts the `--on-hold` command: a file, or a line for the shell.
pub fn start_hook(run: &Run, index: usize, state: &State, hook: &str) -> io::Result<Child> {
    let mut command = match std::fs::canonicalize(hook) {
        Ok(path) if path.is_file() => Command::new(path),
        _ => {
            let mut shell = Command::new("/bin/sh");
            shell.args(["-c", hook]);
            shell
        }
    };
    let step = &run.plan.steps[index];
    let me = std::env::current_exe()?;
    let code = state.exit_code.map(|code| code.to_string()).unwrap_or_default();
    command
        .env("HOLDPOINT", &me)
        .env("HOLDPOINT_RUN", run.folder.id())
        .env("HOLDPOINT_STEP", &step.name)
        .env("HOLDPOINT_PHASE", state.phase.word())
        .env("HOLDPOINT_EXIT_CODE", code)
        .env("HOLDPOINT_ATTEMPT", state.attempt.to_string())
        .env("HOLDPOINT_LOG", run.folder.log(&step.name))
        .env("HOLDPOINT_FOLDER", run.step_folder_on_host(index))
        .env("PATH", path_with(me.parent())?);
    if run.stdout_is_for_a_program {
        command.stdout(Stdio::from(io::stderr()));
    }
    command.spawn()
}

/// The search path with the folder of `holdpoint` at its end, so that a script can call it.
fn path_with(folder: Option<&Path>) -> io::Result<std::ffi::OsString> {
    let path = std::env::var_os("PATH").unwrap_or_else(|| "/usr/bin:/bin".into());
    let folders = std::env::split_paths(&path).chain(folder.map(Path::to_owned));
    std::env::join_paths(folders).map_err(io::Error::other)
}

/// Asks what a key stands for.
pub fn ask(run: &Run, index: usize, word: Word) -> Result<Hold, Error> {
    let mut command = Command::from(carried::asking(&run.folder, Path::new("/"), index, word)?);
    command.stdin(Stdio::null());
    command.args(behind(word));
    Ok(Hold::Asking(word, tokio::spawn(async move { command.output().await })))
}

/// What stands behind a word that a key stands for.
pub fn behind(word: Word) -> Option<&'static str> {
    match word {
        Word::Step(Verb::Extend) => Some(EXTENSION),
        Word::Run(_) => Some(REASON),
        Word::Step(_) | Word::Tool(_) => None,
    }
}

/// Whether the step waits for a person as before once this was accepted.
pub fn leaves_standing(word: Word) -> bool {
    matches!(word, Word::Step(Verb::Extend) | Word::Run(RunVerb::Pause))
}

/// Starts a shell where the step's command starts: same view, folder and environment.
pub fn start_shell(run: &Run, index: usize) -> Result<Hold, Error> {
    let step = &run.plan.steps[index];
    let folder = step::folder(step, &run.layout);
    let mut shell = carried::asking(&run.folder, &folder, index, Word::Tool(Tool::Shell))?;
    shell.envs(step.env.iter().map(|(name, value)| (name, value)));
    let child = Command::from(shell).spawn().map_err(Error::system("cannot start a shell"))?;
    Ok(Hold::Shell(child))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use crate::verbs::tests::run_with;

    fn state(phase: &str, deadline: Option<&str>) -> State {
        let (_home, folder, _record) = run_with(&[phase]);
        State { deadline: deadline.map(str::to_owned), ..folder.state(0).unwrap() }
    }

    #[test]
    fn only_keys_that_would_be_accepted_are_offered() {
        let limit = Some("2026-11-21T10:00:00.000Z");
        for (phase, deadline, steps_behind, keys) in [
            ("held-failed", None, 1, "rcfspaq"),
            ("held-failed", limit, 1, "rcfxspaq"),
            ("held-before", None, 2, "cfspaq"),
            ("held-after", limit, 0, "cfxsaq"),
            ("paused", None, 0, "raq"),
        ] {
            let offered: Vec<u8> = choices(&state(phase, deadline), steps_behind)
                .into_iter()
                .map(|(key, ..)| key)
                .collect();
            assert_eq!(String::from_utf8_lossy(&offered), keys, "{phase} {deadline:?}");
        }
    }

    #[test]
    fn the_prompt_tells_the_time_that_is_left() {
        let held = state("held-before", Some("2020-11-21T10:00:00.000Z"));
        assert_eq!(question(&AT_HOLDS[..2], &held), "[r]etry  [c]ontinue (0.0 s left) ?");
        assert_eq!(question(&AT_HOLDS[..1], &state("held-before", None)), "[r]etry ?");
    }
}
