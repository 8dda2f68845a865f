//! Variables that are unknown, or cannot stand where they do.

use super::*;

const IN_SCRIPTS: &[Case] = &[
    (
        "echo\n$(params.vresion)",
        "",
        "20: step `s`: unknown variable $(params.vresion); the task has params: \
         version, list, map",
    ),
    ("$(params.x y)", "", "19: step `s`: $(params.x y) is no variable of Tekton's"),
    ("$(params.", "", "19: step `s`: $(params. is no variable of Tekton's"),
    (
        "$(params.version[0])",
        "",
        "19: step `s`: $(params.version[0]): `version` is a string: write $(params.version)",
    ),
    (
        "\n\n  $(params.list[2])",
        "",
        "21: step `s`: $(params.list[2]): `list` has 2 items, counted from 0",
    ),
    (
        "$(params.list[*])",
        "",
        "19: step `s`: $(params.list[*]) is an array: it must be a whole item of command, \
         args or when values; [0] behind the name gives its first item",
    ),
    (
        "$(params.list.x)",
        "",
        "19: step `s`: $(params.list.x): `list` is an array: write $(params.list[0])",
    ),
    ("$(params.map.x)", "", "19: step `s`: $(params.map.x): `map` has keys: k"),
    (
        "$(params.map[*])",
        "",
        "19: step `s`: $(params.map[*]): `map` is an object: write $(params.map.KEY); \
         it has keys: k",
    ),
    (
        "$(results.y.path)",
        "",
        "19: step `s`: unknown variable $(results.y.path); the task has results: r",
    ),
    ("$(results.r)", "", "19: step `s`: unknown variable $(results.r)"),
    (
        "$(workspaces.y.path)",
        "",
        "19: step `s`: unknown variable $(workspaces.y.path); the task has workspaces: w",
    ),
    (
        "$(workspaces.w.pth)",
        "",
        "19: step `s`: unknown variable $(workspaces.w.pth); \
         a workspace has path, bound, volume, claim",
    ),
    (
        "$(step.results.y.path)",
        "",
        "19: step `s`: unknown variable $(step.results.y.path); \
         the step has results of its own: o",
    ),
    ("$(step.name)", "", "19: step `s`: unknown variable $(step.name)"),
    (
        "$(steps.a.results.x)",
        "",
        "19: step `s`: $(steps.a.results.x): a script cannot hold it: \
         give it to the script in an env",
    ),
    (
        "$(steps.step-b.exitCode.path)",
        "",
        "19: step `s`: $(steps.step-b.exitCode.path): there is no step `b`; \
         the task has steps: a, s, z",
    ),
    (
        "$(steps.step-z.exitCode.path)",
        "",
        "19: step `s`: $(steps.step-z.exitCode.path): \
         step `z` does not come before this one",
    ),
    ("$(steps.a.name)", "", "19: step `s`: unknown variable $(steps.a.name)"),
    (
        "$(tasks.a.results.x)",
        "",
        "19: step `s`: $(tasks.a.results.x) is of a Pipeline; \
         a task has it from a param, which -p gives",
    ),
    (
        "$(context.pipelineRun.name)",
        "",
        "19: step `s`: unknown variable $(context.pipelineRun.name); there are \
         context.taskRun.name, .namespace, .uid, context.task.name and .retry-count",
    ),
    ("$(credentials.token)", "", "19: step `s`: unknown variable $(credentials.token)"),
    ("$(inputs.resources.x)", "", "19: step `s`: unknown variable $(inputs.resources.x)"),
];

#[test]
fn in_scripts() {
    check(IN_SCRIPTS, |script| {
        let script: String = script.lines().map(|line| format!("      {line}\n")).collect();
        format!(
            "{TASK}  params:\n  - {{name: version, default: x}}\n  - name: list\n    \
             default: [x, y]\n  - {{name: map, default: {{k: v}}}}\n  results: [{{name: r}}]\n  \
             workspaces: [{{name: w}}]\n  steps:\n  - name: a\n    command: [x]\n    \
             results: [{{name: x}}]\n  - name: s\n    results: [{{name: o}}]\n    \
             script: |\n{script}  - {{name: z, command: [x]}}\n"
        )
    });
}

#[test]
fn elsewhere() {
    let cases: &[Case] = &[
        (
            "args: [\"$(steps.b.results.x)\"]",
            "",
            "9: step `s`: $(steps.b.results.x): there is no step `b`; the task has steps: a, s",
        ),
        (
            "args: [$(steps.s.results.x)]",
            "",
            "9: step `s`: $(steps.s.results.x): step `s` does not come before this one",
        ),
        (
            "env:\n    - name: A\n      value: $(steps.a.results.y)",
            "",
            "11: step `s`: $(steps.a.results.y): step `a` has results of its own: x",
        ),
        (
            "workingDir: $(steps.a.results.x)",
            "",
            "9: step `s`: $(steps.a.results.x): only command, args, env and when can hold it",
        ),
        (
            "when: [{cel: \"'$(params.v)' == 'x'\"}]",
            "",
            "9: step `s`: unknown variable $(params.v); the task has no params",
        ),
    ];
    check(cases, |field| {
        format!(
            "{TASK}  steps:\n  - {{name: a, command: [x], results: [{{name: x}}]}}\n  \
             - name: s\n    command: [x]\n    {field}\n"
        )
    });
}
