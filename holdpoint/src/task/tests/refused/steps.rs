//! Steps and containers that are refused.

use super::*;

const STEPS: &[Case] = &[
    ("  params: []", "", "5: `steps` is missing or empty"),
    ("  steps: []", "", "5: `steps` is missing or empty"),
    (
        "  steps:\n  - name: a\n    args: [x]",
        "",
        "6: step `a`: it has neither `command` nor `script`: what its image would run cannot \
         be known here; add a `command`",
    ),
    (
        "  steps:\n  - name: a\n    command: ['', x]",
        "",
        "6: step `a`: its `command` begins with an empty word: name a program",
    ),
    (
        "  steps:\n  - {command: [x], script: y}",
        "",
        "6: step `unnamed-0`: it has both `command` and `script`: take one out",
    ),
    (
        "  steps:\n  - {name: a, command: [x]}\n  - {name: a, command: [x]}",
        "",
        "7: step `a`: another step has that name",
    ),
    (
        "  steps: [{name: A_b, script: x}]",
        "",
        "5: `A_b` cannot be a step's name: lower-case letters, digits and - inside, at most 63",
    ),
    (
        "  steps: [{name: a, scirpt: x}]",
        "",
        "5: step `a`: unknown field `scirpt`; did you mean `script`?",
    ),
    ("  steps: [{name: a, banana: x}]", "", "5: step `a`: unknown field `banana`"),
    (
        "  steps:\n  - name: a\n    ref: {name: x}",
        "",
        "7: step `a`: field `ref` is not supported here: \
         put the StepAction's own lines into the step",
    ),
    (
        "  steps:\n  - name: a\n    envFrom: []",
        "",
        "7: step `a`: field `envFrom` is not supported here: \
         give the values with `env`, or with --env",
    ),
    (
        "  steps:\n  - name: a\n    env:\n    - name: T\n      valueFrom: {}",
        "",
        "9: step `a`: env: field `valueFrom` is not supported here: \
         give the value itself with `value`, or with --env",
    ),
    (
        "  steps: [{name: a, env: [{name: A, value: 8080}]}]",
        "",
        "5: step `a`: env `A`: `value` must be text: put quotes around 8080",
    ),
    (
        "  steps: [{name: a, env: [{name: A=, value: x}]}]",
        "",
        "5: step `a`: `A=` cannot be the name of a variable",
    ),
    (
        "  steps: [{name: a, command: [x, yes]}]",
        "",
        "5: step `a`: `command` must be text: put quotes around yes",
    ),
    ("  steps: [{name: a, command: x}]", "", "5: step `a`: `command` must be a list, not text"),
    (
        "  steps: [{name: a, script: x, onError: ignore}]",
        "",
        "5: step `a`: `onError` must be continue or stopAndFail, not `ignore`",
    ),
    (
        "  steps: [{name: a, script: x, timeout: 5 minutes}]",
        "",
        "5: step `a`: `timeout` must be like 1h30m or 2.5s, not `5 minutes`",
    ),
    (
        "  steps: [{name: a, script: x, timeout: -5s}]",
        "",
        "5: step `a`: `timeout` must be like 1h30m or 2.5s, not `-5s`",
    ),
    (
        "  steps: [{name: a, script: \"#!win pwsh\"}]",
        "",
        "5: step `a`: a script for Windows cannot run here",
    ),
    (
        "  steps: [{name: a, command: [\"x\\0\"]}]",
        "",
        "5: step `a`: a NUL character is in its command, args or env",
    ),
    (
        "  steps: [{name: a, script: x, when: [{input: x, operator: is, values: []}]}]",
        "",
        "5: step `a`: when: `operator` must be in or notin, not `is`",
    ),
    (
        "  steps: [{name: a, script: x, when: [{input: x, operator: in}]}]",
        "",
        "5: step `a`: when: `values` is missing",
    ),
    (
        "  steps: [{name: a, script: x, when: [{}]}]",
        "",
        "5: step `a`: when: `input` or `cel` is missing",
    ),
    (
        "  steps: [{name: a, script: x, when: [{cel: x, input: y}]}]",
        "",
        "5: step `a`: when: `cel` stands alone, without `input`",
    ),
    (
        "  steps: [{name: a, script: x, results: [{name: r}, {name: r}]}]",
        "",
        "5: step `a`: result `r` is declared twice",
    ),
    (
        "  steps: [{name: a, script: x, stdoutConfig: {file: y}}]",
        "",
        "5: step `a`: stdoutConfig: unknown field `file`",
    ),
    (
        "  steps: [{name: a, script: x, volumeMounts: [{name: v, mountPath: /d}]}]",
        "",
        "5: step `a`: there is no volume `v`; the task has no volumes",
    ),
    (
        "  steps: [{name: a, script: x, workspaces: [{name: v}]}]",
        "",
        "5: step `a`: there is no workspace `v`; the task has no workspaces",
    ),
    (
        "  steps:\n  - {name: a, script: x, finally: true}\n  - {name: b, script: x}",
        "",
        "6: step `a`: finally steps come last; put `b` before it",
    ),
    (
        "  steps: [{name: a, script: x}]",
        "--finally b",
        "5: there is no step `b` (--finally); the task has steps: a",
    ),
    ("  stepTemplate:\n    script: x\n  steps: []", "", "6: stepTemplate: unknown field `script`"),
];

#[test]
fn steps() {
    check(STEPS, |text| format!("{TASK}{text}\n"));
}

#[test]
fn pods() {
    let cases: &[Case] = &[
        ("{}", "", "3: `containers` is missing or empty"),
        (
            "{containers: [{name: a}]}",
            "",
            "3: step `a`: it has neither `command` nor `script`: what its image would run cannot \
             be known here; add a `command`",
        ),
        (
            "{initContainers: []}",
            "",
            "3: field `initContainers` is not supported here: put them first among the containers",
        ),
        ("{containers: []}", "-p a=1", "3: a Pod has no params (-p) and no workspaces (-w)"),
        ("{containers: [{name: a, script: x}]}", "", "3: step `a`: unknown field `script`"),
    ];
    check(cases, |spec| format!("apiVersion: v1\nkind: Pod\nspec: {spec}\n"));
}
