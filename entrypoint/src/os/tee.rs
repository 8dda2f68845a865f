//! Copies of a command's output: what it writes goes on to where it would have gone, and to a file
//! beside (contract 1.3 step 6).

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd::pipe2;

use super::files;
use crate::log;

/// Large enough that a copy costs few system calls.
const BUFFER_BYTES: usize = 256 * 1024;

/// As much as is passed on at a time: a reader that takes this much is not at a standstill.
const LARGEST_WRITE_BYTES: usize = 16 * 1024;

/// How long a reader may take nothing once the command has ended: the step must not wait for ever.
const STANDSTILL: Duration = Duration::from_secs(2);

/// A thread that copies one stream.
#[derive(Debug)]
pub struct Tee {
    name: &'static str,
    /// Told of each part that was passed on; without a sender once all is copied.
    progress: Receiver<()>,
    /// Dropped to tell the thread that the command has ended: what is in the pipe is still copied,
    /// but processes that hold it open are not waited for.
    ended: OwnedFd,
}

/// Opens the file that a copy goes to: appended, its folders made.
///
/// # Errors
/// Where it cannot be opened; the error names the file.
pub fn open_copy(path: &Path) -> io::Result<Arc<File>> {
    let named = |e: io::Error| io::Error::new(e.kind(), format!("{}: {e}", path.display()));
    files::make_folder(files::folder_of(path)).map_err(named)?;
    // A pipe that nobody reads would block the opening.
    let mut options = OpenOptions::new();
    options.create(true).append(true).custom_flags(OFlag::O_NONBLOCK.bits());
    let file = options.open(path).map_err(named)?;
    fcntl(&file, FcntlArg::F_SETFL(OFlag::O_APPEND)).map_err(|e| named(e.into()))?;
    Ok(Arc::new(file))
}

impl Tee {
    /// Copies to the inherited stream and to the file; the descriptor is what the command writes to.
    ///
    /// # Errors
    /// Where the process has no descriptors or threads left.
    pub fn start(
        stream: OwnedFd,
        copy: Arc<File>,
        name: &'static str,
    ) -> io::Result<(Self, OwnedFd)> {
        let (from, into) = pipe2(OFlag::O_CLOEXEC)?;
        let _ = fcntl(&from, FcntlArg::F_SETPIPE_SZ(1 << 20));
        let (watched, ended) = pipe2(OFlag::O_CLOEXEC)?;
        let (sender, progress) = sync_channel(1);
        let stream = Stream { file: stream.into(), progress: sender };
        std::thread::Builder::new().name(format!("tee {name}")).spawn(move || {
            let mut copier = Copier { from: from.into(), stream, copy, name };
            copier.run(&watched);
        })?;
        Ok((Self { name, progress, ended }, into))
    }

    /// Waits until what the command wrote is copied, as long as somebody reads it.
    pub fn finish(self) {
        drop(self.ended);
        loop {
            match self.progress.recv_timeout(STANDSTILL) {
                Ok(()) => {}
                Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => {
                    log::line(&format!("nobody reads {}: the rest of it is lost", self.name));
                    return;
                }
            }
        }
    }
}

/// Where the output would have gone.
struct Stream {
    file: File,
    progress: SyncSender<()>,
}

impl Stream {
    /// Writes all of it, also where the stream was given to us as one that does not block.
    fn pass_on(&mut self, mut part: &[u8]) -> io::Result<()> {
        while !part.is_empty() {
            match self.file.write(&part[..part.len().min(LARGEST_WRITE_BYTES)]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    part = &part[written..];
                    let _ = self.progress.try_send(());
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => self.wait_for_room(),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    fn wait_for_room(&self) {
        let _ = poll(&mut [PollFd::new(self.file.as_fd(), PollFlags::POLLOUT)], PollTimeout::NONE);
    }
}

struct Copier {
    from: File,
    stream: Stream,
    copy: Arc<File>,
    name: &'static str,
}

impl Copier {
    fn run(&mut self, ended: &OwnedFd) {
        let mut buffer = vec![0; BUFFER_BYTES];
        let (mut stream_works, mut copy_works) = (true, true);
        while self.has_more(ended) {
            let read = match self.from.read(&mut buffer) {
                Ok(0) => return,
                Ok(read) => read,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => return,
            };
            let part = &buffer[..read];
            if copy_works && let Err(e) = (&*self.copy).write_all(part) {
                copy_works = false;
                log::line(&format!("the copy of {} ends here: {e}", self.name));
            }
            // Whoever read our output may be gone; the copy is kept all the same.
            stream_works = stream_works && self.stream.pass_on(part).is_ok();
        }
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
        let copy = Arc::new(tempfile::tempfile().unwrap());
        let (tee, into) = Tee::start(stream, Arc::clone(&copy), "stdout").unwrap();
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
