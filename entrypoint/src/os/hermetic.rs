//! Hermetic steps: new user, mount, pid and network namespaces, all ids mapped to themselves
//! (contract 1.10).

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io::Write;

use nix::errno::Errno;
use nix::libc;
use nix::unistd::{ForkResult, Pid, getegid, geteuid};

const NAMESPACES: libc::c_int =
    libc::CLONE_NEWUSER | libc::CLONE_NEWNS | libc::CLONE_NEWPID | libc::CLONE_NEWNET;

/// Whether the environment asks for it.
pub fn is_asked(variable: impl Fn(&str) -> Option<OsString>) -> bool {
    variable("TEKTON_HERMETIC").is_some_and(|asked| asked == "1")
        && variable("TEKTON_RESOURCE_NAME").is_none_or(|name| name.is_empty())
}

/// Forks into namespaces of the child's own.
///
/// # Errors
/// Where the kernel refuses: the child must not run with the network on.
pub(super) fn fork_isolated() -> Result<ForkResult, Errno> {
    // The installed binary may not be read, so the kernel would close the child's maps in /proc.
    nix::sys::prctl::set_dumpable(true)?;
    // SAFETY: as fork: no stack is given, so the child goes on with a copy of this one, and calls
    // only async-signal-safe functions before its exec.
    let pid = unsafe { libc::syscall(libc::SYS_clone, NAMESPACES | libc::SIGCHLD, 0, 0, 0, 0) };
    match Errno::result(pid)? {
        0 => Ok(ForkResult::Child),
        child => Ok(ForkResult::Parent { child: Pid::from_raw(child as i32) }),
    }
}

/// Maps every id to itself; a user who may not do that gets at least its own.
///
/// # Errors
/// Where the kernel refuses.
pub(super) fn map_ids(child: Pid) -> Result<(), Errno> {
    let all = "0 0 4294967295";
    if write_map(child, "uid_map", all).is_ok() {
        return write_map(child, "gid_map", all);
    }
    let (user, group) = (geteuid(), getegid());
    write_map(child, "setgroups", "deny")?;
    write_map(child, "uid_map", &format!("{user} {user} 1"))?;
    write_map(child, "gid_map", &format!("{group} {group} 1"))
}

fn write_map(child: Pid, name: &str, content: &str) -> Result<(), Errno> {
    let path = format!("/proc/{child}/{name}");
    let written = OpenOptions::new()
        .write(true)
        .open(path)
        .and_then(|mut file| file.write_all(content.as_bytes()));
    written.map_err(|e| Errno::from_raw(e.raw_os_error().unwrap_or(libc::EPERM)))
}

/// The child's side, once its ids are mapped: it keeps those that it had.
pub(super) fn take_own_ids() -> Result<(), Errno> {
    // SAFETY: no memory is touched; -1 leaves an id as it is, which fails where it is not mapped.
    let mapped =
        unsafe { libc::getuid() != libc::uid_t::MAX && libc::getgid() != libc::gid_t::MAX };
    if mapped { Ok(()) } else { Err(Errno::EPERM) }
}

/// Why a hermetic step does not run.
pub(super) fn refusal(errno: Errno) -> String {
    format!(
        "TEKTON_HERMETIC asks for a step without a network, but new namespaces were refused ({}); \
         allow user namespaces on this node (a root without CAP_SETFCAP gets none: run as another \
         user), or take the variable away",
        errno.desc()
    )
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStringExt;

    use super::*;

    #[test]
    fn it_is_asked_for_by_a_one_where_the_resource_has_no_name() {
        let named = |name: &'static [u8]| Some(OsString::from_vec(name.to_vec()));
        for (hermetic, resource, asked) in [
            (named(b"1"), None, true),
            (named(b"1"), named(b""), true),
            (named(b"1"), named(b"name"), false),
            (named(b"1"), named(b"n\xffme"), false),
            (named(b"true"), None, false),
            (named(b"1\xff"), None, false),
            (named(b""), None, false),
            (None, None, false),
        ] {
            let variable = |name: &str| match name {
                "TEKTON_HERMETIC" => hermetic.clone(),
                _ => resource.clone(),
            };
            assert_eq!(is_asked(variable), asked, "{hermetic:?} {resource:?}");
        }
    }
}
