//! Files that hold fields of a pod, as the kubelet writes them: all of them are replaced at once.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use super::node::open;

/// Writes these files in place of those that are there.
pub(super) fn write<'a>(folder: &Path, files: impl IntoIterator<Item = (&'a str, &'a str)>) {
    let version = tempfile::Builder::new().prefix("..v").tempdir_in(folder).unwrap().keep();
    open(&version);
    for (name, content) in files {
        fs::write(version.join(name), content).unwrap();
        let _ = symlink(format!("..data/{name}"), folder.join(name));
    }
    symlink(version.file_name().unwrap(), folder.join("..new")).unwrap();
    fs::rename(folder.join("..new"), folder.join("..data")).unwrap();
}
