//! The files that references are read from. An earlier step wrote them, so they may be anything.

use std::fs::OpenOptions;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;
use thiserror::Error;

/// More than any command line can hold, and little enough not to have the step killed for memory.
pub(super) const LARGEST_BYTES: u64 = 16 << 20;

/// Why a reference is left as it stands.
#[derive(Debug, Error)]
pub(super) enum Unresolved {
    #[error("cannot read {}: {source}", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("cannot read {}: not a regular file", path.display())]
    NotAFile { path: PathBuf },
    #[error("cannot read {}: larger than {LARGEST_BYTES} bytes", path.display())]
    TooLarge { path: PathBuf },
    #[error("{} is no JSON: {source}", path.display())]
    NotJson { path: PathBuf, source: serde_json::Error },
    #[error("{} has no artifact {name:?} among its {side}", path.display())]
    NoSuchArtifact { path: PathBuf, side: &'static str, name: String },
}

/// The whole content of a regular file; never waits for one that is not.
///
/// # Errors
/// The file is not there, may not be read, is no regular file, or is larger than
/// [`LARGEST_BYTES`].
pub(super) fn read(path: &Path) -> Result<Vec<u8>, Unresolved> {
    let unreadable = |source| Unresolved::Unreadable { path: path.to_owned(), source };
    let flags = (OFlag::O_NONBLOCK | OFlag::O_NOCTTY).bits();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(unreadable)?;
    if !file.metadata().map_err(unreadable)?.is_file() {
        return Err(Unresolved::NotAFile { path: path.to_owned() });
    }
    let mut content = Vec::new();
    let length = file.take(LARGEST_BYTES + 1).read_to_end(&mut content).map_err(unreadable)?;
    if length as u64 > LARGEST_BYTES {
        return Err(Unresolved::TooLarge { path: path.to_owned() });
    }
    Ok(content)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use std::fs::{self, File};
    use std::os::unix::fs::symlink;

    use nix::sys::stat::Mode;

    use super::*;

    #[test]
    fn what_is_no_file_is_refused_without_waiting() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("folder")).unwrap();
        nix::unistd::mkfifo(&at("fifo"), Mode::S_IRWXU).unwrap();
        symlink("/dev/zero", at("zero")).unwrap();
        symlink("loop", at("loop")).unwrap();
        fs::write(at("plain"), "").unwrap();
        for (name, reason) in [
            ("folder", "not a regular file"),
            ("fifo", "not a regular file"),
            ("zero", "not a regular file"),
            ("loop", "symbolic links"),
            ("missing", "No such file"),
            ("plain/below", "Not a directory"),
        ] {
            let error = read(&at(name)).unwrap_err().to_string();
            assert!(error.contains(name) && error.contains(reason), "{name}: {error}");
        }
    }

    #[test]
    fn a_file_is_read_whole_up_to_the_limit_also_through_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("result"), folder.path().join("link"));
        let file = File::create(&path).unwrap();
        symlink(&path, &link).unwrap();
        file.set_len(LARGEST_BYTES).unwrap();
        assert_eq!(read(&link).unwrap().len() as u64, LARGEST_BYTES);
        file.set_len(LARGEST_BYTES + 1).unwrap();
        assert!(matches!(read(&link), Err(Unresolved::TooLarge { .. })));
    }
}
