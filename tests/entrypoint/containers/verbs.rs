//! A person at a held step: `runc exec`, as `kubectl exec` does it. The entrypoint is all that the image
//! has, its mode 0311 makes its processes non-dumpable, and no verb is told which step is meant.

use std::collections::BTreeSet;

use debug_scripts::scripts;
use holdpoint_tests::{Container, Image, Pod, Post, Said};

use super::pod;

/// By which name a person asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Script(&'static str),
    Verb(&'static str),
}

impl By {
    fn ask(self, container: &Container<'_>, words: &[&str]) -> Said {
        match self {
            Self::Script(name) => container.script(name, words),
            Self::Verb(name) => container.verb([&[name], words].concat()),
        }
    }
}

/// A distroless step that fails and is held.
fn held<'a>(pod: &'a Pod, user: u32, flags: &[&str]) -> Container<'a> {
    let step = pod.step(0).image(Image::Distroless).user(user).failing();
    let mut container = step.flags(["-breakpoint_on_failure"]).flags(flags.iter().copied()).start();
    container.reaches("held-failed");
    container
}

/// Ways to leave a hold after a failure: script, verb, exit code, post, reason.
const ENDS: [(&str, &str, i32, Post, &str); 10] = [
    ("debug-continue", "continue", 0, Post::Done, ""),
    ("debug-fail-continue", "fail-continue", 1, Post::Failed, ""),
    ("debug-continue-failure", "fail-continue", 1, Post::Failed, ""),
    ("debug-breakpointexit", "breakpointexit", 1, Post::Done, ""),
    ("debug-fail", "fail", 1, Post::Failed, ""),
    ("debug-cancel", "cancel", 9, Post::Failed, "Cancelled"),
    ("debug-stop-finally", "stop-finally", 1, Post::Failed, "Stopped"),
    ("debug-cancel-finally", "cancel-finally", 9, Post::Failed, "Cancelled"),
    ("debug-abort", "abort", 1, Post::Failed, "Aborted"),
    ("debug-cancel-run", "cancel-run", 9, Post::Failed, "Cancelled"),
];

/// The same at a hold before the step.
const ENDS_BEFORE: [(&str, &str, i32, Post, &str); 3] = [
    ("debug-beforestep-continue", "before-continue", 0, Post::Done, ""),
    ("debug-beforestep-fail-continue", "before-fail", 1, Post::Failed, ""),
    ("debug-skip", "skip", 0, Post::Done, "Skipped"),
];

/// What leaves the step held.
const OTHERS: [&str; 7] = [
    "debug-status",
    "debug-shell",
    "debug-extend",
    "debug-pause",
    "debug-resume",
    "debug-breakpoint",
    "debug-retry",
];

#[test]
fn every_script_is_tried_in_these_tests() {
    let rows = ENDS.iter().chain(&ENDS_BEFORE).map(|row| row.0);
    let tried: BTreeSet<_> = rows.chain(OTHERS).collect();
    assert_eq!(tried, scripts().map(|script| script.name).collect());
}

#[test]
fn every_script_that_ends_a_hold_works_in_a_distroless_container() {
    for (script, _, code, post, reason) in ENDS {
        leave_a_hold(1000, By::Script(script), code, post, reason);
    }
}

#[test]
fn every_verb_that_ends_a_hold_works_in_a_distroless_container() {
    for (_, verb, code, post, reason) in ENDS {
        leave_a_hold(0, By::Verb(verb), code, post, reason);
    }
}

fn leave_a_hold(user: u32, by: By, code: i32, post: Post, reason: &str) {
    let Some(pod) = pod(&["only"]) else { return };
    let container = held(&pod, user, &[]);
    let said = by.ask(&container, &[]);
    assert_eq!(said.code, 0, "{by:?}: {}", said.text);
    assert!(said.text.starts_with("accepted: "), "{by:?}: {}", said.text);
    let ended = container.ends();
    let told = pod.told(0, "Reason").unwrap_or_default();
    assert_eq!((ended.code, pod.posted(0), told.as_str()), (code, post, reason), "{by:?}");
}

