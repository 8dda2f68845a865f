//! Asking one step: the request is put beside its post file, and its state tells the answer.

use std::ffi::OsString;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use debug_scripts::{Accepts, Verb, accepted_at};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::answer::Answer;
use crate::os::files::{beside, folder_of, with_ending};
use crate::os::lock::{Life, LifeWatch, Turn};
use crate::os::watch::Watch;
use crate::state::{Answered, Outcome, Phase, State};

/// How often the state is looked at where no event tells of it.
const GLANCE: Duration = Duration::from_millis(50);

/// Asks the step of this post file, and waits for its answer.
///
/// # Errors
/// Arguments that the verb does not take.
pub fn ask(
    post: &Path,
    verb: Verb,
    arguments: &[String],
    behind: &[OsString],
    wait: Duration,
) -> Result<Answer, String> {
    let asking = Asking { post, verb, id: new_id(), deadline: Instant::now() + wait };
    let content = asking.content(arguments, behind)?;
    Ok(asking.run(&content))
}

struct Asking<'a> {
    post: &'a Path,
    verb: Verb,
    id: String,
    deadline: Instant,
}

/// What the state says to one who waits.
enum News {
    Answered(Answered),
    Over(Answer),
    Nothing,
}

impl Asking<'_> {
    fn run(&self, content: &str) -> Answer {
        // Half of the time is left for the answer, whoever keeps the turn.
        let left = self.deadline.saturating_duration_since(Instant::now());
        let _turn = Turn::of(folder_of(self.post), left / 2);
        let state = match self.first_look() {
            Ok(state) => state,
            Err(answer) => return answer,
        };
        let file = with_ending(self.post, self.ending(state.phase));
        let watch = self.watch();
        loop {
            match self.put(&file, content) {
                Ok(()) => break,
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
                Err(e) => {
                    let problem = format!("cannot write {}: {e}", file.display());
                    return self.answer(Answer::NOBODY, problem);
                }
            }
            // Another hand was faster: its request is answered first.
            if let News::Over(answer) = self.news() {
                return answer;
            }
            if !self.sleep(watch.as_ref()) {
                let problem = format!("{} is there already, and nobody takes it", file.display());
                return self.answer(Answer::NOBODY, problem);
            }
        }
        self.await_answer(&file, watch.as_ref())
    }

    /// Rejects at once what the step would reject.
    fn first_look(&self) -> Result<State, Answer> {
        let life = self.life();
        let Some(state) = self.state() else {
            return Err(self.answer(Answer::NOBODY, self.why_silent(life)));
        };
        if let Some(answer) = self.over(&state, life) {
            return Err(answer);
        }
        let Some(moment) = state.phase.moment() else {
            return Err(self.answer(Answer::REJECTED, state.message));
        };
        match self.verb.accepted_at(moment) {
            Accepts::No(why) => {
                let limited = state.deadline.is_some();
                let now: Vec<_> =
                    accepted_at(moment, limited).map(|verb| verb.to_string()).collect();
                let (verb, doing, now) = (self.verb, &state.message, now.join(", "));
                let message = format!("not {verb}: {why} ({doing}); now possible: {now}");
                Err(self.answer(Answer::REJECTED, message))
            }
            _ => Ok(state),
        }
    }

    fn why_silent(&self, life: Life) -> String {
        let state = with_ending(self.post, ".state");
        match std::fs::File::open(&state) {
            Err(e) if e.kind() == io::ErrorKind::PermissionDenied => {
                format!("cannot read {}: {e}; ask as the user of the step", state.display())
            }
            _ if life == Life::Alive => "the step has not said anything yet; try again".to_owned(),
            _ => format!("there is no step at {}", self.post.display()),
        }
    }

    /// A step that has ended rejects everything; one that died answers nothing. Its life is asked for
    /// before its state is read: a step that ends in between has said so by then.
    fn over(&self, state: &State, life: Life) -> Option<Answer> {
        if state.phase == Phase::Finished {
            let message = format!("not {}: the step has ended: {}", self.verb, state.message);
            return Some(self.answer(Answer::REJECTED, message));
        }
        (life != Life::Alive).then(|| {
            let message = format!("step `{}` died without a word; nobody answers", state.step);
            self.answer(Answer::NOBODY, message)
        })
    }

    fn await_answer(&self, file: &Path, watch: Option<&Watch>) -> Answer {
        loop {
            match self.news() {
                News::Answered(answered) => return self.of(answered),
                News::Over(answer) => {
                    let _ = std::fs::remove_file(file);
                    return answer;
                }
                News::Nothing => {}
            }
            if !self.sleep(watch) {
                return self.take_back(file);
            }
        }
    }

    fn take_back(&self, file: &Path) -> Answer {
        // The answer may have come while the file was taken back.
        let taken = std::fs::remove_file(file);
        if let News::Answered(answered) = self.news() {
            return self.of(answered);
        }
        let message = match taken {
            Ok(()) => "nobody answered; the request is taken back".to_owned(),
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                "the request was taken, but its answer is shown no more: look at the status"
                    .to_owned()
            }
            Err(e) => format!("nobody answered, and {} cannot be taken back: {e}", file.display()),
        };
        self.answer(Answer::NOBODY, message)
    }

    fn news(&self) -> News {
        let life = self.life();
        let Some(state) = self.state() else { return News::Nothing };
        let mine = |answered: &&Answered| answered.id.as_deref() == Some(&self.id);
        if let Some(answered) = state.requests.iter().find(mine) {
            return News::Answered(answered.clone());
        }
        self.over(&state, life).map_or(News::Nothing, News::Over)
    }

    fn of(&self, answered: Answered) -> Answer {
        let code = match answered.outcome {
            Outcome::Accepted => Answer::ACCEPTED,
            Outcome::Rejected => Answer::REJECTED,
        };
        self.answer(code, answered.message)
    }

    fn answer(&self, code: i32, message: String) -> Answer {
        let step = self.state().map(|state| state.step);
        Answer { code, step, verb: self.verb.definition().name, message }
    }

    fn state(&self) -> Option<State> {
        State::of(self.post)
    }

    fn life(&self) -> Life {
        LifeWatch::new(with_ending(self.post, ".alive")).look()
    }

    /// Beside its place and linked into it, so that nobody's request is written over.
    fn put(&self, file: &Path, content: &str) -> io::Result<()> {
        let mut written = beside(file)?;
        written.write_all(content.as_bytes())?;
        written.persist_noclobber(file).map_err(|e| e.error)?;
        Ok(())
    }

    fn watch(&self) -> Option<Watch> {
        let state = with_ending(self.post, ".state");
        let mut watch = Watch::new(move |path| path == state || path.ends_with("alive")).ok()?;
        watch.want([folder_of(self.post).to_owned()]);
        Some(watch)
    }

    /// Until something happens; false where the time is up.
    fn sleep(&self, watch: Option<&Watch>) -> bool {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return false;
        }
        let pause = left.min(GLANCE) + Duration::from_micros(999);
        let timeout = PollTimeout::try_from(pause).unwrap_or(PollTimeout::MAX);
        let mut sources: Vec<_> =
            watch.iter().map(|watch| PollFd::new(watch.as_fd(), PollFlags::POLLIN)).collect();
        let _ = poll(&mut sources, timeout);
        if let Some(watch) = watch {
            watch.take();
        }
        true
    }

    /// The file by which the verb asks at this phase.
    fn ending(&self, phase: Phase) -> &'static str {
        match (self.verb, phase) {
            (Verb::Continue | Verb::BeforeContinue, Phase::HeldBefore) => ".beforestepexit",
            (Verb::Fail | Verb::BeforeFail, Phase::HeldBefore) => ".beforestepexit.err",
            (Verb::BeforeContinue, _) => ".beforestepexit",
            (Verb::BeforeFail, _) => ".beforestepexit.err",
            (Verb::Retry, _) => ".retry",
            (Verb::Skip, _) => ".skip",
            (Verb::Cancel, _) => ".cancel",
            (Verb::Extend, _) => ".extend",
            _ => ".breakpointexit",
        }
    }

    fn content(&self, arguments: &[String], behind: &[OsString]) -> Result<String, String> {
        let mut envelope = serde_json::json!({"id": self.id, "by": by()});
        match self.verb {
            Verb::Retry if !behind.is_empty() => {
                let words = behind.iter().map(|word| word.to_string_lossy()).collect::<Vec<_>>();
                envelope["command"] = serde_json::json!(words);
            }
            Verb::Extend => {
                let [duration] = arguments else {
                    return Err("extend takes one duration, such as: extend 30m".to_owned());
                };
                envelope["duration"] = serde_json::json!(duration);
            }
            _ => {}
        }
        if self.verb != Verb::Extend && !arguments.is_empty() {
            envelope["reason"] = serde_json::json!(arguments.join(" "));
        }
        envelope["verb"] = serde_json::json!(self.verb.to_string());
        let code = i32::from(self.verb != Verb::Continue);
        Ok(match self.ending(Phase::HeldFailed) {
            ".breakpointexit" | ".beforestepexit" | ".beforestepexit.err" => {
                format!("{code}\n{envelope}\n")
            }
            _ => envelope.to_string(),
        })
    }
}

/// Who asks, as far as it is known.
fn by() -> Option<String> {
    std::env::var("HOLDPOINT_USER").or_else(|_| std::env::var("USER")).ok()
}

/// An id that no other request has: it names this process and this moment.
fn new_id() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("{}-{}", std::process::id(), now.as_nanos())
}
