//! `step-init STEP…`: the links by which a step is found by its name or number (1.2).

use std::ffi::{OsStr, OsString};
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Component, Path};

use super::SubcommandError;
use crate::paths::Paths;

/// Every step, whatever its user, goes through the folder; only we write there.
const FOLDER_MODE: u32 = 0o755;

/// For the i-th of `steps`, makes the links NAME and i to the i-th run folder's `status`.
pub(super) fn link_steps(steps: &[OsString], paths: &Paths) -> Result<(), SubcommandError> {
    if let Some(name) = steps.iter().find(|name| !is_file_name(name)) {
        return Err(SubcommandError::StepName(name.clone()));
    }
    let folder = paths.steps();
    make_folder(&folder)
        .map_err(|source| SubcommandError::Write { path: folder.clone(), source })?;
    for (index, name) in steps.iter().enumerate() {
        let number = index.to_string();
        let target = paths.run().join(&number).join("status");
        link(&target, &folder.join(name))?;
        link(&target, &folder.join(&number))?;
    }
    Ok(())
}

fn is_file_name(name: &OsStr) -> bool {
    let mut components = Path::new(name).components();
    matches!(components.next(), Some(Component::Normal(only)) if only == name)
}

fn make_folder(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(folder)?;
    fs::set_permissions(folder, Permissions::from_mode(FOLDER_MODE))
}

/// A link of an earlier start of the container is fine; where it leads elsewhere, it is made anew.
fn link(target: &Path, path: &Path) -> Result<(), SubcommandError> {
    match fs::read_link(path) {
        Ok(existing) if existing == target => Ok(()),
        Ok(_) => fs::remove_file(path).and_then(|()| symlink(target, path)),
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
            return Err(SubcommandError::NotALink(path.to_owned()));
        }
        Err(_) => symlink(target, path),
    }
    .map_err(|source| SubcommandError::Write { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use std::collections::BTreeMap;
    use tempfile::TempDir;

    struct Pod(TempDir);

    impl Pod {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn steps(&self) -> std::path::PathBuf {
            self.0.path().join("tekton/steps")
        }

        fn link(&self, steps: &[&str]) -> Result<(), SubcommandError> {
            let steps: Vec<OsString> = steps.iter().map(Into::into).collect();
            link_steps(&steps, &Paths::under(self.0.path()))
        }

        /// The names of the links, and the number of the run folder of each.
        fn links(&self) -> BTreeMap<String, String> {
            let run = self.0.path().join("tekton/run");
            let entries = fs::read_dir(self.steps()).unwrap().map(|entry| entry.unwrap());
            entries
                .map(|entry| {
                    let target = fs::read_link(entry.path()).unwrap();
                    let number = target.strip_prefix(&run).unwrap().parent().unwrap();
                    assert!(target.ends_with("status"));
                    let name = entry.file_name().into_string().unwrap();
                    (name, number.to_str().unwrap().to_owned())
                })
                .collect()
        }
    }

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, number)| ((*name).to_owned(), (*number).to_owned())).collect()
    }

    #[test]
    fn the_links_are_those_of_the_contract() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("step-a");
        link(&Paths::under(Path::new("/")).run().join("0/status"), &path).unwrap();
        assert_eq!(fs::read_link(&path).unwrap(), Path::new("/tekton/run/0/status"));
    }

    #[test]
    fn each_step_has_a_link_by_name_and_one_by_number() {
        let pod = Pod::new();
        pod.link(&["step-a", "step-b"]).unwrap();
        let expected = map(&[("0", "0"), ("1", "1"), ("step-a", "0"), ("step-b", "1")]);
        assert_eq!(pod.links(), expected);
    }

    #[test]
    fn without_steps_only_the_folder_is_made() {
        let pod = Pod::new();
        pod.link(&[]).unwrap();
        assert!(pod.links().is_empty());
        assert_eq!(fs::metadata(pod.steps()).unwrap().permissions().mode() & 0o777, 0o755);
    }

    #[test]
    fn existing_links_are_fine_and_those_that_lead_elsewhere_are_made_anew() {
        let pod = Pod::new();
        pod.link(&["step-a", "step-b"]).unwrap();
        pod.link(&["step-a", "step-b"]).unwrap();
        pod.link(&["step-b", "step-a"]).unwrap();
        let expected = map(&[("0", "0"), ("1", "1"), ("step-a", "1"), ("step-b", "0")]);
        assert_eq!(pod.links(), expected);
    }

    #[test]
    fn a_name_that_is_no_file_name_is_refused_before_anything_is_made() {
        for name in ["", ".", "..", "a/b", "/a", "a/", "../a"] {
            let pod = Pod::new();
            let error = pod.link(&["step-a", name]).unwrap_err().to_string();
            assert!(error.starts_with(&format!("step name {name:?} cannot be")), "{error}");
            assert!(!pod.steps().exists());
        }
    }

    #[test]
    fn what_is_no_link_stays_and_is_named() {
        let pod = Pod::new();
        fs::create_dir_all(pod.steps()).unwrap();
        fs::write(pod.steps().join("step-a"), "mine").unwrap();
        let error = pod.link(&["step-a"]).unwrap_err().to_string();
        assert!(error.contains("steps/step-a is there and is no link"), "{error}");
        assert_eq!(fs::read_to_string(pod.steps().join("step-a")).unwrap(), "mine");
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let pod = Pod::new();
        fs::write(pod.0.path().join("tekton"), "").unwrap();
        let error = pod.link(&["step-a"]).unwrap_err().to_string();
        assert!(error.starts_with("cannot write ") && error.contains("tekton/steps"), "{error}");
    }
}
