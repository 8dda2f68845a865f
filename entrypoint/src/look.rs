//! Looking at the files of a run, and telling the machine what they say. Nothing is decided here.

mod awaited;
mod control;
mod news;
mod requests;
mod settle;

use std::path::{Path, PathBuf};
use std::time::Duration;

use awaited::{Earlier, WaitFile};
use control::ControlFolders;
pub(crate) use control::read_reason;
use news::News;
use requests::RequestFiles;
use settle::Settling;

use crate::os::files::{folder_of, is_posted};
use crate::os::watch::Change;
use crate::paths::Paths;
use crate::step::{Awaited, Posted, Request, View};

/// Where to look.
#[derive(Clone, Debug)]
pub struct Places<'a> {
    /// The step's post file.
    pub post: Option<&'a Path>,
    /// The files that it waits for.
    pub waits: &'a [PathBuf],
    /// Whether these count only once they are not empty.
    pub wait_for_content: bool,
    /// Control folders beside those that follow from the post file.
    pub control: &'a [PathBuf],
    /// The contract's fixed places.
    pub paths: &'a Paths,
}

/// What looks, and remembers what it has seen.
#[derive(Debug)]
pub struct Eyes {
    post: Option<PathBuf>,
    waits: Vec<WaitFile>,
    earlier: Earlier,
    control: ControlFolders,
    requests: RequestFiles,
    settling: Settling,
    news: News,
    /// When a lock is to be asked for once more.
    ask_again_at: Option<Duration>,
}

/// A dying process closes its files a moment before it gives up their locks.
const LAST_BREATH: Duration = Duration::from_millis(3);

impl Eyes {
    /// Eyes for a step with these files.
    pub fn new(places: &Places<'_>) -> Self {
        let wait = |file: &PathBuf| WaitFile::new(file, places.wait_for_content);
        let waits: Vec<_> = places.waits.iter().map(wait).collect();
        let control = ControlFolders::new(places.post, places.control, &places.paths.downward());
        let own = places.post.map(|post| folder_of(post).to_owned());
        let near = waits.iter().map(WaitFile::folder).chain(own).collect();
        Self {
            post: places.post.map(Path::to_owned),
            waits,
            earlier: Earlier::of(places.post),
            news: News::new(near, control.siblings()),
            control,
            requests: RequestFiles::of(places.post),
            settling: Settling::default(),
            ask_again_at: None,
        }
    }

    /// The folders in which something could happen that matters.
    pub fn folders(&self) -> Vec<PathBuf> {
        let waits = self.waits.iter().map(WaitFile::folder);
        waits.chain(self.control.folders()).collect()
    }

    /// Tells whether a change of a file could matter to this step now.
    pub fn relevance(&self) -> impl Fn(&Path) -> bool + Send + 'static {
        let news = self.news.clone();
        move |path| news.matters(path)
    }

    /// Takes note of what changed since the last look.
    pub fn notice(&mut self, changes: &[Change], monotonic: Duration) {
        for change in changes {
            self.settling.notice(change);
            self.control.notice(change);
            if matches!(change, Change::Settled(path) if path.extension() == Some("alive".as_ref()))
            {
                self.ask_again_at = Some(monotonic + LAST_BREATH);
            }
        }
    }

    /// Trusts nothing that was remembered: the next look reads every folder.
    pub fn forget(&mut self) {
        self.control.forget();
    }

    /// Looks at everything.
    pub fn look(&mut self, monotonic: Duration) -> View {
        self.settling.begin(monotonic);
        self.ask_again_at = self.ask_again_at.filter(|at| *at > monotonic);
        let awaited: Vec<_> = self.waits.iter_mut().map(WaitFile::look).collect();
        let open = awaited.iter().any(Awaited::is_open);
        self.news.turn_has_come(!open);
        let markers = self.control.look(&mut self.settling);
        let kept_back_by = || self.control.half_written().or_else(|| self.earlier.busy());
        View {
            busy: if open { None } else { kept_back_by() },
            awaited,
            markers,
            requests: self.requests.look(&mut self.settling),
            posted: self.posted(),
        }
    }

    /// When to look again although nothing happens: at a file that may still be written to, or at
    /// the lock of a step that may be dying.
    pub fn look_again_at(&self) -> Option<Duration> {
        self.settling.look_again_at().into_iter().chain(self.ask_again_at).min()
    }

    /// Takes away a request that was answered; one that stays is not read again as it is.
    pub fn discard(&mut self, request: &Request) {
        self.requests.discard(&request.file);
    }

    /// Leaves a file that was acted on where it is; it is not read again as it is.
    pub fn keep(&mut self, request: &Request) {
        self.requests.keep(&request.file);
    }

    fn posted(&self) -> Posted {
        if self.post.as_deref().is_some_and(is_posted) { Posted::Already } else { Posted::Nothing }
    }
}
