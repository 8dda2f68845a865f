//! What steps see of the machine.

use std::fs;
use std::process::Command;

use nix::unistd::Uid;
use std::os::unix::fs::MetadataExt as _;

use crate::runner::{Home, Running, binary};

#[test]
fn the_fixed_places_are_there_and_the_host_stays_as_it_is() {
    let home = Home::new();
    fs::create_dir(home.path("src")).unwrap();
    let workspace = "  workspaces: [{name: source}]\n";
    let script =
        "pwd; echo made > $(workspaces.source.path)/made; cd /tekton; ls -d results; touch /x";
    home.task_with(workspace, &[("one", script)]);
    let finished = home.run(&["-w", "source=src"]);
    assert_eq!(finished.lines_of("one"), ["/workspace", "results"]);
    finished.ended_with(0);
    assert_eq!(fs::read_to_string(home.path("src/made")).unwrap(), "made\n");
    assert_eq!(fs::metadata(home.path("src/made")).unwrap().uid(), Uid::current().as_raw());
    for path in ["/x", "/tekton/results", "/workspace/source"] {
        assert!(!fs::exists(path).unwrap(), "{path}");
    }
}

#[test]
fn a_workspace_can_be_anywhere_and_leaves_no_trace_on_the_host() {
    let home = Home::new();
    fs::create_dir(home.path("data")).unwrap();
    for place in ["/new-folder", "/usr/lib/holdpoint-test/deep"] {
        let workspace = format!("  workspaces: [{{name: data, mountPath: {place}}}]\n");
        home.task_with(
            &workspace,
            &[("one", &format!("cd {place}; pwd > seen; ls /usr/lib | wc -l"))],
        );
        let finished = home.run(&["-w", "data=data"]);
        let entries: usize = finished.lines_of("one")[0].parse().unwrap();
        assert!(entries > 1, "what else is there stays in sight");
        finished.ended_with(0);
        assert_eq!(fs::read_to_string(home.path("data/seen")).unwrap().trim(), place);
        assert!(!fs::exists(place).unwrap());
    }
}

#[test]
fn a_working_folder_is_made_where_it_is_missing() {
    let home = Home::new();
    home.task_with("  stepTemplate: {workingDir: a/b}\n", &[("one", "pwd")]);
    let finished = home.run(&[]);
    assert_eq!(finished.lines_of("one"), ["/workspace/a/b"]);
}

#[test]
fn a_working_folder_that_is_a_file_fails_its_step() {
    let home = Home::new();
    let steps = "{name: one, script: pwd}, {name: two, script: pwd, workingDir: /etc/passwd}, \
                 {name: three, script: pwd}";
    let task = format!(
        "{{apiVersion: tekton.dev/v1, kind: Task, metadata: {{name: t}}, spec: {{steps: [{steps}]}}}}"
    );
    home.file("task.yaml", &task);
    let finished = home.run(&[]);
    let said = "holdpoint: /etc/passwd cannot be the step's working directory: Not a directory";
    assert!(finished.stdout.contains(said), "{finished:#?}");
    assert!(finished.stdout.contains("three: skipped"), "{finished:#?}");
    finished.ended_with(1);
}

/// In a user namespace that may have no mount namespaces below it.
#[test]
#[expect(clippy::print_stdout, reason = "a test that cannot run here says so")]
fn where_namespaces_are_refused_variables_point_into_the_run() {
    let home = Home::new();
    let spec = "  workspaces: [{name: w}]\n  results: [{name: r}]\n";
    let script = "cd $(workspaces.w.path); pwd; echo -n found > $(results.r.path)";
    home.task_with(spec, &[("one", script), ("two", "echo second")]);
    let refused = "echo 0 > /proc/sys/user/max_mnt_namespaces && exec \"$@\"";
    let words = ["-Ur", "sh", "-c", refused, "sh", binary(), "run", "task.yaml"];
    let finished = Running::start(home.here(Command::new("unshare"), &words)).finish();
    if finished.stderr.contains("unshare:") {
        return println!("skipped: this machine has no user namespaces");
    }
    let warnings = finished.stdout.matches("steps find /tekton and /workspace below").count();
    assert_eq!(warnings, 1, "{finished:#?}");
    assert!(finished.lines_of("one")[0].starts_with("/"), "{finished:#?}");
    assert_eq!(finished.lines_of("two"), ["second"]);
    assert!(finished.stdout.contains("result r = found"), "{finished:#?}");
    finished.ended_with(0);
}

#[test]
#[expect(clippy::print_stdout, reason = "a test that cannot run here says so")]
fn verbs_find_a_run_that_has_no_view_of_its_own() {
    let home = Home::new();
    home.task(&[("one", "exit 7"), ("two", "echo second")]);
    let refused = "echo 0 > /proc/sys/user/max_mnt_namespaces && exec \"$@\"";
    let words = ["-Ur", "sh", "-c", refused, "sh", binary(), "run", "task.yaml"];
    let words = [&words[..], &["-b", "on-failure"]].concat();
    let mut run = Running::start(home.here(Command::new("unshare"), &words));
    if !run.has_line("to go on") {
        return println!("skipped: this machine has no user namespaces");
    }
    home.verb(&["pause"]).ended_with(0);
    let typed = home.file("typed", "pwd; exit\n");
    let mut shell = home.holdpoint(&["shell"]);
    shell.stdin(fs::File::open(typed).unwrap());
    let folder = Running::start(shell).finish().ended_with(0);
    assert_eq!(folder.trim(), home.run_folder().join("workspace").to_str().unwrap());
    home.verb(&["retry", "--", "true"]).ended_with(0);
    run.wait_for("two: is paused");
    home.verb(&["resume"]).ended_with(0);
    let finished = run.finish();
    assert_eq!(finished.lines_of("two"), ["second"]);
    finished.ended_with(0);
}
