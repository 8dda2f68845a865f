//! Bad files: the exact message, with the line.

mod steps;
mod variables;

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

const PARAMS: &[Case] = &[
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

#[test]
fn params() {
    check(PARAMS, |text| format!("{TASK}{text}{FINE}"));
}

const WORKSPACES_VOLUMES_AND_RESULTS: &[Case] = &[
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

#[test]
fn workspaces_volumes_and_results() {
    check(WORKSPACES_VOLUMES_AND_RESULTS, |text| format!("{TASK}{text}{FINE}"));
}
