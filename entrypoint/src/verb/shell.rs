//! A shell in the step's folder and environment: the best one there is (contract 2.7).

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::unistd::{AccessFlags, access};

use crate::log;
use crate::os::files::{read_at_most, with_ending};
use crate::paths::Paths;

/// Shells in the order in which they are liked.
const SHELLS: [&str; 4] = ["bash", "sh", "ash", "busybox"];

/// More than any environment has.
const LARGEST_ENVIRONMENT_BYTES: u64 = 4 << 20;

/// The exit code where there is no shell, as shells themselves have it.
pub const NOT_FOUND: i32 = 127;

/// How what is said there begins.
pub const NO_SHELL: &str = "there is no shell in this image";

/// Becomes the shell; returns only where there is none.
///
/// An exec session starts in the container's folder with the container's environment, which are the
/// step's own but for the variables that substitution changed.
pub(super) fn main(post: &Path, paths: &Paths) -> i32 {
    let Some(shell) = candidates(paths).into_iter().find(|shell| is_program(shell)) else {
        let folder = paths.debug_tools();
        log::line(&format!(
            "{NO_SHELL}: looked for $SHELL, bash, sh and busybox in PATH and in {}; \
             the other verbs work without one",
            folder.display()
        ));
        return NOT_FOUND;
    };
    let mut command = Command::new(&shell);
    if shell.file_name() == Some(OsStr::new("busybox")) {
        command.arg("sh");
    }
    let error = command.envs(changed_variables(post)).exec();
    log::line(&format!("cannot start {}: {error}", shell.display()));
    NOT_FOUND
}

fn candidates(paths: &Paths) -> Vec<PathBuf> {
    let own = std::env::var_os("SHELL").map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".into());
    let mut folders: Vec<_> = std::env::split_paths(&path).collect();
    folders.push(paths.debug_tools());
    let known = SHELLS.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    own.into_iter().chain(known).collect()
}

fn is_program(path: &Path) -> bool {
    path.is_file() && access(path, AccessFlags::X_OK).is_ok()
}

/// What `P.env` holds: `NAME=value`, each with a NUL byte behind it.
fn changed_variables(post: &Path) -> Vec<(OsString, OsString)> {
    let file = with_ending(post, ".env");
    let block = read_at_most(&file, LARGEST_ENVIRONMENT_BYTES).unwrap_or_else(|e| {
        if e.kind() != io::ErrorKind::NotFound {
            let file = file.display();
            log::line(&format!(
                "cannot read {file}: {e}: what substitution changed is missing here; ask as the step's user"
            ));
        }
        Vec::new()
    });
    let pairs = block.split(|byte| *byte == 0).filter_map(|pair| {
        let equals = pair.iter().position(|byte| *byte == b'=')?;
        let text = |bytes: &[u8]| OsStr::from_bytes(bytes).to_owned();
        Some((text(&pair[..equals]), text(&pair[equals + 1..])))
    });
    pairs.collect()
}
