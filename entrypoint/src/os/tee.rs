//! Copies of a command's output: what it writes goes on to where it would have gone, and to a file
//! beside (contract 1.3 step 6).

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::time::Duration;

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd::pipe2;

use super::files;
use crate::log;

/// Large enough that a copy costs few system calls.
const BUFFER_BYTES: usize = 128 * 1024;

/// One is filled while the other goes on to the stream.
const BUFFERS: usize = 2;

/// As much as is passed on at a time: a reader that takes this much is not at a standstill.
const LARGEST_WRITE_BYTES: usize = 16 * 1024;

/// How long nothing may move once the command has ended: the step must not wait for ever.
const STANDSTILL: Duration = Duration::from_secs(2);

/// Two threads that copy one stream: one to the file, and one to where the output would have gone,
/// so that a reader who is at a standstill takes nothing from the file.
#[derive(Debug)]
pub struct Tee {
    name: &'static str,
    /// Told of each part that was written, to the stream or to the file; without a sender once all is.
    progress: Receiver<()>,
    /// The same, of the file alone.
    copied: Receiver<()>,
    /// To tell the copier that it need not wait for the stream.
    turns: Sender<Turn>,
    /// Dropped to tell the copier that the command has ended: what is in the pipe is still copied,
    /// but processes that hold it open are not waited for.
    ended: OwnedFd,
}

/// What the copier waits for before it reads on.
enum Turn {
    /// This one has been passed on.
    Passed(Part),
    /// Nobody reads the stream; the file alone gets what there still is.
    GivenUp,
}

/// A part of the output.
struct Part {
    buffer: Box<[u8]>,
    bytes: usize,
}

impl Part {
    fn empty() -> Self {
        Self { buffer: vec![0; BUFFER_BYTES].into(), bytes: 0 }
    }

    fn content(&self) -> &[u8] {
        &self.buffer[..self.bytes]
    }
}

/// Opens the file that a copy goes to: appended, its folders made.
///
/// # Errors
/// Where it cannot be opened; the error names the file.
pub fn open_copy(path: &Path) -> io::Result<File> {
    let named = |e: io::Error| io::Error::new(e.kind(), format!("{}: {e}", path.display()));
    files::make_folder(files::folder_of(path)).map_err(named)?;
    // A pipe that nobody reads would block the opening.
    let mut options = OpenOptions::new();
    options.create(true).append(true).custom_flags(OFlag::O_NONBLOCK.bits());
    let file = options.open(path).map_err(named)?;
    fcntl(&file, FcntlArg::F_SETFL(OFlag::O_APPEND)).map_err(|e| named(e.into()))?;
    Ok(file)
}

impl Tee {
    /// Copies to the inherited stream and to the file; the descriptor is what the command writes to.
    ///
    /// # Errors
    /// Where the process has no descriptors or threads left.
    pub fn start(stream: OwnedFd, copy: File, name: &'static str) -> io::Result<(Self, OwnedFd)> {
        let (from, into) = pipe2(OFlag::O_CLOEXEC)?;
        let _ = fcntl(&from, FcntlArg::F_SETPIPE_SZ(1 << 20));
        let (watched, ended) = pipe2(OFlag::O_CLOEXEC)?;
        let (moved, progress) = sync_channel(1);
        let (written, copied) = sync_channel(1);
        let (turns, awaited) = channel();
        let (full, parts) = sync_channel(BUFFERS);
        let passer = Passer { stream: stream.into(), moved: moved.clone(), turns: turns.clone() };
        let copier = Copier {
            from: from.into(),
            copy: Some(copy),
            name,
            passer: Some(full),
            turns: awaited,
            moved,
            written,
        };
        for _ in 0..BUFFERS {
            let _ = turns.send(Turn::Passed(Part::empty()));
        }
        spawn(format!("tee {name}"), move || copier.run(&watched))?;
        spawn(format!("pass {name}"), move || passer.run(&parts))?;
        Ok((Self { name, progress, copied, turns, ended }, into))
    }

    /// Waits until what the command wrote is in the file, and passed on as long as somebody reads it.
    pub fn finish(self) {
        drop(self.ended);
        if all_moved(&self.progress) {
            return;
        }
        log::line(&format!("nobody reads {}: the rest of it is lost", self.name));
        let _ = self.turns.send(Turn::GivenUp);
        if !all_moved(&self.copied) {
            log::line(&format!("the copy of {} stands still: the rest of it is lost", self.name));
        }
    }
}

