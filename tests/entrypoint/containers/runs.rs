//! Markers of a run, set and ended from whatever container there is to type in (2.2, 2.7).

use holdpoint_tests::{Image, Pod, Post};

use super::pod;

#[test]
fn a_pause_of_a_step_that_has_ended_is_resumed_from_a_later_one() {
    let Some(pod) = pod(&["one", "two", "three"]) else { return };
    let mut third = pod.step(2).succeeding().start();
    let mut second = pod.step(1).image(Image::Distroless).succeeding().start();
    let mut first = pod.step(0).image(Image::Distroless).until("go").start();
    third.reaches("waiting");
    second.reaches("waiting");
    first.reaches("running");
    let said = first.verb(["pause", "look", "first"]);
    assert_eq!(said.code, 0, "{}", said.text);
    pod.write("go", "");
    assert_eq!((first.ends().code, pod.posted(0)), (0, Post::Done));
    let message = second.reaches("paused")["message"].to_string();
    assert!(message.contains("look first"), "{message}");

    let said = second.script("debug-resume", [""; 0]);
    assert_eq!(said.code, 0, "{}", said.text);
    assert_eq!((second.ends().code, pod.posted(1)), (0, Post::Done));
    assert_eq!((third.ends().code, pod.posted(2)), (0, Post::Done));
    // The folder of the step that is gone was nobody's to write to.
    assert!(pod.read("tekton/run/0/pause").is_some());
    assert!(pod.read("tekton/run/1/resume").is_some());
}

/// How a step ends: exit code, reason.
type End = (i32, &'static str);

/// A verb, and what becomes of the step that runs, of the one that waits, and of a finally step.
const RUN_VERBS: [(&str, [End; 3]); 4] = [
    ("stop-finally", [(0, ""), (1, "Stopped"), (0, "")]),
    ("cancel-finally", [(9, "Cancelled"), (9, "Cancelled"), (0, "")]),
    ("abort", [(0, ""), (1, "Aborted"), (1, "Aborted")]),
    ("cancel-run", [(9, "Cancelled"), (9, "Cancelled"), (9, "Cancelled")]),
];

#[test]
fn a_run_is_stopped_from_any_container() {
    for (verb, ends) in RUN_VERBS {
        for from in 0..3 {
            stop_a_run(verb, from, ends);
        }
    }
}

fn stop_a_run(verb: &str, from: usize, ends: [End; 3]) {
    let Some(pod) = pod(&["runs", "waits", "cleans-up"]) else { return };
    let mut containers = [
        pod.step(0).image(Image::Distroless).until("go").start(),
        pod.step(1).image(Image::Distroless).succeeding().start(),
        pod.step(2).image(Image::Distroless).flags(["-finally"]).succeeding().start(),
    ];
    for (container, phase) in containers.iter_mut().zip(["running", "waiting", "waiting"]) {
        container.reaches(phase);
    }
    let said = containers[from].verb([verb, "wrong", "branch"]);
    assert_eq!(said.code, 0, "{verb} from {from}: {}", said.text);
    pod.write("go", "");
    let found = containers.map(|container| container.ends().code);
    assert_eq!(found, ends.map(|end| end.0), "{verb} from {from}");
    for (number, (code, reason)) in ends.into_iter().enumerate() {
        let told = pod.told(number, "Reason").unwrap_or_default();
        assert_eq!(told, reason, "{verb} from {from}: step {number}");
        let post = if code == 0 { Post::Done } else { Post::Failed };
        assert_eq!(pod.posted(number), post, "{verb} from {from}: step {number}");
    }
}

#[test]
fn a_held_step_that_is_failed_lets_the_finally_step_of_another_container_run() {
    let Some(pod) = pod(&["fails", "waits", "cleans-up"]) else { return };
    let clean_up = pod.step(2).flags(["-finally"]).shell("echo cleaned >> /workspace/log").start();
    let waits = pod.step(1).shell("echo ran >> /workspace/log").start();
    let mut fails = pod.step(0).flags(["-breakpoint_on_failure"]).failing().start();
    fails.reaches("held-failed");
    assert_eq!(fails.script("debug-fail", [""; 0]).code, 0);
    assert_eq!([fails, waits, clean_up].map(|container| container.ends().code), [1, 1, 0]);
    assert_eq!(pod.log(), ["cleaned"]);
    assert_eq!(reasons(&pod), ["", "Stopped", ""]);
}

fn reasons(pod: &Pod) -> [String; 3] {
    [0, 1, 2].map(|number| pod.told(number, "Reason").unwrap_or_default())
}
