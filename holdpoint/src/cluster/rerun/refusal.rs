//! Why a run is not retried: each sentence names the thing and the way out.

use thiserror::Error;

/// The way out of most: the pipeline as a whole.
const ANEW: &str = "start its pipeline anew";

/// A run that cannot be retried.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// The object is another one.
    #[error("{found} cannot be retried: name a PipelineRun of tekton.dev/v1")]
    Kind {
        /// What it is, with its version.
        found: String,
    },
    /// Nothing is to be retried.
    #[error("pipelinerun/{run} succeeded: there is nothing to retry")]
    Succeeded {
        /// The run.
        run: String,
    },
    /// It has not ended.
    #[error(
        "pipelinerun/{run} has not ended: wait for it, or end it with `holdpoint cancel pr/{run}`"
    )]
    Running {
        /// The run.
        run: String,
    },
    /// A part of it has not ended.
    #[error("{child} of pipelinerun/{run} has not ended yet: try again when it has")]
    Ending {
        /// The run.
        run: String,
        /// The TaskRun, or another object of a task.
        child: String,
    },
    /// Whether a task succeeded cannot be known.
    #[error(
        "task `{task}` ran as {child}, which is gone: whether it succeeded cannot be known; {ANEW}"
    )]
    Gone {
        /// The task.
        task: String,
        /// The object that is gone.
        child: String,
    },
    /// Tasks ran, but not which pipeline they are of.
    #[error("pipelinerun/{run} has no status.pipelineSpec, though tasks of it ran; {ANEW}")]
    NoPipeline {
        /// The run.
        run: String,
    },
    /// All that was to be done is done.
    #[error(
        "every task of pipelinerun/{run} is done, and it has no finally tasks: nothing is left to \
         run again; {ANEW}"
    )]
    NothingLeft {
        /// The run.
        run: String,
    },
    /// A task that Tekton's own controller does not run.
    #[error(
        "task `{task}` is {what}, and would have to run again: what a second run of it means is \
         not known; {ANEW}"
    )]
    Foreign {
        /// The task.
        task: String,
        /// What it is.
        what: String,
    },
    /// A result that is needed and not there.
    #[error("{user} refers to {reference}, but {problem}; {ANEW}")]
    Reference {
        /// Who refers to it.
        user: String,
        /// The reference as it stands there.
        reference: String,
        /// The task that it names.
        task: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A value in which Tekton would replace something once more.
    #[error(
        "{user}: with the results of what succeeded put in, `{text}` would be taken as a variable, \
         and replaced once more; {ANEW}"
    )]
    Variable {
        /// Who refers to it.
        user: String,
        /// What would be taken as a variable.
        text: String,
    },
    /// A label or an annotation of an earlier retry that cannot be read.
    #[error("{key} of pipelinerun/{run} is {value:?}: {problem}; correct it, or take it away")]
    Mark {
        /// The run.
        run: String,
        /// Its key.
        key: String,
        /// Its value.
        value: String,
        /// What is wrong with it.
        problem: String,
    },
}
