//! A run of steps as Tekton lays it out: numbered folders, each step waiting for the one before it.

use std::fs;
use std::io;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Steps of a chain.
pub(super) const STEPS: usize = 20;

/// How long processes are given until all of them wait.
const SETTLING: Duration = Duration::from_millis(500);

/// Twenty steps around `true`, the first of which waits for a word of ours.
pub(super) struct Chain {
    folder: TempDir,
    steps: Vec<Child>,
}

impl Chain {
    /// Starts all steps at once, as the containers of a pod are.
    pub(super) fn start(program: &Path) -> io::Result<Self> {
        let mut chain = Self { folder: tempfile::tempdir()?, steps: Vec::new() };
        fs::create_dir(chain.folder.path().join("downward"))?;
        for index in 0..STEPS {
            fs::create_dir_all(chain.folder.path().join(format!("run/{index}")))?;
        }
        for index in 0..STEPS {
            let step = step(program, chain.folder.path(), index).spawn()?;
            chain.steps.push(step);
        }
        Ok(chain)
    }

    /// Gives the steps time until all of them wait.
    pub(super) fn settle(&self) {
        pause(SETTLING);
    }

    /// The processes of the steps, in order.
    pub(super) fn processes(&self) -> impl Iterator<Item = u32> {
        self.steps.iter().map(Child::id)
    }

    /// Lets the first step go, waits for the end of the last, and says how long that took.
    pub(super) fn run(&mut self) -> io::Result<Duration> {
        let (beside, ready) = (self.folder.path().join("ready"), ready(self.folder.path()));
        fs::write(&beside, "READY")?;
        let begun = Instant::now();
        fs::rename(beside, ready)?;
        if let Some(last) = self.steps.last_mut() {
            let status = last.wait()?;
            if !status.success() {
                return Err(io::Error::other(format!("the last of {STEPS} steps: {status}")));
            }
        }
        Ok(begun.elapsed())
    }
}

impl Drop for Chain {
    fn drop(&mut self) {
        for step in &mut self.steps {
            let _ = step.kill();
            let _ = step.wait();
        }
    }
}

/// A process without streams, as quiet as an entrypoint can be.
pub(super) fn quiet(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// A bench may sleep: it measures what happens meanwhile.
#[allow(clippy::disallowed_methods)]
pub(super) fn pause(length: Duration) {
    std::thread::sleep(length); // why: a bench measures what happens meanwhile
}

fn ready(folder: &Path) -> std::path::PathBuf {
    folder.join("downward/ready")
}

fn step(program: &Path, folder: &Path, index: usize) -> Command {
    let own = folder.join(format!("run/{index}"));
    let awaited = match index.checked_sub(1) {
        None => ready(folder),
        Some(before) => folder.join(format!("run/{before}/out")),
    };
    let mut command = quiet(program);
    command.arg("-wait_file").arg(awaited);
    command.arg("-post_file").arg(own.join("out"));
    command.arg("-termination_path").arg(folder.join(format!("termination-{index}")));
    command.arg("-step_metadata_dir").arg(own.join("status"));
    command.args(["-entrypoint", "/bin/true", "--"]);
    command
}
