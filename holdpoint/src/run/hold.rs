//! A step that waits for a person: what is said, what can be typed, and `--on-hold`.

use std::io;
use std::path::Path;
use std::process::{ExitStatus, Output, Stdio};

use debug_scripts::{Verb, accepted_at};
use entrypoint::state::{Phase, State};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

use super::folder::RunFolder;
use super::prompt::Keys;
use super::{Run, carried, processes};

/// Something happened at a hold.
pub enum Event {
    /// The `--on-hold` command ended.
    HookEnded(io::Result<ExitStatus>),
    /// A key was pressed; none where the terminal is gone.
    Key(Option<u8>),
    /// A verb that was given by a key was answered.
    Answered(io::Result<Output>),
    /// The shell was left.
    ShellEnded,
}

/// What the hold is waiting for, beside the step itself.
pub enum Hold {
    /// The `--on-hold` command.
    Hook(Child),
    /// A key.
    Prompt(Keys),
    /// The answer to a verb.
    Asking(JoinHandle<io::Result<Output>>),
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
            Self::Asking(answer) => {
                Event::Answered(answer.await.unwrap_or_else(|error| Err(io::Error::other(error))))
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

/// What a key does at a hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// Give a verb.
    Give(Verb),
    /// Look around in the step's place.
    Shell,
    /// End the run.
    Quit,
}

/// The keys that do something in this phase, with their words.
pub fn choices(phase: Phase) -> Vec<(u8, &'static str, Choice)> {
    let verbs = [
        (b'r', "[r]etry", Verb::Retry),
        (b'c', "[c]ontinue", Verb::Continue),
        (b'f', "[f]ail", Verb::Fail),
    ];
    let possible = possible(phase);
    let verbs = verbs.into_iter().filter(|(_, _, verb)| possible.contains(verb));
    let verbs = verbs.map(|(key, word, verb)| (key, word, Choice::Give(verb)));
    let always = [(b's', "[s]hell", Choice::Shell), (b'q', "[q]uit", Choice::Quit)];
    verbs.chain(always).collect()
}

fn possible(phase: Phase) -> Vec<Verb> {
    phase.moment().map(|moment| accepted_at(moment, false).collect()).unwrap_or_default()
}

/// What can be typed in another terminal, a line each. The run is named where others are live too.
pub fn commands(run: &Run, phase: Phase) -> Vec<String> {
    let others = RunFolder::live().is_ok_and(|live| live.len() > 1);
    let which = if others { format!(" --run {}", run.folder.id()) } else { String::new() };
    let line = |name: &str, summary: &str| {
        format!(
            "    {} {:w$}  {summary}",
            run.command_name,
            format!("{name}{which}"),
            w = 13 + which.len()
        )
    };
    let known = [Verb::Retry, Verb::Continue, Verb::FailContinue, Verb::Fail];
    let possible = possible(phase);
    let verbs = known.into_iter().filter(|verb| possible.contains(verb)).map(Verb::definition);
    let verbs = verbs.map(|row| line(row.name, row.summary));
    let last = line("status", "say what each step is doing");
    ["  to go on, type in another terminal:".to_owned()]
        .into_iter()
        .chain(verbs)
        .chain([last])
        .collect()
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
        .env("HOLDPOINT_PHASE", phase_name(state.phase))
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

fn phase_name(phase: Phase) -> &'static str {
    match phase {
        Phase::HeldBefore => "held-before",
        Phase::HeldAfter => "held-after",
        _ => "held-failed",
    }
}

/// The search path with the folder of `holdpoint` at its end, so that a script can call it.
fn path_with(folder: Option<&Path>) -> io::Result<std::ffi::OsString> {
    let path = std::env::var_os("PATH").unwrap_or_else(|| "/usr/bin:/bin".into());
    let folders = std::env::split_paths(&path).chain(folder.map(Path::to_owned));
    std::env::join_paths(folders).map_err(io::Error::other)
}

/// Gives a verb that a key stands for.
pub fn give_verb(run: &Run, index: usize, verb: Verb) -> io::Result<Hold> {
    let mut command = Command::from(carried::verb(&run.folder, index, verb.definition().name)?);
    command.stdin(Stdio::null());
    Ok(Hold::Asking(tokio::spawn(async move { command.output().await })))
}

/// Starts a shell where the step's command starts: same view, folder and environment.
pub fn start_shell(run: &Run, index: usize) -> io::Result<Child> {
    let shell = std::env::var_os("SHELL").filter(|shell| Path::new(shell).is_file());
    let mut command = processes::in_step(run, index, &[shell.unwrap_or_else(|| "/bin/sh".into())])?;
    command.envs(run.folder.held_environment(index));
    Command::from(command).spawn()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn only_keys_that_would_be_accepted_are_offered() {
        for (phase, keys) in
            [(Phase::HeldFailed, "rcfsq"), (Phase::HeldBefore, "cfsq"), (Phase::HeldAfter, "cfsq")]
        {
            let offered: Vec<u8> = choices(phase).into_iter().map(|(key, ..)| key).collect();
            assert_eq!(offered, keys.as_bytes(), "{phase:?}");
        }
    }
}