#[test]
fn every_script_and_verb_at_a_hold_before_the_step_works_in_a_distroless_container() {
    for (script, verb, code, post, reason) in ENDS_BEFORE {
        for by in [By::Script(script), By::Verb(verb)] {
            let Some(pod) = pod(&["only"]) else { return };
            let step = pod.step(0).image(Image::Distroless).flags(["-debug_before_step"]);
            let mut container = step.succeeding().start();
            container.reaches("held-before");
            let said = by.ask(&container, &[]);
            assert_eq!(said.code, 0, "{by:?}: {}", said.text);
            let ended = container.ends();
            let told = pod.told(0, "Reason").unwrap_or_default();
            let found = (ended.code, pod.posted(0), told.as_str());
            assert_eq!(found, (code, post, reason), "{by:?}: {}", ended.output);
        }
    }
}

#[test]
fn every_other_script_and_verb_works_in_a_distroless_container() {
    let Some(pod) = pod(&["only"]) else { return };
    let mut container = held(&pod, 65532, &["-breakpoint_timeout", "1h"]);
    let limit = container.state().unwrap()["deadline"].clone();
    let cases = [
        ("debug-status", "status", "", 0, "held-failed"),
        ("debug-extend", "extend", "2h", 0, "accepted: "),
        ("debug-pause", "pause", "lunch", 0, "accepted: "),
        ("debug-resume", "resume", "", 0, "accepted: "),
        ("debug-breakpoint", "breakpoint", "after:only", 0, "accepted: "),
        ("debug-shell", "shell", "", 127, "there is no shell in this image"),
        ("debug-retry", "retry", "", 0, "accepted: "),
    ];
    for (script, verb, words, code, told) in cases {
        for by in [By::Script(script), By::Verb(verb)] {
            let words: Vec<_> = words.split_whitespace().collect();
            let said = by.ask(&container, &words);
            assert_eq!(said.code, code, "{by:?}: {}", said.text);
            assert!(said.text.contains(told), "{by:?}: {}", said.text);
            container.reaches("held-failed");
        }
    }
    container.until("at its third attempt", |state| state["attempt"] == 3);
    let state = container.reaches("held-failed");
    assert_ne!(state["deadline"], limit);
    assert_eq!(container.verb(["before-continue"]).code, 3);
    assert_eq!(container.script("debug-retry", ["--", "/tekton/bin/entrypoint", "-h"]).code, 0);
    // What is set after:only holds it once more, now that it has succeeded.
    container.reaches("held-after");
    assert_eq!(container.verb(["continue"]).code, 0);
    assert_eq!((container.ends().code, pod.posted(0)), (0, Post::Done));
}

#[test]
fn the_shell_is_in_the_folder_and_the_environment_of_the_step() {
    let Some(pod) = pod(&["named", "held"]) else { return };
    let result = "/tekton/steps/step-named/results/name";
    assert_eq!(pod.step(0).shell(&format!("printf world > {result}")).start().ends().code, 0);
    let step = pod.step(1).env("OWN", "own").env("GREETING", "hello $(steps.named.results.name)");
    let mut container = step.flags(["-breakpoint_on_failure"]).shell("exit 7").start();
    container.reaches("held-failed");
    for by in
        [["/tekton/debug/scripts/debug-shell"].as_slice(), &["/tekton/bin/entrypoint", "shell"]]
    {
        let said = container.exec_reading(by, "pwd; echo $GREETING, $OWN; id -u; exit 5\n");
        assert_eq!((said.code, said.text.as_str()), (5, "/workspace\nhello world, own\n1001\n"));
    }
}

