//! Locks between processes: `P.alive`, which a step holds for as long as its process lives (contract
//! 2.1, 2.4), and that of a step's folder, by which it knows that somebody waits for its answer (2.7).

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use nix::poll::{PollTimeout, poll};

use super::files;

/// The lock of a live step. It ends with the process, however that ends.
#[derive(Debug)]
pub struct Alive {
    _lock: Flock<File>,
}

impl Alive {
    /// Makes the file under another name, locks it, and renames it into place.
    ///
    /// # Errors
    /// Where the folder cannot be written to, or its filesystem knows no locks.
    pub fn announce(path: &Path) -> io::Result<Self> {
        let beside = files::beside(path)?;
        let (file, beside) = beside.into_parts();
        let lock = Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|(_, e)| e)?;
        beside.persist(path).map_err(|e| e.error)?;
        Ok(Self { _lock: lock })
    }
}

/// What a look at another step's lock says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// It has never been there.
    Unknown,
    /// It is locked, or may not be looked at.
    Alive,
    /// It was there and is no longer locked.
    Gone,
}

/// Looks at another step's lock again and again, with one descriptor.
#[derive(Debug)]
pub struct LifeWatch {
    path: PathBuf,
    seen: Option<File>,
}

impl LifeWatch {
    /// For the `.alive` file at this path, which need not be there yet.
    pub fn new(path: PathBuf) -> Self {
        Self { path, seen: None }
    }

    /// Asks with a shared lock that blocks nobody.
    pub fn look(&mut self) -> Life {
        match self.open_current() {
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(_) => return Life::Alive,
            Ok(()) => {}
        }
        self.seen.take().map_or(Life::Unknown, |file| self.ask(file))
    }

    /// A step that began again has renamed a new file into the place of the old one.
    fn open_current(&mut self) -> io::Result<()> {
        let inode = std::fs::metadata(&self.path)?.ino();
        let seen = self.seen.as_ref().and_then(|file| file.metadata().ok()).map(|m| m.ino());
        if seen != Some(inode) {
            self.seen = Some(files::open_without_waiting(&self.path)?);
        }
        Ok(())
    }

    fn ask(&mut self, file: File) -> Life {
        match Flock::lock(file, FlockArg::LockSharedNonblock) {
            Ok(free) => {
                self.seen = free.unlock().ok();
                Life::Gone
            }
            Err((file, _)) => {
                self.seen = Some(file);
                Life::Alive
            }
        }
    }
}

/// A verb that waits for its answer: where the end of PID 1 ends the verb too, the step lets it have its
/// say first.
#[derive(Debug)]
pub struct Listener {
    _lock: Option<Flock<File>>,
}

impl Listener {
    /// Makes itself known to the step whose files are in this folder.
    pub fn of(folder: &Path) -> Self {
        let file = File::open(folder).ok();
        let lock = file.and_then(|file| Flock::lock(file, FlockArg::LockSharedNonblock).ok());
        Self { _lock: lock }
    }
}

/// A verb's turn to ask: the state shows only the last answers, so verbs of one container ask one after
/// the other, each until it has its own.
#[derive(Debug)]
pub struct Turn {
    _lock: Option<Flock<File>>,
}

impl Turn {
    /// Waits for it, but no longer than this: a verb that was stopped must not keep all others back.
    /// The lock is that of the folder above the step's, whose own tells of [`Listener`]s.
    pub fn of(folder: &Path, limit: Duration) -> Self {
        let deadline = Instant::now() + limit;
        let above = folder.canonicalize().ok();
        let mut open = above.and_then(|folder| File::open(folder.parent()?).ok());
        while let Some(file) = open.take() {
            match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
                Ok(lock) => return Self { _lock: Some(lock) },
                Err((file, Errno::EWOULDBLOCK)) if Instant::now() < deadline => open = Some(file),
                Err(_) => break,
            }
            let _ = poll(&mut [], PollTimeout::from(1_u8));
        }
        Self { _lock: None }
    }
}

/// Waits until no verb waits for an answer in this folder, but no longer than this.
pub fn let_listeners_go(folder: &Path, limit: Duration) {
    let deadline = Instant::now() + limit;
    let Ok(mut file) = File::open(folder) else { return };
    while Instant::now() < deadline {
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(_) => return,
            Err((kept, _)) => file = kept,
        }
        let _ = poll(&mut [], PollTimeout::from(1_u8));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn a_step_waits_for_all_who_listen_and_no_longer() {
        let folder = tempfile::tempdir().unwrap();
        let_listeners_go(folder.path(), LONG);
        let listeners = [(); 2].map(|()| Listener::of(folder.path()));
        let start = Instant::now();
        let_listeners_go(folder.path(), Duration::from_millis(20));
        assert!(start.elapsed() >= Duration::from_millis(20));
        drop(listeners);
        let_listeners_go(folder.path(), LONG);
    }

    #[test]
    fn of_two_verbs_one_has_its_turn_when_the_other_is_done() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("0");
        std::fs::create_dir(&folder).unwrap();
        let is_free = || Turn::of(&folder, Duration::ZERO)._lock.is_some();
        let listener = Listener::of(&folder);
        let turn = Turn::of(&folder, LONG);
        assert!(!is_free());
        drop(turn);
        assert!(is_free(), "{listener:?} keeps nobody back");
    }

    #[test]
    fn nobody_is_kept_by_a_folder_that_is_gone() {
        let gone = Path::new("/nonexistent/run");
        drop(Listener::of(gone));
        let_listeners_go(gone, LONG);
        drop(Turn::of(gone, LONG));
        drop(Turn::of(Path::new("/"), LONG));
    }
}
