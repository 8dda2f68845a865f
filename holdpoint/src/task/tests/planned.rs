//! Good files: what they come to.

use super::*;
use crate::plan::{Action, Mount, Step};

fn planned(text: &str, flags: &str) -> Plan {
    plan_of(text, flags).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn command(step: &Step) -> Vec<&str> {
    match &step.action {
        Action::Command(words) => words.iter().map(String::as_str).collect(),
        Action::Script { .. } => panic!("a script: {step:?}"),
    }
}

fn script(step: &Step) -> &str {
    match &step.action {
        Action::Script { text, .. } => text,
        Action::Command(_) => panic!("a command: {step:?}"),
    }
}

fn mount(name: &str, path: &str, folder: Option<&str>) -> Mount {
    Mount { name: name.to_owned(), path: path.into(), folder: folder.map(PathBuf::from) }
}

#[test]
fn a_whole_task() {
    let text = format!(
        "{TASK}  params: [{{name: who, default: you}}]\n  results: [{{name: r}}, \
         {{name: s, value: $(steps.a.results.x)}}]\n  steps:\n  - name: a\n    image: alpine\n    \
         script: |\n      #!/bin/bash\n      echo $(params.who)\n    args: [one]\n    \
         workingDir: sub\n    onError: continue\n    timeout: 5s\n    results: [{{name: x}}]\n    \
         stdoutConfig: {{path: /workspace/out}}\n    stderrConfig: {{path: /tekton/err}}\n    \
         when: [{{input: $(params.who), operator: in, values: [me]}}, {{cel: 1 == 1}}]\n    \
         env: [{{name: A, value: b}}]\n  - command: [x]\n    finally: true\n    \
         securityContext: {{}}\n    image: y\n"
    );
    let first = Step {
        name: "a".into(),
        action: Action::Script { text: "#!/bin/bash\necho me\n".into(), args: vec!["one".into()] },
        env: vec![("A".into(), "b".into())],
        working_dir: Some("/workspace/sub".into()),
        continue_on_error: true,
        timeout: Some("5s".into()),
        when: Some(r#"[{"input":"me","operator":"in","values":["me"]},{"cel":"1 == 1"}]"#.into()),
        results: vec!["x".into()],
        stdout_path: Some("/workspace/out".into()),
        stderr_path: Some("/tekton/err".into()),
        finally: false,
    };
    let second = Step {
        name: "unnamed-1".into(),
        action: Action::Command(vec!["x".into()]),
        finally: true,
        ..Step::default()
    };
    let from_step = Some(("a".to_owned(), "x".to_owned()));
    let expected = Plan {
        name: "t".into(),
        steps: vec![first, second],
        results: vec![
            TaskResult { name: "r".into(), from_step: None },
            TaskResult { name: "s".into(), from_step },
        ],
        mounts: vec![],
        notes: vec![
            "ignored, since steps are processes of this machine: image, securityContext".into(),
        ],
    };
    assert_eq!(planned(&text, "-p who=me"), expected);
}

#[test]
fn json_is_yaml() {
    let text = r#"{"apiVersion": "tekton.dev/v1", "kind": "Task", "metadata": {"name": "j"},
        "spec": {"steps": [{"name": "a", "command": ["x", "\t\u00e9"]}]}}"#;
    let plan = planned(text, "");
    assert_eq!((plan.name.as_str(), command(&plan.steps[0])), ("j", vec!["x", "\té"]));
}

#[test]
fn anchors_and_merge_keys() {
    let text = format!(
        "{TASK}  steps:\n  - &first\n    name: a\n    command: [x]\n    args: &args [y]\n  \
         - <<: *first\n    name: b\n    command: [z]\n  - {{name: c, command: *args}}\n"
    );
    let plan = planned(&text, "");
    let steps: Vec<_> = plan.steps.iter().map(|it| (it.name.as_str(), command(it))).collect();
    let expected = vec![("a", vec!["x", "y"]), ("b", vec!["z", "y"]), ("c", vec!["y"])];
    assert_eq!(steps, expected);
}

#[test]
fn which_document_is_run() {
    let task = |name: &str| {
        format!(
            "---\napiVersion: tekton.dev/v1beta1\nkind: Task\nmetadata: {{name: {name}}}\n\
             spec: {{steps: [{{command: [{name}]}}]}}\n"
        )
    };
    let run = |name: &str, spec: &str| {
        format!(
            "---\napiVersion: tekton.dev/v1\nkind: TaskRun\nmetadata: {{name: {name}}}\n\
             spec: {{{spec}}}\n"
        )
    };
    let pipeline = "---\nkind: Pipeline\n";
    let cases = [
        (task("a"), "", "a", "a"),
        (format!("{pipeline}{}", task("a")), "", "a", "a"),
        (task("a") + &task("b"), "--name b", "b", "b"),
        (task("a") + &run("r", "taskRef: {name: a}"), "", "r", "a"),
        (run("r", "taskRef: {name: b, kind: Task}") + &task("a") + &task("b"), "", "r", "b"),
        (task("a") + &run("r", "taskRef: {name: a}"), "--name a", "a", "a"),
        (run("r", "taskSpec: {steps: [{command: [c]}]}"), "", "r", "c"),
    ];
    for (text, flags, name, word) in cases {
        let plan = planned(&text, flags);
        assert_eq!((plan.name.as_str(), command(&plan.steps[0])), (name, vec![word]), "{text}");
    }
}

#[test]
fn what_a_task_run_gives() {
    let text = format!(
        "apiVersion: tekton.dev/v1\nkind: TaskRun\nmetadata: {{generateName: r-}}\nspec:\n  \
         timeout: 1h\n  taskRef: {{name: t}}\n  params:\n  - {{name: a, value: run}}\n  \
         - {{name: b, value: 1.0}}\n  - {{name: z, value: z}}\n  \
         workspaces: [{{name: w, emptyDir: {{}}}}]\n---\n{TASK}  \
         params: [{{name: a, default: task}}, {{name: b}}, {{name: c, default: task}}]\n  \
         workspaces: [{{name: w}}]\n  \
         steps: [{{command: [$(params.a), $(params.b), $(params.c), $(context.task.name)]}}]\n"
    );
    let plan = planned(&text, "-p a=typed");
    assert_eq!(plan.name, "r");
    assert_eq!(command(&plan.steps[0]), ["typed", "1.0", "task", "t"]);
    assert_eq!(plan.mounts, [mount("w", "/workspace/w", None)]);
    let notes = [
        "ignored, since steps are processes of this machine: TaskRun timeout",
        "the TaskRun's param `z` is none of the Task's: it is not used",
    ];
    assert_eq!(plan.notes, notes);
}

#[test]
fn a_task_run_with_its_own_task_declares_what_it_gives() {
    let text = "apiVersion: tekton.dev/v1\nkind: TaskRun\nmetadata: {name: r}\nspec:\n  \
                params: [{name: a, value: [x, y]}]\n  workspaces: [{name: w, secret: {}}]\n  \
                taskSpec: {steps: [{command: [\"$(params.a[*])\", $(workspaces.w.path)]}]}\n";
    let plan = planned(text, "-w w=/d");
    assert_eq!(command(&plan.steps[0]), ["x", "y", "/workspace/w"]);
    assert_eq!(plan.mounts, [mount("w", "/workspace/w", Some("/d"))]);
}

/// A Task with something of everything; its only step has one argument.
fn with_argument(argument: &str) -> String {
    format!(
        "{TASK}  params:\n  - {{name: v, default: '1 $(params.l[0]) $$'}}\n  \
         - {{name: l, default: [x, '', z]}}\n  - {{name: e, type: array, default: []}}\n  \
         - {{name: o, type: object, properties: {{k: {{}}, j: {{}}}}, \
         default: {{k: '2', j: '3'}}}}\n  - {{name: d.o.t, default: '4'}}\n  \
         results: [{{name: r}}]\n  workspaces: [{{name: w}}, {{name: n, optional: true}}]\n  \
         steps:\n  - {{name: a, command: [x], results: [{{name: x}}]}}\n  - name: s\n    \
         env: [{{name: A, value: '5'}}, {{name: B, value: '$(A)$(C)'}}, {{name: C, value: '6'}}]\n    \
         results: [{{name: o}}]\n    command:\n    - {argument}\n"
    )
}

#[test]
fn what_variables_stand_for() {
    let cases: &[(&str, &[&str])] = &[
        ("plain", &["plain"]),
        ("$(params.v)", &["1 $(params.l[0]) $"]),
        ("$(inputs.params.v)", &["1 $(params.l[0]) $"]),
        ("a$(params.o.k)$(params.o.j)b", &["a23b"]),
        ("'$(params[\"o\"].k)$(params[''o''][\"j\"])'", &["23"]),
        ("'$(params[\"d.o.t\"])$(params.d.o.t)'", &["44"]),
        ("'$(params.l[*])'", &["x", "", "z"]),
        ("'$(params[\"l\"][*])'", &["x", "", "z"]),
        ("$(params.l)", &["x", "", "z"]),
        ("'$(params.l[2])$(params[\"l\"][0])'", &["zx"]),
        ("'$(params.e[*])'\n    - y", &["y"]),
        ("$(results.r.path)", &["/tekton/results/r"]),
        ("'$(results[\"r\"].path)'", &["/tekton/results/r"]),
        ("$(step.results.o.path)", &["/tekton/steps/step-s/results/o"]),
        ("$(step.artifacts.path)", &["/tekton/steps/step-s/artifacts/provenance.json"]),
        ("$(steps.step-a.exitCode.path)", &["/tekton/steps/step-a/exitCode"]),
        ("x$(steps.a.results.x)", &["x$(steps.a.results.x)"]),
        ("'$(steps.a.results.x[*])'", &["$(steps.a.results.x[*])"]),
        ("$(steps.a.outputs.image)", &["$(steps.a.outputs.image)"]),
        ("$(workspaces.w.path)", &["/workspace/w"]),
        ("$(workspaces.w.bound) $(workspaces.n.bound)", &["true false"]),
        ("<$(workspaces.n.path)$(workspaces.w.volume)$(workspaces.w.claim)>", &["<>"]),
        ("$(context.taskRun.name)", &["t-1"]),
        ("$(context.taskRun.uid)", &["t-1"]),
        ("$(context.taskRun.namespace)", &["default"]),
        ("$(context.task.name)$(context.task.retry-count)", &["t0"]),
        ("$(credentials.path)", &["/tekton/creds"]),
        ("$(date) $(step x) $(echo params.x)", &["$(date) $(step x) $(echo params.x)"]),
        ("$(A)$(B)", &["55$(C)"]),
        ("$$(A) $$$(A) $(NONE)", &["$(A) $5 $(NONE)"]),
        ("$(A", &["$(A"]),
    ];
    for (argument, expected) in cases {
        let plan = planned(&with_argument(argument), "");
        assert_eq!(command(&plan.steps[1]), *expected, "{argument}");
    }
}

#[test]
fn what_is_given_with_p() {
    let cases: &[(&str, &str, &[&str])] = &[
        ("-p v=$(params.o.k)", "$(params.v)", &["$(params.o.k)"]),
        ("-p v=", "x$(params.v)", &["x"]),
        ("-p l=a -p l=b", "'$(params.l[*])'", &["a", "b"]),
        ("-p l=a", "'$(params.l[*])'", &["a"]),
        ("-p l=[\"p\",\"q\"]", "'$(params.l[*])'", &["p", "q"]),
        ("-p o={\"k\":\"9\"}", "$(params.o.k)$(params.o.j)", &["93"]),
        ("--env A=8", "$(A)$(B)", &["88$(C)"]),
        ("--env Z=7", "$(Z)", &["7"]),
    ];
    for (flags, argument, expected) in cases {
        let plan = planned(&with_argument(argument), flags);
        assert_eq!(command(&plan.steps[1]), *expected, "{flags} {argument}");
    }
}

#[test]
fn env_of_the_command_line_wins() {
    let plan = planned(&with_argument("x"), "--env A=8 --env Z=9");
    let env: Vec<_> = plan.steps[1].env.iter().map(|(n, v)| format!("{n}={v}")).collect();
    assert_eq!(env, ["A=8", "Z=9", "B=8$(C)", "C=6"]);
}

#[test]
fn of_two_values_on_the_command_line_the_later_one_wins() {
    let plan = planned(&with_argument("$(A)"), "--env A=8 --env A=9");
    assert_eq!(plan.steps[1].action, Action::Command(vec!["9".to_owned()]));
}

#[test]
fn scripts() {
    let cases = [
        ("|\n      echo $$ $(A) $(date)\n", "#!/bin/sh\nset -e\necho $$ $(A) $(date)\n"),
        ("|\n\n      #!/usr/bin/env python3\n      x\n", "#!/usr/bin/env python3\nx\n"),
        (
            "echo $(steps.step-a.exitCode.path)",
            "#!/bin/sh\nset -e\necho /tekton/steps/step-a/exitCode",
        ),
        (">\n      a\n      b\n", "#!/bin/sh\nset -e\na b\n"),
    ];
    for (text, expected) in cases {
        let file = format!(
            "{TASK}  steps:\n  - {{name: a, command: [x]}}\n  - env: [{{name: A, value: x}}]\n    \
             script: {text}\n"
        );
        assert_eq!(script(&planned(&file, "").steps[1]), expected, "{text}");
    }
}

#[test]
fn a_template_gives_what_a_step_has_not() {
    let text = format!(
        "{TASK}  params: [{{name: p, default: P}}]\n  volumes: [{{name: v, emptyDir: {{}}}}]\n  \
         stepTemplate:\n    command: [c, $(params.p)]\n    args: [d]\n    workingDir: /t\n    \
         env: [{{name: A, value: t}}, {{name: B, value: t}}]\n    \
         volumeMounts: [{{name: v, mountPath: /v}}]\n  steps:\n  - name: a\n    \
         env: [{{name: C, value: s}}, {{name: A, value: s}}]\n  - name: b\n    command: [e]\n    \
         args: []\n    workingDir: /s\n  - name: c\n    script: x\n"
    );
    let plan = planned(&text, "");
    let [a, b, c] = plan.steps.as_slice() else { panic!("three steps") };
    assert_eq!((command(a), command(b)), (vec!["c", "P", "d"], vec!["e"]));
    assert_eq!((script(c), &c.working_dir), ("#!/bin/sh\nset -e\nx", &Some("/t".into())));
    assert_eq!(b.working_dir, Some("/s".into()));
    let env: Vec<_> = a.env.iter().map(|(n, v)| format!("{n}={v}")).collect();
    assert_eq!(env, ["A=s", "B=t", "C=s"]);
    assert_eq!(plan.mounts, [mount("volumes/v", "/v", None)]);
}

#[test]
fn finally_steps_of_the_command_line() {
    let text = format!("{TASK}  steps: [{{name: a, script: x}}, {{name: b, script: x}}]\n");
    let finally = |flags| -> Vec<bool> {
        planned(&text, flags).steps.iter().map(|step| step.finally).collect()
    };
    assert_eq!(finally(""), [false, false]);
    assert_eq!(finally("--finally b"), [false, true]);
    assert_eq!(finally("--finally b --finally a"), [true, true]);
}

/// Every kind of mount, and where variables say it is.
const MOUNTS: &str = "  workspaces:\n  - name: w\n  - {name: x, mountPath: /x}\n  \
    - {name: y, mountPath: /y}\n  - {name: z, mountPath: /workspace/deep/z/}\n  \
    volumes: [{name: v}]\n  steps:\n  - name: a\n    \
    command: [$(workspaces.w.path), $(workspaces.x.path), $(workspaces.y.path), \
    $(workspaces.z.path), $(results.r.path)]\n    workingDir: /workspace/w/sub\n    \
    volumeMounts: [{name: v, mountPath: /v}, {name: v, mountPath: /workspace/v}]\n    \
    workspaces: [{name: w}, {name: x, mountPath: /own}]\n  results: [{name: r}]\n";

#[test]
fn mounts_in_a_namespace() {
    let plan = planned(&format!("{TASK}{MOUNTS}"), "-w x=/home/x");
    let mounts = [
        mount("w", "/workspace/w", None),
        mount("x", "/x", Some("/home/x")),
        mount("y", "/y", None),
        mount("z", "/workspace/deep/z", None),
        mount("volumes/v", "/v", None),
        mount("volumes/v", "/workspace/v", None),
        mount("x", "/own", Some("/home/x")),
    ];
    assert_eq!(plan.mounts, mounts);
    let paths = ["/workspace/w", "/x", "/y", "/workspace/deep/z", "/tekton/results/r"];
    assert_eq!(command(&plan.steps[0]), paths);
    assert_eq!(plan.steps[0].working_dir, Some("/workspace/w/sub".into()));
    let temporary =
        |name| format!("workspace `{name}` is a temporary folder; -w {name}=DIR gives another");
    assert_eq!(plan.notes, [temporary("w"), temporary("y"), temporary("z")]);
}

#[test]
fn mounts_without_a_namespace() {
    let text = format!("{TASK}{MOUNTS}");
    let plan = plan_in(&text, "-w w=/home/w -w x=/home/x -w z=/home/z", &without_namespace());
    let plan = plan.unwrap();
    let mounts = [
        mount("w", "/run/w/w", Some("/home/w")),
        mount("y", "/run/w/y", None),
        mount("z", "/run/w/deep/z", Some("/home/z")),
        mount("volumes/v", "/run/w/v", None),
    ];
    assert_eq!(plan.mounts, mounts);
    let paths = ["/run/w/w", "/home/x", "/run/w/y", "/run/w/deep/z", "/run/t/results/r"];
    assert_eq!(command(&plan.steps[0]), paths);
    assert_eq!(plan.steps[0].working_dir, Some("/run/w/w/sub".into()));
    let notes = [
        "workspace `x` is at /home/x instead of /x, which takes a mount namespace",
        "workspace `y` is a temporary folder; -w y=DIR gives another",
        "workspace `y` is at /run/w/y instead of /y, which takes a mount namespace",
        "volume `v` is not at /v, which takes a mount namespace",
        "workspace `x` is not at /own, which takes a mount namespace",
    ];
    assert_eq!(plan.notes, notes);
}

#[test]
fn a_workspace_that_was_not_given_is_nowhere() {
    let text = format!(
        "{TASK}  workspaces: [{{name: w, optional: true, mountPath: /w}}]\n  steps:\n  \
         - command: [\"<$(workspaces.w.path)>\"]\n    workingDir: $(workspaces.w.path)\n    \
         workspaces: [{{name: w, mountPath: /own}}]\n"
    );
    let plan = planned(&text, "");
    assert_eq!((plan.mounts, plan.notes), (vec![], Vec::<String>::new()));
    assert_eq!((command(&plan.steps[0]), &plan.steps[0].working_dir), (vec!["<>"], &None));
}

#[test]
fn a_byte_order_mark_is_no_content() {
    let text = format!("\u{feff}{TASK}  steps: [{{command: [x]}}]\n");
    assert_eq!(command(&planned(&text, "").steps[0]), ["x"]);
}

#[test]
fn a_pod() {
    let text = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  restartPolicy: Never\n  \
                volumes: [{name: v, emptyDir: {medium: Memory}}]\n  containers:\n  - name: a\n    \
                image: x\n    command: [sh, -c, 'echo $(A) $(params.x) $$(A) $(steps.b.results.x)']\n    \
                env: [{name: A, value: '1'}]\n    volumeMounts: [{name: v, mountPath: /v}]\n  \
                - {name: b, command: [y]}\n";
    let plan = planned(text, "");
    let expected = "echo 1 $(params.x) $(A) $(steps.b.results.x)";
    assert_eq!(command(&plan.steps[0]), ["sh", "-c", expected]);
    assert_eq!(plan.steps[1].name, "b");
    assert_eq!(plan.mounts, [mount("volumes/v", "/v", None)]);
    let note = "ignored, since steps are processes of this machine: Pod restartPolicy, image";
    assert_eq!(plan.notes, [note]);
}
