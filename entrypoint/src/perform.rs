//! What the machine asks for, done: processes, messages, states and post files. Once the command has
//! started, nothing here fails: it is told, and the way goes on to the post file.

use std::ffi::OsString;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::unistd::Pid;

use crate::config::Config;
use crate::log;
use crate::os::child::{self, Command, StartError};
use crate::os::files::{self, PostInode, Stage, with_ending};
use crate::os::hermetic;
use crate::os::lock;
use crate::os::signals::Signals;
use crate::os::tee::{self, Tee};
use crate::paths::Paths;
use crate::prepare::{self, Ready};
use crate::results::{self, Wanted};
use crate::state::State;
use crate::step::{Action, Event, Post, Prepared, Record};
use crate::termination::{Encoding, Message, OWN_PREFIX, Row, RowType, TerminationFile};

/// How long a step that has posted stays for the verbs that wait for its answer.
const LAST_WORD: Duration = Duration::from_secs(1);

/// What came of an action.
pub enum Performed {
    /// It is done.
    Done,
    /// It is done, and the machine is to be told this.
    Then(Event),
    /// It was the last one.
    Exit(i32),
}

/// Everything that a step touches outside itself.
pub struct Performer<'a> {
    config: &'a Config,
    paths: &'a Paths,
    signals: &'a Signals,
    command: Option<Vec<OsString>>,
    termination: TerminationFile,
    post: Option<PostInode>,
    stage: Option<Stage>,
    is_posted: bool,
    published: Option<State>,
    /// Whether the published state could not be written: then the next turn tries again.
    is_unwritten: bool,
    ready: Option<Ready>,
    child: Option<Pid>,
    group: Option<Pid>,
    tees: Vec<Tee>,
}

impl<'a> Performer<'a> {
    /// For a step with this command; none is a success without running anything.
    pub fn new(
        config: &'a Config,
        paths: &'a Paths,
        signals: &'a Signals,
        command: Option<Vec<OsString>>,
        post: Option<PostInode>,
        stage: Option<Stage>,
    ) -> Self {
        let (termination, warning) = TerminationFile::read(&config.termination_path);
        if let Some(warning) = warning {
            log::line(&warning.to_string());
        }
        let (published, is_unwritten, ready, child, group, tees) = Default::default();
        Self {
            config,
            paths,
            signals,
            command,
            termination,
            post,
            stage,
            is_posted: true,
            published,
            is_unwritten,
            ready,
            child,
            group,
            tees,
        }
    }

    /// Performs one action, of those that need no look at the files.
    pub fn perform(&mut self, action: Action) -> Performed {
        match action {
            Action::Log(text) => log::line(&text),
            Action::Start(_) => return Performed::Then(self.start()),
            Action::Signal(signal) => {
                if let Some(group) = self.group {
                    child::signal_group(group, signal);
                }
            }
            Action::EndLeftovers => self.end_leftovers(),
            Action::Mark(kind, reason) => self.mark(kind.name(), &reason),
            Action::Record(record) => return Performed::Then(Event::Recorded(self.record(record))),
            Action::Post(post) => self.post(post),
            Action::Exit(0) if !self.is_posted => return Performed::Exit(1),
            Action::Exit(code) => {
                self.let_listeners_go();
                return Performed::Exit(code);
            }
            Action::Look
            | Action::Prepare
            | Action::Discard(_)
            | Action::Keep(_)
            | Action::Publish => {}
        }
        Performed::Done
    }

    /// Substitutes and evaluates (1.3 step 5), for the step's own command or another one in its place.
    pub fn prepare(&mut self, other: Option<&[String]>) -> Prepared {
        self.ready = None;
        let prepared = match (other, self.command.clone()) {
            (Some(other), _) => {
                let other = other.iter().map(OsString::from).collect();
                prepare::prepare_other(self.config, self.paths, other).map(Some)
            }
            (None, Some(command)) => prepare::prepare(self.config, self.paths, command),
            (None, None) => return Prepared::Nothing,
        };
        match prepared {
            Ok(Some(ready)) => {
                self.ready = Some(ready);
                Prepared::Ready
            }
            Ok(None) => Prepared::Unwanted,
            Err(problem) => Prepared::Faulty(problem),
        }
    }

    /// Reaps what has ended, and says what that means to the step.
    pub fn reap(&mut self) -> Vec<Event> {
        let reaped = child::reap();
        let mut events = Vec::new();
        if let Some((pid, outcome)) = reaped.into_iter().find(|(pid, _)| Some(*pid) == self.child) {
            self.child = None;
            child::take_back_terminal(pid);
            events.push(Event::Ended(outcome));
        }
        if self.child.is_none() && self.group.is_some_and(|group| !child::group_lives(group)) {
            events.push(Event::GroupGone);
        }
        events
    }

    /// Writes `P.state` where it has changed; during a hold `P.env` stands beside it.
    pub fn publish(&mut self, state: &State) {
        let (Some(post), Some(stage)) = (self.config.post_file.as_deref(), &self.stage) else {
            return;
        };
        if self.published.as_ref() == Some(state) && !self.is_unwritten {
            return;
        }
        let was_held = self.published.as_ref().is_some_and(|state| state.phase.is_held());
        if was_held != state.phase.is_held() {
            self.publish_environment(&with_ending(post, ".env"), state.phase.is_held());
        }
        let written = serde_json::to_vec(state)
            .map_err(std::io::Error::from)
            .and_then(|json| stage.replace(&with_ending(post, ".state"), &json));
        let was_unwritten = std::mem::replace(&mut self.is_unwritten, written.is_err());
        if let Err(e) = written
            && !was_unwritten
        {
            log::line(&format!("cannot write {}.state: {e}", post.display()));
        }
        self.published = Some(state.clone());
    }

