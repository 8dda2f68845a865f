//! Speaking to a whole run: a marker is put into a control folder, and every live step shows in its
//! state that it has seen it (contract 2.2, 2.7).

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use debug_scripts::RunVerb;
use nix::poll::{PollTimeout, poll};
use tempfile::TempPath;

use super::answer::Answer;
use crate::breakpoint::{self, Breakpoint};
use crate::look::read_reason;
use crate::os::files::{beside, with_ending};
use crate::os::lock::{Life, LifeWatch};
use crate::state::{Phase, SeenMarker, State, written};
use crate::status;
use crate::step::markers::Kind;

/// By how much a marker is newer than what it answers to: more than a filesystem rounds away.
const LATER: Duration = Duration::from_millis(1);

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
        let live = self.live_steps();
        if live.is_empty() {
            let message = format!("not {}: no step of this run is alive", self.name());
            return self.answer(Answer::REJECTED, message);
        }
        let marker = self.folder.join(self.verb.definition().marker);
        let former = self.keep_former(&marker);
        let written = beside(&marker).and_then(|mut file| {
            file.write_all(self.text.as_bytes())?;
            self.make_newest(file.as_file(), &live)?;
            file.persist(&marker).map_err(|e| e.error)?.metadata()
        });
        match written {
            Ok(mine) => self.await_steps(&marker, mine.ino(), former),
            Err(e) => {
                let message = format!("cannot write {}: {e}", marker.display());
                self.answer(Answer::NOBODY, message)
            }
        }
    }

    fn await_steps(&self, marker: &Path, inode: u64, former: Option<TempPath>) -> Answer {
        loop {
            let steps = self.live_steps();
            // Another hand may have written over it since: then that one is to be seen.
            let there = self.read(marker);
            let is_deaf =
                |state: &&State| !there.as_ref().is_some_and(|it| state.markers.contains(it));
            let deaf: Vec<_> = steps.iter().filter(is_deaf).collect();
            if deaf.is_empty() {
                return self.answer(Answer::ACCEPTED, self.told(&steps));
            }
            if Instant::now() >= self.deadline {
                return self.take_back(marker, inode, former, &deaf);
            }
            let _ = poll(&mut [], PollTimeout::try_from(GLANCE).unwrap_or(PollTimeout::ZERO));
        }
    }

    /// Of some markers the newest counts, by the times of their files (2.2). Clocks jump, and two words
    /// may come within one tick: ours is newer than what it answers to.
    fn make_newest(&self, file: &File, live: &[State]) -> io::Result<()> {
        let answers_to = match self.verb {
            RunVerb::Pause => Kind::Resume,
            RunVerb::Resume => Kind::Pause,
            RunVerb::Breakpoint => Kind::Breakpoint,
            _ => return Ok(()),
        };
        let markers = live.iter().flat_map(|state| &state.markers);
        let others = markers.filter(|marker| marker.name == answers_to.name());
        let newest = others.filter_map(SeenMarker::written_at).max();
        match newest.filter(|newest| {
            file.metadata().and_then(|it| it.modified()).is_ok_and(|at| at <= *newest)
        }) {
            Some(newest) => file.set_modified(newest + LATER),
            None => Ok(()),
        }
    }

    /// The marker that ours replaces, under another name: a pause must not end because nobody saw that
    /// it was given again.
    fn keep_former(&self, marker: &Path) -> Option<TempPath> {
        let name = format!(".holdpoint-{}-{}", std::process::id(), self.name());
        let former = self.folder.join(name);
        std::fs::hard_link(marker, &former).ok()?;
        TempPath::try_from_path(former).ok()
    }

    /// What some steps have not seen must not act on the others later. Another hand's marker stays.
    fn take_back(
        &self,
        marker: &Path,
        inode: u64,
        former: Option<TempPath>,
        deaf: &[&State],
    ) -> Answer {
        let deaf: Vec<_> = deaf.iter().map(|state| format!("`{}`", state.step)).collect();
        let is_mine = marker.metadata().is_ok_and(|there| there.ino() == inode);
        let restores = former.is_some();
        let take = || match former {
            Some(former) => former.persist(marker).map_err(|e| e.error),
            None => std::fs::remove_file(marker),
        };
        let taken = match is_mine.then(take) {
            Some(Ok(())) if restores => "the marker before it stands again".to_owned(),
            Some(Ok(())) => "the marker is taken back".to_owned(),
            Some(Err(e)) => format!("{} cannot be taken back: {e}", marker.display()),
            None => "somebody else has replaced the marker or taken it away".to_owned(),
        };
        let message = format!("no answer from step {}; {taken}", deaf.join(", "));
        self.answer(Answer::NOBODY, message)
    }

    /// The marker that is there now, as states show it.
    fn read(&self, marker: &Path) -> Option<SeenMarker> {
        let file = marker.metadata().ok()?;
        Some(SeenMarker {
            name: self.verb.definition().marker.to_owned(),
            reason: read_reason(marker),
            folder: self.folder.to_owned(),
            written: written(file.modified().unwrap_or(SystemTime::UNIX_EPOCH)),
        })
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