#[test]
fn a_step_is_found_where_process_one_is_another_program_or_hidden() {
    let shell = ["/bin/sh", "-c", "\"$@\"; exit $?", "sh"];
    for (what, wrapper, hiding, user) in [
        ("another program", shell.as_slice(), false, 1001),
        ("hidden", &[], true, 1001),
        ("another program, root", &shell, false, 0),
    ] {
        let Some(pod) = pod(&["before", "held", "behind"]) else { return };
        // Others live too, but their folders are not this container's to write to.
        let mut behind = pod.step(2).succeeding().start();
        let mut before = pod.step(0).until("go").start();
        before.reaches("running");
        behind.reaches("waiting");
        let step = pod.step(1).user(user).by(wrapper.iter().copied()).failing();
        let step = if hiding { step.hiding_processes() } else { step };
        let mut container = step.flags(["-breakpoint_on_failure"]).start();
        pod.write("go", "");
        assert_eq!(before.ends().code, 0);
        container.reaches("held-failed");
        let said = container.script("debug-breakpointexit", [""; 0]);
        assert_eq!(said.code, 0, "{what}: {}", said.text);
        assert_eq!((container.ends().code, pod.posted(1)), (1, Post::Done), "{what}");
        assert_eq!(behind.ends().code, 0);
    }
}

#[test]
fn a_step_is_found_by_process_one_where_all_share_one_folder() {
    let Some(pod) = pod(&["held", "waits"]) else { return };
    let flat = |number: usize| {
        let step = pod.step(number).image(Image::Distroless).flags(["-breakpoint_on_failure"]);
        step.flags(["-post_file".to_owned(), format!("/workspace/{number}")])
    };
    let waits = flat(1).flags(["-wait_file", "/workspace/0"]).failing().start();
    let held = flat(0).failing().start();
    for file in ["0.state", "1.state"] {
        held.comes(file, || pod.read(&format!("workspace/{file}")).is_some());
    }
    held.says("retry: ");
    let said = waits.script("debug-skip", [""; 0]);
    assert_eq!(said.code, 0, "{}", said.text);
    let said = held.script("debug-breakpointexit", [""; 0]);
    assert_eq!(said.code, 0, "{}", said.text);
    assert_eq!([held, waits].map(|container| container.ends().code), [1, 0]);
    assert!(pod.read("workspace/0").is_some() && pod.read("workspace/1").is_some());
}

#[test]
fn status_shows_every_step_in_each_container_and_probe_tells_of_the_own_one() {
    let Some(pod) = pod(&["one", "two", "three", "four", "five"]) else { return };
    let start = |number| pod.step(number).image(Image::Distroless).until("never").start();
    assert_eq!(pod.step(0).succeeding().start().ends().code, 0);
    let mut held = pod.step(1).failing().flags(["-breakpoint_on_failure"]).start();
    held.reaches("held-failed");
    let mut waiting: Vec<_> = (2..5).map(start).collect();
    waiting.iter_mut().for_each(|container| drop(container.reaches("waiting")));
    for container in waiting.iter().chain([&held]) {
        let said = container.verb(["status", "-o", "json"]);
        let states = said.json();
        let cell = |state: &serde_json::Value| format!("{} {}", state["step"], state["phase"]);
        let shown: Vec<_> =
            states.as_array().unwrap().iter().map(|s| cell(s).replace('"', "")).collect();
        let expected =
            ["one finished", "two held-failed", "three waiting", "four waiting", "five waiting"];
        assert_eq!(shown, expected);
    }
    for container in &waiting {
        assert_eq!(container.verb(["probe"]), Said { code: 0, text: String::new() });
    }
    let said = held.verb(["probe"]);
    assert_eq!(said.code, 1);
    assert!(said.text.starts_with("step `two` exited with 1 after "), "{}", said.text);
    assert_eq!(said.text.lines().count(), 1);
}

#[test]
fn probe_fails_while_a_step_is_paused_and_not_while_it_runs() {
    let Some(pod) = pod(&["only"]) else { return };
    pod.write_downward(&[("ready", "READY"), ("pause", "a look first")]);
    let mut container = pod.step(0).image(Image::Distroless).until("never").start();
    container.reaches("paused");
    let said = container.verb(["probe"]);
    assert_eq!(said.code, 1);
    assert!(said.text.contains("a look first"), "{}", said.text);
    pod.write_downward(&[("ready", "READY"), ("pause", "")]);
    container.reaches("running");
    assert_eq!(container.verb(["probe"]), Said { code: 0, text: String::new() });
}
