//! The person's terminal: taken into another mode and given back whatever happens, its size, and what is
//! typed there.

use std::io::{self, IsTerminal as _, PipeWriter, Read as _, stdin, stdout};
use std::os::fd::{AsFd as _, BorrowedFd};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};
use std::thread::{self, JoinHandle};
use std::{fs, panic};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::termios::{
    FlushArg, LocalFlags, SetArg, Termios, cfmakeraw, tcflush, tcgetattr, tcsetattr,
};
use terminal_size::{Height, Width, terminal_size_of};
use tokio::sync::mpsc;

/// How the terminal was before it was taken.
static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);

/// The terminal in another mode. It is as it was once this is dropped, and where the process panics.
#[derive(Debug)]
pub struct Taken {
    mode: Termios,
}

impl Taken {
    /// Each key comes at once and unseen. Ctrl-C stays a signal.
    ///
    /// # Errors
    /// Stdin is no terminal.
    pub fn key_by_key() -> io::Result<Self> {
        Self::take(|mode| mode.local_flags.remove(LocalFlags::ICANON | LocalFlags::ECHO))
    }

    /// Each byte comes and goes as it is, Ctrl-C too: another terminal has the say.
    ///
    /// # Errors
    /// Stdin is no terminal.
    pub fn raw() -> io::Result<Self> {
        Self::take(cfmakeraw)
    }

    /// Takes it once more, where a shell has had it while this process was stopped.
    pub fn again(&self) {
        // A terminal that is gone has no mode.
        let _ = tcsetattr(stdin(), SetArg::TCSADRAIN, &self.mode);
    }

    fn take(change: impl FnOnce(&mut Termios)) -> io::Result<Self> {
        let before = tcgetattr(stdin())?;
        let mut mode = before.clone();
        change(&mut mode);
        give_back_at_panics();
        *kept() = Some(before);
        tcsetattr(stdin(), SetArg::TCSADRAIN, &mode)?;
        Ok(Self { mode })
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        give_back();
    }
}

fn give_back() {
    if let Some(before) = kept().take() {
        // A terminal that is gone needs no repair.
        let _ = tcsetattr(stdin(), SetArg::TCSADRAIN, &before);
    }
}

/// Where a panic ends the process at once, nothing is dropped.
fn give_back_at_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let former = panic::take_hook();
        panic::set_hook(Box::new(move |panicked| {
            give_back();
            former(panicked);
        }));
    });
}

fn kept() -> MutexGuard<'static, Option<Termios>> {
    BEFORE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Drops what was typed so far.
pub fn forget_what_was_typed() {
    // A terminal that is gone has nothing to drop.
    let _ = tcflush(stdin(), FlushArg::TCIFLUSH);
}

/// Whether a person types and reads here.
pub fn is_here() -> bool {
    stdin().is_terminal() && stdout().is_terminal()
}

/// Its columns and rows, where it has any.
pub fn size() -> Option<(u16, u16)> {
    terminal_size_of(stdin()).map(|(Width(columns), Height(rows))| (columns, rows))
}

/// What comes in on stdin, as it comes, until it is dropped.
#[derive(Debug)]
pub struct Typed {
    bytes: mpsc::Receiver<Vec<u8>>,
    reader: Option<JoinHandle<()>>,
    /// Closed to end the reader.
    stop: Option<PipeWriter>,
}

impl Typed {
    /// Reads no more than so many bytes before they are taken: what follows belongs to whoever reads
    /// next.
    ///
    /// # Errors
    /// There are no more pipes to be had.
    pub fn read(most: usize) -> io::Result<Self> {
        let (stopped, stop) = io::pipe()?;
        let (send, bytes) = mpsc::channel(1);
        let reader = thread::spawn(move || {
            while let Some(bytes) = next(stopped.as_fd(), most) {
                if send.blocking_send(bytes).is_err() {
                    return;
                }
            }
        });
        Ok(Self { bytes, reader: Some(reader), stop: Some(stop) })
    }

    /// What comes next; none at the end.
    pub async fn next(&mut self) -> Option<Vec<u8>> {
        self.bytes.recv().await
    }
}

impl Drop for Typed {
    fn drop(&mut self) {
        drop(self.stop.take());
        self.bytes.close();
        // A reader that panicked has no more to say.
        drop(self.reader.take().map(JoinHandle::join));
    }
}

/// Waits for some bytes, or for the end.
fn next(stopped: BorrowedFd<'_>, most: usize) -> Option<Vec<u8>> {
    let input = stdin();
    let mut sources =
        [PollFd::new(input.as_fd(), PollFlags::POLLIN), PollFd::new(stopped, PollFlags::POLLIN)];
    while let Err(nix::Error::EINTR) = poll(&mut sources, PollTimeout::NONE) {}
    let is_stopped = sources[1].any() != Some(false);
    let mut bytes = vec![0; most];
    // Not through the buffer of stdin.
    let mut source = fs::File::from(input.as_fd().try_clone_to_owned().ok()?);
    let read = if is_stopped { 0 } else { source.read(&mut bytes).ok()? };
    bytes.truncate(read);
    (read > 0).then_some(bytes)
}
