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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::fs::Permissions;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::super::tests::{Root, Secrets, put, tree};
    use super::*;

    /// Credentials that an init container has put there, readable by all.
    const FOUND: Secrets<'static> = &[
        (".gitconfig", b"[user]"),
        (".git-credentials", b"https://a:b@c\n"),
        (".docker/config.json", b"{}"),
        (".ssh/id_one", b"KEY"),
        (".ssh/keys/deep", b"DEEP"),
        (".netrc", b"not ours"),
    ];

    const COPIED: &[(&str, &str)] = &[
        (".gitconfig", "[user]"),
        (".git-credentials", "https://a:b@c\n"),
        (".docker/config.json", "{}"),
        (".ssh/id_one", "KEY"),
        (".ssh/keys/deep", "DEEP"),
    ];

    fn home(root: &Root) -> PathBuf {
        root.folder.path().join("home")
    }

    fn copy(root: &Root) -> Vec<String> {
        root.told(&copy_to_home(&root.paths, Some(home(root).as_os_str())))
    }

    fn with_found() -> Root {
        let root = Root::with(&[]);
        for (name, content) in FOUND {
            put(&root.paths.creds().join(name), content);
        }
        root
    }

    #[test]
    fn the_home_gets_what_lies_in_creds_with_modes_for_its_owner() {
        let root = with_found();
        assert_eq!(copy(&root), [""; 0]);
        assert_eq!(root.tree(&home(&root)), tree(COPIED));
    }

    #[test]
    fn what_is_in_the_home_already_is_replaced_or_left() {
        let root = with_found();
        put(&home(&root).join(".ssh/id_one"), b"an older and longer key");
        put(&home(&root).join(".ssh/own"), b"own");
        fs::set_permissions(home(&root).join(".ssh/id_one"), Permissions::from_mode(0o444))
            .unwrap();
        fs::set_permissions(home(&root).join(".ssh/own"), Permissions::from_mode(0o600)).unwrap();
        fs::set_permissions(home(&root).join(".ssh"), Permissions::from_mode(0o755)).unwrap();
        assert_eq!(copy(&root), [""; 0]);
        assert_eq!(copy(&root), [""; 0]);
        let wanted = [COPIED, &[(".ssh/own", "own")]].concat();
        assert_eq!(root.tree(&home(&root)), tree(&wanted));
    }

    #[test]
    fn a_link_in_the_home_is_written_through() {
        let root = with_found();
        let linked = root.folder.path().join("dotfiles/gitconfig");
        put(&linked, b"old");
        fs::create_dir(home(&root)).unwrap();
        symlink(&linked, home(&root).join(".gitconfig")).unwrap();
        symlink("nowhere", home(&root).join(".git-credentials")).unwrap();
        assert_eq!(copy(&root), [""; 0]);
        assert_eq!(fs::read_to_string(linked).unwrap(), "[user]");
        let broken = fs::read_to_string(home(&root).join(".git-credentials")).unwrap();
        assert_eq!(broken, "https://a:b@c\n");
        assert!(home(&root).join(".gitconfig").is_symlink());
    }

    #[test]
    fn a_home_that_is_the_source_stays_as_it_is() {
        let root = with_found();
        symlink(root.paths.creds(), home(&root)).unwrap();
        assert_eq!(copy(&root), [""; 0]);
        assert_eq!(fs::read_to_string(home(&root).join(".ssh/id_one")).unwrap(), "KEY");
        assert_eq!(fs::read_dir(home(&root)).unwrap().count(), 5);
    }

    #[test]
    fn what_cannot_be_copied_is_told_and_the_rest_goes_on() {
        let root = with_found();
        symlink(".", root.paths.creds().join(".ssh/circle")).unwrap();
        symlink("gone", root.paths.creds().join(".ssh/broken")).unwrap();
        put(&home(&root).join(".docker"), b"in the way");
        fs::set_permissions(home(&root).join(".docker"), Permissions::from_mode(0o600)).unwrap();
        let mut warnings = copy(&root);
        warnings.sort();
        assert_eq!(
            warnings,
            [
                "credentials: cannot read ROOT/tekton/creds/.ssh/broken: \
                 No such file or directory (os error 2)",
                "credentials: cannot write ROOT/home/.docker/config.json: Not a directory (os error 20)",
                "credentials: cannot write ROOT/home/.docker: File exists (os error 17)",
            ]
        );
        let mut wanted = tree(COPIED);
        wanted.remove(".docker/config.json");
        wanted.insert(".docker".to_owned(), "in the way".to_owned());
        assert_eq!(root.tree(&home(&root)), wanted);
    }

    #[test]
    fn without_a_home_one_line_says_where_the_credentials_are() {
        let root = with_found();
        for home in [None, Some(OsStr::new(""))] {
            assert_eq!(
                root.told(&copy_to_home(&root.paths, home)),
                ["credentials: HOME is not set, so they stay in ROOT/tekton/creds"]
            );
            let empty = Root::with(&[]);
            assert!(copy_to_home(&empty.paths, home).is_empty());
        }
    }
}
