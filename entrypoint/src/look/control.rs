//! Control folders and the marker files in them (contract 2.2). A folder is read again only when
//! something happened in it.

use std::fs::Metadata;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::awaited::number;
use super::settle::Settling;
use crate::log;
use crate::os::files::{folder_of, read_at_most};
use crate::os::watch::Change;
use crate::step::markers::{Kind, Sighting};

/// As much of a marker's text as is kept.
const LARGEST_REASON_BYTES: u64 = 4096;

/// Texts that say in a downward folder that there is no marker.
const NO_MARKER: [&str; 4] = ["", "false", "no", "0"];

/// All control folders of a run.
#[derive(Debug)]
pub(super) struct ControlFolders {
    /// Where numbered siblings of the step's own folder appear.
    siblings: Option<PathBuf>,
    folders: Vec<ControlFolder>,
    siblings_changed: bool,
}

#[derive(Debug)]
struct ControlFolder {
    path: PathBuf,
    downward: bool,
    changed: bool,
    found: Vec<Sighting>,
    /// Whether a person was told that the folder cannot be read.
    is_told: bool,
    /// A breakpoint that cannot be read yet.
    half_written: Option<PathBuf>,
}

impl ControlFolders {
    pub(super) fn new(post: Option<&Path>, more: &[PathBuf], downward: &Path) -> Self {
        let own = post.map(|post| folder_of(post).to_owned());
        let siblings =
            own.as_ref().filter(|own| number(own).is_some()).and_then(|own| own.parent());
        let siblings = siblings.map(Path::to_owned);
        let mut folders: Vec<_> =
            own.iter().chain(more).map(|path| ControlFolder::new(path, false)).collect();
        folders.push(ControlFolder::new(downward, true));
        let mut control = Self { siblings, folders, siblings_changed: true };
        control.find_siblings();
        control
    }

    /// Where the folders of all steps are.
    pub(super) fn siblings(&self) -> Option<PathBuf> {
        self.siblings.clone()
    }

    pub(super) fn folders(&self) -> Vec<PathBuf> {
        self.folders.iter().map(|folder| folder.path.clone()).chain(self.siblings.clone()).collect()
    }

    pub(super) fn notice(&mut self, change: &Change) {
        match change {
            Change::Lost => self.forget(),
            Change::Settled(path) | Change::Created(path) | Change::Touched(path) => {
                self.siblings_changed |= path.parent() == self.siblings.as_deref();
                let inside = |folder: &&mut ControlFolder| path.starts_with(&folder.path);
                self.folders.iter_mut().filter(inside).for_each(|folder| folder.changed = true);
            }
        }
    }

    pub(super) fn forget(&mut self) {
        self.siblings_changed = true;
        self.folders.iter_mut().for_each(|folder| folder.changed = true);
    }

    pub(super) fn look(&mut self, settling: &mut Settling) -> Vec<Sighting> {
        self.find_siblings();
        self.folders.iter_mut().for_each(|folder| folder.look(settling));
        self.folders.iter().flat_map(|folder| folder.found.iter().cloned()).collect()
    }

    /// A breakpoint that somebody is writing.
    pub(super) fn half_written(&self) -> Option<String> {
        let path = self.folders.iter().find_map(|folder| folder.half_written.as_ref())?;
        Some(format!("{}, which is still being written", path.display()))
    }

    fn find_siblings(&mut self) {
        if !std::mem::take(&mut self.siblings_changed) {
            return;
        }
        let Some(Ok(entries)) = self.siblings.as_ref().map(|root| root.read_dir()) else { return };
        for path in entries.flatten().map(|entry| entry.path()) {
            let known = self.folders.iter().any(|folder| folder.path == path);
            if !known && number(&path).is_some() {
                self.folders.push(ControlFolder::new(&path, false));
            }
        }
    }
}

impl ControlFolder {
    fn new(path: &Path, downward: bool) -> Self {
        let (found, is_told, half_written) = Default::default();
        Self { path: path.to_owned(), downward, changed: true, found, is_told, half_written }
    }

    fn look(&mut self, settling: &mut Settling) {
        if !std::mem::take(&mut self.changed) {
            return;
        }
        let entries = match self.path.read_dir() {
            Ok(entries) => entries.flatten().collect(),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(e) => {
                self.tell(&e);
                if e.kind() != io::ErrorKind::NotADirectory {
                    // What cannot be read now has not changed for that: no marker is lost.
                    return;
                }
                Vec::new()
            }
        };
        let before = std::mem::take(&mut self.found);
        self.half_written = None;
        for entry in entries {
            if let Some(kind) = entry.file_name().to_str().and_then(Kind::named)
                && let Ok(file) = entry.path().metadata()
                && !file.is_dir()
            {
                let sighting = self.sight(kind, &entry.path(), &file, &before, settling);
                self.found.extend(sighting);
            }
        }
    }

    fn tell(&mut self, e: &io::Error) {
        if !std::mem::replace(&mut self.is_told, true) {
            let folder = self.path.display();
            log::line(&format!(
                "cannot look for markers in {folder} ({e}): make it a folder that all can read"
            ));
        }
    }

    /// What ends or holds back is in force from the moment that it is there; its text counts once it is
    /// written. A resume lets go, and the text of a breakpoint is all that it says: until they are written
    /// the one before stands, and beside a breakpoint no command starts.
    fn sight(
        &mut self,
        kind: Kind,
        path: &Path,
        file: &Metadata,
        before: &[Sighting],
        settling: &mut Settling,
    ) -> Option<Sighting> {
        let settled = self.downward || settling.is_settled(path, file);
        self.changed |= !settled;
        if !settled && kind == Kind::Breakpoint {
            self.half_written = Some(path.to_owned());
        }
        if !settled && matches!(kind, Kind::Breakpoint | Kind::Resume) {
            return before.iter().find(|seen| seen.kind == kind).cloned();
        }
        let reason = if settled { read_reason(path) } else { String::new() };
        if self.downward && NO_MARKER.contains(&reason.as_str()) {
            return None;
        }
        let (folder, downward) = (self.path.clone(), self.downward);
        let written = file.modified().unwrap_or(SystemTime::UNIX_EPOCH);
        Some(Sighting { kind, reason, folder, written, downward })
    }
}

/// A marker's text, as states show it.
pub(crate) fn read_reason(path: &Path) -> String {
    let content = read_at_most(path, LARGEST_REASON_BYTES).unwrap_or_default();
    String::from_utf8_lossy(&content).trim().to_owned()
}
