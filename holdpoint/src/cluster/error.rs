//! Why a cluster, or what is meant in it, cannot be spoken to.

use entrypoint::verb::Answer;
use kube::core::Status;
use thiserror::Error;

use crate::exit::Exit;

/// An error before anybody could be asked.
#[derive(Debug, Error)]
pub enum ClusterError {
    /// The kubeconfig does not say where the cluster is.
    #[error("{file}: {why}; {remedy}")]
    Kubeconfig {
        /// The file or files that were read.
        file: String,
        /// What is wrong.
        why: String,
        /// What to type.
        remedy: String,
    },
    /// The API server refused a request.
    #[error("cannot {what}: {}{}", status.message, remedy(status))]
    Refused {
        /// What was tried.
        what: String,
        /// What it said.
        status: Box<Status>,
    },
    /// The API server did not answer.
    #[error("cannot {what}: {server} does not answer ({why}); look at `kubectl cluster-info`")]
    Unreachable {
        /// What was tried.
        what: String,
        /// Where the API server is.
        server: String,
        /// Why not.
        why: String,
    },
    /// What is meant is not there, or has nothing to be asked.
    #[error("{0}")]
    Nobody(String),
    /// What is meant does not do that now.
    #[error("rejected: {0}")]
    Rejected(String),
    /// A connection broke on which a person was talking.
    #[error("{0}")]
    Lost(String),
    /// What was typed cannot be.
    #[error("{0}")]
    Usage(String),
}

/// The exit code of a connection that broke, as of ssh.
const LOST: u8 = 255;

impl ClusterError {
    /// The error of a request.
    pub fn request(what: &str, server: &str, error: kube::Error) -> Self {
        let what = what.to_owned();
        match error {
            kube::Error::Api(status) => Self::Refused { what, status },
            other => Self::Unreachable { what, server: server.to_owned(), why: root_of(&other) },
        }
    }

    /// Whether what was asked for is not there.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Refused { status, .. } if status.code == 404)
    }

    /// Whether the role does not allow it.
    pub fn is_forbidden(&self) -> bool {
        matches!(self, Self::Refused { status, .. } if status.code == 403)
    }

    /// Whether there is something of its name already, or it has changed meanwhile.
    pub fn is_conflict(&self) -> bool {
        matches!(self, Self::Refused { status, .. } if status.code == 409)
    }

    /// Whether a patch does not fit the object, which may have changed since it was read.
    pub fn is_outdated(&self) -> bool {
        matches!(self, Self::Refused { status, .. } if matches!(status.code, 409 | 422))
    }

    /// Whether a webhook takes no request that changes nothing, so that none says what would come of it.
    pub fn refuses_rehearsals(&self) -> bool {
        matches!(self, Self::Refused { status, .. }
            if status.code == 400 && status.message.contains("does not support dry run"))
    }

    /// Whether the same request may succeed a moment later.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Refused { status, .. } => matches!(status.code, 410 | 429 | 500..),
            _ => false,
        }
    }

    /// The code that it ends the process with (contract 2.7: 3 rejected, 4 nobody answered).
    pub fn exit(&self) -> Exit {
        let code = match self {
            Self::Kubeconfig { .. } | Self::Usage(_) => return Exit::Usage,
            Self::Lost(_) => return Exit::Code(LOST),
            Self::Rejected(_) => Answer::REJECTED,
            Self::Refused { .. } | Self::Unreachable { .. } | Self::Nobody(_) => Answer::NOBODY,
        };
        Exit::Code(u8::try_from(code).unwrap_or(1))
    }
}

/// The innermost reason, which names what happened.
fn root_of(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

fn remedy(status: &Status) -> &'static str {
    match status.code {
        401 => "; log in again, or name another user's context with --context",
        403 => "; ask for a role that allows it, or act as another user with --as",
        _ => "",
    }
}
