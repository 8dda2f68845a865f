//! A terminal that no other process is born with: one that another test's child has inherited never ends.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use nix::libc::O_NOCTTY;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

/// A new terminal: the side of the person, and that of programs.
///
/// # Errors
/// The system has no more.
pub fn open_terminal() -> io::Result<(File, File)> {
    let person = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
    grantpt(&person)?;
    unlockpt(&person)?;
    let name = ptsname(&person, Vec::new())?;
    let path = Path::new(std::ffi::OsStr::from_bytes(name.as_bytes()));
    let programs = OpenOptions::new().read(true).write(true).custom_flags(O_NOCTTY).open(path)?;
    Ok((person.into(), programs))
}

/// Makes a terminal so many columns and rows large; one that is gone has no size.
pub fn resize_terminal(terminal: &File, columns: u16, rows: u16) {
    let size = Winsize { ws_col: columns, ws_row: rows, ws_xpixel: 0, ws_ypixel: 0 };
    let _ = tcsetwinsize(terminal, size);
}
