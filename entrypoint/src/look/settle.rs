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

    use std::fs::File;
    use std::io::Write;

    use super::*;

    /// What is seen of a file so many milliseconds after the start.
    fn is_settled(settling: &mut Settling, path: &Path, now_ms: u64) -> bool {
        settling.begin(Duration::from_millis(now_ms));
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
        assert!(!is_settled(&mut settling, &path, 4999));
        std::fs::write(&path, "the whole").unwrap();
        assert!(!is_settled(&mut settling, &path, 5000));
        assert!(!is_settled(&mut settling, &path, 9999));
        assert!(is_settled(&mut settling, &path, 10_000));
        assert!(is_settled(&mut settling, &path, 11_000), "it is read again");
    }

    /// Its time is ahead of every clock, so that it never seems to have stood still.
    #[test]
    fn a_file_that_was_closed_is_read_at_once_until_it_is_written_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.retry");
        let ahead = SystemTime::now() + Duration::from_secs(3600);
        let write = |text: &str| {
            std::fs::write(&path, text).unwrap();
            File::options().write(true).open(&path).unwrap().set_modified(ahead).unwrap();
        };
        let mut settling = Settling::default();
        write("whole");
        assert!(!is_settled(&mut settling, &path, 0), "nobody saw it closed");
        settling.notice(&Change::Settled(path.clone()));
        assert!(is_settled(&mut settling, &path, 0));
        write("half of more");
        assert!(!is_settled(&mut settling, &path, 0));
        settling.notice(&Change::Settled(path.clone()));
        assert!(is_settled(&mut settling, &path, 0));
        settling.notice(&Change::Lost);
        assert!(!is_settled(&mut settling, &path, 0), "what was lost may have changed it");
    }

    /// The file's time is ahead of every clock, so that only what was seen of it counts.
    #[test]
    fn a_file_must_have_stood_still_since_its_last_change() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.retry");
        let mut file = File::create(&path).unwrap();
        let ahead = SystemTime::now() + Duration::from_secs(3600);
        let mut settling = Settling::default();
        let looks = [
            (0, "", 0, false),
            (99, "", 0, false),
            (99, "again", 0, false),
            (100, "", 0, false),
            (198, "", 0, false),
            (198, "", 1, false),
            (297, "", 1, false),
            (298, "", 1, true),
        ];
        for (now_ms, text, later, settled) in looks {
            file.write_all(text.as_bytes()).unwrap();
            file.set_modified(ahead + Duration::from_secs(later)).unwrap();
            assert_eq!(is_settled(&mut settling, &path, now_ms), settled, "after {now_ms} ms");
            assert_eq!(settling.look_again_at().is_none(), settled, "after {now_ms} ms");
        }
    }
}
