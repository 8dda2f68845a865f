//! What docs/install.md says to type.

use std::process::Command;

use holdpoint_tests::skip;

use crate::cluster::Cluster;
use crate::program::kubectl;

const INSTALL: &str = include_str!("../../docs/install.md");

/// The shell's lines of a part of the page, from one sentence to another.
fn typed(from: &str, to: &str) -> String {
    let (_, part) = INSTALL.split_once(from).unwrap();
    let (part, _) = part.split_once(to).unwrap();
    let blocks = part.split("```sh\n").skip(1);
    blocks.map(|block| block.split_once("```").unwrap().0).collect()
}

#[test]
fn the_check_of_the_webhook_does_what_it_says() {
    let Some(_cluster) = Cluster::found() else { return };
    if !kubectl(&["wait", "--help"]).stdout.contains("jsonpath") {
        skip("this kubectl waits for no jsonpath");
        return;
    }
    let lines = typed("**To check**, make a pod that asks", "Pods of Tekton's need no word");
    let told = Command::new("sh").args(["-ec", &lines]).output().unwrap();
    let said = String::from_utf8_lossy(&told.stdout);
    assert!(told.status.success(), "{told:#?}");
    for part in ["init:holdpoint-prepare", "test   held-failed", "accepted: retry"] {
        assert!(said.contains(part), "{part}: {said}");
    }
}
