//! The fixed places of the contract, below one root.
//!
//! In a container the root is `/`. `holdpoint run` puts it elsewhere where it cannot have a mount
//! namespace of its own; so do the tests, by an environment variable that only a debug build reads.

use std::path::{Path, PathBuf};

/// Names the root of the contract's paths to a debug build; a release build ignores it.
pub const TEST_ROOT: &str = "HOLDPOINT_TEST_ROOT";

/// The places under `/tekton` that the contract fixes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    tekton: PathBuf,
}

impl Paths {
    /// The paths of a container: below `/`, or in a debug build below `$HOLDPOINT_TEST_ROOT`.
    pub fn installed() -> Self {
        let root = match std::env::var_os(TEST_ROOT) {
            Some(root) if cfg!(debug_assertions) => PathBuf::from(root),
            _ => PathBuf::from("/"),
        };
        Self::under(&root)
    }

    /// The same tree below another root.
    pub fn under(root: &Path) -> Self {
        Self { tekton: root.join("tekton") }
    }

    /// Where credentials are written (1.9).
    pub fn creds(&self) -> PathBuf {
        self.tekton.join("creds")
    }

    /// Where the secrets of credentials are mounted (1.9).
    pub fn creds_secrets(&self) -> PathBuf {
        self.tekton.join("creds-secrets")
    }

    /// Where debug scripts are placed (2.7).
    pub fn debug_scripts(&self) -> PathBuf {
        self.tekton.join("debug/scripts")
    }

    /// Where an admin may put a shell for images without one (2.7).
    pub fn debug_tools(&self) -> PathBuf {
        self.tekton.join("debug/bin")
    }

    /// The downward folder: `ready`, `cancel` and the markers of annotations.
    pub fn downward(&self) -> PathBuf {
        self.tekton.join("downward")
    }

    /// The results of the task, a file each (1.5).
    pub fn results(&self) -> PathBuf {
        self.tekton.join("results")
    }

    /// The run folders, one a step, named by its number.
    pub fn run(&self) -> PathBuf {
        self.tekton.join("run")
    }

    /// The scripts of steps (1.7).
    pub fn scripts(&self) -> PathBuf {
        self.tekton.join("scripts")
    }

    /// The links from steps' names and numbers to their metadata folders (1.2, 1.7).
    pub fn steps(&self) -> PathBuf {
        self.tekton.join("steps")
    }

    /// The provenance of the task's artifacts (1.5).
    pub fn task_provenance(&self) -> PathBuf {
        self.tekton.join("artifacts/provenance.json")
    }

    /// The termination message where no flag says otherwise (1.1).
    pub fn termination(&self) -> PathBuf {
        self.tekton.join("termination")
    }
}
