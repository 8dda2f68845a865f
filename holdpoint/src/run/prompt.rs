//! One key at a time from the terminal.

use std::io::{self, IsTerminal as _, PipeWriter, Read as _, stderr, stdin};
use std::os::fd::{AsFd as _, BorrowedFd};
use std::thread::{self, JoinHandle};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::termios::{FlushArg, LocalFlags, SetArg, Termios, tcflush, tcgetattr, tcsetattr};
use tokio::sync::mpsc;

/// Whether there is a person to ask.
pub fn is_possible() -> bool {
    stdin().is_terminal() && stderr().is_terminal()
}

/// Drops what was typed so far: it was not meant for a question that comes only now.
pub fn forget_what_was_typed() {
    if is_possible() {
        // A terminal that is gone has nothing to drop.
        let _ = tcflush(stdin(), FlushArg::TCIFLUSH);
    }
}

/// Keys as they are pressed, until it is dropped; then the terminal is as it was.
pub struct Keys {
    pressed: mpsc::Receiver<u8>,
    reader: Option<JoinHandle<()>>,
    /// Closed to end the reader.
    stop: Option<PipeWriter>,
    before: Termios,
}

impl Keys {
    /// Takes each key at once and unseen. Ctrl-C stays a signal.
    pub fn read() -> io::Result<Self> {
        let before = tcgetattr(stdin())?;
        let mut one_by_one = before.clone();
        one_by_one.local_flags.remove(LocalFlags::ICANON | LocalFlags::ECHO);
        tcsetattr(stdin(), SetArg::TCSADRAIN, &one_by_one)?;
        let (stopped, stop) = io::pipe()?;
        let (press, pressed) = mpsc::channel(1);
        let reader = thread::spawn(move || {
            while let Some(key) = next_key(stopped.as_fd()) {
                if press.blocking_send(key).is_err() {
                    return;
                }
            }
        });
        Ok(Self { pressed, reader: Some(reader), stop: Some(stop), before })
    }

    /// The next key; none where the terminal is gone.
    pub async fn next(&mut self) -> Option<u8> {
        self.pressed.recv().await
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        drop(self.stop.take());
        self.pressed.close();
        // A reader that panicked has no more to say; a terminal that is gone needs no repair.
        drop(self.reader.take().map(JoinHandle::join));
        let _ = tcsetattr(stdin(), SetArg::TCSADRAIN, &self.before);
    }
}

/// Waits for a key, or for the end.
fn next_key(stopped: BorrowedFd<'_>) -> Option<u8> {
    let input = stdin();
    let mut sources =
        [PollFd::new(input.as_fd(), PollFlags::POLLIN), PollFd::new(stopped, PollFlags::POLLIN)];
    while let Err(nix::Error::EINTR) = poll(&mut sources, PollTimeout::NONE) {}
    let is_stopped = sources[1].any() != Some(false);
    let mut key = [0];
    // Not through the buffer of stdin: what follows this key belongs to whoever reads next.
    let mut terminal = std::fs::File::from(input.as_fd().try_clone_to_owned().ok()?);
    (!is_stopped && terminal.read(&mut key).ok()? == 1).then_some(key[0])
}
