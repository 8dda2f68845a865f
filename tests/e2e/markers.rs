//! The verbs of a run: by a command in its pods, and by annotation.

use crate::cluster::Cluster;
use crate::namespace::{ended, pod, row};
use crate::verbs::{each, run};

#[test]
fn each_ends_a_run_in_its_own_way() {
    each(
        "on-failure",
        "held-failed",
        &[
            ("stop-finally POD", [7, 1]),
            ("stop POD --finally not today", [7, 1]),
            ("cancel-finally POD", [9, 9]),
            ("abort POD", [7, 1]),
            ("cancel-run POD wrong branch", [9, 9]),
        ],
    );
}

#[test]
fn finally_steps_run_where_a_run_is_stopped_gracefully() {
    let Some(cluster) = Cluster::found() else { return };
    let namespace = cluster.namespace();
    let annotations = [("inject", "true"), ("breakpoint", "on-failure"), ("finally", "clean")];
    namespace
        .make(&pod(&annotations, &[("test", "false"), ("deploy", "true"), ("clean", "true")]))
        .well();
    namespace.wait_for_phase("pod/tried", "test", "held-failed");
    namespace.type_in("stop pod/tried wrong branch").well();
    let pod = namespace.wait_for_end("tried");
    assert_eq!(pod["status"]["phase"], "Failed", "{pod:#}");
    assert_eq!(ended(&pod, "test")["exitCode"], 1);
    assert_eq!(row(&ended(&pod, "deploy"), "Reason"), "Stopped", "{pod:#}");
    assert_eq!(ended(&pod, "clean")["exitCode"], 0, "{pod:#}");
}

#[test]
fn a_pause_holds_the_next_step_until_it_is_resumed() {
    let Some(cluster) = Cluster::found() else { return };
    let namespace = cluster.namespace();
    run(&namespace, "tried", &[("breakpoint", "on-failure")]);
    namespace.wait_for_phase("pod/tried", "build", "held-failed");
    namespace.type_in("pause pod/tried look first").well();
    namespace.type_in("continue pod/tried --until finished --timeout 2m").well();
    namespace.wait_for_phase("pod/tried", "test", "paused");
    namespace.type_in("resume pod/tried --until finished --timeout 2m").well();
    assert_eq!(namespace.codes("tried"), [0, 0]);
}

#[test]
fn breakpoints_are_set_and_taken_away() {
    let Some(cluster) = Cluster::found() else { return };
    let namespace = cluster.namespace();
    run(&namespace, "tried", &[("breakpoint", "on-failure")]);
    namespace.wait_for_phase("pod/tried", "build", "held-failed");
    namespace.type_in("breakpoint pod/tried before:test").well();
    namespace.type_in("continue pod/tried").well();
    namespace.wait_for_phase("pod/tried", "test", "held-before");
    namespace.type_in("breakpoint pod/tried off").well();
    namespace.type_in("before-continue pod/tried").well();
    assert_eq!(namespace.codes("tried"), [0, 0]);
}

/// It comes through the downward API, and ends with its annotation.
#[test]
fn an_annotation_pauses_a_run() {
    let Some(cluster) = Cluster::found() else { return };
    let namespace = cluster.namespace();
    let first = "until test -f /tmp/go; do sleep 1; done";
    namespace.make(&pod(&[("inject", "true")], &[("first", first), ("second", "true")])).well();
    namespace.wait_for_phase("pod/tried", "first", "running");
    let told = namespace.type_in("pause pod/tried --by annotate --wait 4m look at the logs").well();
    assert!(told.starts_with("pod/tried: accepted: "), "{told}");
    namespace.wait_for_state("pod/tried", "first", "the pause is seen", |state| {
        let markers = state["markers"].as_array();
        markers.is_some_and(|markers| {
            markers.iter().any(|it| it["name"] == "pause" && it["reason"] == "look at the logs")
        })
    });
    namespace.in_shell("shell pod/tried --step first", "touch /tmp/go").well();
    namespace.wait_for_phase("pod/tried", "second", "paused");
    namespace.type_in("resume pod/tried --by annotate --wait 4m").well();
    assert_eq!(namespace.codes("tried"), [0, 0]);
}
