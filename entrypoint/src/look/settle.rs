//! When a person's file may be read: once its writer has closed it or renamed it into place; where
//! that cannot be seen, once its size and mtime have stood still (contract 2.1).

use std::collections::{HashMap, HashSet};
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::os::watch::Change;

/// How long a file must not have changed.
const STANDSTILL: Duration = Duration::from_millis(100);

/// The same for one that seems to be open still: no more can be seen of a hard link whose other name
/// went at once, and nobody closes it. Shorter than a verb waits for its answer.
const STANDSTILL_OPEN: Duration = Duration::from_secs(5);

/// What tells one version of a file from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Signature {
    inode: u64,
    size: u64,
    modified: (i64, i64),
}

impl Signature {
    pub(super) fn of(file: &Metadata) -> Self {
        Self { inode: file.ino(), size: file.size(), modified: (file.mtime(), file.mtime_nsec()) }
    }
}

/// Which files may be read.
#[derive(Debug, Default)]
pub(super) struct Settling {
    /// Created before our eyes, and not closed since.
    open: HashSet<PathBuf>,
    /// Closed or renamed before our eyes, as they were then: a file may be written again.
    closed: HashMap<PathBuf, Signature>,
    first_seen: HashMap<PathBuf, (Signature, Duration)>,
    now: Duration,
    again: Option<Duration>,
}

impl Settling {
    pub(super) fn notice(&mut self, change: &Change) {
        match change {
            Change::Created(path) => {
                self.closed.remove(path);
                if is_new_file(path) {
                    self.open.insert(path.clone());
                }
            }
            Change::Settled(path) => {
                self.open.remove(path);
                if let Ok(file) = path.metadata() {
                    self.closed.insert(path.clone(), Signature::of(&file));
                }
            }
            Change::Touched(path) => {
                if !path.exists() {
                    self.open.remove(path);
                    self.closed.remove(path);
                    self.first_seen.remove(path);
                }
            }
            Change::Lost => {
                self.open.clear();
                self.closed.clear();
            }
        }
    }

    pub(super) fn begin(&mut self, now: Duration) {
        self.now = now;
        self.again = None;
    }

    pub(super) fn look_again_at(&self) -> Option<Duration> {
        self.again
    }

    /// Whether this file may be read now.
    pub(super) fn is_settled(&mut self, path: &Path, file: &Metadata) -> bool {
        if !file.is_file() || self.closed.get(path) == Some(&Signature::of(file)) {
            return true;
        }
        if self.open.contains(path) && !was_linked(file) {
            return self.stands_still(path, file, STANDSTILL_OPEN);
        }
        has_stood_still(file) || self.stands_still(path, file, STANDSTILL)
    }

    /// Whether a file that may not be read yet was first seen a moment ago. What is weaker waits for
    /// it so long, but not for ever for a writer that never closes it.
    pub(super) fn is_young(&mut self, path: &Path, file: &Metadata) -> bool {
        !self.stands_still(path, file, STANDSTILL)
    }

    /// By our own clock: that of a filesystem may be ahead.
    fn stands_still(&mut self, path: &Path, file: &Metadata, long_enough: Duration) -> bool {
        let signature = Signature::of(file);
        let seen = self.first_seen.entry(path.to_owned()).or_insert((signature, self.now));
        if seen.0 != signature {
            *seen = (signature, self.now);
        }
        let due = seen.1 + long_enough;
        if self.now < due {
            self.again = Some(self.again.map_or(due, |again| again.min(due)));
        }
        self.now >= due
    }
}

fn has_stood_still(file: &Metadata) -> bool {
    let still = file.modified().ok().and_then(|at| SystemTime::now().duration_since(at).ok());
    still.is_some_and(|still| still >= STANDSTILL)
}

/// A link, symbolic or hard, is created and never closed.
fn is_new_file(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|file| file.is_file() && file.nlink() == 1)
}

/// The same where a hard link was noticed late: when the file's other name goes, its inode changes.
fn was_linked(file: &Metadata) -> bool {
    let written = (file.mtime(), file.mtime_nsec());
    file.nlink() > 1 || (file.ctime(), file.ctime_nsec()) > written
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// What is seen of a file at this second.
    fn is_settled(settling: &mut Settling, path: &Path, second: u64) -> bool {
        settling.begin(Duration::from_secs(second));
        settling.is_settled(path, &path.metadata().unwrap())
    }

    /// As a hard link looks whose other name went within the same tick of the clock.
    #[test]
    fn a_file_that_nobody_closes_is_read_once_it_has_stood_still_for_long() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.retry");
        std::fs::write(&path, "half").unwrap();
        let mut settling = Settling::default();
        settling.notice(&Change::Created(path.clone()));
        assert!(!is_settled(&mut settling, &path, 0));
        assert_eq!(settling.look_again_at(), Some(Duration::from_secs(5)));
        assert!(!is_settled(&mut settling, &path, 4));
        std::fs::write(&path, "the whole").unwrap();
        assert!(!is_settled(&mut settling, &path, 5));
        assert!(!is_settled(&mut settling, &path, 9));
        assert!(is_settled(&mut settling, &path, 10));
        assert!(is_settled(&mut settling, &path, 11), "it is read again");
    }
}
