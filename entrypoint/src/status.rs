//! The table of a run's steps: what each is doing, since when, and how it ended (contract 2.7).

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::poll::{PollTimeout, poll};

use crate::os::files::{folder_of, with_ending};
use crate::os::lock::{Life, LifeWatch};
use crate::state::{Phase, State};

/// The exit code of a watch whose reader is gone: that is no error.
const NOBODY_READS: i32 = 0;

/// How often a watched table is looked at.
const GLANCE: Duration = Duration::from_millis(100);

/// Prints every step of the run that this post file belongs to, once or until all have ended; exit
/// code 4 where there is none.
pub fn main(post: &Path, json: bool, watch: bool) -> i32 {
    let mut shown = String::new();
    loop {
        let (states, lives): (Vec<_>, Vec<_>) =
            posts_of_run(post).iter().filter_map(|post| look_at(post)).unzip();
        let text = shown_as(&states, json);
        if text != shown {
            if print(&text, watch && !json).is_err() && watch {
                return NOBODY_READS;
            }
            shown = text;
        }
        let over = states
            .iter()
            .zip(lives)
            .all(|(state, life)| state.phase == Phase::Finished || life == Life::Gone);
        if !watch || over {
            return if states.is_empty() { 4 } else { 0 };
        }
        let _ = poll(&mut [], PollTimeout::try_from(GLANCE).unwrap_or(PollTimeout::ZERO));
    }
}

/// Says in one line why the step is paused or held: exit code 1; else 0. For a readiness probe.
pub fn probe(post: &Path) -> i32 {
    match read(post) {
        Some(state) if state.phase == Phase::Paused || state.phase.is_held() => {
            let _ = writeln!(std::io::stdout(), "{}", state.message);
            1
        }
        _ => 0,
    }
}

fn shown_as(states: &[State], json: bool) -> String {
    if json { serde_json::to_string(states).unwrap_or_default() + "\n" } else { table(states) }
}

/// On a terminal a watched table stands where the one before it stood.
fn print(text: &str, again: bool) -> io::Result<()> {
    let mut stdout = io::stdout();
    if again && stdout.is_terminal() {
        stdout.write_all(b"\x1b[H\x1b[2J")?;
    }
    stdout.write_all(text.as_bytes())
}

/// A step's state; where its process has died, the state says so.
pub fn read(post: &Path) -> Option<State> {
    look_at(post).map(|(state, _)| state)
}

fn look_at(post: &Path) -> Option<(State, Life)> {
    // Asked before the state is read: a step that ends in between has said so by then.
    let life = LifeWatch::new(with_ending(post, ".alive")).look();
    let mut state = State::of(post)?;
    if state.phase != Phase::Finished && life == Life::Gone {
        let step = &state.step;
        state.message = format!("step `{step}` died without a word (killed, or out of memory)");
    }
    Some((state, life))
}

/// The post files of all steps of a run, in their order: siblings in numbered folders, or numbered
/// files in one folder.
pub fn posts_of_run(post: &Path) -> Vec<PathBuf> {
    let number = |path: &Path| path.file_name()?.to_str()?.parse::<u64>().ok();
    let folder = folder_of(post);
    let list = |folder: &Path| {
        let entries = folder.read_dir().into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).collect::<Vec<_>>()
    };
    let mut posts: Vec<_> = match (number(folder), folder.parent(), post.file_name()) {
        (Some(_), Some(root), Some(name)) => {
            let numbered = |folder: PathBuf| Some((number(&folder)?, folder.join(name)));
            list(root).into_iter().filter_map(numbered).collect()
        }
        _ => {
            let states = list(folder)
                .into_iter()
                .filter(|path| path.extension().is_some_and(|e| e == "state"));
            let posts = states.map(|state| state.with_extension(""));
            posts.map(|post| (number(&post).unwrap_or(u64::MAX), post)).collect()
        }
    };
    posts.sort();
    posts.into_iter().map(|(_, post)| post).collect()
}

/// A line for each step: name, phase, since, attempt, exit code, reason, message.
fn table(states: &[State]) -> String {
    let head =
        ["STEP", "PHASE", "SINCE", "ATTEMPT", "EXIT", "REASON", "MESSAGE"].map(str::to_owned);
    let rows = states.iter().map(|state| {
        [
            state.step.clone(),
            state.phase.word().to_owned(),
            state.since.get(11..19).unwrap_or(&state.since).to_owned(),
            state.attempt.to_string(),
            state.exit_code.map_or("-".to_owned(), |code| code.to_string()),
            state.reason.map_or("-".to_owned(), |reason| reason.word().to_owned()),
            state.message.clone(),
        ]
    });
    let rows: Vec<_> = std::iter::once(head).chain(rows).collect();
    let width =
        |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<_> = (0..6).map(width).collect();
    let line = |row: &[String; 7]| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}  "));
        cells.collect::<String>() + &row[6] + "\n"
    };
    rows.iter().map(line).collect()
}
