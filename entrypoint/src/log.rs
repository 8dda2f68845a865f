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

/// Writes one line, without its middle where it is very long; where nobody reads it any more, it is left out.
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

/// A name may be longer than all else: what is said of it stands before and behind it.
fn whole(text: &str) -> String {
    let line = format!("holdpoint: {text}\n");
    if line.len() <= LONGEST_LINE_BYTES {
        return line;
    }
    let half = (LONGEST_LINE_BYTES - "…".len()) / 2;
    let (head, tail) = (line.floor_char_boundary(half), line.ceil_char_boundary(line.len() - half));
    format!("{}…{}", &line[..head], &line[tail..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_no_longer_than_a_pipe_takes_at_once() {
        assert_eq!(whole("short"), "holdpoint: short\n");
        for character in ["x", "…"] {
            let line = whole(&format!("{}: why", character.repeat(5000)));
            assert!((LONGEST_LINE_BYTES - 6..=LONGEST_LINE_BYTES).contains(&line.len()));
            assert!(line.starts_with("holdpoint: ") && line.ends_with("why\n"), "{line}");
        }
    }
}
