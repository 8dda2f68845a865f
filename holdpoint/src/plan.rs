//! What a run is made of: the file is read, parameters are given, variables replaced. Nothing of it
//! depends on how the steps are started.

use std::path::PathBuf;

/// Where a step sees the fixed places: `/tekton` and `/workspace` with a mount namespace of its
/// own, folders of the run without.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// The folder that steps know as `/tekton`.
    pub tekton: PathBuf,
    /// The folder that steps know as `/workspace`.
    pub workspace: PathBuf,
}

/// A run that can be started: everything was checked, every variable of ours replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The name of the Task, TaskRun or Pod.
    pub name: String,
    /// The steps, in order.
    pub steps: Vec<Step>,
    /// The results of the task, in the order of the file.
    pub results: Vec<TaskResult>,
    /// Folders that steps see at a path of their own: workspaces and volumes.
    pub mounts: Vec<Mount>,
    /// What is ignored on purpose, a sentence each, said once.
    pub notes: Vec<String>,
}

/// A step, as the entrypoint is to run it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// Its name; a step without one is `unnamed-N`, counted from 0, as Tekton does.
    pub name: String,
    /// What it runs.
    pub action: Action,
    /// Its environment beyond that of `holdpoint`, in order; the later one wins.
    pub env: Vec<(String, String)>,
    /// Its folder, made where it is missing.
    pub working_dir: Option<PathBuf>,
    /// Whether the run goes on when it fails (`onError: continue`).
    pub continue_on_error: bool,
    /// Its time limit, as a Go duration.
    pub timeout: Option<String>,
    /// Its when expressions, as the JSON that the entrypoint takes.
    pub when: Option<String>,
    /// The names of its own results.
    pub results: Vec<String>,
    /// Where its output is copied to.
    pub stdout_path: Option<String>,
    /// Where its errors are copied to.
    pub stderr_path: Option<String>,
    /// Whether it runs also after a failure or a stop.
    pub finally: bool,
}

/// What a step runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// A command with its arguments; never empty.
    Command(Vec<String>),
    /// The text of a script, with its `#!` line, and its arguments.
    Script {
        /// The text.
        text: String,
        /// What stands behind it on the command line.
        args: Vec<String>,
    },
}

impl Default for Action {
    fn default() -> Self {
        Self::Command(Vec::new())
    }
}

/// A result of the task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskResult {
    /// Its name: the file below `/tekton/results`.
    pub name: String,
    /// `value: $(steps.s.results.x)`: the step and the result that it is taken from.
    pub from_step: Option<(String, String)>,
}

/// A folder that steps see at a path. Mounts of one name share one folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// The workspace's name, or `volumes/NAME`.
    pub name: String,
    /// Where steps see it.
    pub path: PathBuf,
    /// Which folder it is; none: a new empty one.
    pub folder: Option<PathBuf>,
}
