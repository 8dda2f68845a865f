//! Files and folders that are for their owner alone, whatever the umask.

use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use super::CredentialWarning;
use crate::os::files::replace_private;

const FILE_MODE: u32 = 0o600;
const FOLDER_MODE: u32 = 0o700;

/// Writes a file of mode 0600, with its folder where that is missing.
pub(super) fn write(path: &Path, content: &[u8]) -> Result<(), CredentialWarning> {
    if let Some(folder) = path.parent().filter(|folder| !folder.exists()) {
        make_folder(folder)?;
    }
    // A link is written through; one that leads nowhere is replaced.
    let place = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    // Steps may share a home: one must not see half of what the next one writes.
    replace_private(&place, content)
        .or_else(|_| write_in_place(&place, content))
        .map_err(|source| CredentialWarning::Unwritable { path: path.to_owned(), source })
}

/// Makes a folder, with those above it, or takes the one that is there; its mode becomes 0700.
pub(super) fn make_folder(path: &Path) -> Result<(), CredentialWarning> {
    DirBuilder::new()
        .recursive(true)
        .mode(FOLDER_MODE)
        .create(path)
        .and_then(|()| set_mode(path, FOLDER_MODE))
        .map_err(|source| CredentialWarning::Unwritable { path: path.to_owned(), source })
}

/// For a file that is a mount, or in a folder that is not ours.
fn write_in_place(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(FILE_MODE).open(path)?;
    file.write_all(content)?;
    file.set_permissions(Permissions::from_mode(FILE_MODE))
}

/// A folder that is right already may be somebody else's.
fn set_mode(path: &Path, mode: u32) -> io::Result<()> {
    match fs::metadata(path)?.permissions().mode() & 0o7777 == mode {
        true => Ok(()),
        false => fs::set_permissions(path, Permissions::from_mode(mode)),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::os::fd::AsRawFd;

    use super::*;

    #[test]
    fn where_nothing_can_be_put_beside_it_the_file_itself_is_written() {
        let mut nameless = tempfile::tempfile().unwrap();
        nameless.write_all(b"an older and longer key").unwrap();
        nameless.set_permissions(Permissions::from_mode(0o644)).unwrap();
        let path = format!("/proc/self/fd/{}", nameless.as_raw_fd());
        write(Path::new(&path), b"KEY").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"KEY");
        assert_eq!(nameless.metadata().unwrap().permissions().mode() & 0o777, FILE_MODE);
    }
}