    fn publish_environment(&self, path: &Path, held: bool) {
        let done = if held {
            let changed = self.ready.as_ref().map(|ready| ready.changed.clone());
            let changed = changed.unwrap_or_else(|| prepare::changed_variables(self.paths));
            files::replace_private(path, &prepare::environment_block(&changed))
        } else {
            std::fs::remove_file(path)
        };
        if let Err(e) = done
            && e.kind() != std::io::ErrorKind::NotFound
        {
            log::line(&format!("cannot keep {}: {e}", path.display()));
        }
    }

    fn start(&mut self) -> Event {
        let Some(ready) = self.ready.as_ref() else {
            return Event::NotStarted { code: 1, message: "it was not prepared".to_owned() };
        };
        let (words, environment) = (ready.words.clone(), ready.environment.clone());
        match self.spawn(&words, &environment) {
            Ok(pid) => {
                (self.child, self.group) = (Some(pid), Some(pid));
                Event::Started(pid.as_raw())
            }
            Err(e) => {
                self.finish_copies();
                Event::NotStarted { code: e.code(), message: e.to_string() }
            }
        }
    }

    fn spawn(
        &mut self,
        words: &[OsString],
        environment: &[(OsString, OsString)],
    ) -> Result<Pid, StartError> {
        let (stdout, stderr) =
            self.open_copies().map_err(|e| StartError::Refused(e.to_string()))?;
        let hermetic = hermetic::is_asked(|name| std::env::var_os(name));
        let inherited = self.signals.inherited();
        Command { words, environment, stdout, stderr, hermetic, inherited }.start()
    }

    /// The ends of pipes that the command writes to, where copies are asked for. Both may go to one
    /// file, since each appends.
    fn open_copies(&mut self) -> std::io::Result<(Option<OwnedFd>, Option<OwnedFd>)> {
        let open = |path: &Option<PathBuf>| path.as_deref().map(tee::open_copy).transpose();
        let (out_file, err_file) =
            (open(&self.config.stdout_path)?, open(&self.config.stderr_path)?);
        let mut pipe = |file: Option<_>, stream: std::io::Result<OwnedFd>, name| {
            let Some(file) = file else { return Ok(None) };
            let (tee, into) = Tee::start(stream?, file, name)?;
            self.tees.push(tee);
            Ok::<_, std::io::Error>(Some(into))
        };

        let stdout = pipe(out_file, std::io::stdout().as_fd().try_clone_to_owned(), "stdout")?;
        let stderr = pipe(err_file, std::io::stderr().as_fd().try_clone_to_owned(), "stderr")?;
        Ok((stdout, stderr))
    }

    /// As PID 1 the kernel ends everything at the exit; elsewhere, and before a retry, we do.
    fn end_leftovers(&mut self) {
        if let Some(group) = self.group.take() {
            child::signal_group(group, nix::libc::SIGKILL);
        }
        child::end_descendants();
        self.child = None;
        self.finish_copies();
    }

    /// As PID 1 the end of this process ends the verb that asked for it, before it could tell.
    fn let_listeners_go(&self) {
        if let Some(post) = self.config.post_file.as_deref() {
            lock::let_listeners_go(files::folder_of(post), LAST_WORD);
        }
    }

    fn finish_copies(&mut self) {
        self.tees.drain(..).for_each(Tee::finish);
    }

    fn mark(&self, name: &str, reason: &str) {
        let Some(post) = self.config.post_file.as_deref() else { return };
        let marker = files::folder_of(post).join(name);
        if let Err(e) = files::replace(&marker, reason.as_bytes()) {
            log::line(&format!("cannot write {}: {e}", marker.display()));
        }
    }

    /// The `exitCode` file, the results and the termination message; each is tried whatever became
    /// of the others.
    fn record(&mut self, record: Record) -> Result<(), String> {
        let mut problems = Vec::new();
        if let (Some(folder), Some(code)) = (&self.config.step_metadata_dir, &record.exit_code_file)
        {
            let file = folder.join("exitCode");
            let written = files::replace(&file, code.as_bytes());
            problems.extend(written.err().map(|e| format!("cannot write {}: {e}", file.display())));
        }
        let collected = if record.ran { self.collect() } else { results::Collected::default() };
        problems.extend(collected.errors.iter().map(ToString::to_string));
        let held = |code| Row::new(format!("{OWN_PREFIX}held"), code, RowType::Internal);
        let message = Message {
            own: record.held.map(held).into_iter().collect(),
            results: collected.results,
            started_at: record.started_at,
            ending: record.row,
            artifacts: collected.artifacts,
        };
        let written = self.termination.write(&message, self.encoding());
        problems.extend(written.err().map(|e| e.to_string()));
        if problems.is_empty() { Ok(()) } else { Err(problems.join("; ")) }
    }

    fn collect(&self) -> results::Collected {
        let wanted = Wanted {
            results: &self.config.results,
            step_results: &self.config.step_results,
            step_metadata_dir: self.config.step_metadata_dir.as_deref(),
            from: self.config.results_from,
        };
        results::collect(&wanted, self.paths)
    }

    fn encoding(&self) -> Encoding {
        if self.config.compress_termination_message { Encoding::Shortest } else { Encoding::Plain }
    }

    fn post(&mut self, post: Post) {
        self.ready = None;
        let ending = match post {
            Post::Done => "",
            Post::Failed => ".err",
            Post::ByOthers => return,
        };
        let Some(inode) = self.post.as_mut() else { return };
        if let Err(e) = inode.post(ending) {
            log::line(&format!("cannot post {e}"));
            self.is_posted = false;
            // Whoever waits is to hear of it all the same.
            let _ = inode.post(".err");
        }
    }
}
