//! A run on this machine and one in a cluster are never taken for each other.

use std::os::unix::process::CommandExt as _;
use std::process::Command;

use super::setting::Setting;
use crate::runner::{Finished, Running, binary};

/// The binary under the name of kubectl's plugin.
pub(super) fn plugin(setting: &Setting, words: &[&str]) -> Finished {
    let mut command = Command::new(binary());
    command.arg0("/usr/local/bin/kubectl-holdpoint").env("KUBECONFIG", setting.api.kubeconfig());
    Running::start(setting.home.here(command, words)).finish()
}

#[test]
fn without_a_target_a_verb_speaks_to_this_machine() {
    let setting = Setting::held();
    let told = setting.type_in("retry").ended_with(4);
    assert!(told.starts_with("unanswered: no run is live"), "{told}");
    setting.home.task(&[("here", "exit 7")]);
    let mut run = setting.home.start(&["-b", "on-failure"]);
    run.wait_for("to go on");
    let told = setting.type_in("stop").ended_with(0);
    assert!(told.starts_with("accepted: stop-finally"), "{told}");
    run.finish().ended_with(7);
    assert!(setting.executed().is_empty());
    assert_eq!(setting.state("one", 0).unwrap()["phase"], "held-failed");
}

#[test]
fn a_flag_for_clusters_needs_a_target() {
    let setting = Setting::held();
    for line in ["retry -n default", "pause why --by annotate", "cancel --context fake", "abort -A"]
    {
        let told = setting.type_in(line);
        assert_eq!(told.code, Some(2), "{told:?}");
        assert!(told.stderr.contains("needs a target"), "{told:?}");
    }
    let told = setting.type_in("retry pod/one --run run-1");
    assert!(told.stderr.contains("--run run-1 is a run on this machine"), "{told:?}");
    let told = setting.type_in("pause deployment/one");
    assert!(told.stderr.contains("`deployment/one` is no target"), "{told:?}");
    assert!(setting.api.requests().is_empty());
}

#[test]
fn the_plugin_speaks_to_clusters_alone() {
    let setting = Setting::held();
    let told = plugin(&setting, &["retry"]);
    assert_eq!(told.code, Some(2), "{told:?}");
    for text in
        ["`kubectl holdpoint retry @latest`", "`kubectl holdpoint list`", "`holdpoint retry`"]
    {
        assert!(told.stderr.contains(text), "{told:?}");
    }
    let told = plugin(&setting, &["extend", "pod/one", "--help"]).ended_with(0);
    assert!(told.contains("Usage: kubectl holdpoint extend [OPTIONS]"), "{told}");
    let told = plugin(&setting, &["pause", "pod/one"]).ended_with(0);
    assert!(told.contains("next: kubectl holdpoint resume pod/one -n default"), "{told}");
    plugin(&setting, &["cancel-run", "pod/one"]).ended_with(0);
}

#[test]
fn a_tool_says_how_a_pod_is_looked_at() {
    let setting = Setting::held();
    let told = setting.type_in("probe pod/one");
    assert_eq!(told.code, Some(2), "{told:?}");
    assert!(told.stderr.contains("kubectl exec POD -c CONTAINER"), "{told:?}");
}
