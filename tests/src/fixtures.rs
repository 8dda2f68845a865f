//! Real data, which lies beside the repository and not in it.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::skipped::skip;

/// The reviews that an API server sent, by name.
pub const REVIEWS: [&str; 7] =
    ["bystander", "commands", "debug", "nocommand", "plain", "scripts", "sidecar"];

/// A review as an API server sent it; none, with a word, where the fixtures are not there.
pub fn review(name: &str) -> Option<Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/fixtures/admission");
    let Ok(text) = fs::read(folder.join(format!("{name}.json"))) else {
        skip(&format!("there is no {name}.json in {}", folder.display()));
        return None;
    };
    Some(serde_json::from_slice(&text).unwrap())
}
