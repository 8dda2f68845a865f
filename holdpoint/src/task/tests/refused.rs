//! Bad files: the exact message, with the line.

use super::*;

/// What follows the head of a Task, the flags, the message behind `f.yaml:`.
type Case = (&'static str, &'static str, &'static str);

/// A step that is fine, for cases where another field is not.
const FINE: &str = "\n  steps: [{name: a, command: [x]}]\n";

fn check(cases: &[Case], file: impl Fn(&str) -> String) {
    for (text, flags, expected) in cases {
        let outcome = plan_of(&file(text), flags);
        let message = outcome.expect_err(text);
        assert_eq!(message, format!("f.yaml:{expected}"), "{text} {flags}");
    }
}

#[test]
fn files() {
    let cases: &[Case] = &[
        ("", "", "1: there is nothing in it"),
        ("# nothing\n---\n", "", "1: there is nothing in it"),
        ("a: [1", "", "2: while parsing a flow sequence, expected ',' or ']'"),
        ("a: b: c", "", "1: mapping values are not allowed in this context"),
        ("a: &a [*a]", "", "1: an alias within its own anchor"),
        ("a: *b", "", "1: while parsing node, found unknown anchor"),
        ("- a", "", "1: a document must be a map with `kind`, not a list"),
        ("hello", "", "1: a document must be a map with `kind`, not text"),
        ("a: 1\nb: 2\na: 3", "", "3: `a` is here twice, first on line 1"),
        ("a: {<<: [x]}", "", "1: `<<` takes a map, not text"),
        ("[a]: 1", "", "1: a key must be text, not a list"),
        ("a: 1", "", "1: `kind` is missing; it is Task, TaskRun or Pod"),
        (
            "kind: Pipeline\n---\nkind: Secret",
            "",
            "1: no Task, TaskRun or Pod is here; kinds: Pipeline, Secret",
        ),
        (
            "kind: Task\napiVersion: tekton.dev/v1alpha1",
            "",
            "2: `apiVersion` of a Task must be tekton.dev/v1 or tekton.dev/v1beta1, \
             not `tekton.dev/v1alpha1`",
        ),
        ("kind: Pod", "", "1: `apiVersion` of a Pod must be v1, not ``"),
        ("kind: Pod\napiVersion: v1", "", "1: `spec` is missing"),
        (
            "kind: Pod\napiVersion: v1\nmetadata: {name: ../x}\nspec: {}",
            "",
            "1: `../x` cannot be a name: lower-case letters, digits, - and .",
        ),
        (
            "kind: Pod\napiVersion: v1\nspec: {cotnainers: }",
            "",
            "3: unknown field `cotnainers`; did you mean `containers`?",
        ),
        ("kind: Pod\napiVersion: v1\nspec: x", "", "3: a map is needed, not text"),
        (
            "kind: Pod\napiVersion: v1\nspce: {}",
            "",
            "3: unknown field `spce`; did you mean `spec`?",
        ),
    ];
    check(cases, str::to_owned);
}

/// Whatever is missing, the answer is a plan or a message, never a panic.
#[test]
fn files_that_are_cut() {
    let text = format!(
        "{TASK}  params: [{{name: a, default: [x]}}]\n  stepTemplate: {{env: []}}\n  steps:\n  \
         - name: s\n    env: [{{name: é, value: \"$(params.a[0])\"}}]\n    script: |\n\n      \
         $(params.a[0]) é $(params['a'][0])\n    when: [{{cel: x}}]\n"
    );
    assert!(plan_of(&text, "").is_ok());
    for (cut, letter) in text.char_indices() {
        let (before, after) = text.split_at(cut);
        for file in [before.to_owned(), before.to_owned() + &after[letter.len_utf8()..]] {
            let Err(message) = plan_of(&file, "") else { continue };
            let (place, _) = message.split_once(": ").unwrap();
            let line: usize = place.strip_prefix("f.yaml:").unwrap().parse().unwrap();
            assert!((1..=file.lines().count() + 1).contains(&line), "{message}\n{file}");
        }
    }
}

#[test]
fn a_file_that_multiplies_itself() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..10 {
        let items = vec![format!("*a{}", level - 1); 10].join(", ");
        text += &format!("a{level}: &a{level} [{items}]\n");
    }
    assert_eq!(plan_of(&text, "").unwrap_err(), "f.yaml:5: aliases make over 100000 values of it");
}

