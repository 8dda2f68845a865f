//! What a step says of itself in `P.state` (2.5).

use holdpoint_tests::{Running, Sandbox, matches};
use serde_json::Value;

use crate::sandbox;

const KEYS: [&str; 13] = [
    "attempt",
    "deadline",
    "exitCode",
    "markers",
    "message",
    "phase",
    "pid",
    "reason",
    "requests",
    "since",
    "startedAt",
    "step",
    "waitingFor",
];

fn keys(state: &Value) -> Vec<&str> {
    state.as_object().unwrap().keys().map(String::as_str).collect()
}

fn is_time(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.len() == 24 && matches("2…-…-…T…:…:….…Z", text))
}

/// The step in this phase, with its state.
fn shown<'a>(sandbox: &'a Sandbox, phase: &str) -> (Running<'a>, Value) {
    let step = sandbox.step(1).flags(["-step_name", "build"]).command(["sleep", "1000"]);
    let step = match phase {
        "waiting" => step.after(0),
        "paused" => {
            crate::write_earlier(sandbox, "tekton/run/0/pause", "lunch");
            step
        }
        "held-before" => step.flags(["-debug_before_step"]),
        "held-failed" => step.flags(["-breakpoint_on_failure"]).shell("kill -9 $$"),
        "held-after" => step.flags(["-debug_after_step"]).command(["true"]),
        "terminating" => {
            step.flags(["-timeout", "1ms", "-kill_grace", "1h"]).shell("trap '' TERM; sleep 1000")
        }
        "finished" => step.command(["true"]),
        _ => step,
    };
    let step = step.start();
    let state = if phase == "running" {
        holdpoint_tests::eventually("its command has a number", || {
            step.state().filter(|state| state["pid"].is_number())
        })
    } else {
        step.reaches(phase)
    };
    (step, state)
}

#[test]
fn each_phase_has_every_key_and_says_what_is_so() {
    // Phase, attempt, exit code, reason, started, what the message tells.
    let cases = [
        ("waiting", 0, Value::Null, Value::Null, false, "…waits for …tekton/run/0/out…"),
        ("paused", 0, Value::Null, Value::Null, false, "…paused…lunch…"),
        (
            "held-before",
            0,
            Value::Null,
            Value::Null,
            false,
            "…held before its command…before-continue…",
        ),
        ("running", 1, Value::Null, Value::Null, true, "…"),
        ("held-failed", 1, 137.into(), "Failed".into(), true, "…SIGKILL…retry…"),
        ("held-after", 1, 0.into(), Value::Null, true, "…succeeded…continue…"),
        ("finished", 1, 0.into(), Value::Null, true, "…succeeded…"),
    ];
    for (phase, attempt, code, reason, started, message) in cases {
        let sandbox = sandbox();
        let (step, state) = shown(&sandbox, phase);
        assert_eq!(keys(&state), KEYS, "{phase}");
        assert_eq!(state["step"], "build");
        assert_eq!((&state["attempt"], &state["exitCode"]), (&attempt.into(), &code), "{phase}");
        assert_eq!(state["reason"], reason, "{phase}");
        assert!(is_time(&state["since"]), "{state}");
        assert_eq!(is_time(&state["startedAt"]), started, "{state}");
        assert_eq!(state["pid"].is_number(), phase == "running", "{state}");
        assert_eq!(state["waitingFor"].is_string(), phase == "waiting", "{state}");
        let told = state["message"].as_str().unwrap();
        assert!(matches(message, told), "{phase}: {told:?} is not {message:?}");
        assert!(!told.contains('\n'), "{told:?}");
        step.kill();
    }
}

#[test]
fn a_command_that_is_being_ended_says_so_with_a_deadline() {
    let sandbox = sandbox();
    let (step, state) = shown(&sandbox, "terminating");
    assert_eq!(state["reason"], "TimeoutExceeded");
    assert!(is_time(&state["deadline"]), "{state}");
    step.kill();
}

#[test]
fn limits_are_shown_as_deadlines() {
    for (phase, flags) in [
        ("running", ["-timeout", "1h"]),
        ("waiting", ["-wait_timeout", "1h"]),
        ("held-before", ["-breakpoint_timeout", "1h"]),
    ] {
        let sandbox = sandbox();
        let step = sandbox.step(1).flags(flags).command(["sleep", "1000"]);
        let step = match phase {
            "waiting" => step.after(0),
            "held-before" => step.flags(["-debug_before_step"]),
            _ => step,
        };
        let step = step.start();
        let state = step.reaches(phase);
        assert!(is_time(&state["deadline"]), "{state}");
        assert!(state["deadline"].as_str() > state["since"].as_str(), "{state}");
        step.kill();
    }
}

