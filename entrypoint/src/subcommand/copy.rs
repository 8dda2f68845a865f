//! `cp SRC DST`: how the binary gets from its image into the pod's shared folder (1.2).

use std::fs::{self, File, Metadata};
use std::io::{self, Seek};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::SubcommandError;
use super::replace::replace;

/// Everybody may run it, nobody may read it.
const INSTALLED_MODE: u32 = 0o311;

/// Copies `from` to `to`, which then holds exactly what `from` does. A file onto itself stays.
pub(super) fn copy(from: &Path, to: &Path) -> Result<(), SubcommandError> {
    let read_error = |source| SubcommandError::Read { path: from.to_owned(), source };
    let metadata = fs::metadata(from).map_err(read_error)?;
    if !metadata.is_file() {
        return Err(SubcommandError::Irregular(from.to_owned()));
    }
    if to.is_dir() {
        return Err(SubcommandError::Irregular(to.to_owned()));
    }
    if is_same_file(&metadata, to) {
        return Ok(());
    }
    let mut source = File::open(from).map_err(read_error)?;
    let fill = |target: &mut File| {
        // A second attempt begins anew.
        source.rewind()?;
        // The bytes go through the kernel, or through a small buffer.
        io::copy(&mut source, target).map(drop)
    };
    replace(to, INSTALLED_MODE, fill)
        .map_err(|source| SubcommandError::Write { path: to.to_owned(), source })
}

fn is_same_file(metadata: &Metadata, path: &Path) -> bool {
    fs::metadata(path)
        .is_ok_and(|other| (other.dev(), other.ino()) == (metadata.dev(), metadata.ino()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use nix::sched::{CloneFlags, unshare};
    use nix::sys::stat::{Mode, umask};
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;
    use std::path::PathBuf;
    use std::process::{Command, Stdio};
    use std::thread;
    use tempfile::TempDir;

    struct Folder(TempDir);

    impl Folder {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn file(&self, name: &str, content: &str, mode: u32) -> PathBuf {
            let path = self.path(name);
            fs::write(&path, content).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            path
        }

        fn path(&self, name: &str) -> PathBuf {
            self.0.path().join(name)
        }
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o7777
    }

    /// The content, whatever the mode.
    fn content(path: &Path) -> String {
        fs::set_permissions(path, Permissions::from_mode(0o600)).unwrap();
        fs::read_to_string(path).unwrap()
    }

    #[test]
    fn a_new_file_gets_its_mode_whatever_the_umask() {
        let folder = Folder::new();
        let from = folder.file("from", "binary", 0o755);
        let copy_under = |mask| {
            // A thread of its own, with a umask of its own.
            unshare(CloneFlags::CLONE_FS).unwrap();
            umask(Mode::from_bits_truncate(mask));
            copy(&from, &folder.path(&format!("to-{mask:o}"))).unwrap();
        };
        for mask in [0o000, 0o022, 0o077, 0o777] {
            thread::scope(|scope| scope.spawn(|| copy_under(mask)).join().unwrap());
            let to = folder.path(&format!("to-{mask:o}"));
            assert_eq!(mode(&to), 0o311);
            assert_eq!(content(&to), "binary");
        }
    }

    #[test]
    fn an_existing_file_is_overwritten_and_keeps_its_mode() {
        let folder = Folder::new();
        let from = folder.file("from", "new", 0o644);
        for (name, old, old_mode) in
            [("installed", "old", 0o311), ("longer", "old and longer", 0o644), ("empty", "", 0o200)]
        {
            let to = folder.file(name, old, old_mode);
            copy(&from, &to).unwrap();
            assert_eq!(mode(&to), old_mode, "{name}");
            assert_eq!(content(&to), "new", "{name}");
        }
    }

    #[test]
    fn a_running_binary_is_overwritten() {
        let folder = Folder::new();
        let from = folder.file("from", "new", 0o644);
        let running = folder.path("running");
        // Were it written from here, a process that another test begins could hold it open.
        assert!(Command::new("cp").arg("/bin/cat").arg(&running).status().unwrap().success());
        let mut child = Command::new(&running).stdin(Stdio::piped()).spawn().unwrap();
        copy(&from, &running).unwrap();
        assert_eq!(content(&running), "new");
        drop(child.stdin.take());
        assert!(child.wait().unwrap().success());
    }

    #[test]
    fn a_file_onto_itself_stays() {
        let folder = Folder::new();
        let from = folder.file("from", "binary", 0o755);
        let inode = fs::metadata(&from).unwrap().ino();
        let link = folder.path("link");
        std::os::unix::fs::symlink(&from, &link).unwrap();
        for (from, to) in [(&from, &from), (&from, &link), (&link, &from)] {
            copy(from, to).unwrap();
            assert_eq!(fs::read_to_string(from).unwrap(), "binary");
            assert_eq!((fs::metadata(from).unwrap().ino(), mode(from)), (inode, 0o755));
        }
    }

    #[test]
    fn what_stands_in_the_way_is_named() {
        let folder = Folder::new();
        let from = folder.file("from", "binary", 0o755);
        fs::create_dir(folder.path("folder")).unwrap();
        let at = |name: &str| folder.path(name);
        let cases = [
            (at("absent"), at("to"), "cannot read", "absent"),
            (at("folder"), at("to"), "folder is no regular file", "folder"),
            ("/dev/null".into(), at("to"), "null is no regular file", "/dev/null"),
            (from.clone(), at("folder"), "folder is no regular file", "folder"),
            (from.clone(), at("nowhere/to"), "cannot write", "nowhere/to"),
            (from.clone(), at("from/to"), "cannot write", "from/to"),
            (from.clone(), "/dev/full".into(), "cannot write", "/dev/full"),
        ];
        for (from, to, expected, named) in cases {
            let error = copy(&from, &to).unwrap_err().to_string();
            assert!(error.contains(expected) && error.contains(named), "{error}");
            assert!(!folder.path("to").exists());
        }
    }
}
