//! The files that a step waits for, and the steps that write them (contract 1.3, 2.2, 2.4).

use std::io;
use std::path::{Path, PathBuf};

use crate::os::files::{folder_of, is_posted, with_ending};
use crate::os::lock::{Life, LifeWatch};
use crate::state::State;
use crate::step::{Awaited, Writer};

/// One awaited file.
#[derive(Debug)]
pub(super) struct WaitFile {
    file: PathBuf,
    failure: PathBuf,
    needs_content: bool,
    writer: LifeWatch,
    /// The name of the step that writes it, once that has spoken.
    step: Option<String>,
}

impl WaitFile {
    pub(super) fn new(file: &Path, needs_content: bool) -> Self {
        Self {
            file: file.to_owned(),
            failure: with_ending(file, ".err"),
            needs_content,
            writer: LifeWatch::new(with_ending(file, ".alive")),
            step: None,
        }
    }

    pub(super) fn folder(&self) -> PathBuf {
        folder_of(&self.file).to_owned()
    }

    pub(super) fn look(&mut self) -> Awaited {
        let mut awaited = self.glance();
        if awaited.came {
            return awaited;
        }
        if !awaited.failed {
            match self.writer.look() {
                Life::Unknown => {}
                Life::Alive => {
                    awaited.writer = Writer::Alive;
                    awaited.step = self.name_of_writer();
                }
                Life::Gone => {
                    // It may have posted between the first glance and its end.
                    awaited = Awaited { writer: Writer::Died, ..self.glance() };
                }
            }
        }
        if awaited.failed || awaited.writer == Writer::Died {
            let state = State::of(&self.file);
            awaited.reason = state.as_ref().and_then(|state| state.reason);
            awaited.step = state.map(|state| state.step);
        }
        awaited
    }

    /// Asked until it is known: a waiting person wants a name and no path.
    fn name_of_writer(&mut self) -> Option<String> {
        if self.step.is_none() {
            self.step = State::of(&self.file).map(|state| state.step);
        }
        self.step.clone()
    }

    fn glance(&self) -> Awaited {
        let (came, never) = match self.file.metadata() {
            Ok(file) => (!self.needs_content || file.len() > 0, None),
            Err(e) if e.kind() == io::ErrorKind::NotFound => (false, None),
            Err(e) => (false, Some(format!("cannot wait for {}: {e}", self.file.display()))),
        };
        let failed = !came && never.is_none() && self.failure.exists();
        Awaited { file: self.file.clone(), came, failed, never, ..Awaited::default() }
    }
}

/// The steps before this one: none may still be at work when its command starts.
#[derive(Debug, Default)]
pub(super) struct Earlier {
    layout: Option<Layout>,
}

/// How steps are numbered: a folder each, or a file each in one folder.
#[derive(Debug)]
enum Layout {
    Folders { root: PathBuf, own: u64, name: PathBuf },
    Files { folder: PathBuf, own: u64 },
}

impl Earlier {
    pub(super) fn of(post: Option<&Path>) -> Self {
        Self { layout: post.and_then(Layout::of) }
    }

    /// The first earlier step that is alive and has not posted.
    pub(super) fn busy(&self) -> Option<String> {
        let mut posts = self.layout.as_ref()?.earlier_posts();
        posts.sort_unstable();
        posts
            .into_iter()
            .map(|(_, post)| post)
            .find(|post| is_at_work(post))
            .map(|post| format!("the step of {}, which is still alive", post.display()))
    }
}

impl Layout {
    fn of(post: &Path) -> Option<Self> {
        let folder = folder_of(post);
        let name = PathBuf::from(post.file_name()?);
        if let (Some(own), Some(root)) = (number(folder), folder.parent()) {
            return Some(Self::Folders { root: root.to_owned(), own, name });
        }
        Some(Self::Files { folder: folder.to_owned(), own: number(post)? })
    }

    fn earlier_posts(&self) -> Vec<(u64, PathBuf)> {
        let (Self::Folders { own, root: folder, .. } | Self::Files { own, folder }) = self;
        let Ok(entries) = folder.read_dir() else { return Vec::new() };
        let post = |path: PathBuf| match self {
            Self::Folders { name, .. } => Some((number(&path)?, path.join(name))),
            Self::Files { .. } if path.extension().is_some_and(|ending| ending == "alive") => {
                let post = path.with_extension("");
                Some((number(&post)?, post))
            }
            Self::Files { .. } => None,
        };
        let posts = entries.flatten().filter_map(|entry| post(entry.path()));
        posts.filter(|(number, _)| number < own).collect()
    }
}

/// The number that is the last name of a path.
pub(super) fn number(path: &Path) -> Option<u64> {
    let name = path.file_name()?.to_str()?;
    name.bytes().all(|byte| byte.is_ascii_digit()).then(|| name.parse().ok()).flatten()
}

fn is_at_work(post: &Path) -> bool {
    if is_posted(post) {
        return false;
    }
    LifeWatch::new(with_ending(post, ".alive")).look() == Life::Alive && !is_posted(post)
}
