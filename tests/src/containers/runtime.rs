//! Whether containers can be had here, and what they can be given. Found out once, by running one.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use nix::unistd::geteuid;

use super::bundle::Bundle;
use super::image::Image;
use crate::skipped::skip;

/// Whether a container's memory can be limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limits {
    /// The kernel kills what grows too large.
    Enforced,
    /// There are no cgroups for it.
    Missing,
}

/// What runs containers here.
#[derive(Debug)]
pub(super) struct Runtime {
    /// A static busybox.
    pub(super) busybox: PathBuf,
    pub(super) limits: Limits,
}

impl Runtime {
    /// None where containers cannot be had; then a line says so, for each test.
    pub(super) fn found() -> Option<&'static Self> {
        static RUNTIME: OnceLock<Result<Runtime, String>> = OnceLock::new();
        match RUNTIME.get_or_init(Self::find) {
            Ok(runtime) => Some(runtime),
            Err(why) => {
                skip(why);
                None
            }
        }
    }

    fn find() -> Result<Self, String> {
        if !geteuid().is_root() {
            return Err("containers need root".to_owned());
        }
        if Command::new("runc").arg("--version").output().is_err() {
            return Err("there is no runc".to_owned());
        }
        let places = ["/bin/busybox", "/usr/bin/busybox"].map(PathBuf::from);
        let busybox = places.into_iter().find(|place| place.is_file());
        let busybox = busybox.ok_or("there is no busybox (package busybox-static)")?;
        let tried = try_out(&busybox, Limits::Enforced).map(|()| Limits::Enforced);
        let tried = tried.or_else(|_| try_out(&busybox, Limits::Missing).map(|()| Limits::Missing));
        Ok(Self { limits: tried?, busybox })
    }
}

/// Runs `true` in a container.
fn try_out(busybox: &Path, limits: Limits) -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    let image = folder.path().join("image");
    Image::Busybox.fill(&image, busybox);
    let bundle = Bundle {
        image,
        arguments: vec!["/bin/true".into()],
        memory_limit_bytes: (limits == Limits::Enforced).then_some(64 << 20),
        ..Bundle::default()
    };
    bundle.write(folder.path());
    let state = folder.path().join("state");
    fs::create_dir(&state).map_err(|e| e.to_string())?;
    let mut runc = bundle.runc(&state);
    let run = runc.args(["run", "--bundle"]).arg(folder.path()).arg(&bundle.id);
    let tried = run.output().map_err(|e| e.to_string())?;
    let said = String::from_utf8_lossy(&tried.stderr);
    let failed = || format!("runc cannot run a container here: {}", said.trim());
    tried.status.success().then_some(()).ok_or_else(failed)
}
