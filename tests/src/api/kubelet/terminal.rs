//! A command on a terminal of its own, as a container runtime makes one.

use std::fs::File;
use std::io;
use std::process::{Command, ExitStatus, Stdio};
use std::thread;

use nix::pty::openpty;
use rustix::termios::{Winsize, tcsetwinsize};

use crate::api::exec::Exec;

/// Runs a command on a terminal that the streams of `exec` lead to.
pub(super) fn run(mut command: Command, exec: Exec) -> io::Result<ExitStatus> {
    let Exec { mut stdin, mut stdout, sizes, .. } = exec;
    let pty = openpty(None, None)?;
    let side = || Ok::<_, io::Error>(Stdio::from(pty.slave.try_clone()?));
    let (mut keyboard, mut screen) = (File::from(pty.master.try_clone()?), File::from(pty.master));
    // As a runtime does it, the first size comes before the command.
    let resize = move |terminal: &File, (columns, rows)| {
        let size = Winsize { ws_col: columns, ws_row: rows, ws_xpixel: 0, ws_ypixel: 0 };
        let _ = tcsetwinsize(terminal, size);
    };
    let window = keyboard.try_clone()?;
    if let Ok(size) = sizes.recv() {
        resize(&window, size);
    }
    let mut child = command.stdin(side()?).stdout(side()?).stderr(side()?).spawn()?;
    drop((command, pty.slave));
    thread::spawn(move || sizes.iter().for_each(|size| resize(&window, size)));
    thread::spawn(move || {
        let _ = io::copy(&mut stdin, &mut keyboard);
    });
    // It ends with an error when nobody has the other side any more.
    let shown = thread::spawn(move || {
        let _ = io::copy(&mut screen, &mut stdout);
    });
    let status = child.wait();
    shown.join().unwrap();
    status
}
