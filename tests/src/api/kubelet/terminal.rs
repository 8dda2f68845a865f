//! A command on a terminal of its own, as a container runtime makes one.

use std::io;
use std::process::{Command, ExitStatus, Stdio};
use std::thread;

use crate::api::exec::Exec;
use crate::pty::{open_terminal, resize_terminal};

/// Runs a command on a terminal that the streams of `exec` lead to.
pub(super) fn run(mut command: Command, exec: Exec) -> io::Result<ExitStatus> {
    let Exec { mut stdin, mut stdout, sizes, .. } = exec;
    let (mut screen, terminal) = open_terminal()?;
    let side = || Ok::<_, io::Error>(Stdio::from(terminal.try_clone()?));
    let (mut keyboard, window) = (screen.try_clone()?, screen.try_clone()?);
    // The first size comes before the command, so that no test sees it without one.
    if let Ok((columns, rows)) = sizes.recv() {
        resize_terminal(&window, columns, rows);
    }
    let mut child = command.stdin(side()?).stdout(side()?).stderr(side()?).spawn()?;
    drop((command, terminal));
    thread::spawn(move || {
        sizes.iter().for_each(|(columns, rows)| resize_terminal(&window, columns, rows));
    });
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
