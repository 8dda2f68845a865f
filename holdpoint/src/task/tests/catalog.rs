//! Tasks of the public catalogue, as they are. They lie beside the repository, not in it.

#![allow(clippy::print_stdout)]

use std::path::Path;

use super::*;
use crate::plan::Action;

/// The plan of a Task; none, with a word, where the fixtures are not there.
fn planned(name: &str, flags: &str) -> Option<Result<Plan, String>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/fixtures/catalog");
    let Ok(text) = std::fs::read_to_string(folder.join(name)) else {
        println!("skipped: there is no {name} in {}", folder.display());
        return None;
    };
    Some(plan_of(&text, flags))
}

fn script(plan: &Plan, step: usize) -> &str {
    match &plan.steps[step].action {
        Action::Script { text, .. } => text,
        Action::Command(_) => panic!("step {step} has no script"),
    }
}

#[test]
fn generate_build_id() {
    let Some(plan) = planned("generate-build-id.yaml", "-p base-version=2.1") else { return };
    let plan = plan.unwrap();
    let names: Vec<_> = plan.steps.iter().map(|step| step.name.as_str()).collect();
    assert_eq!(names, ["get-timestamp", "get-buildid"]);
    let expected = "#!/usr/bin/env bash\n\
                    ts=`cat /tekton/results/timestamp`\n\
                    buildId=2.1-${ts}\n\
                    echo ${buildId} | tr -d \"\\n\" | tee /tekton/results/build-id\n";
    assert_eq!(script(&plan, 1), expected);
    assert_eq!(plan.notes, ["ignored, since steps are processes of this machine: image"]);
}

#[test]
fn git_cli() {
    let flags = "-w source=/src -w basic-auth=/auth -p GIT_USER_NAME=me";
    let Some(plan) = planned("git-cli.yaml", flags) else { return };
    let plan = plan.unwrap();
    assert_eq!(plan.steps[0].working_dir, Some("/workspace/source".into()));
    let env: Vec<_> = plan.steps[0].env.iter().map(|(n, v)| format!("{n}={v}")).collect();
    let expected = [
        "HOME=/root",
        "PARAM_VERBOSE=true",
        "PARAM_USER_HOME=/root",
        "WORKSPACE_SSH_DIRECTORY_BOUND=false",
        "WORKSPACE_SSH_DIRECTORY_PATH=",
        "WORKSPACE_BASIC_AUTH_DIRECTORY_BOUND=true",
        "WORKSPACE_BASIC_AUTH_DIRECTORY_PATH=/workspace/basic-auth",
    ];
    assert_eq!(env, expected);
    let script = script(&plan, 0);
    for line in [
        "git config --global user.name \"me\"\n",
        "eval 'git help\n'\n",
        "RESULT_SHA=\"$(git rev-parse HEAD | tr -d '\\n')\"\n",
        "printf \"%s\" \"$RESULT_SHA\" > \"/tekton/results/commit\"\n",
    ] {
        assert!(script.contains(line), "{line} in {script}");
    }
}

#[test]
fn jq() {
    let Some(plan) = planned("jq.yaml", "-p stringOrFile=string") else { return };
    let plan = plan.unwrap();
    assert_eq!((&plan.steps[0].working_dir, plan.mounts.as_slice()), (&None, &[][..]));
    let start =
        "#!/bin/sh\nset -e\necho \"You submitted as input: {\\\"hello\\\":\\\"world\\\"}\"\n";
    assert!(script(&plan, 0).starts_with(start), "{}", script(&plan, 0));
}

#[test]
fn pytest() {
    let Some(plan) = planned("pytest.yaml", "-w source=/src") else { return };
    let plan = plan.unwrap();
    let text = script(&plan, 0);
    assert!(text.contains("if [ -e \".\"/\"requirements.txt\" ];\n"), "{text}");
    assert_eq!(plan.steps[0].env[1], ("WORKSPACE_PIP_CONF_BOUND".into(), "false".into()));
}

#[test]
fn replace_tokens_runs_its_images_own_command() {
    let Some(plan) = planned("replace-tokens.yaml", "-p inputFilePath=x") else { return };
    let expected = "f.yaml:27: step `replace-tokens`: it has neither `command` nor `script`: \
                    what its image would run cannot be known here; add a `command`";
    assert_eq!(plan.unwrap_err(), expected);
}
