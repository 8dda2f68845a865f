//! The entrypoint as a static binary: the images have no C library.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Names a static binary to be tested, such as the one that ships.
const GIVEN: &str = "HOLDPOINT_STATIC_BINARY";

/// The static binary: the one that is given, else a debug build, which is made once.
///
/// `beside` is the binary that cargo has built for the tests; it tells the target folder.
pub(super) fn static_binary(beside: &Path) -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| std::env::var_os(GIVEN).map_or_else(|| build(beside), PathBuf::from))
}

fn build(beside: &Path) -> PathBuf {
    let target = beside.ancestors().nth(2).unwrap();
    let host = host();
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let built = Command::new(cargo)
        .args(["build", "--quiet", "--package", "entrypoint", "--target", &host, "--target-dir"])
        .arg(target)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        // A small one: every pod gets a copy.
        .envs([("RUSTFLAGS", "-C target-feature=+crt-static"), ("CARGO_PROFILE_DEV_STRIP", "true")])
        .output()
        .unwrap();
    assert!(built.status.success(), "no static binary: {}", String::from_utf8_lossy(&built.stderr));
    target.join(host).join("debug/entrypoint")
}

/// The target of this machine; named, so that the flags of the static binary touch no build script.
fn host() -> String {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| OsString::from("rustc"));
    let told = Command::new(rustc).arg("-vV").output().unwrap().stdout;
    let told = String::from_utf8(told).unwrap();
    told.lines().find_map(|line| line.strip_prefix("host: ")).unwrap().to_owned()
}
