//! A plain pod through holds, retries, pauses and stops.

use holdpoint_tests::{LivePod, Said, fixtures};
use serde_json::{Value, json};

use super::{DELIVERIES, accepted, asking, codes, ends, injected, log};

/// Fails until somebody has made `/shared/fixed`.
const TEST: &str = "echo test >> log; test -e fixed";

fn ready() -> Said {
    Said { code: 0, text: String::new() }
}

#[test]
fn a_failed_step_is_held_repaired_and_retried() {
    for delivery in DELIVERIES {
        let annotations = [("breakpoint", "on-failure"), ("finally", "clean")];
        let steps =
            [("build", "echo build >> log"), ("test", TEST), ("clean", "echo clean >> log")];
        let Some(pod) = injected(&asking(&annotations, &steps), delivery) else { return };
        let mut containers = pod.start_all();
        let state = containers[1].reaches("held-failed");
        assert_eq!((&state["step"], &state["exitCode"]), (&json!("test"), &json!(1)));
        containers[2].reaches("waiting");
        let told = pod.probe(&containers[1]);
        assert_eq!(told.code, 1);
        assert!(told.text.starts_with("step `test` exited with 1 after "), "{}", told.text);
        assert_eq!(pod.probe(&containers[2]), ready());

        // Where nobody could place the scripts, the verbs are there all the same.
        let by_script = containers[1].script("debug-status", ["-o", "json"]);
        assert_eq!(by_script.code == 0, delivery == "init-container", "{}", by_script.text);
        assert_eq!(containers[1].exec(["touch", "/shared/fixed"]).code, 0);
        accepted(&containers[1], &["retry"]);
        let ends = ends(containers);
        assert_eq!(codes(&ends), [0, 0, 0], "{ends:?}");
        assert_eq!(log(&pod), ["build", "test", "test", "clean"]);
        assert!(pod.told("test", "StartedAt").is_some(), "{}", pod.message("test"));
    }
}

/// The pod of a cluster, as its API server had it: hold, pause, retry, and in another one a stop.
#[test]
fn a_pod_of_a_cluster_is_held_and_goes_on() {
    for delivery in DELIVERIES {
        let Some(mut review) = fixtures::review("plain") else { return };
        let plain = review["request"]["object"].take();
        let Some(pod) = injected(&plain, delivery) else { return };
        let mut containers = pod.start_all();
        assert_eq!(containers[1].reaches("held-failed")["exitCode"], 2);
        assert_eq!([1, 2].map(|at| pod.probe(&containers[at]).code), [1, 0]);
        pod.annotate("holdpoint.dev/pause", Some("not yet"));
        containers[2].until("told of the pause", |state| state["markers"][0]["name"] == "pause");
        accepted(&containers[1], &["retry", "--", "true"]);
        containers[2].reaches("paused");
        pod.annotate("holdpoint.dev/pause", None);
        let all = ends(containers);
        assert_eq!(codes(&all), [0, 0, 0], "{all:?}");
        assert!(all[2].output.ends_with("\nclean\n"), "{all:?}");

        let Some(pod) = injected(&plain, delivery) else { return };
        let mut containers = pod.start_all();
        containers[1].reaches("held-failed");
        pod.annotate("holdpoint.dev/stop-finally", Some("wrong branch"));
        let all = ends(containers);
        assert_eq!(codes(&all), [0, 2, 0], "{all:?}");
        assert_eq!(all[2].output, "clean\n");
    }
}

