//! A real run: build succeeded, test failed, deploy never began, notify ran finally.

use holdpoint_tests::fixture;

use super::*;

/// What becomes of the run of the fixtures.
const EXPECTED: &str = include_str!("pipelinerun-failed-retry.json");

#[test]
fn the_run_of_the_fixtures() {
    let Some(run) = fixture("cluster/pipelinerun-failed.json") else { return };
    let Some(children) = fixture("cluster/taskruns-of-pipelinerun-failed.json") else { return };
    let rerun = rerun(&run, list(&children, "/items"), &[]).unwrap();
    let expected: Value = serde_json::from_str(EXPECTED).unwrap();
    assert_eq!(rerun.object, expected, "{:#}", rerun.object);
    assert_eq!(rerun.kept, ["build"]);
    let again: Vec<_> = rerun.again.iter().map(|(name, why)| format!("{name}: {why}")).collect();
    let expected = ["test: it failed", "deploy: it never began", "notify: it is a finally task"];
    assert_eq!(again, expected);
    assert_eq!((rerun.losses.len(), rerun.notes.len(), rerun.claims.len()), (0, 0, 0));
}
