//! A real run: build succeeded, test failed, deploy never began, notify ran finally.

use std::path::Path;

use super::*;

/// What becomes of the run of the fixtures.
const EXPECTED: &str = include_str!("pipelinerun-failed-retry.json");

/// An object as an API server gave it; none, with a word, where the fixtures are not there. They lie
/// beside the repository, not in it.
fn fixture(name: &str) -> Option<Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/fixtures/cluster");
    let Ok(text) = std::fs::read_to_string(folder.join(name)) else {
        println!("skipped: there is no {name} in {}", folder.display());
        return None;
    };
    Some(serde_json::from_str(&text).unwrap())
}

#[test]
fn the_run_of_the_fixtures() {
    let Some(run) = fixture("pipelinerun-failed.json") else { return };
    let Some(children) = fixture("taskruns-of-pipelinerun-failed.json") else { return };
    let rerun = rerun(&run, list(&children, "/items"), &[]).unwrap();
    let expected: Value = serde_json::from_str(EXPECTED).unwrap();
    assert_eq!(rerun.object, expected, "{:#}", rerun.object);
    assert_eq!(rerun.kept, ["build"]);
    let again: Vec<_> = rerun.again.iter().map(|(name, why)| format!("{name}: {why}")).collect();
    let expected = ["test: it failed", "deploy: it never began", "notify: it is a finally task"];
    assert_eq!(again, expected);
    assert_eq!((rerun.losses.len(), rerun.notes.len(), rerun.claims.len()), (0, 0, 0));
}