fn spawn(name: String, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    std::thread::Builder::new().name(name).spawn(work).map(drop)
}

/// Waits until nobody is left who could move anything; false after a standstill.
fn all_moved(progress: &Receiver<()>) -> bool {
    loop {
        match progress.recv_timeout(STANDSTILL) {
            Ok(()) => {}
            Err(RecvTimeoutError::Disconnected) => return true,
            Err(RecvTimeoutError::Timeout) => return false,
        }
    }
}

/// Writes to where the output would have gone.
struct Passer {
    stream: File,
    moved: SyncSender<()>,
    turns: Sender<Turn>,
}

impl Passer {
    /// Whoever read our output may be gone: the buffers come back all the same.
    fn run(mut self, parts: &Receiver<Part>) {
        let mut works = true;
        for part in parts {
            works = works && self.pass_on(part.content()).is_ok();
            let _ = self.turns.send(Turn::Passed(part));
        }
    }

    /// Writes all of it, also where the stream was given to us as one that does not block.
    fn pass_on(&mut self, mut part: &[u8]) -> io::Result<()> {
        while !part.is_empty() {
            match self.stream.write(&part[..part.len().min(LARGEST_WRITE_BYTES)]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    part = &part[written..];
                    let _ = self.moved.try_send(());
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => self.wait_for_room(),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    fn wait_for_room(&self) {
        let room = PollFd::new(self.stream.as_fd(), PollFlags::POLLOUT);
        let _ = poll(&mut [room], PollTimeout::NONE);
    }
}

/// Reads what the command writes, and keeps the file.
struct Copier {
    from: File,
    /// Until it cannot be written.
    copy: Option<File>,
    name: &'static str,
    /// Until the stream is given up.
    passer: Option<SyncSender<Part>>,
    turns: Receiver<Turn>,
    moved: SyncSender<()>,
    written: SyncSender<()>,
}

impl Copier {
    fn run(mut self, ended: &OwnedFd) {
        while self.has_more(ended) {
            let mut part = self.next_buffer();
            part.bytes = match self.from.read(&mut part.buffer) {
                Ok(0) => return,
                Ok(read) => read,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => 0,
                Err(_) => return,
            };
            self.keep(part.content());
            if let Some(passer) = &self.passer {
                let _ = passer.send(part);
            }
        }
    }

    /// Waits until a part has been passed on, unless nobody waits for the stream any more.
    fn next_buffer(&mut self) -> Part {
        if self.passer.is_some() {
            match self.turns.recv() {
                Ok(Turn::Passed(part)) => return part,
                Ok(Turn::GivenUp) | Err(_) => self.passer = None,
            }
        }
        Part::empty()
    }

    fn keep(&mut self, part: &[u8]) {
        if let Some(copy) = &mut self.copy
            && let Err(e) = copy.write_all(part)
        {
            log::line(&format!("the copy of {} ends here: {e}", self.name));
            self.copy = None;
        }
        let _ = self.moved.try_send(());
        let _ = self.written.try_send(());
    }

    /// Waits for more; once the command has ended, only for what is there already.
    fn has_more(&self, ended: &OwnedFd) -> bool {
        loop {
            let mut polled = [
                PollFd::new(self.from.as_fd(), PollFlags::POLLIN),
                PollFd::new(ended.as_fd(), PollFlags::POLLIN),
            ];
            match poll(&mut polled, PollTimeout::NONE) {
                Err(nix::errno::Errno::EINTR) => continue,
                Err(_) => return false,
                Ok(_) => {}
            }
            return polled[0].revents().is_some_and(|events| !events.is_empty());
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_stream_that_does_not_block_gets_all() {
        let (read, stream) = pipe2(OFlag::O_NONBLOCK).unwrap();
        let copy = tempfile::tempfile().unwrap();
        let (tee, into) = Tee::start(stream, copy.try_clone().unwrap(), "stdout").unwrap();
        File::from(into).write_all(&[b'x'; 200_000]).unwrap();
        // The copy is written first: more than the stream can hold was read by then.
        while copy.metadata().unwrap().len() <= 65_536 {
            std::thread::yield_now();
        }
        fcntl(&read, FcntlArg::F_SETFL(OFlag::empty())).unwrap();
        let reader = std::thread::spawn(move || io::copy(&mut File::from(read), &mut io::sink()));
        tee.finish();
        assert_eq!(reader.join().unwrap().unwrap(), 200_000);
    }
}