#[test]
fn a_pause_is_an_annotation_set_and_taken_away() {
    let steps = [
        ("one", "echo one >> log; until test -e go; do sleep 0.1; done"),
        ("two", "echo two >> log"),
    ];
    let pod = asking(&[("breakpoint", "on-failure")], &steps);
    for delivery in DELIVERIES {
        let Some(pod) = injected(&pod, delivery) else { return };
        let mut containers = pod.start_all();
        containers[0].reaches("running");
        pod.annotate("holdpoint.dev/pause", Some("look at the logs"));
        let is_told = |state: &Value| !state["markers"].as_array().unwrap().is_empty();
        containers[0].until("paused behind its command", is_told);
        assert_eq!(containers[0].exec(["touch", "/shared/go"]).code, 0);
        let message = containers[1].reaches("paused")["message"].to_string();
        assert!(message.contains("look at the logs"), "{message}");
        let told = pod.probe(&containers[1]);
        assert_eq!((told.code, told.text.contains("look at the logs")), (1, true), "{}", told.text);
        assert_eq!(log(&pod), ["one"]);
        pod.annotate("holdpoint.dev/pause", None);
        assert_eq!(codes(&ends(containers)), [0, 0]);
        assert_eq!(log(&pod), ["one", "two"]);
    }
}

/// An annotation that comes later, and how the step that runs, the next one and the finally step end.
const STOPS: [(&str, [i32; 3], [&str; 3]); 4] = [
    ("stop-finally", [0, 1, 0], ["", "Stopped", ""]),
    ("cancel-finally", [9, 9, 0], ["Cancelled", "Cancelled", ""]),
    ("abort", [0, 1, 1], ["", "Aborted", "Aborted"]),
    ("cancel", [9, 9, 9], ["Cancelled"; 3]),
];

#[test]
fn a_run_is_stopped_by_an_annotation() {
    for (annotation, wanted, reasons) in STOPS {
        let steps = [
            ("one", "until test -e go; do sleep 0.1; done"),
            ("two", "echo two >> log"),
            ("clean", "echo clean >> log"),
        ];
        let Some(pod) = injected(&asking(&[("finally", "clean")], &steps), DELIVERIES[0]) else {
            return;
        };
        let mut containers = pod.start_all();
        containers[0].reaches("running");
        pod.annotate(&format!("holdpoint.dev/{annotation}"), Some("wrong branch"));
        let heard = |state: &Value| state["markers"][0]["reason"] == "wrong branch";
        for container in &mut containers[1..] {
            container.until("told", |state| heard(state) || state["phase"] == "finished");
        }
        if wanted[0] == 0 {
            let told = containers[0].until("told", heard);
            assert_eq!(told["markers"][0]["name"], annotation);
            assert_eq!(containers[0].exec(["touch", "/shared/go"]).code, 0);
        }
        let ends = ends(containers);
        assert_eq!(codes(&ends), wanted, "{annotation}: {ends:?}");
        for (step, reason) in ["one", "two", "clean"].into_iter().zip(reasons) {
            assert_eq!(
                pod.told(step, "Reason").unwrap_or_default(),
                reason,
                "{annotation}: {step}"
            );
        }
        let ran: &[&str] = if wanted[2] == 0 { &["clean"] } else { &[] };
        assert_eq!(log(&pod), ran, "{annotation}");
    }
}

#[test]
fn a_breakpoint_is_set_and_taken_away_by_its_annotation() {
    let steps = [("one", "until test -e go; do sleep 0.1; done; exit 4"), ("two", "exit 5")];
    let Some(pod) = injected(&asking(&[("on-error", "one=continue")], &steps), DELIVERIES[0])
    else {
        return;
    };
    let mut containers = pod.start_all();
    containers[0].reaches("running");
    pod.annotate("holdpoint.dev/breakpoint", Some("on-failure"));
    let sees = |state: &Value| state["markers"][0]["name"] == "breakpoint";
    containers[0].until("told of the breakpoint", sees);
    assert_eq!(containers[0].exec(["touch", "/shared/go"]).code, 0);
    assert_eq!(containers[0].reaches("held-failed")["exitCode"], 4);
    pod.annotate("holdpoint.dev/breakpoint", None);
    accepted(&containers[0], &["continue"]);
    // The second fails with no breakpoint set.
    assert_eq!(codes(&ends(containers)), [0, 5]);
}

