//! The signals that a run listens to.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::error::Error;

const RESUME: SignalKind = SignalKind::from_raw(nix::libc::SIGCONT);

/// Takes Ctrl-C, what a closing terminal or a system going down sends, and the return from Ctrl-Z.
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
    resume: Signal,
}

impl Signals {
    /// Takes them from now on.
    pub fn take() -> Result<Self, Error> {
        let taken = || -> io::Result<Self> {
            Ok(Self {
                interrupt: signal(SignalKind::interrupt())?,
                terminate: signal(SignalKind::terminate())?,
                hangup: signal(SignalKind::hangup())?,
                resume: signal(RESUME)?,
            })
        };
        taken().map_err(Error::system("cannot take signals"))
    }

    /// The number of the next one.
    pub async fn next(&mut self) -> i32 {
        let kind = tokio::select! {
            _ = self.interrupt.recv() => SignalKind::interrupt(),
            _ = self.terminate.recv() => SignalKind::terminate(),
            _ = self.hangup.recv() => SignalKind::hangup(),
            _ = self.resume.recv() => RESUME,
        };
        kind.as_raw_value()
    }
}
