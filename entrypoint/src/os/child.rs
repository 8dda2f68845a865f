//! The command as a process: started in its own group with what the entrypoint itself was given,
//! signalled as a group, reaped with every orphan (contract 1.3 step 6, 2.8).

use std::ffi::{CString, OsStr, OsString};
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::libc;
use nix::poll::{PollTimeout, poll};
use nix::sys::signal::{Signal, killpg};
use nix::sys::wait::{Id, WaitPidFlag, waitid, waitpid};
use nix::unistd::{AccessFlags, ForkResult, Pid, access, fork, getpid, pipe2, setpgid};

use super::hermetic;
use super::signals::{Blocked, Inherited};
use crate::step::Outcome;

/// How long a process that was killed may take to be gone.
const UNKILLABLE: Duration = Duration::from_secs(2);

/// A command that is to be started.
#[derive(Debug)]
pub struct Command<'a> {
    /// The program and its arguments; never empty.
    pub words: &'a [OsString],
    /// Its whole environment.
    pub environment: &'a [(OsString, OsString)],
    /// Where its output goes, if not where the entrypoint's own goes.
    pub stdout: Option<OwnedFd>,
    /// The same for its errors.
    pub stderr: Option<OwnedFd>,
    /// Whether it is cut off from the network (1.10).
    pub hermetic: bool,
    /// The signal state that it is given.
    pub inherited: Inherited,
}

/// Why a command could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// There is no such program.
    #[error("command not found: {0}")]
    NotFound(String),
    /// It is there, but may not be executed, or is no program.
    #[error("command is not executable: {0}")]
    NotExecutable(String),
    /// The system refused something else.
    #[error("cannot start the command: {0}")]
    Refused(String),
}

impl StartError {
    /// The code by which shells tell of it: 127, 126, or 1.
    pub fn code(&self) -> i32 {
        match self {
            Self::NotFound(_) => 127,
            Self::NotExecutable(_) => 126,
            Self::Refused(_) => 1,
        }
    }
}

/// What a child could not do, as it tells its parent.
#[derive(Clone, Copy)]
#[repr(u8)]
enum Stage {
    Isolate = b'i',
    Execute = b'x',
}

impl Command<'_> {
    /// Starts it as a child whose group has the child's number.
    ///
    /// # Errors
    /// Where the program is not found, is not executable, or the system refuses.
    pub fn start(self) -> Result<Pid, StartError> {
        let program = find(&self.words[0], self.environment)?;
        let image = Image::new(&program, self.words, self.environment)?;
        let refused = |e: Errno| StartError::Refused(e.desc().to_owned());
        let stdin = empty_input().map_err(|e| StartError::Refused(e.to_string()))?;
        let (told, tell) = pipe2(OFlag::O_CLOEXEC).map_err(refused)?;
        let (go, ready) = pipe2(OFlag::O_CLOEXEC).map_err(refused)?;
        let terminal = terminal_of(nix::unistd::getpgrp());
        let parent = getpid();

        let blocked = Blocked::all();
        let forked = if self.hermetic {
            hermetic::fork_isolated()
        } else {
            // SAFETY: the child calls only async-signal-safe functions before its exec.
            unsafe { fork() }
        };
        match forked {
            Err(e) if self.hermetic => Err(StartError::Refused(hermetic::refusal(e))),
            Err(e) => Err(refused(e)),
            Ok(ForkResult::Child) => {
                drop((told, ready));
                let _ = setpgid(Pid::from_raw(0), Pid::from_raw(0));
                if let Some(terminal) = terminal {
                    let _ = nix::unistd::tcsetpgrp(&terminal, nix::unistd::getpgrp());
                }
                self.become_command(&image, &stdin, &go, &tell, parent)
            }
            Ok(ForkResult::Parent { child }) => {
                drop((tell, go));
                let _ = setpgid(child, child);
                let isolated = if self.hermetic { hermetic::map_ids(child) } else { Ok(()) };
                match isolated {
                    Ok(()) => drop(nix::unistd::write(&ready, b"g")),
                    Err(e) => {
                        drop(ready);
                        let _ = waitpid(child, None);
                        return Err(StartError::Refused(hermetic::refusal(e)));
                    }
                }
                drop(blocked);
                await_exec(child, told.into(), &program)
            }
        }
    }

    /// The child's side, between fork and exec: no allocation, no lock, no panic.
    fn become_command(
        &self,
        image: &Image,
        stdin: &OwnedFd,
        go: &OwnedFd,
        tell: &OwnedFd,
        parent: Pid,
    ) -> ! {
        let ended =
            self.prepare_child(stdin, go, parent).err().map(|errno| (Stage::Isolate, errno));
        let (stage, errno) = ended.unwrap_or_else(|| (Stage::Execute, image.execute()));
        let code = (errno as i32).to_ne_bytes();
        let _ = nix::unistd::write(tell, &[stage as u8, code[0], code[1], code[2], code[3]]);
        // SAFETY: ends the child at once, without the parent's exit handlers.
        unsafe { libc::_exit(127) }
    }

    fn prepare_child(&self, stdin: &OwnedFd, go: &OwnedFd, parent: Pid) -> Result<(), Errno> {
        let mut word = [0];
        if nix::unistd::read(go, &mut word)? == 0 {
            return Err(Errno::EPERM);
        }
        if self.hermetic {
            hermetic::take_own_ids()?;
        }
        die_with(parent, self.hermetic)?;
        nix::unistd::dup2_stdin(stdin)?;
        if let Some(stdout) = &self.stdout {
            nix::unistd::dup2_stdout(stdout)?;
        }
        if let Some(stderr) = &self.stderr {
            nix::unistd::dup2_stderr(stderr)?;
        }
        self.inherited.restore();
        Ok(())
    }
}

