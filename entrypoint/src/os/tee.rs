//! Copies of a command's output: what it writes goes on to where it would have gone, and to a file
//! beside (contract 1.3 step 6).

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd::pipe2;

use super::files;
use crate::log;

/// Large enough that a copy costs few system calls.
const BUFFER_BYTES: usize = 256 * 1024;

/// A thread that copies one stream.
#[derive(Debug)]
pub struct Tee {
    thread: JoinHandle<()>,
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
    let file = OpenOptions::new().create(true).append(true).open(path).map_err(named)?;
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
        let thread = std::thread::Builder::new().name(format!("tee {name}")).spawn(move || {
            let mut copier = Copier { from: from.into(), stream: stream.into(), copy, name };
            copier.run(&watched);
        })?;
        Ok((Self { thread, ended }, into))
    }

    /// Waits until what the command wrote is copied.
    pub fn finish(self) {
        drop(self.ended);
        let _ = self.thread.join();
    }
}

struct Copier {
    from: File,
    stream: File,
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
            // Whoever read our output may be gone; the copy is kept all the same.
            stream_works = stream_works && self.stream.write_all(part).is_ok();
            if copy_works && let Err(e) = (&*self.copy).write_all(part) {
                copy_works = false;
                log::line(&format!("the copy of {} ends here: {e}", self.name));
            }
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