/// What becomes of steps that fail and take too long, as the annotations say.
#[test]
fn failures_and_limits_are_as_the_annotations_say() {
    let annotations = [
        ("steps", "lint,slow,clean"),
        ("finally", "clean"),
        ("on-error", "lint=continue"),
        ("step-timeout", "slow=300ms"),
        ("kill-grace", "100ms"),
    ];
    let steps = [
        ("lint", "exit 3"),
        ("slow", "trap '' TERM; echo slow >> log; while :; do sleep 1; done"),
        ("beside", "exit 6"),
        ("clean", "echo clean >> log"),
    ];
    for delivery in DELIVERIES {
        let Some(pod) = injected(&asking(&annotations, &steps), delivery) else { return };
        assert_eq!(codes(&ends(pod.start_all())), [0, 1, 6, 0]);
        assert_eq!(log(&pod), ["slow", "clean"]);
        assert_eq!(pod.told("lint", "ExitCode").as_deref(), Some("3"));
        assert_eq!(pod.told("slow", "Reason").as_deref(), Some("TimeoutExceeded"));
        // The container that is no step says nothing of itself.
        assert_eq!(pod.message("beside"), "");
    }
}

#[test]
fn holds_and_waits_end_at_their_limits() {
    let annotations =
        [("breakpoint", "before:one"), ("breakpoint-timeout", "200ms"), ("finally", "clean")];
    let steps = [("one", "echo one >> log"), ("clean", "echo clean >> log")];
    let Some(pod) = injected(&asking(&annotations, &steps), DELIVERIES[0]) else { return };
    assert_eq!(codes(&ends(pod.start_all())), [1, 0]);
    assert_eq!(pod.told("one", "Reason").as_deref(), Some("BreakpointTimeout"));
    assert_eq!(log(&pod), ["clean"]);

    let Some(pod) = injected(&asking(&[("wait-timeout", "200ms")], &steps), DELIVERIES[0]) else {
        return;
    };
    // The one that it waits for never begins.
    assert_eq!(pod.start("clean").ends().code, 1);
    assert_eq!(pod.told("clean", "Reason").as_deref(), Some("WaitTimeout"));
}

#[test]
fn a_step_is_held_before_and_after_its_command() {
    let annotations = [("breakpoint", "before:one,after:one")];
    let Some(pod) = injected(&asking(&annotations, &[("one", "echo one >> log")]), DELIVERIES[1])
    else {
        return;
    };
    let mut one = pod.start("one");
    one.reaches("held-before");
    assert_eq!(pod.probe(&one).code, 1);
    accepted(&one, &["before-continue"]);
    one.reaches("held-after");
    assert_eq!((pod.probe(&one).code, log(&pod)), (1, vec!["one".to_owned()]));
    accepted(&one, &["continue"]);
    assert_eq!(one.ends().code, 0);
}

#[test]
fn steps_run_in_the_order_that_the_annotation_gives() {
    let steps = [("a", "echo a >> log"), ("b", "echo b >> log"), ("c", "echo c >> log")];
    let Some(pod) = injected(&asking(&[("steps", "c,a,b")], &steps), DELIVERIES[0]) else { return };
    assert_eq!(codes(&ends(pod.start_all())), [0, 0, 0]);
    assert_eq!(log(&pod), ["c", "a", "b"]);
}

/// The same without a shell in any image.
#[test]
fn a_pod_without_a_shell_is_held_and_goes_on() {
    let fails = json!(["/tekton/bin/entrypoint", "cp", "/absent", "/shared/absent"]);
    for delivery in DELIVERIES {
        let mut pod = asking(&[("breakpoint", "on-failure")], &[("one", ""), ("two", "")]);
        for (step, command) in [(0, &fails), (1, &json!(["/tekton/bin/entrypoint", "step-init"]))] {
            let container = &mut pod["spec"]["containers"][step];
            container["image"] = json!("localhost/distroless:1");
            container["command"] = command.clone();
            container["securityContext"] = json!({ "readOnlyRootFilesystem": true });
        }
        let Some(pod): Option<LivePod> = injected(&pod, delivery) else { return };
        let mut containers = pod.start_all();
        containers[0].reaches("held-failed");
        assert_eq!(pod.probe(&containers[0]).code, 1);
        accepted(&containers[0], &["continue"]);
        assert_eq!(codes(&ends(containers)), [0, 0]);
    }
}
