//! Speaking to a whole run: a marker is put into a control folder, and every live step shows in its
//! state that it has seen it (contract 2.2, 2.7).

use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};

use debug_scripts::RunVerb;
use nix::poll::{PollTimeout, poll};

use super::answer::Answer;
use crate::breakpoint::{self, Breakpoint};
use crate::look::read_reason;
use crate::os::files::{beside, with_ending};
use crate::os::lock::{Life, LifeWatch};
use crate::state::{Phase, SeenMarker, State};
use crate::status;
use crate::step::markers::Kind;

/// How often the states are looked at.
const GLANCE: Duration = Duration::from_millis(20);

/// Puts a run verb's marker into this folder and waits until every live step of the run that the post
/// file belongs to has seen it.
///
/// # Errors
/// A breakpoint that cannot be.
pub fn mark(
    post: &Path,
    folder: &Path,
    verb: RunVerb,
    arguments: &[String],
    wait: Duration,
) -> Result<Answer, String> {
    let text = arguments.join(" ");
    let marking = Marking { post, folder, verb, text, deadline: Instant::now() + wait };
    if verb == RunVerb::Breakpoint {
        marking.check_breakpoints()?;
    }
    Ok(marking.run())
}

struct Marking<'a> {
    post: &'a Path,
    folder: &'a Path,
    verb: RunVerb,
    text: String,
    deadline: Instant,
}

impl Marking<'_> {
    fn run(&self) -> Answer {
        if self.live_steps().is_empty() {
            let message = format!("not {}: no step of this run is alive", self.name());
            return self.answer(Answer::REJECTED, message);
        }
        let marker = self.folder.join(self.verb.definition().marker);
        let written = beside(&marker).and_then(|mut file| {
            file.write_all(self.text.as_bytes())?;
            file.persist(&marker).map_err(|e| e.error)?.metadata()
        });
        match written {
            Ok(mine) => self.await_steps(&marker, mine.ino()),
            Err(e) => {
                let message = format!("cannot write {}: {e}", marker.display());
                self.answer(Answer::NOBODY, message)
            }
        }
    }

    fn await_steps(&self, marker: &Path, inode: u64) -> Answer {
        loop {
            let steps = self.live_steps();
            // Another hand may have written over it since: then its text is the one that counts.
            let text = read_reason(marker);
            let deaf: Vec<_> =
                steps.iter().filter(|state| !self.is_seen_by(state, &text)).collect();
            if deaf.is_empty() {
                return self.answer(Answer::ACCEPTED, self.told(&steps));
            }
            if Instant::now() >= self.deadline {
                return self.take_back(marker, inode, &deaf);
            }
            let _ = poll(&mut [], PollTimeout::try_from(GLANCE).unwrap_or(PollTimeout::ZERO));
        }
    }

    /// What some steps have not seen must not act on the others later. Another hand's marker stays.
    fn take_back(&self, marker: &Path, inode: u64, deaf: &[&State]) -> Answer {
        let deaf: Vec<_> = deaf.iter().map(|state| format!("`{}`", state.step)).collect();
        let is_mine = marker.metadata().is_ok_and(|there| there.ino() == inode);
        let taken = match is_mine.then(|| std::fs::remove_file(marker)) {
            Some(Ok(())) => "the marker is taken back".to_owned(),
            Some(Err(e)) => format!("{} cannot be taken back: {e}", marker.display()),
            None => "somebody else has replaced the marker or taken it away".to_owned(),
        };
        let message = format!("no answer from step {}; {taken}", deaf.join(", "));
        self.answer(Answer::NOBODY, message)
    }

    fn is_seen_by(&self, state: &State, text: &str) -> bool {
        let marker = self.verb.definition().marker;
        state
            .markers
            .iter()
            .any(|seen| seen.name == marker && seen.reason == text && seen.folder == self.folder)
    }

    /// The steps that have begun to speak and are neither finished nor dead.
    fn live_steps(&self) -> Vec<State> {
        let posts = status::posts_of_run(self.post);
        let alive = |post: &Path| LifeWatch::new(with_ending(post, ".alive")).look() == Life::Alive;
        let live = posts.iter().filter(|post| alive(post)).filter_map(|post| status::read(post));
        live.filter(|state| state.phase != Phase::Finished).collect()
    }

    /// What the steps are doing about it.
    fn told(&self, steps: &[State]) -> String {
        let doing: Vec<_> = steps.iter().map(|state| state.message.clone()).collect();
        // States show a pause also once it has been resumed; only that of the pod outlives it.
        let annotated = |marker: &SeenMarker| {
            marker.name == Kind::Pause.name() && marker.folder.ends_with("downward")
        };
        let paused = steps.iter().flat_map(|state| &state.markers).any(annotated);
        let still = if paused && self.verb == RunVerb::Resume {
            "; a pause by the pod's annotation stands until that is taken away"
        } else {
            ""
        };
        let colon = if doing.is_empty() { "" } else { ": " };
        format!("{}{still}{colon}{}", self.name(), doing.join("; "))
    }

    fn check_breakpoints(&self) -> Result<(), String> {
        let wrong = |why: String| {
            Err(format!(
                "breakpoint {:?}: {why}; give on-failure, before:STEP, after:STEP or off",
                self.text
            ))
        };
        let breakpoints = match breakpoint::parse(&self.text) {
            Ok(breakpoints) => breakpoints,
            Err(error) => return wrong(error.to_string()),
        };
        let posts = status::posts_of_run(self.post);
        let steps: Vec<_> =
            posts.iter().filter_map(|post| Some(status::read(post)?.step)).collect();
        for step in breakpoints.iter().filter_map(Breakpoint::step) {
            if !steps.iter().any(|known| known == step) {
                return wrong(format!("there is no step {step} in {}", steps.join(", ")));
            }
        }
        Ok(())
    }

    fn name(&self) -> &'static str {
        self.verb.definition().name
    }

    fn answer(&self, code: i32, message: String) -> Answer {
        Answer { code, step: None, verb: self.name(), message }
    }
}
