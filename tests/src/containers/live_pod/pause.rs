//! The process that a pod's containers have in common where they share their processes: PID 1 of all.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use crate::wait::eventually;

/// Its end is that of all others.
#[derive(Debug)]
pub(super) struct Pause(Child);

impl Pause {
    pub(super) fn start() -> Self {
        let mut unshare = Command::new("unshare");
        unshare.args(["--pid", "--fork", "--kill-child", "sleep", "infinity"]);
        let pause = Self(unshare.stdin(Stdio::null()).spawn().unwrap());
        eventually("a shared PID 1", || fs::read_link(pause.namespace()).ok());
        pause
    }

    /// Where the machine shows the namespace; nowhere before there is a process in it.
    pub(super) fn namespace(&self) -> PathBuf {
        format!("/proc/{}/ns/pid_for_children", self.0.id()).into()
    }
}

impl Drop for Pause {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
