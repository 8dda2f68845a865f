//! The processes of a sandbox, known by their environment: nothing is left running by a test.

use std::ffi::OsString;
use std::fs;
use std::path::Path;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// The variable that names the sandbox. A debug build takes the paths of the contract below it.
pub(crate) const ROOT: &str = "HOLDPOINT_TEST_ROOT";

/// The variable that names the step within it.
pub(crate) const STEP: &str = "HOLDPOINT_TEST_STEP";

/// The processes of a sandbox; of one step of it, where one is given.
pub(crate) fn of(root: &Path, step: Option<&str>) -> Vec<Pid> {
    let marks = [Some(format!("{ROOT}={}", root.display())), step.map(|s| format!("{STEP}={s}"))];
    let marks: Vec<String> = marks.into_iter().flatten().collect();
    let numbers = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = numbers.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid| is_marked(*pid, &marks)).map(Pid::from_raw).collect()
}

fn is_marked(pid: i32, marks: &[String]) -> bool {
    let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    let variables: Vec<&[u8]> = environment.split(|byte| *byte == 0).collect();
    marks.iter().all(|mark| variables.contains(&mark.as_bytes()))
}

/// Ends all processes of a sandbox, those that are started meanwhile included.
pub(crate) fn end_all(root: &Path) {
    // Bounded: what survives so many rounds of SIGKILL would survive any number.
    for _ in 0..1000 {
        let left = of(root, None);
        if left.is_empty() {
            return;
        }
        for pid in left {
            let _ = kill(pid, Signal::SIGKILL);
        }
        std::thread::yield_now();
    }
}

/// What a process is, for a person.
pub(crate) fn describe(pid: Pid) -> String {
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    format!("{pid} {}", String::from_utf8_lossy(&line).replace('\0', " "))
}

/// Words before a command line that give it back the signals which the tests themselves were told to
/// ignore, as `nohup` and a shell's `&` do; none as a rule.
pub(crate) fn with_default_signals() -> Vec<OsString> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|bits| u64::from_str_radix(bits.trim(), 16).ok());
    let given_back = [Signal::SIGHUP, Signal::SIGINT, Signal::SIGQUIT];
    let is_ignored = |signal| ignored.unwrap_or_default() & (1 << (signal as u32 - 1)) != 0;
    let words: &[&str] = match given_back.into_iter().any(is_ignored) {
        true => &["/usr/bin/env", "--default-signal=HUP,INT,QUIT"],
        false => &[],
    };
    words.iter().map(OsString::from).collect()
}