#[test]
fn a_file_that_is_too_deep() {
    let message = plan_of(&"[".repeat(100_000), "").unwrap_err();
    assert_eq!(message, "f.yaml:1: recursion limit exceeded");
}

#[test]
fn which_document() {
    let two = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n---\n\
               apiVersion: v1\nkind: Pod\nmetadata: {generateName: b-}\n";
    let run = |spec: &str| {
        format!(
            "apiVersion: tekton.dev/v1\nkind: TaskRun\nmetadata: {{name: r}}\nspec:\n  {spec}\n---\n\
             {TASK}  steps: [{{command: [x]}}]\n"
        )
    };
    let cases = [
        (two.to_owned(), "", "5: several to run: a, b; pick one with --name"),
        (two.to_owned(), "--name c", "1: `c` (--name) is not here; it has: a, b"),
        (run("{}"), "", "5: `taskRef` or `taskSpec` is missing"),
        (run("taskRef: {name: u}"), "", "5: Task `u` is not in this file, which has Tasks: t"),
        (
            run("taskRef: {name: t, kind: ClusterTask}"),
            "",
            "5: a `ClusterTask` cannot be run here: name a Task",
        ),
        (
            run("taskRef: {resolver: git}"),
            "",
            "5: field `resolver` is not supported here: name a Task that is in the same file",
        ),
        (
            run("taskRef: {name: t}\n  taskSpec: {}"),
            "",
            "5: `taskRef` and `taskSpec` exclude each other",
        ),
        (
            run("taskRef: {name: t}\n  workspaces: [{name: w, emptyDir: {}}]"),
            "",
            "6: unknown workspace `w`; the task has no workspaces",
        ),
        (
            run("taskSpec: {steps: [{command: [x]}]}\n  workspaces: [{name: w, secret: {}}]"),
            "",
            "6: workspace `w`: its volume is in a cluster; give a folder: -w w=DIR",
        ),
        (run("taskRef: {name: t}\n  params: [{name: a}]"), "", "6: param `a`: `value` is missing"),
        (
            run("taskRef: {name: t}\n  params:\n  - {name: a, value: 1}\n  - {name: a, value: 2}"),
            "",
            "8: param `a` has two values",
        ),
    ];
    for (text, flags, expected) in cases {
        assert_eq!(plan_of(&text, flags).unwrap_err(), format!("f.yaml:{expected}"), "{text}");
    }
}

#[test]
fn params() {
    let cases: &[Case] = &[
        (
            "  params: [{name: a},\n   {name: b, type: array}]",
            "",
            "5: params without a value: a, b; give -p a=VALUE -p b=ITEM…",
        ),
        (
            "  params: [{name: version, default: x}]",
            "-p vresion=1",
            "5: unknown param `vresion` (-p); the task has params: version; \
             did you mean `version`?",
        ),
        ("", "-p a=1", "6: unknown param `a` (-p); the task has no params"),
        (
            "  params: [{name: a}]",
            "-p a=1 -p a=2",
            "5: param `a`: a string is needed, not several values of -p",
        ),
        (
            "  params: [{name: a, type: object, properties: {k: {}, l: {}}}]",
            "-p a={\"k\":\"1\"}",
            "5: param `a`: keys without a value: l; give -p a='{\"KEY\":\"VALUE\"}'",
        ),
        (
            "  params: [{name: a, type: object, properties: {k: {}}}]",
            "-p a=x",
            "5: param `a`: -p a=x is no JSON object of strings: expected value at line 1 column 1",
        ),
        (
            "  params: [{name: a, type: array}]",
            "-p a=[1]",
            "5: param `a`: -p a=[1] is no JSON array of strings: \
             invalid type: integer `1`, expected a string at line 1 column 2",
        ),
        (
            "  params: [{name: a, enum: [x, y]}]",
            "-p a=z",
            "5: param `a`: `z` is not allowed; values: x, y",
        ),
        (
            "  params: [{name: a, default: z, enum: [x, y]}]",
            "",
            "5: param `a`: `z` is not allowed; values: x, y",
        ),
        (
            "  params:\n  - name: a\n    type: string\n    default: [x]",
            "",
            "8: param `a`: a string is needed, not a list",
        ),
        (
            "  params:\n  - name: a\n    type: number",
            "",
            "7: param `a`: `type` must be string, array or object, not `number`",
        ),
        (
            "  params: [{name: a, properties: {k: {type: array}}}]",
            "",
            "5: param `a`: property `k` must be of type string",
        ),
        (
            "  params: [{name: 1a}]",
            "",
            "5: param `1a`: a name has letters, digits, - _ and ., and begins with a letter or _",
        ),
        ("  params: [{name: a}, {name: a}]", "", "5: param `a` is declared twice"),
        ("  params: [{defualt: a}]", "", "5: unknown field `defualt`; did you mean `default`?"),
        ("  params: {a: 1}", "", "5: `params` must be a list, not a map"),
        ("  params: [a]", "", "5: a map is needed, not text"),
        ("  params: [{type: string}]", "", "5: `name` is missing"),
    ];
    check(cases, |text| format!("{TASK}{text}{FINE}"));
}

