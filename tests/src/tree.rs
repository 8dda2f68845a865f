//! What is below a folder: every file with its content, every link with its target, every folder.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// One entry of a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// A folder.
    Folder,
    /// A link, with its target.
    Link(PathBuf),
    /// A file, with its content.
    File(Vec<u8>),
    /// A FIFO, a socket or a device; or a file that may not be read.
    Other,
}

/// The entries of a tree, by their path below its root.
pub(crate) type Tree = BTreeMap<String, Entry>;

/// All that is below this folder, named by its path below `root`.
pub(crate) fn below(root: &Path, folder: &Path) -> Tree {
    let mut tree = Tree::new();
    add(root, folder, &mut tree);
    tree
}

fn add(root: &Path, folder: &Path, tree: &mut Tree) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let name = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned();
        let found = look(&path);
        let is_folder = found == Entry::Folder;
        tree.insert(name, found);
        if is_folder {
            add(root, &path, tree);
        }
    }
}

fn look(path: &Path) -> Entry {
    let Ok(metadata) = path.symlink_metadata() else { return Entry::Other };
    if metadata.is_dir() {
        return Entry::Folder;
    }
    if metadata.is_symlink() {
        return fs::read_link(path).map_or(Entry::Other, Entry::Link);
    }
    if metadata.is_file() {
        return fs::read(path).map_or(Entry::Other, Entry::File);
    }
    Entry::Other
}
