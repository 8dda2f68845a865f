//! What can go wrong before, beside and after a run.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::cluster::error::ClusterError;
use crate::exit::Exit;
use crate::task::TaskError;

/// An error of the command line itself; a failing step is none.
#[derive(Debug, Error)]
pub enum Error {
    /// The command line does not parse, or asks for help.
    #[error("{0}")]
    Arguments(clap::Error),
    /// A flag has a value that cannot be.
    #[error("{0}")]
    Usage(String),
    /// The file is no Task that can be run here.
    #[error("{0}")]
    Task(TaskError),
    /// A cluster cannot be spoken to.
    #[error("{0}")]
    Cluster(ClusterError),
    /// A file or folder cannot be used.
    #[error("{}: {source}", path.display())]
    File {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A step cannot start where it is to.
    #[error("{} cannot be the step's working directory: {source}", path.display())]
    WorkingDir {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The steps cannot be shown what they are to see.
    #[error("the step cannot be given its own view of the machine: {0}")]
    View(io::Error),
    /// Something of the system that a run needs is not to be had.
    #[error("{what}: {source}")]
    System {
        /// What was tried.
        what: &'static str,
        /// Why it cannot be.
        source: io::Error,
    },
}

impl Error {
    /// The error of a file.
    pub fn file(path: &Path, source: io::Error) -> Self {
        Self::File { path: path.to_owned(), source }
    }

    /// The error of a system call.
    pub fn system(what: &'static str) -> impl Fn(io::Error) -> Self {
        move |source| Self::System { what, source }
    }

    /// The code that it ends the process with.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Arguments(error) if error.exit_code() == 0 => Exit::Success,
            Self::WorkingDir { .. } => Exit::Code(1),
            Self::Cluster(error) => error.exit(),
            _ => Exit::Usage,
        }
    }

    /// Says it to the person, in one line where it is not clap's own.
    #[expect(clippy::print_stderr, reason = "the one place where errors are printed")]
    pub fn print(&self) {
        match self {
            Self::Arguments(error) => drop(error.print()),
            other => eprintln!("holdpoint: {other}"),
        }
    }
}
