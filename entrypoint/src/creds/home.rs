//! Copies what lies in `/tekton/creds` to the home folder, where git, ssh and docker look.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{CredentialWarning, files};
use crate::paths::Paths;

/// What may lie in `/tekton/creds`, written by this process or by an init container.
const NAMES: [&str; 4] = [".docker", ".gitconfig", ".git-credentials", ".ssh"];

/// Copies the credentials that are there to `home`, the value of `HOME`. What cannot be copied is
/// left out and gives a warning. No user database is asked for another home.
pub fn copy_to_home(paths: &Paths, home: Option<&OsStr>) -> Vec<CredentialWarning> {
    let creds = paths.creds();
    let mut sources = NAMES.iter().filter(|name| creds.join(name).exists()).peekable();
    if sources.peek().is_none() {
        return Vec::new();
    }
    let Some(home) = home.filter(|home| !home.is_empty()).map(PathBuf::from) else {
        return vec![CredentialWarning::NoHome(creds)];
    };
    if fs::canonicalize(&home).ok() == fs::canonicalize(&creds).ok() {
        return Vec::new();
    }
    sources.flat_map(|name| copy(&creds.join(name), &home.join(name))).collect()
}

fn copy(source: &Path, target: &Path) -> Vec<CredentialWarning> {
    let copied = match fs::metadata(source) {
        Ok(found) if found.is_dir() && !source.is_symlink() => return copy_folder(source, target),
        Ok(found) if found.is_file() => copy_file(source, target),
        Ok(_) => Ok(()), // a pipe would block, and a link to a folder may lead in circles
        Err(error) => Err(unreadable(source, error)),
    };
    copied.err().into_iter().collect()
}

fn copy_file(source: &Path, target: &Path) -> Result<(), CredentialWarning> {
    let content = fs::read(source).map_err(|error| unreadable(source, error))?;
    files::write(target, &content)
}

fn copy_folder(source: &Path, target: &Path) -> Vec<CredentialWarning> {
    let names = match names_in(source) {
        Ok(names) => names,
        Err(error) => return vec![unreadable(source, error)],
    };
    let made = files::make_folder(target).err();
    let copied = names.iter().flat_map(|name| copy(&source.join(name), &target.join(name)));
    made.into_iter().chain(copied).collect()
}

fn names_in(folder: &Path) -> io::Result<Vec<OsString>> {
    fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name())).collect()
}

fn unreadable(path: &Path, source: io::Error) -> CredentialWarning {
    CredentialWarning::Unreadable { path: path.to_owned(), source }
}