/// A command must not outlive its entrypoint, or it would run beside the next step's. In a container
/// the death of PID 1 sees to that.
fn die_with(parent: Pid, own_pids: bool) -> Result<(), Errno> {
    if parent.as_raw() == 1 {
        return Ok(());
    }
    nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)?;
    let orphaned = !own_pids && nix::unistd::getppid() != parent;
    if orphaned { Err(Errno::ESRCH) } else { Ok(()) }
}

/// Program, arguments and environment as the kernel wants them, made before the fork.
struct Image {
    program: CString,
    arguments: Vec<CString>,
    environment: Vec<CString>,
    argument_pointers: Vec<*const libc::c_char>,
    environment_pointers: Vec<*const libc::c_char>,
}

impl Image {
    fn new(
        program: &Path,
        words: &[OsString],
        environment: &[(OsString, OsString)],
    ) -> Result<Self, StartError> {
        let text = |bytes: Vec<u8>| {
            CString::new(bytes).map_err(|e| {
                let shown = String::from_utf8_lossy(&e.into_vec()).into_owned();
                StartError::Refused(format!("{shown:?} has a NUL byte in it"))
            })
        };
        let pairs = environment
            .iter()
            .map(|(name, value)| text([name.as_bytes(), b"=", value.as_bytes()].concat()));
        let environment = pairs.collect::<Result<Vec<_>, _>>()?;
        let words = words.iter().map(|word| text(word.clone().into_vec()));
        let arguments = words.collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            program: text(program.as_os_str().as_bytes().to_vec())?,
            argument_pointers: pointers(&arguments),
            environment_pointers: pointers(&environment),
            arguments,
            environment,
        })
    }

    /// Returns only where it fails.
    fn execute(&self) -> Errno {
        debug_assert_eq!(self.arguments.len() + 1, self.argument_pointers.len());
        debug_assert_eq!(self.environment.len() + 1, self.environment_pointers.len());
        // SAFETY: both lists end with a null pointer and point into strings that self keeps.
        unsafe {
            libc::execve(
                self.program.as_ptr(),
                self.argument_pointers.as_ptr(),
                self.environment_pointers.as_ptr(),
            );
        }
        Errno::last()
    }
}

fn pointers(strings: &[CString]) -> Vec<*const libc::c_char> {
    strings.iter().map(|s| s.as_ptr()).chain([std::ptr::null()]).collect()
}

/// The program of this name: itself where it has a slash, else from the `PATH` that the command will
/// have.
fn find(name: &OsStr, environment: &[(OsString, OsString)]) -> Result<PathBuf, StartError> {
    let shown = name.display().to_string();
    if name.as_bytes().contains(&b'/') {
        return Ok(PathBuf::from(name));
    }
    if name.is_empty() {
        return Err(StartError::NotFound("the command is an empty word".to_owned()));
    }
    let path = environment.iter().rev().find(|(variable, _)| variable == "PATH");
    let Some((_, path)) = path else {
        return Err(StartError::NotFound(format!("{shown:?}, and PATH is not set")));
    };
    let candidates = || std::env::split_paths(path).map(|folder| folder.join(name));
    if let Some(program) = candidates().find(|program| is_executable(program)) {
        return Ok(program);
    }
    match candidates().find(|program| program.is_file()) {
        Some(file) => Err(StartError::NotExecutable(file.display().to_string())),
        None => Err(StartError::NotFound(format!("{shown:?} in PATH {}", path.display()))),
    }
}

fn is_executable(path: &Path) -> bool {
    path.is_file() && access(path, AccessFlags::X_OK).is_ok()
}

/// `/dev/null`; where there is none, a pipe that nobody writes to.
fn empty_input() -> io::Result<OwnedFd> {
    match File::open("/dev/null") {
        Ok(null) => Ok(null.into()),
        Err(_) => Ok(pipe2(OFlag::O_CLOEXEC)?.0),
    }
}

