//! The folders that steps see at paths of their own, and what becomes of such paths where steps
//! have no mount namespace.

use std::path::{Component, Path, PathBuf};

use crate::plan::{Layout, Mount};

/// The mounts of a run.
#[derive(Debug)]
pub(super) struct Mounts<'a> {
    layout: &'a Layout,
    list: Vec<Mount>,
}

impl<'a> Mounts<'a> {
    /// None yet.
    pub(super) fn new(layout: &'a Layout) -> Self {
        Self { layout, list: Vec::new() }
    }

    /// Mounts a folder at a path that the file names. Returns where steps see it; none where that
    /// path cannot be had without a mount namespace.
    ///
    /// # Errors
    /// The path cannot be one of a mount, or something else is there already.
    pub(super) fn add(
        &mut self,
        name: &str,
        path: &str,
        folder: Option<&Path>,
    ) -> Result<Option<PathBuf>, String> {
        check(path)?;
        let Some(path) = seen_at(self.layout, path) else { return Ok(None) };
        let folder = folder.map(Path::to_owned);
        let mount = Mount { name: name.to_owned(), path: path.clone(), folder };
        match self.list.iter().find(|other| other.path == path) {
            Some(other) if *other == mount => {}
            Some(other) => {
                let message = "there is one set of mounts for all steps";
                return Err(format!(
                    "`{}` is at {} already: {message}",
                    other.name,
                    path.display()
                ));
            }
            None => self.list.push(mount),
        }
        Ok(Some(path))
    }

    /// All of them.
    pub(super) fn into_list(self) -> Vec<Mount> {
        self.list
    }
}

/// Where a step sees a path below `/tekton` or `/workspace`, or any other that it is given; none
/// where that takes a mount namespace and there is none.
fn seen_at(layout: &Layout, path: &str) -> Option<PathBuf> {
    let has_namespace = layout.workspace == Path::new("/workspace");
    let moved = inside_layout(layout, path);
    if has_namespace { Some(Path::new(path).components().collect()) } else { moved }
}

/// The path that the file means: below the layout's folders for `/tekton` and `/workspace`, and for
/// relative paths; else as it stands.
pub(super) fn path_in(layout: &Layout, path: &str) -> PathBuf {
    inside_layout(layout, path).unwrap_or_else(|| layout.workspace.join(path))
}

fn inside_layout(layout: &Layout, path: &str) -> Option<PathBuf> {
    let inside = |root: &str, folder: &Path| {
        let rest = Path::new(path).strip_prefix(root).ok()?;
        Some(folder.join(rest).components().collect())
    };
    let already = |folder: &Path| Path::new(path).starts_with(folder).then(|| PathBuf::from(path));
    already(&layout.workspace)
        .or_else(|| already(&layout.tekton))
        .or_else(|| inside("/workspace", &layout.workspace))
        .or_else(|| inside("/tekton", &layout.tekton))
}

fn check(path: &str) -> Result<(), String> {
    let components: Vec<Component<'_>> = Path::new(path).components().collect();
    let is_plain = |part: &Component<'_>| matches!(part, Component::RootDir | Component::Normal(_));
    if !path.starts_with('/') || components.len() < 2 || !components.iter().all(is_plain) {
        return Err(format!("`mountPath` must be an absolute path without `..`, not `{path}`"));
    }
    let is_tektons = Path::new(path).starts_with("/tekton");
    if is_tektons && !Path::new(path).starts_with("/tekton/home") {
        return Err(format!("`mountPath` must not be in /tekton, as {path} is"));
    }
    Ok(())
}
