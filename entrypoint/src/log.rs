//! What the entrypoint tells a person: lines on stderr, beside the command's own output.

use std::borrow::Cow;
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

fn whole(text: &str) -> String {
    let line = format!("holdpoint: {text}\n");
    without_middle(&line, LONGEST_LINE_BYTES).into_owned()
}

/// The text without its middle where it has more bytes than that. A name may be longer than all else:
/// what is said of it stands before and behind it.
pub fn without_middle(text: &str, longest: usize) -> Cow<'_, str> {
    if text.len() <= longest {
        return text.into();
    }
    let half = longest.saturating_sub("…".len()) / 2;
    let (head, tail) = (text.floor_char_boundary(half), text.ceil_char_boundary(text.len() - half));
    format!("{}…{}", &text[..head], &text[tail..]).into()
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