#[test]
fn workspaces_volumes_and_results() {
    let cases: &[Case] = &[
        (
            "  workspaces: [{name: source}]",
            "-w sourec=/d",
            "5: unknown workspace `sourec` (-w); the task has workspaces: source; \
             did you mean `source`?",
        ),
        ("  workspaces: [{name: a}]", "-w a=/d -w a=/e", "5: workspace `a` has two folders (-w)"),
        ("  workspaces: [{name: a}, {name: a}]", "", "5: workspace `a` is declared twice"),
        ("  workspaces: [{name: ../a}]", "", "5: `../a` cannot be the name of a workspace"),
        ("  workspaces: [{name: a, optional: maybe}]", "", "5: `optional` must be true or false"),
        (
            "  workspaces: [{name: a, mountPath: data}]",
            "",
            "5: workspace `a`: `mountPath` must be an absolute path without `..`, not `data`",
        ),
        (
            "  workspaces: [{name: a, mountPath: /tekton/run}]",
            "",
            "5: workspace `a`: `mountPath` must not be in /tekton, as /tekton/run is",
        ),
        (
            "  workspaces:\n  - {name: a, mountPath: /d}\n  - {name: b, mountPath: /d/}",
            "",
            "7: workspace `b`: `a` is at /d already: there is one set of mounts for all steps",
        ),
        (
            "  volumes:\n  - name: v\n    hostPath: {path: /}",
            "",
            "7: volume: field `hostPath` is not supported here: only emptyDir can be had here: \
             use a workspace, and give its folder with -w",
        ),
        ("  volumes: [{name: v}, {name: v}]", "", "5: volume `v` is declared twice"),
        ("  volumes: [{name: a/b}]", "", "5: `a/b` cannot be the name of a volume"),
        (
            "  sidecars: [{image: x}]",
            "",
            "5: field `sidecars` is not supported here: run by hand what the sidecar offers, \
             and take the field out",
        ),
        (
            "  resources: {}",
            "",
            "5: field `resources` is not supported here: Tekton no longer has it either; \
             use params and workspaces",
        ),
        ("  setps: []", "", "5: unknown field `setps`; did you mean `steps`?"),
        ("  results: [{name: r}, {name: r}]", "", "5: result `r` is declared twice"),
        (
            "  results: [{name: a/b}]",
            "",
            "5: `a/b` cannot be a result's name: letters, digits, - _ and ., \
             a letter, digit or _ first",
        ),
        (
            "  results: [{name: r, type: int}]",
            "",
            "5: result `r`: `type` must be string, array or object, not `int`",
        ),
        (
            "  results: [{name: r, value: x}]",
            "",
            "5: result `r`: `value` must be like $(steps.STEP.results.RESULT), not `x`",
        ),
        (
            "  results: [{name: r, value: $(steps.b.results.x)}]",
            "",
            "5: result `r`: there is no step `b`; the task has steps: a",
        ),
        (
            "  results:\n  - name: r\n    value: $(steps.a.results.x)",
            "",
            "7: result `r`: step `a` has no results of its own",
        ),
    ];
    check(cases, |text| format!("{TASK}{text}{FINE}"));
}

#[test]
fn steps() {
    let cases: &[Case] = &[
        ("  params: []", "", "5: `steps` is missing or empty"),
        ("  steps: []", "", "5: `steps` is missing or empty"),
        (
            "  steps:\n  - name: a\n    args: [x]",
            "",
            "6: step `a`: it has neither `command` nor `script`: what its image would run cannot \
             be known here; add a `command`",
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
        (
            "  stepTemplate:\n    script: x\n  steps: []",
            "",
            "6: stepTemplate: unknown field `script`",
        ),
    ];
    check(cases, |text| format!("{TASK}{text}\n"));
}

#[test]
fn variables_in_scripts() {
    let cases: &[Case] = &[
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
    check(cases, |script| {
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
fn variables_elsewhere() {
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
