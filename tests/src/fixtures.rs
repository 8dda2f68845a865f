//! Real data, which lies beside the repository and not in it.

use std::path::Path;

use serde_json::Value;

use crate::skipped::skip;

/// The reviews that an API server sent, by name.
pub const REVIEWS: [&str; 7] =
    ["bystander", "commands", "debug", "nocommand", "plain", "scripts", "sidecar"];

/// A review as an API server sent it; none, with a word, where the fixtures are not there.
pub fn review(name: &str) -> Option<Value> {
    fixture(&format!("admission/{name}.json"))
}

/// The object in a file such as `cluster/pod-held.json`; none, with a word, where it is not there.
pub fn fixture(name: &str) -> Option<Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/fixtures");
    let Ok(text) = std::fs::read(folder.join(name)) else {
        skip(&format!("there is no {name} in {}", folder.display()));
        return None;
    };
    Some(serde_json::from_slice(&text).unwrap_or_else(|e| panic!("{name}: {e}")))
}
