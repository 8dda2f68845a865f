//! The binary as it ships, built by `just static`: small, and without a dynamic loader. Building it
//! takes a minute, so that where it is not there, only CI, which builds it first, takes offence.

use std::fs;
use std::path::{Path, PathBuf};

/// What a pod is asked to carry for each of its steps.
const LARGEST_BYTES: u64 = 4 << 20;

/// The program header by which a binary names its loader.
const PT_INTERP: usize = 3;

/// The newest static binary beside this test's own; none where none was built.
fn shipped() -> Option<PathBuf> {
    let debug = Path::new(env!("CARGO_BIN_EXE_entrypoint")).parent().unwrap();
    let targets = fs::read_dir(debug.parent().unwrap()).unwrap().flatten();
    let binaries = targets.map(|target| target.path().join("static/entrypoint"));
    let modified = |binary: &PathBuf| binary.metadata().unwrap().modified().unwrap();
    let newest = binaries.filter(|binary| binary.is_file()).max_by_key(modified);
    assert!(newest.is_some() || std::env::var_os("CI").is_none(), "`just static` comes first");
    if newest.is_none() {
        eprintln!("skipped: `just static` has built no binary to look at");
    }
    newest
}

/// Whether a 64-bit ELF file of this machine asks for a dynamic loader.
fn has_loader(elf: &[u8]) -> bool {
    assert_eq!(&elf[..5], b"\x7fELF\x02", "a 64-bit ELF file");
    let number = |at: usize, bytes: usize| {
        elf[at..at + bytes]
            .iter()
            .rev()
            .fold(0_usize, |number, byte| number << 8 | usize::from(*byte))
    };
    let (table, size, count) = (number(32, 8), number(54, 2), number(56, 2));
    assert!(count > 0, "a table of program headers");
    (0..count).any(|index| number(table + index * size, 4) == PT_INTERP)
}

#[test]
fn it_is_at_most_4_mib() {
    let Some(binary) = shipped() else { return };
    let size = binary.metadata().unwrap().len();
    assert!(size <= LARGEST_BYTES, "{size} bytes, allowed are {LARGEST_BYTES}");
}

#[test]
fn it_needs_no_dynamic_loader() {
    let Some(binary) = shipped() else { return };
    assert!(!has_loader(&fs::read(binary).unwrap()));
}

/// What the test above would miss if it could not read an ELF file.
#[test]
#[cfg(target_env = "gnu")]
fn an_ordinary_build_needs_one() {
    assert!(has_loader(&fs::read(env!("CARGO_BIN_EXE_entrypoint")).unwrap()));
}
