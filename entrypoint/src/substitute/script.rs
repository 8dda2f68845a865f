//! The copy of a script. Scripts are mounted read-only and so may be the root, so a copy goes
//! wherever one can be written and executed.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use nix::sys::statvfs::{FsFlags, statvfs};

use super::SubstituteError;

/// How many copies may already stand in a folder that steps share.
const MOST_COPIES: u32 = 1000;

/// Writes `text` into a new file with mode 0755, named after the script, in the first of `folders`
/// that takes it.
///
/// # Errors
/// None takes it: each with its reason.
pub(super) fn copy(
    script: &Path,
    text: &[u8],
    folders: &[&Path],
) -> Result<PathBuf, SubstituteError> {
    let mut failures = Vec::new();
    for folder in folders {
        match copy_into(folder, script, text) {
            Ok(path) => return Ok(path),
            Err(error) => failures.push(format!("{}: {error}", folder.display())),
        }
    }
    Err(SubstituteError::ScriptCopy { script: script.to_owned(), failures: failures.join(", ") })
}

fn copy_into(folder: &Path, script: &Path, text: &[u8]) -> io::Result<PathBuf> {
    // A path without a slash would be looked up in PATH.
    let folder = std::path::absolute(folder)?;
    if statvfs(&folder)?.flags().contains(FsFlags::ST_NOEXEC) {
        return Err(io::Error::other("mounted noexec"));
    }
    let (path, mut file) = create(&folder, script)?;
    let written =
        file.write_all(text).and_then(|()| file.set_permissions(Permissions::from_mode(0o755)));
    if let Err(error) = written {
        // What is left of it is of no use, and the failure is reported anyway.
        let _ = fs::remove_file(&path);
        return Err(error);
    }
    Ok(path)
}

/// A file that was not there before, so that nobody else's is written to or followed.
fn create(folder: &Path, script: &Path) -> io::Result<(PathBuf, File)> {
    let name = script.file_name().unwrap_or_default().to_string_lossy();
    for number in 1..=MOST_COPIES {
        let path = folder.join(format!("{name}-{number}"));
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            opened => return opened.map(|file| (path, file)),
        }
    }
    Err(io::Error::other(format!("holds {MOST_COPIES} copies of {name}")))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn the_first_folder_that_can_holds_it_to_be_executed() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("missing");
        let folders = [Path::new(""), missing.as_path(), Path::new("/proc"), folder.path()];
        let text = b"#!/bin/sh\necho \xff\n".as_slice();
        let path = copy(Path::new("/tekton/scripts/script-0"), text, &folders).unwrap();
        assert_eq!(path, folder.path().join("script-0-1"));
        assert_eq!(fs::read(&path).unwrap(), text);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o755);
    }

    #[test]
    fn what_stands_there_is_neither_written_to_nor_followed() {
        let folder = tempfile::tempdir().unwrap();
        let secret = folder.path().join("secret");
        fs::write(&secret, "kept").unwrap();
        symlink(&secret, folder.path().join("s-1")).unwrap();
        fs::write(folder.path().join("s-2"), "kept").unwrap();
        let path = copy(Path::new("s"), b"new", &[folder.path()]).unwrap();
        assert_eq!(path, folder.path().join("s-3"));
        assert_eq!(fs::read(&secret).unwrap(), b"kept");
        assert_eq!(fs::read(folder.path().join("s-2")).unwrap(), b"kept");
    }

    #[test]
    fn where_no_folder_takes_it_each_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let (missing, file) = (folder.path().join("missing"), folder.path().join("file"));
        fs::write(&file, "").unwrap();
        let error = copy(Path::new("/s/script"), b"", &[&missing, &file]).unwrap_err().to_string();
        for part in ["/s/script", missing.to_str().unwrap(), file.to_str().unwrap(), "TMPDIR"] {
            assert!(error.contains(part), "{part}: {error}");
        }
    }
}