#[test]
fn the_grace_before_a_kill_is_that_of_the_flag() {
    let sandbox = sandbox();
    let (step, state) = shown(&sandbox, "terminating");
    let at =
        |key: &str| chrono::DateTime::parse_from_rfc3339(state[key].as_str().unwrap()).unwrap();
    assert!(at("deadline") - at("since") > chrono::TimeDelta::minutes(59), "{state}");
    step.kill();
}

#[test]
fn markers_are_shown_with_their_reason_and_folder() {
    let sandbox = sandbox();
    let (step, state) = shown(&sandbox, "paused");
    let folder = sandbox.at("tekton/run/0");
    let file = std::fs::metadata(sandbox.path("tekton/run/0/pause")).unwrap();
    let written = entrypoint::state::written(file.modified().unwrap());
    let expected = serde_json::json!(
        [{"name": "pause", "reason": "lunch", "folder": folder, "written": written}]
    );
    assert_eq!(state["markers"], expected);
    step.kill();
}

#[test]
fn the_last_eight_requests_are_kept_with_what_became_of_them() {
    let sandbox = sandbox();
    let (step, _) = shown(&sandbox, "held-failed");
    for number in (0..10).map(|number| number.to_string()) {
        let request = format!(r#"{{"id":"{number}","by":"alice"}}"#);
        sandbox.write("tekton/run/1/out.skip", request);
        holdpoint_tests::eventually("it is answered", || {
            let state = step.state()?;
            let last = state["requests"].as_array()?.last()?.clone();
            (last["id"] == *number).then_some(())
        });
    }
    let state = step.state().unwrap();
    let requests = state["requests"].as_array().unwrap();
    let ids: Vec<_> = requests.iter().map(|request| request["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["2", "3", "4", "5", "6", "7", "8", "9"]);
    for request in requests {
        assert_eq!(keys(request), ["at", "id", "message", "outcome", "verb"]);
        assert_eq!((&request["verb"], &request["outcome"]), (&"skip".into(), &"rejected".into()));
        assert!(is_time(&request["at"]));
    }
    step.kill();
}

#[test]
fn a_step_is_finished_before_it_has_posted() {
    for _ in 0..20 {
        let sandbox = sandbox();
        let step = sandbox.step(1).command(["true"]).start();
        step.makes("tekton/run/1/out");
        assert_eq!(step.state().unwrap()["phase"], "finished");
        step.finish();
    }
}

#[test]
fn the_log_speaks_before_the_state() {
    for phase in ["paused", "held-before", "held-failed", "held-after"] {
        let sandbox = sandbox();
        let (step, state) = shown(&sandbox, phase);
        let log = step.stderr();
        let told = sandbox.plain(state["message"].as_str().unwrap());
        assert!(log.contains(&told), "{phase}: {told:?} is not in {log:?}");
        step.kill();
    }
}

#[test]
fn the_name_is_that_of_the_link_to_the_metadata_folder() {
    let sandbox = sandbox();
    sandbox.folder("tekton/steps");
    sandbox.link("tekton/steps/step-compile", sandbox.path("tekton/run/1/status"));
    sandbox.link("tekton/steps/1", sandbox.path("tekton/run/1/status"));
    let step = sandbox.step(1).command(["sleep", "1000"]).start();
    assert_eq!(step.reaches("running")["step"], "compile");
    step.kill();
}

#[test]
fn the_link_that_is_its_number_is_no_name() {
    let sandbox = sandbox();
    sandbox.folder("tekton/steps");
    sandbox.link("tekton/steps/7", sandbox.path("tekton/run/1/status"));
    let step = sandbox.step(1).command(["sleep", "1000"]).start();
    assert_eq!(step.reaches("running")["step"], "1");
    step.kill();
}

#[test]
fn a_message_is_one_line_whatever_the_name() {
    let sandbox = sandbox();
    let step =
        sandbox.step(1).flags(["-step_name", "a\nb\u{1b}[2J"]).after(0).command(["true"]).start();
    let state = step.reaches("waiting");
    assert!(state["message"].as_str().unwrap().starts_with("step `a b [2J` waits"), "{state}");
    step.kill();
}

#[test]
fn a_reader_never_sees_half_a_state() {
    let sandbox = sandbox();
    let mut step = sandbox.step(1).flags(["-breakpoint_on_failure"]).shell("exit 3").start();
    step.reaches("held-failed");
    let verbs: Vec<_> = (0..6).map(|_| sandbox.start_asking(1, ["retry"])).collect();
    // `state` fails on text that does not parse.
    for _ in 0..2000 {
        assert!(step.state().is_some());
    }
    verbs.into_iter().for_each(|verb| drop(verb.end(&sandbox)));
    assert!(step.is_running());
    step.kill();
}
