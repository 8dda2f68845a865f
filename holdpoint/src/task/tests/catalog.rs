//! Tasks of the public catalogue, as they are. They lie beside the repository, not in it.

use std::path::Path;

use super::*;
use crate::plan::Action;

/// The text of a Task; none, with a word, where the fixtures are not there.
fn fixture(name: &str) -> Option<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/fixtures/catalog");
    let folder = match std::env::var_os("HOLDPOINT_FIXTURES") {
        Some(fixtures) => Path::new(&fixtures).join("catalog"),
        None => folder,
    };
    let path = folder.join(name);
    if !path.exists() {
        let _ = std::io::Write::write_all(
            &mut std::io::stderr(),
            format!("skipped: {} is not there\n", path.display()).as_bytes(),
        );
        return None;
    }
    Some(std::fs::read_to_string(path).unwrap())
}
