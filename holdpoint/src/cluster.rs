//! Talking to runs in a cluster: the same verbs as on a local run, on pods, TaskRuns, PipelineRuns and
//! Jobs.
//!
//! A [`target`] is resolved to pods ([`resolve`]) and their [`steps`]; what those say of themselves is
//! read in the pods ([`states`], by [`exec`]), and who is asked is chosen from it ([`choose`]). A verb is
//! the entrypoint's own, run in the pod ([`mod@ask`]), or an annotation of the pod ([`annotate`]). What is asked
//! of a PipelineRun or a TaskRun as a whole changes the object too ([`runs`]); one that failed is retried
//! by a new one ([`rerun`]). A [`mod@shell`] is a [`session`] with the entrypoint's, or with that of a
//! [`toolbox`] beside the step.
//!
//! A [`view`] of a target has a [`row`] for each step, by its own word or the kubelet's ([`told`]);
//! [`status`] and [`mod@list`] show it, with the [`way`] out of a hold; a [`hint`] is the next command to
//! type. [`mod@logs`] shows what steps write, and [`mod@attach`] a whole run as it goes on; both
//! [`mod@follow`] pods that come later, the [`first`] one too.

pub mod annotate;
pub mod answer;
pub mod ask;
pub mod attach;
pub(crate) mod children;
pub mod choose;
pub mod connect;
pub mod error;
pub mod exec;
pub mod first;
pub mod follow;
pub mod hint;
pub mod list;
pub mod logs;
pub(crate) mod look;
pub mod rerun;
pub mod resolve;
pub mod row;
pub mod runs;
pub mod session;
pub mod shell;
pub mod states;
pub mod status;
pub mod steps;
pub mod target;
pub mod told;
pub mod toolbox;
pub mod until;
pub mod view;
pub mod way;

use std::future::Future;

use debug_scripts::{Tool, Word};

use crate::args::{AttachArguments, ListArguments, LogsArguments, VerbArguments};
use crate::error::Error;
use crate::exit::Exit;
use crate::program::Program;

use error::ClusterError;
use target::Target;

/// Asks something of a target in a cluster.
///
/// # Errors
/// The cluster, or what is meant in it, cannot be reached.
pub fn ask(program: Program, target: &Target, arguments: &VerbArguments) -> Result<Exit, Error> {
    match arguments.word {
        Word::Tool(Tool::Shell) => complete(shell::shell(program, target, arguments)),
        Word::Tool(Tool::Status) => complete(status::status(program, target, arguments)),
        _ => complete(ask_run_or_step(program, target, arguments)),
    }
}

async fn ask_run_or_step(
    program: Program,
    target: &Target,
    arguments: &VerbArguments,
) -> Result<Exit, ClusterError> {
    match runs::ask(program, target, arguments).await? {
        Some(exit) => Ok(exit),
        None => ask::ask(program, target, arguments).await,
    }
}

/// Shows the live runs of a cluster.
///
/// # Errors
/// The cluster cannot be reached.
pub fn list(program: Program, arguments: &ListArguments) -> Result<Exit, Error> {
    complete(list::list(program, arguments))
}

/// Shows what the steps of a target write.
///
/// # Errors
/// The cluster, or what is meant in it, cannot be reached.
pub fn logs(program: Program, target: &Target, arguments: &LogsArguments) -> Result<Exit, Error> {
    complete(logs::logs(program, target, arguments))
}

/// Follows a run of a cluster.
///
/// # Errors
/// The cluster, or what is meant in it, cannot be reached.
pub fn attach(program: Program, arguments: &AttachArguments) -> Result<Exit, Error> {
    complete(attach::attach(program, arguments))
}

/// Runs what speaks to a cluster to its end.
fn complete<T>(work: impl Future<Output = Result<T, ClusterError>>) -> Result<T, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(Error::system("cannot talk to the cluster"))?;
    runtime.block_on(work).map_err(Error::Cluster)
}
