//! Replacing a file so that nobody ever sees half of it: written beside its place and renamed.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

/// Writes `path` with `fill`. A file that is there keeps its mode and owner, one that is not gets
/// `new_mode`, whatever the umask; where anything fails, what was there stays.
///
/// A file that cannot be renamed over, because its folder is read-only or it is a mount, is
/// written in place, and only then can a failure leave it cut.
pub(super) fn replace(
    path: &Path,
    new_mode: u32,
    mut fill: impl FnMut(&mut File) -> io::Result<()>,
) -> io::Result<()> {
    let Some(target) = existing(path)? else {
        let beside = Beside::create(path)?;
        return beside.fill(new_mode, &mut fill)?.rename_to(path);
    };
    let metadata = fs::metadata(&target)?;
    if !metadata.is_file() {
        return in_place(&target, &mut fill);
    }
    let Ok(beside) = Beside::create(&target) else { return in_place(&target, &mut fill) };
    if beside.give_to(metadata.uid(), metadata.gid()).is_err() {
        return in_place(&target, &mut fill);
    }
    let filled = beside.fill(metadata.mode(), &mut fill)?;
    filled.rename_to(&target).or_else(|_| in_place(&target, &mut fill))
}

/// The file behind all links, if there is one.
fn existing(path: &Path) -> io::Result<Option<PathBuf>> {
    match fs::canonicalize(path) {
        Ok(target) => Ok(Some(target)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn in_place(path: &Path, fill: &mut impl FnMut(&mut File) -> io::Result<()>) -> io::Result<()> {
    fill(&mut OpenOptions::new().write(true).truncate(true).open(path)?)
}

/// A new file beside its place. It is gone with this value, unless it has been renamed.
struct Beside {
    path: PathBuf,
    file: File,
}

impl Beside {
    fn create(place: &Path) -> io::Result<Self> {
        let path = name_beside(place)?;
        match fs::remove_file(&path) {
            // One that was killed half-way may have left it.
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        Ok(Self { path, file })
    }

    fn give_to(&self, user: u32, group: u32) -> io::Result<()> {
        let metadata = self.file.metadata()?;
        if (metadata.uid(), metadata.gid()) == (user, group) {
            return Ok(());
        }
        fchown(&self.file, Some(user), Some(group))
    }

    fn fill(
        mut self,
        mode: u32,
        fill: &mut impl FnMut(&mut File) -> io::Result<()>,
    ) -> io::Result<Self> {
        fill(&mut self.file)?;
        self.file.set_permissions(Permissions::from_mode(mode & 0o7777))?;
        Ok(self)
    }

    fn rename_to(&self, place: &Path) -> io::Result<()> {
        fs::rename(&self.path, place)
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        // After the renaming it is not there any more.
        let _ = fs::remove_file(&self.path);
    }
}

/// In a container the process id is the same each time, so that nothing is left behind for good.
fn name_beside(place: &Path) -> io::Result<PathBuf> {
    let Some(name) = place.file_name() else { return Err(io::ErrorKind::IsADirectory.into()) };
    let mut beside = OsString::from(".");
    beside.push(name);
    beside.push(format!(".{}", std::process::id()));
    Ok(place.with_file_name(beside))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use std::io::Write;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn a_failure_half_way_leaves_what_was_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        for before in [None, Some("before")] {
            if let Some(before) = before {
                fs::write(&path, before).unwrap();
            }
            let failed = replace(&path, 0o644, |file| {
                file.write_all(b"half")?;
                Err(io::ErrorKind::StorageFull.into())
            });
            assert_eq!(failed.unwrap_err().kind(), io::ErrorKind::StorageFull);
            assert_eq!(fs::read_to_string(&path).ok().as_deref(), before);
            assert_eq!(names(folder.path()).len(), usize::from(before.is_some()));
        }
    }

    #[test]
    fn a_reader_of_the_old_file_goes_on_reading_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "before").unwrap();
        let reader = File::open(&path).unwrap();
        replace(&path, 0o644, |file| file.write_all(b"after")).unwrap();
        assert_eq!(io::read_to_string(reader).unwrap(), "before");
        assert_eq!(fs::read_to_string(&path).unwrap(), "after");
    }

    #[test]
    fn a_link_stays_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("file"), folder.path().join("link"));
        fs::write(&path, "before").unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        replace(&link, 0o644, |file| file.write_all(b"after")).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(&path).unwrap(), "after");
    }

    #[test]
    fn what_cannot_be_made_beside_is_written_in_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "a longer text before").unwrap();
        // A folder under the name that the new file would have stands for a read-only folder,
        // which does not stop root.
        fs::create_dir(name_beside(&path).unwrap()).unwrap();
        replace(&path, 0o644, |file| file.write_all(b"after")).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "after");
    }

    #[test]
    fn what_a_killed_one_left_is_taken_away() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(name_beside(&path).unwrap(), "left").unwrap();
        replace(&path, 0o644, |file| file.write_all(b"new")).unwrap();
        assert_eq!(names(folder.path()), ["file"]);
    }
}
