//! What the entrypoint tells a person: lines on stderr, beside the command's own output.

use std::io::Write;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// How long a line waits for room, in milliseconds: nobody's post waits for one who does not read.
const PATIENCE_MS: u16 = 1000;

/// What a pipe that has room takes as a whole and at once (PIPE_BUF of pipe(7)).
const LONGEST_LINE_BYTES: usize = 4096;

/// Whether nobody read the last line in time.
static STALLED: AtomicBool = AtomicBool::new(false);

/// Writes one line, cut where it is very long; where nobody reads it any more, it is left out.
pub fn line(text: &str) {
    let stderr = std::io::stderr();
    let patience = if STALLED.load(Ordering::Relaxed) { 0 } else { PATIENCE_MS };
    let mut polled = [PollFd::new(stderr.as_fd(), PollFlags::POLLOUT)];
    let ready = poll(&mut polled, PollTimeout::from(patience)).is_ok_and(|ready| ready > 0);
    STALLED.store(!ready, Ordering::Relaxed);
    if ready {
        let _ = stderr.lock().write_all(whole(text).as_bytes());
    }
}

fn whole(text: &str) -> String {
    let mut line = format!("holdpoint: {text}");
    let end = "…\n";
    if line.len() + end.len() > LONGEST_LINE_BYTES {
        line.truncate(line.floor_char_boundary(LONGEST_LINE_BYTES - end.len()));
        line.push('…');
    }
    line.push('\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_no_longer_than_a_pipe_takes_at_once() {
        assert_eq!(whole("short"), "holdpoint: short\n");
        for character in ["x", "…"] {
            let line = whole(&character.repeat(5000));
            assert!((LONGEST_LINE_BYTES - 2..=LONGEST_LINE_BYTES).contains(&line.len()));
            assert!(line.ends_with("…\n"));
        }
    }
}
