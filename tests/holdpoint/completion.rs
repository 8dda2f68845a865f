//! What a shell and kubectl are told may be typed next.

use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::time::Duration;

use holdpoint_tests::{Fault, skipped_without};
use serde_json::json;

use crate::cluster::setting::{STEPS, Setting, labelled, pod};
use crate::runner::{Running, binary};

/// Two pods, one of a TaskRun of a PipelineRun.
fn setting() -> Setting {
    let setting = Setting::new();
    setting.api.put(pod("one", &[], &STEPS));
    let of_task = labelled(pod("rel-unit-pod", &[], &STEPS[..1]), "tekton.dev/taskRun", "rel-unit");
    setting.api.put(labelled(of_task, "tekton.dev/pipelineRun", "rel"));
    for name in ["default", "ci"] {
        setting
            .api
            .put(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}));
    }
    setting
}

/// What kubectl is told; the last word is the one that is completed.
fn for_kubectl(setting: &Setting, words: &[&str]) -> Vec<String> {
    let mut command = Command::new(binary());
    command.arg0("/usr/local/bin/kubectl_complete-holdpoint");
    command.env("KUBECONFIG", setting.api.kubeconfig());
    let told = Running::start(setting.home.here(command, words)).finish();
    assert_eq!(told.stderr, "");
    let mut lines: Vec<_> = told.ended_with(0).lines().map(str::to_owned).collect();
    assert_eq!(lines.pop().as_deref(), Some(":4"));
    lines
}

fn values(setting: &Setting, words: &[&str]) -> Vec<String> {
    let lines = for_kubectl(setting, words).into_iter();
    lines.map(|line| line.split('\t').next().unwrap().to_owned()).collect()
}

#[test]
fn targets_are_those_of_the_cluster() {
    let setting = setting();
    let all = ["@latest", "pod/one", "pod/rel-unit-pod", "pr/rel", "tr/rel-unit"];
    assert_eq!(values(&setting, &["retry", ""]), all);
    assert_eq!(values(&setting, &["logs", "pod/"]), ["pod/one", "pod/rel-unit-pod"]);
    assert_eq!(values(&setting, &["status", "taskrun/r"]), ["taskrun/rel-unit"]);
    assert_eq!(values(&setting, &["pause", "pod/one", "p"]), [""; 0]);
    assert_eq!(values(&setting, &["retry", "-n", "ci", ""]), ["@latest"]);
    let paths: Vec<_> = setting.api.requests().into_iter().map(|request| request.path).collect();
    assert_eq!(paths[0], "/api/v1/namespaces/default/pods");
    assert_eq!(paths.last().unwrap(), "/api/v1/namespaces/ci/pods");
}

#[test]
fn steps_are_those_of_the_target() {
    let setting = setting();
    assert_eq!(values(&setting, &["retry", "pod/one", "--step", ""]), ["build", "test"]);
    assert_eq!(values(&setting, &["retry", "tr/rel-unit", "--step", ""]), ["build"]);
    assert_eq!(values(&setting, &["logs", "pod/one", "--step=t"]), ["--step=test"]);
}

#[test]
fn namespaces_contexts_and_words_are_completed() {
    let setting = setting();
    assert_eq!(values(&setting, &["list", "-n", ""]), ["ci", "default"]);
    assert_eq!(values(&setting, &["list", "--context", "f"]), ["fake"]);
    assert_eq!(values(&setting, &["list", "-o", "w"]), ["wide"]);
    assert_eq!(values(&setting, &["before-"]), ["before-continue", "before-fail"]);
    let flags = values(&setting, &["list", "--he"]);
    assert_eq!(flags, ["--held", "--help"]);
    let described = for_kubectl(&setting, &["inj"]);
    assert_eq!(described, ["inject\tPut the step entrypoint into the pods of a manifest"]);
}

#[test]
fn where_the_cluster_is_away_nothing_is_said() {
    let setting = setting();
    setting.api.fault("GET", "/pods", Fault::forbidden());
    assert_eq!(values(&setting, &["retry", ""]), ["@latest"]);
    setting.api.heal();
    setting.api.fault("GET", "/pods", Fault::Slow(Duration::from_hours(1)));
    assert_eq!(values(&setting, &["retry", "pod/one", "--step", ""]), [""; 0]);
    assert_eq!(values(&setting, &["retry", "--kubeconfig", "/no/such", "pod/"]), [""; 0]);
}

/// What a shell completes, asked in its own words; nothing where it is not installed.
fn in_shell(setting: &Setting, shell: &[&str], script: &str) -> Option<String> {
    if skipped_without(shell[0]) {
        return None;
    }
    let folder = setting.home.path("bin");
    std::fs::create_dir_all(&folder).unwrap();
    std::os::unix::fs::symlink(binary(), folder.join("holdpoint")).unwrap();
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    let mut command = Command::new(shell[0]);
    command.env("PATH", path).env("KUBECONFIG", setting.api.kubeconfig());
    command.env("HOME", setting.home.path(""));
    let words: Vec<_> = shell[1..].iter().copied().chain([script]).collect();
    Some(Running::start(setting.home.here(command, &words)).finish().ended_with(0))
}

#[test]
fn bash_completes_names() {
    let setting = setting();
    let script = "source <(holdpoint completion bash)
        COMP_WORDS=(holdpoint logs pod/o) COMP_CWORD=2
        _clap_complete_holdpoint holdpoint pod/o logs
        echo \"${COMPREPLY[@]}\"";
    if let Some(told) = in_shell(&setting, &["bash", "--norc", "-c"], script) {
        assert_eq!(told, "pod/one\n");
    }
}

#[test]
fn fish_completes_names() {
    let setting = setting();
    let script = "holdpoint completion fish | source; complete -C 'holdpoint logs pod/o'";
    if let Some(told) = in_shell(&setting, &["fish", "--no-config", "-c"], script) {
        assert_eq!(told, "pod/one\n");
    }
}

#[test]
fn zsh_takes_its_script() {
    let setting = setting();
    let script = "autoload -Uz compinit; compinit -D; source <(holdpoint completion zsh); echo ${_comps[holdpoint]}";
    if let Some(told) = in_shell(&setting, &["zsh", "-f", "-c"], script) {
        assert_eq!(told, "_clap_dynamic_completer_holdpoint\n");
    }
}

#[test]
fn a_shell_that_is_not_known_is_named() {
    let setting = setting();
    let mut command = setting.command(&["--", "holdpoint", ""]);
    command.env("HOLDPOINT_COMPLETE", "tcsh");
    let told = Running::start(command).finish();
    assert_eq!(told.code, Some(2), "{told:?}");
    assert_eq!(told.stderr, "holdpoint: HOLDPOINT_COMPLETE=tcsh: it is bash, zsh or fish\n");
}