/// Waits until the child's exec has closed the pipe, or says what failed.
fn await_exec(child: Pid, mut told: File, program: &Path) -> Result<Pid, StartError> {
    let mut word = Vec::new();
    let _ = told.read_to_end(&mut word);
    let [stage, code @ ..] = word.as_slice() else { return Ok(child) };
    let _ = waitpid(child, None);
    let errno = Errno::from_raw(code.try_into().map_or(0, i32::from_ne_bytes));
    if *stage == Stage::Isolate as u8 {
        return Err(StartError::Refused(errno.desc().to_owned()));
    }
    let shown = program.display();
    Err(match errno {
        Errno::ENOENT if program.exists() => StartError::NotFound(interpreter_of(program)),
        Errno::ENOENT | Errno::ENOTDIR => StartError::NotFound(shown.to_string()),
        Errno::EACCES if is_executable(program) => {
            StartError::NotExecutable(interpreter_of(program))
        }
        Errno::EACCES => StartError::NotExecutable(shown.to_string()),
        Errno::ENOEXEC => StartError::NotExecutable(format!(
            "{shown}: no program of this machine, and no script that begins with `#!`"
        )),
        Errno::E2BIG => StartError::Refused(format!(
            "{shown}: its arguments and variables are more than the kernel takes: pass large values in files"
        )),
        errno => StartError::Refused(format!("{shown}: {}", errno.desc())),
    })
}

/// The kernel does not say what is not there or not executable: the script, or what its first line names.
fn interpreter_of(script: &Path) -> String {
    let head = super::files::read_at_most(script, 256).unwrap_or_default();
    let line = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let Some(interpreter) = line.strip_prefix(b"#!") else {
        return format!("the loader of {}", script.display());
    };
    let advice = match interpreter.last() {
        Some(b'\r') => " (the name ends with a carriage return: save the script with LF line ends)",
        _ => "",
    };
    let interpreter = String::from_utf8_lossy(interpreter);
    format!("{}, the interpreter of {}{advice}", interpreter.trim(), script.display())
}

/// The terminal whose foreground is this group, where a stream of ours is one.
fn terminal_of(group: Pid) -> Option<OwnedFd> {
    let streams =
        [io::stderr().as_fd().try_clone_to_owned(), io::stdout().as_fd().try_clone_to_owned()];
    let in_front = |stream: &OwnedFd| nix::unistd::tcgetpgrp(stream) == Ok(group);
    streams.into_iter().flatten().find(in_front)
}

/// Takes the terminal back from a command that has ended, so that the next attempt can have it.
pub fn take_back_terminal(group: Pid) {
    let Some(terminal) = terminal_of(group) else { return };
    // A background process that sets the foreground is sent SIGTTOU, unless it blocks that.
    let _blocked = Blocked::all();
    let _ = nix::unistd::tcsetpgrp(&terminal, nix::unistd::getpgrp());
}

/// Sends a signal to every member of a group; whether there was one.
pub fn signal_group(group: Pid, signal: i32) -> bool {
    // SAFETY: kill has no memory effects; nix knows no real-time signals.
    unsafe { libc::kill(-group.as_raw(), signal) == 0 }
}

/// Whether a group has members left.
pub fn group_lives(group: Pid) -> bool {
    killpg(group, None) != Err(Errno::ESRCH)
}

/// Makes orphans of the command come to this process, which PID 1 gets without asking.
pub fn adopt_orphans() {
    let _ = nix::sys::prctl::set_child_subreaper(true);
}

/// Reaps every child that has ended, orphans included, and says which were reaped.
pub fn reap() -> Vec<(Pid, Outcome)> {
    let mut reaped = Vec::new();
    loop {
        let mut status = 0;
        // SAFETY: the status is one of ours. nix knows no real-time signals, and would lose whoever
        // died of one.
        let pid = unsafe { libc::waitpid(-1, &raw mut status, libc::WNOHANG) };
        match Errno::result(pid) {
            Ok(0) => return reaped,
            Ok(pid) => reaped.extend(outcome(status).map(|outcome| (Pid::from_raw(pid), outcome))),
            Err(Errno::EINTR) => {}
            Err(_) => return reaped,
        }
    }
}

fn outcome(status: libc::c_int) -> Option<Outcome> {
    if libc::WIFEXITED(status) {
        return Some(Outcome::Exited(libc::WEXITSTATUS(status)));
    }
    libc::WIFSIGNALED(status).then(|| Outcome::Killed(libc::WTERMSIG(status)))
}

/// Ends every descendant: kills the children that there are, and those that come to this process
/// when these die, until none is left. One that even SIGKILL does not move is not waited for.
pub fn end_descendants() {
    let deadline = Instant::now() + UNKILLABLE;
    while has_children() && Instant::now() < deadline {
        let children = children();
        for child in &children {
            let _ = nix::sys::signal::kill(*child, Signal::SIGKILL);
        }
        if reap().is_empty() {
            if children.is_empty() {
                return;
            }
            let _ = poll(&mut [], PollTimeout::from(1_u8));
        }
    }
}

/// Costs one system call where there is none, which is the rule.
fn has_children() -> bool {
    let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
    waitid(Id::All, flags).is_ok()
}

/// The children of this process, as `/proc` tells; none where there is no `/proc`.
fn children() -> Vec<Pid> {
    let Ok(tasks) = std::fs::read_dir("/proc/self/task") else { return Vec::new() };
    let lists = tasks
        .flatten()
        .filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok());
    lists
        .flat_map(|list| {
            list.split_whitespace()
                .filter_map(|pid| pid.parse().ok())
                .map(Pid::from_raw)
                .collect::<Vec<_>>()
        })
        .collect()
}
