//! Files and folders that are for their owner alone, whatever the umask.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use super::CredentialWarning;

const FILE_MODE: u32 = 0o600;
const FOLDER_MODE: u32 = 0o700;

/// Writes a file of mode 0600, with its folder where that is missing.
pub(super) fn write(path: &Path, content: &[u8]) -> Result<(), CredentialWarning> {
    if let Some(folder) = path.parent().filter(|folder| !folder.exists()) {
        make_folder(folder)?;
    }
    // A link is written through; one that leads nowhere is replaced.
    let place = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    replace(&place, content)
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

/// Steps may share a home: one must not see half of what the next one writes.
fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let beside = beside(path)?;
    let file = OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(&beside)?;
    let replaced = fill(file, content).and_then(|()| fs::rename(&beside, path));
    if replaced.is_err() {
        let _ = fs::remove_file(&beside); // the failure to write it is the one that counts
    }
    replaced
}

/// For a file that is a mount, or in a folder that is not ours.
fn write_in_place(path: &Path, content: &[u8]) -> io::Result<()> {
    let file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(FILE_MODE).open(path)?;
    fill(file, content)
}

fn fill(mut file: File, content: &[u8]) -> io::Result<()> {
    file.write_all(content)?;
    file.set_permissions(Permissions::from_mode(FILE_MODE))
}

/// A name that no other step takes: in its own container each one is process 1.
fn beside(path: &Path) -> io::Result<PathBuf> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_err(io::Error::other)?;
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.{}", std::process::id(), now.as_nanos()));
    Ok(path.with_file_name(name))
}

/// A folder that is right already may be somebody else's.
fn set_mode(path: &Path, mode: u32) -> io::Result<()> {
    match fs::metadata(path)?.permissions().mode() & 0o7777 == mode {
        true => Ok(()),
        false => fs::set_permissions(path, Permissions::from_mode(mode)),
    }
}
