//! What the tools that build the binary say of it.

use std::io;
use std::path::Path;
use std::process::Command;

use crate::bill::{LibC, NoBill, Said};

/// Why the tools give no bill.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ToolError {
    #[error("cannot run {program}: {source}")]
    Run { program: &'static str, source: io::Error },
    #[error("{program} failed: {said}")]
    Failed { program: &'static str, said: String },
    #[error("Cargo.lock: {0}")]
    Lock(io::Error),
    #[error(transparent)]
    Bill(#[from] NoBill),
}

/// Asks cargo, rustc and the C library.
pub(crate) fn ask(package: &str, target: &str) -> Result<Said, ToolError> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let tree = ["tree", "--locked", "--edges", "normal", "--prefix", "depth"];
    let chosen = ["--package", package, "--target", target, "--format", "\t{p}\t{l}"];
    let libc = if target.ends_with("-gnu") {
        LibC::Glibc(run(Command::new("getconf").arg("GNU_LIBC_VERSION"), "getconf")?)
    } else {
        LibC::Musl
    };
    Ok(Said {
        tree: run(Command::new("cargo").args(tree).args(chosen).current_dir(&root), "cargo")?,
        lock: std::fs::read_to_string(root.join("Cargo.lock")).map_err(ToolError::Lock)?,
        compiler: run(Command::new("rustc").arg("-vV"), "rustc")?,
        libc,
    })
}

fn run(command: &mut Command, program: &'static str) -> Result<String, ToolError> {
    let told = command.output().map_err(|source| ToolError::Run { program, source })?;
    if !told.status.success() {
        let said = String::from_utf8_lossy(&told.stderr).trim().to_owned();
        return Err(ToolError::Failed { program, said });
    }
    Ok(String::from_utf8_lossy(&told.stdout).into_owned())
}
