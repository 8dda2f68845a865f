//! The verbs of a held step.

use crate::cluster::Cluster;
use crate::namespace::{Namespace, ended, named, pod};

/// A first step that fails, and one behind it.
pub(crate) const STEPS: [(&str, &str); 2] = [("build", "exit 7"), ("test", "true")];

/// Makes a pod of these steps that is to be held where the annotations say.
pub(crate) fn run(namespace: &Namespace, name: &str, annotations: &[(&str, &str)]) {
    let annotations = [&[("inject", "true")], annotations].concat();
    namespace.make(&named(name, pod(&annotations, &STEPS))).well();
}

/// Gives each line to a pod of its own whose first step is held in this phase; `POD` stands for its name.
/// The codes are those of the steps in the end.
pub(crate) fn each(breakpoint: &str, phase: &str, rows: &[(&str, [i64; 2])]) {
    let Some(cluster) = Cluster::found() else { return };
    let namespace = cluster.namespace();
    let names: Vec<_> = (0..rows.len()).map(|index| format!("tried-{index}")).collect();
    for name in &names {
        run(&namespace, name, &[("breakpoint", breakpoint)]);
    }
    for (name, (line, _)) in names.iter().zip(rows) {
        namespace.wait_for_phase(&format!("pod/{name}"), "build", phase);
        let told = namespace.type_in(&line.replace("POD", &format!("pod/{name}"))).well();
        assert!(told.starts_with(&format!("pod/{name}")), "{line}: {told}");
        assert!(told.contains(": accepted: "), "{line}: {told}");
    }
    for (name, (line, codes)) in names.iter().zip(rows) {
        assert_eq!(namespace.codes(name), codes, "{line}");
    }
}

#[test]
fn each_ends_the_hold_of_a_step_that_failed() {
    each(
        "on-failure",
        "held-failed",
        &[
            ("continue POD", [0, 0]),
            ("fail-continue POD", [1, 0]),
            ("breakpointexit POD", [7, 0]),
            ("fail POD", [7, 1]),
            ("cancel POD", [9, 1]),
            ("retry POD -- /bin/true", [0, 0]),
        ],
    );
}

#[test]
fn each_ends_a_hold_before_a_step() {
    each(
        "before:build",
        "held-before",
        &[("before-continue POD", [7, 1]), ("before-fail POD", [1, 1]), ("skip POD", [0, 0])],
    );
}

#[test]
fn a_failed_step_is_held_repaired_and_retried() {
    let Some(cluster) = Cluster::found() else { return };
    let namespace = cluster.namespace();
    let annotations = [("inject", "true"), ("breakpoint", "on-failure"), ("finally", "clean")];
    let scripts = [
        ("build", "true"),
        ("test", "test -f /tmp/repaired"),
        ("deploy", "true"),
        ("clean", "true"),
    ];
    namespace.make(&pod(&annotations, &scripts)).well();
    namespace.wait_for_phase("pod/tried", "test", "held-failed");
    let again = namespace.type_in("retry pod/tried --until held --timeout 2m").well();
    assert!(again.contains("test: accepted: "), "{again}");
    namespace.in_shell("shell pod/tried", "touch /tmp/repaired").well();
    namespace.type_in("retry pod/tried --until finished --timeout 2m").well();
    let pod = namespace.wait_for_end("tried");
    assert_eq!(pod["status"]["phase"], "Succeeded", "{pod:#}");
    for step in ["build", "test", "deploy", "clean"] {
        assert_eq!(ended(&pod, step)["exitCode"], 0, "{step}: {pod:#}");
    }
}

#[test]
fn a_hold_with_a_limit_is_extended() {
    let Some(cluster) = Cluster::found() else { return };
    let namespace = cluster.namespace();
    run(&namespace, "tried", &[("breakpoint", "on-failure"), ("breakpoint-timeout", "1h")]);
    namespace.wait_for_phase("pod/tried", "build", "held-failed");
    let told = namespace.type_in("extend pod/tried 3h").well();
    assert!(told.contains("build: accepted: "), "{told}");
    namespace.type_in("fail pod/tried").well();
    assert_eq!(namespace.codes("tried"), [7, 1]);
}

#[test]
fn what_cannot_be_is_rejected_and_what_takes_too_long_is_told() {
    let Some(cluster) = Cluster::found() else { return };
    let namespace = cluster.namespace();
    run(&namespace, "tried", &[("breakpoint", "on-failure")]);
    namespace.wait_for_phase("pod/tried", "build", "held-failed");
    let told = namespace.type_in("before-continue pod/tried").ended_with(3);
    assert!(told.contains("build: rejected: "), "{told}");
    let told = namespace.type_in("pause pod/tried --until finished --timeout 1s").ended_with(5);
    assert!(told.contains("pod/tried: timed-out: "), "{told}");
    namespace.type_in("retry pod/tried --step six").ended_with(2);
    namespace.type_in("retry pod/none").ended_with(4);
    namespace.type_in("cancel-run pod/tried").well();
    assert_eq!(namespace.codes("tried"), [9, 9]);
    namespace.type_in("retry pod/tried").ended_with(3);
}
