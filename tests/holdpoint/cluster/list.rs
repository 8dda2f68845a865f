//! The runs of a cluster, and what ends their holds and pauses.

use holdpoint_tests::{Fault, matches};
use serde_json::{Value, json};

use super::setting::{STEPS, Setting, labelled, pod};
use super::worlds::plugin;

const ON_FAILURE: [(&str, &str); 1] = [("breakpoint", "on-failure")];

/// A run that is held, one that is paused by its annotation, one that runs and one that has ended.
fn busy() -> Setting {
    let setting = Setting::new();
    let runs = setting.home.blocks_on("gate", "true");
    setting.run(pod("running", &[], &[("build", &runs)]));
    setting.reaches("running", 0, "running");
    setting.run(labelled(pod("held", &ON_FAILURE, &STEPS), "tekton.dev/taskRun", "fix"));
    setting.reaches("held", 0, "held-failed");
    setting.run(pod("paused", &[("pause", "look first")], &STEPS));
    setting.reaches("paused", 0, "paused");
    setting.run(pod("over", &[], &[("build", "true")]));
    setting.codes("over");
    setting
}

fn end(setting: &Setting) {
    setting.home.unblock("gate");
    setting.codes("running");
}

#[test]
fn held_runs_come_first_with_what_ends_them() {
    let setting = busy();
    let told = plugin(&setting, &["list"]).ended_with(0);
    let pattern = "\
RUN          STATUS       STEP   SINCE      NEEDS                 END IT WITH
taskrun/fix  held-failed  build  …Z  get,create pods/exec  kubectl holdpoint retry taskrun/fix -n default
pod/paused   paused       build  …Z  patch pods            kubectl holdpoint resume pod/paused --by annotate -n default
pod/running  running      build  …Z  -                     -
";
    assert!(matches(pattern, &told), "{told}");
    let held = setting.type_in("list -n default --held").ended_with(0);
    assert_eq!(held.lines().count(), 3, "{held}");
    assert!(held.contains("  holdpoint retry taskrun/fix -n default"), "{held}");
    end(&setting);
}

#[test]
fn what_is_typed_ends_the_wait() {
    let setting = busy();
    let rows = setting.type_in("list -n default --held -o json").json();
    for row in rows.as_array().unwrap() {
        let command = row["endWith"][0]["command"].as_str().unwrap();
        setting.type_in(command.strip_prefix("holdpoint ").unwrap()).ended_with(0);
    }
    setting.reaches("held", 0, "held-failed");
    assert_eq!(setting.state("held", 0).unwrap()["attempt"], 2);
    assert_eq!(setting.codes("paused"), [7, 1]);
    end(&setting);
}

#[test]
fn each_form_has_what_it_is_for() {
    let setting = busy();
    let names = setting.type_in("list -n default --held -o name").ended_with(0);
    assert_eq!(names, "taskrun/fix\npod/paused\n");
    let yaml = setting.type_in("list -n default --held -o yaml").ended_with(0);
    assert!(yaml.contains("run: taskrun/fix\n") && yaml.contains("needs: patch pods\n"), "{yaml}");
    let wide = setting.type_in("list -A --held -o wide").ended_with(0);
    assert!(wide.starts_with("NAMESPACE  RUN          STATUS "), "{wide}");
    for part in
        ["UNTIL", "continue,fail-continue,breakpointexit,fail,cancel", "step `build` exited with 7"]
    {
        assert!(wide.contains(part), "{wide}");
    }
    end(&setting);
}

#[test]
fn namespaces_and_labels_are_told_apart() {
    let setting = Setting::held();
    let mut other = labelled(pod("two", &ON_FAILURE, &STEPS), "app", "shop");
    other["metadata"]["namespace"] = json!("ci");
    setting.run(other);
    let listed = |line: &str| setting.type_in(line).ended_with(0);
    assert_eq!(listed("list -n default -o name"), "pod/one\n");
    let runs = |line: &str| -> Vec<String> {
        let rows = setting.type_in(line).json();
        let called =
            |row: &Value| format!("{} in {}", row["run"].as_str().unwrap(), row["namespace"]);
        rows.as_array().unwrap().iter().map(called).collect()
    };
    assert_eq!(runs("list -A -o json"), ["pod/two in \"ci\"", "pod/one in \"default\""]);
    assert_eq!(runs("list -A -l app=shop -o json"), ["pod/two in \"ci\""]);
    assert!(listed("list -A").contains("holdpoint retry pod/one -n default"));
    listed("cancel-run pod/two -n ci");
}

#[test]
fn an_empty_list_says_where_else_to_look() {
    let setting = Setting::new();
    let told = setting.type_in("list -n ci --held");
    assert_eq!((told.code, told.stdout.as_str()), (Some(0), ""), "{told:?}");
    for part in
        ["no run is held or paused in namespace ci; -A looks in all", "`holdpoint list` without"]
    {
        assert!(told.stderr.contains(part), "{told:?}");
    }
    assert_eq!(setting.type_in("list -A -o json").ended_with(0), "[]\n");
    let here = setting.type_in("list").ended_with(0);
    assert!(here.starts_with("no runs on this machine") && here.contains("kubectl holdpoint list"));
    let here = setting.type_in("list --held").ended_with(0);
    assert!(here.starts_with("no run on this machine is held or paused"), "{here}");
}

#[test]
fn a_list_without_flags_of_a_cluster_is_that_of_this_machine() {
    let setting = Setting::held();
    setting.home.task(&[("here", "exit 7")]);
    let mut run = setting.home.start(&["-b", "on-failure"]);
    run.wait_for("to go on");
    let asked = setting.api.requests().len();
    let names = setting.type_in("list --held -o name").ended_with(0);
    assert!(names.starts_with("task-"), "{names}");
    assert!(setting.type_in("list -o yaml").ended_with(0).contains("status: held\n"));
    let told = setting.type_in("list -o wide");
    assert_eq!(told.code, Some(2), "{told:?}");
    assert!(told.stderr.contains("-o wide is for the runs of a cluster"), "{told:?}");
    assert_eq!(setting.api.requests().len(), asked);
    setting.type_in("continue").ended_with(0);
    run.finish().ended_with(0);
}

#[test]
fn where_commands_are_forbidden_a_hold_is_told_by_the_probe() {
    let setting = Setting::held();
    setting.api.fault("GET", "/exec", Fault::forbidden());
    let told = setting.type_in("list -n default --held");
    assert!(told.stderr.contains("pod/one is not looked into: commands in pods"), "{told:?}");
    let told = told.ended_with(0);
    assert!(told.contains("pod/one  -       build  "), "{told}");
    setting.api.heal();
    setting.api.fault("GET", "/pods", Fault::forbidden());
    let told = setting.type_in("list -A");
    assert_eq!(told.code, Some(4), "{told:?}");
    assert!(told.stderr.starts_with("holdpoint: cannot list pods: forbidden"), "{told:?}");
}

#[test]
fn names_of_all_namespaces_are_refused() {
    let told = Setting::new().type_in("list -A -o name");
    assert_eq!(told.code, Some(2), "{told:?}");
    assert!(told.stderr.contains("give that with -n, or take -o json"), "{told:?}");
}
