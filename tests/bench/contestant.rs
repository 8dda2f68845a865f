//! Who is measured: the floor, ours, and baselines.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::options::Options;

const FLOOR_SOURCE: &str = include_str!("floor.c");

/// What a contestant is held to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// A C program that does the least.
    Floor,
    Ours,
    Baseline,
}

/// An entrypoint to be measured.
pub(super) struct Contestant {
    pub(super) role: Role,
    pub(super) name: String,
    pub(super) program: PathBuf,
}

/// The floor first, where it can be compiled; it goes into `folder`.
pub(super) fn all(options: &Options, folder: &Path) -> io::Result<Vec<Contestant>> {
    let mut contestants = Vec::new();
    match compile_floor(folder) {
        Ok(program) => {
            contestants.push(Contestant { role: Role::Floor, name: "floor".to_owned(), program });
        }
        Err(e) => writeln!(io::stderr(), "bench: no floor to compare with: {e}")?,
    }
    contestants.push(contestant(Role::Ours, "ours", &options.entrypoint)?);
    for (number, baseline) in options.baselines.iter().enumerate() {
        let file = baseline.file_name().unwrap_or_default().to_string_lossy();
        let name = if file == "entrypoint" {
            format!("baseline {}", number + 1)
        } else {
            file.into_owned()
        };
        contestants.push(contestant(Role::Baseline, &name, baseline)?);
    }
    Ok(contestants)
}

fn contestant(role: Role, name: &str, program: &Path) -> io::Result<Contestant> {
    let program = program
        .canonicalize()
        .map_err(|e| io::Error::new(e.kind(), format!("{}: {e}", program.display())))?;
    Ok(Contestant { role, name: name.to_owned(), program })
}

/// Static as ours is, where there is a static C library.
fn compile_floor(folder: &Path) -> io::Result<PathBuf> {
    let (source, program) = (folder.join("floor.c"), folder.join("floor"));
    fs::write(&source, FLOOR_SOURCE)?;
    for linking in ["-static", "-no-pie"] {
        let mut compiler = Command::new("cc");
        compiler.args(["-O2", "-s", linking, "-o"]).arg(&program).arg(&source);
        let compiled = compiler.stderr(Stdio::null()).status();
        if compiled.map_err(|e| io::Error::new(e.kind(), format!("cc: {e}")))?.success() {
            return Ok(program);
        }
    }
    Err(io::Error::other("cc does not compile it"))
}
