//! Where the files of a run are.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::plan::{Layout, MARKERS, Place};
use crate::sandbox::Sandbox;

/// The folders of one run.
#[derive(Clone, Debug)]
pub(super) struct Places {
    root: PathBuf,
    layout: Layout,
}

impl Places {
    /// Makes what a pod has before its steps begin.
    pub(super) fn new(sandbox: &Sandbox, layout: Layout, steps: usize) -> Self {
        let places = Self { root: sandbox.root().to_owned(), layout };
        for folder in ["control", "tekton/downward"] {
            sandbox.folder(folder);
        }
        fs::create_dir_all(places.disk()).unwrap();
        (0..steps).for_each(|step| fs::create_dir_all(places.meta(step)).unwrap());
        places
    }

    /// Makes the folders of the steps, once their disk is there.
    pub(super) fn make_own(&self, steps: usize) {
        (0..steps).for_each(|step| fs::create_dir_all(self.own(step)).unwrap());
    }

    /// What may be a small disk: every step's own folder is on it.
    pub(super) fn disk(&self) -> PathBuf {
        self.root.join(match self.layout {
            Layout::Tekton => "tekton/run",
            Layout::Flat => "tekton/tools",
        })
    }

    pub(super) fn own(&self, step: usize) -> PathBuf {
        match self.layout {
            Layout::Tekton => self.disk().join(step.to_string()),
            Layout::Flat => self.disk(),
        }
    }

    pub(super) fn post(&self, step: usize) -> PathBuf {
        match self.layout {
            Layout::Tekton => self.own(step).join("out"),
            Layout::Flat => self.disk().join(step.to_string()),
        }
    }

    /// The post file with an ending.
    pub(super) fn beside(&self, step: usize, ending: &str) -> PathBuf {
        let mut name = self.post(step).into_os_string();
        name.push(ending);
        name.into()
    }

    pub(super) fn has(&self, step: usize, ending: &str) -> bool {
        self.beside(step, ending).exists()
    }

    /// Where the step's results, its `exitCode` file and its termination message are.
    pub(super) fn meta(&self, step: usize) -> PathBuf {
        self.root.join(format!("meta/{step}"))
    }

    pub(super) fn termination(&self, step: usize) -> PathBuf {
        self.meta(step).join("termination")
    }

    pub(super) fn stderr(&self, step: usize) -> PathBuf {
        self.meta(step).join("stderr")
    }

    pub(super) fn log(&self) -> PathBuf {
        self.root.join("log")
    }

    pub(super) fn bench(&self) -> PathBuf {
        self.root.join("bench")
    }

    pub(super) fn command(&self) -> PathBuf {
        self.root.join("command.sh")
    }

    pub(super) fn control(&self, place: Place) -> PathBuf {
        match place {
            Place::Own(step) => self.own(step),
            Place::Control => self.root.join("control"),
            Place::Downward => self.downward(),
        }
    }

    pub(super) fn downward(&self) -> PathBuf {
        self.root.join("tekton/downward")
    }
}

/// A downward folder as the kubelet keeps it: every file is a link through `..data`, which is swapped
/// when any of them changes.
#[derive(Debug)]
pub(super) struct Downward {
    folder: PathBuf,
    texts: Vec<(&'static str, String)>,
    version: usize,
}

impl Downward {
    pub(super) fn new(folder: &Path) -> Self {
        let names = MARKERS.into_iter().chain(["ready"]);
        let texts: Vec<_> = names.map(|name| (name, String::new())).collect();
        let mut downward = Self { folder: folder.to_owned(), texts, version: 0 };
        downward.swap();
        for (name, _) in &downward.texts {
            symlink(format!("..data/{name}"), folder.join(name)).unwrap();
        }
        downward
    }

    pub(super) fn set(&mut self, name: &str, text: &str) {
        for (_, old) in self.texts.iter_mut().filter(|(known, _)| *known == name) {
            text.clone_into(old);
        }
        self.swap();
    }

    fn swap(&mut self) {
        let before = self.folder.join(format!("..{}", self.version));
        self.version += 1;
        let name = format!("..{}", self.version);
        fs::create_dir(self.folder.join(&name)).unwrap();
        for (file, text) in &self.texts {
            fs::write(self.folder.join(&name).join(file), text).unwrap();
        }
        let (beside, data) = (self.folder.join("..data_tmp"), self.folder.join("..data"));
        symlink(name, &beside).unwrap();
        fs::rename(beside, data).unwrap();
        let _ = fs::remove_dir_all(before);
    }
}
