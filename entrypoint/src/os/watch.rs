//! Waking when a file appears or is closed, instead of polling (contract 2.8). Where inotify cannot
//! be had, the caller is told and looks more often.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::mem::ManuallyDrop;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use nix::sys::eventfd::{EfdFlags, EventFd};
use notify::event::{AccessKind, AccessMode, Event, EventKind, ModifyKind, RenameMode};
use notify::{Config, EventKindMask, RecommendedWatcher, RecursiveMode, Watcher};

use super::files;

/// What happened to a file in a watched folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Its writer closed it or renamed it into place.
    Settled(PathBuf),
    /// It was created, and may be open for writing still.
    Created(PathBuf),
    /// It vanished, or has new attributes.
    Touched(PathBuf),
    /// Some changes were lost.
    Lost,
}

type Handler = Box<dyn FnMut(notify::Result<Event>) + Send>;

/// Watches folders, those included that are not there yet.
pub struct Watch {
    /// What the watcher is to call, until there is one.
    handler: Option<Handler>,
    /// Never dropped: its goodbye panics where its thread could not be had, and the end of the process
    /// ends it as well.
    watcher: ManuallyDrop<Option<RecommendedWatcher>>,
    changes: Receiver<Change>,
    /// No pipe: the watcher's thread may outlive us, and would die of writing to one.
    woken: Arc<EventFd>,
    wanted: BTreeSet<PathBuf>,
    /// What is watched, by the folder it stands for: itself, or the nearest above it that exists.
    watched: BTreeMap<PathBuf, PathBuf>,
    problem: Option<String>,
}

impl Watch {
    /// Watches nothing yet; `relevant` says which file names are worth waking for.
    ///
    /// # Errors
    /// Where the process has no descriptors left.
    pub fn new(relevant: impl Fn(&Path) -> bool + Send + 'static) -> io::Result<Self> {
        let flags = EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK;
        let woken = Arc::new(EventFd::from_flags(flags)?);
        let waker = Arc::clone(&woken);
        let (sender, changes) = channel();
        let handler: Handler = Box::new(move |event| tell(event, &relevant, &sender, &waker));
        let (wanted, watched, problem) = Default::default();
        let watcher = ManuallyDrop::new(None);
        Ok(Self { handler: Some(handler), watcher, changes, woken, wanted, watched, problem })
    }

    /// Watches these folders too.
    pub fn want(&mut self, folders: impl IntoIterator<Item = PathBuf>) {
        self.begin();
        for folder in folders {
            if self.wanted.insert(folder.clone()) {
                self.watch(&folder);
            }
        }
    }

    /// Whether anything was wanted yet.
    pub fn has_begun(&self) -> bool {
        self.handler.is_none()
    }

    fn begin(&mut self) {
        let Some(handler) = self.handler.take() else { return };
        let config = Config::default().with_follow_symlinks(false).with_event_kinds(news());
        match RecommendedWatcher::new(handler, config) {
            Ok(watcher) => *self.watcher = Some(watcher),
            Err(e) => self.problem = Some(e.to_string()),
        }
    }

    /// Follows folders that have come since: a folder that was not there is watched from above.
    pub fn follow(&mut self) {
        let moved: Vec<_> = self
            .wanted
            .iter()
            .filter(|folder| {
                self.watched.get(*folder).is_none_or(|at| *at != nearest_existing(folder))
            })
            .cloned()
            .collect();
        for folder in moved {
            self.watch(&folder);
        }
    }

    fn watch(&mut self, folder: &Path) {
        let at = nearest_existing(folder);
        let known = self.watched.values().any(|watched| *watched == at);
        self.watched.insert(folder.to_owned(), at.clone());
        let Some(watcher) = self.watcher.as_mut().filter(|_| !known) else { return };
        if let Err(e) = watcher.watch(&at, RecursiveMode::NonRecursive) {
            self.problem.get_or_insert_with(|| format!("{}: {e}", at.display()));
        }
    }

    /// Why some changes cannot be had as events.
    pub fn problem(&self) -> Option<&str> {
        self.problem.as_deref()
    }

    /// The changes since the last call.
    pub fn take(&self) -> Vec<Change> {
        let _ = self.woken.read();
        self.changes.try_iter().collect()
    }
}

impl AsFd for Watch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.woken.as_fd()
    }
}

/// What is worth waking for. Not an open: every step looks into the folders of all the others, and
/// twenty of them would keep each other awake.
fn news() -> EventKindMask {
    EventKindMask::CREATE
        | EventKindMask::REMOVE
        | EventKindMask::MODIFY_NAME
        | EventKindMask::ACCESS_CLOSE
}

fn nearest_existing(folder: &Path) -> PathBuf {
    folder.ancestors().find(|above| above.is_dir()).unwrap_or(Path::new("/")).to_owned()
}

/// Runs on the watcher's thread: opens and writes are no news, everything else is passed on.
fn tell(
    event: notify::Result<Event>,
    relevant: &impl Fn(&Path) -> bool,
    sender: &Sender<Change>,
    waker: &EventFd,
) {
    let changes: Vec<_> = match event {
        Err(_) => vec![Change::Lost],
        Ok(event) if event.need_rescan() => vec![Change::Lost],
        Ok(Event { kind, paths, .. }) => {
            let Some(change) = change_of(kind) else { return };
            paths.into_iter().filter(|path| relevant(path)).map(change).collect()
        }
    };
    if changes.is_empty() {
        return;
    }
    for change in changes {
        let _ = sender.send(change);
    }
    let _ = waker.write(1);
}

fn change_of(kind: EventKind) -> Option<fn(PathBuf) -> Change> {
    match kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write))
        | EventKind::Modify(ModifyKind::Name(RenameMode::To)) => Some(Change::Settled),
        EventKind::Create(_) => Some(Change::Created),
        EventKind::Access(_)
        | EventKind::Modify(ModifyKind::Data(_) | ModifyKind::Name(RenameMode::Both)) => None,
        _ => Some(Change::Touched),
    }
}

/// Whether this folder's filesystem is one where changes made elsewhere give no events.
pub fn gives_no_events(folder: &Path) -> bool {
    use nix::sys::statfs::{FsType, NFS_SUPER_MAGIC, statfs};
    const SMB2: FsType = FsType(0xFE53_4D42_u32 as nix::libc::__fsword_t);
    const CIFS: FsType = FsType(0xFF53_4D42_u32 as nix::libc::__fsword_t);
    const FUSE: FsType = FsType(0x6573_5546);
    const PLAN9: FsType = FsType(0x0102_1997);
    let at = nearest_existing(files::folder_of(&folder.join("_")));
    statfs(&at)
        .is_ok_and(|fs| [NFS_SUPER_MAGIC, SMB2, CIFS, FUSE, PLAN9].contains(&fs.filesystem_type()))
}
