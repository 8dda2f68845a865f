//! What the entrypoint tells a person: lines on stderr, beside the command's own output.

use std::io::Write;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// How long a line waits for room, in milliseconds: nobody's post waits for one who does not read.
const PATIENCE_MS: u16 = 1000;

/// Whether nobody read the last line in time.
static STALLED: AtomicBool = AtomicBool::new(false);

/// Writes one line; where nobody reads it any more, it is left out.
pub fn line(text: &str) {
    let stderr = std::io::stderr();
    let patience = if STALLED.load(Ordering::Relaxed) { 0 } else { PATIENCE_MS };
    let mut polled = [PollFd::new(stderr.as_fd(), PollFlags::POLLOUT)];
    let ready = poll(&mut polled, PollTimeout::from(patience)).is_ok_and(|ready| ready > 0);
    STALLED.store(!ready, Ordering::Relaxed);
    if ready {
        let _ = stderr.lock().write_all(format!("holdpoint: {text}\n").as_bytes());
    }
}
