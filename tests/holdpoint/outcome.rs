//! How a run ends, and how it says so.

use serde_json::json;

use crate::runner::Home;

#[test]
fn the_exit_code_is_that_of_the_first_step_that_failed() {
    for (scripts, code) in [
        (["true", "true"], 0),
        (["exit 7", "exit 8"], 7),
        (["true", "exit 255"], 255),
        (["kill -TERM $$", "true"], 143),
        (["#!/no/such/shell\n", "true"], 127),
    ] {
        let home = Home::new();
        home.task(&[("one", scripts[0]), ("two", scripts[1])]);
        home.run(&[]).ended_with(code);
    }
}

#[test]
fn steps_run_in_order_and_none_after_a_failure() {
    let home = Home::new();
    let say = "echo $0 >> /workspace/log; cat /workspace/log";
    home.task(&[("a", say), ("b", &format!("{say}; exit 3")), ("c", say)]);
    let finished = home.run(&[]);
    assert_eq!(
        finished.lines_of("b")[..2],
        ["/tekton/scripts/script-0", "/tekton/scripts/script-1"]
    );
    assert!(finished.lines_of("c").iter().all(|line| !line.starts_with("/tekton/scripts")));
    let stdout = finished.ended_with(3);
    assert!(stdout.contains("\nb: exited with 3"), "{stdout}");
    assert!(stdout.contains("\nc: skipped: step `b` failed\n"), "{stdout}");
}

#[test]
fn json_is_all_that_stdout_has() {
    let home = Home::new();
    let spec = "  results: [{name: digest}, {name: list}, {name: none}]\n";
    let script =
        "printf abc > $(results.digest.path); printf '[\"a\",\"b\"]' > $(results.list.path)";
    home.task_with(spec, &[("build", script), ("test", "echo seen; exit 7"), ("last", "true")]);
    let finished = home.run(&["-o", "json"]);
    assert_eq!(finished.code, Some(7));
    assert!(finished.stderr.contains("test  | seen\n"), "{finished:#?}");
    assert_eq!(finished.stdout.lines().count(), 1);
    let mut outcome = finished.json();
    assert!(outcome["run"].as_str().unwrap().starts_with("task-"));
    assert!(outcome["seconds"].as_f64().unwrap() > 0.0);
    for index in [0, 1] {
        let step = outcome["steps"][index].as_object_mut().unwrap();
        assert!(step.remove("startedAt").unwrap().as_str().unwrap().ends_with('Z'));
        assert!(step.remove("seconds").unwrap().as_f64().unwrap() >= 0.0);
    }
    let step = |name: &str, reason, code: i32| json!({"name": name, "phase": "finished", "reason": reason, "exitCode": code, "attempt": 1});
    let last = json!({
        "name": "last", "phase": "finished", "reason": "Skipped", "exitCode": null, "attempt": 0,
        "startedAt": null, "seconds": null,
    });
    let expected = json!({
        "run": outcome["run"], "status": "failed", "exitCode": 7, "seconds": outcome["seconds"],
        "steps": [step("build", json!(null), 0), step("test", json!("Failed"), 7), last],
        "results": {"digest": "abc", "list": ["a", "b"]},
    });
    assert_eq!(outcome, expected);
}

#[test]
fn a_failure_that_is_passed_over_is_none() {
    let home = Home::new();
    home.file(
        "task.yaml",
        "apiVersion: tekton.dev/v1\nkind: Task\nmetadata: {name: t}\nspec:\n  steps:\n  \
         - {name: lint, onError: continue, script: exit 3}\n  - {name: next, script: echo ran}\n",
    );
    let finished = home.run(&[]);
    assert_eq!(finished.lines_of("next"), ["ran"]);
    let stdout = finished.ended_with(0);
    assert!(stdout.contains("; the run goes on\n"), "{stdout}");
    assert!(stdout.contains("lint  failed (3), passed over"), "{stdout}");
}

#[test]
fn quiet_leaves_only_what_matters() {
    let home = Home::new();
    home.task(&[("one", "echo said"), ("two", "exit 3")]);
    let stdout = home.run(&["--quiet"]).ended_with(3);
    let lines: Vec<_> = stdout.lines().collect();
    assert_eq!(lines[0], "one | said");
    assert!(lines[1].starts_with("two: exited with 3 after"), "{stdout}");
    assert!(lines[2].contains(": failed after") && lines[2].ends_with(", exit 3"), "{stdout}");
    assert_eq!(lines.len(), 3, "{stdout}");
}

#[test]
fn bytes_of_a_step_pass_as_they_are() {
    let home = Home::new();
    home.task(&[
        ("one", "printf 'no line break'"),
        ("two", "head -c 200000 /dev/zero | tr '\\0' x"),
    ]);
    let finished = home.run(&[]);
    assert_eq!(finished.lines_of("one"), ["no line break"]);
    assert_eq!(finished.lines_of("two").iter().map(|line| line.len()).sum::<usize>(), 200_000);
}

#[test]
fn what_cannot_be_run_is_said_before_anything_runs() {
    let home = Home::new();
    home.task(&[("one", "true")]);
    for (flags, problem) in [
        (&["run", "no.yaml"][..], "no.yaml: No such file"),
        (&["run", "task.yaml", "-p", "x"], "it is NAME=VALUE"),
        (&["run", "task.yaml", "-w", "x=none"], "none: No such file"),
        (&["run", "task.yaml", "--breakpoint", "after:two"], "there is no step `two`"),
        (&["run", "task.yaml", "-o", "xml"], "invalid value 'xml'"),
        (&["walk"], "unrecognized subcommand 'walk'"),
    ] {
        let finished = home.verb(flags);
        assert_eq!(finished.code, Some(2), "{finished:#?}");
        assert!(finished.stderr.contains(problem), "{problem}: {finished:#?}");
        assert_eq!(finished.stdout, "");
    }
    let runs = home.path("state/holdpoint/runs");
    assert_eq!(std::fs::read_dir(runs).unwrap().count(), 0, "a run that never began is removed");
}
