//! Deaths that a step does not choose: a memory limit kills its command, or the entrypoint itself (2.4).

use holdpoint_tests::{Container, Limits, Pod, Post, Signal};
use nix::sys::signal::kill;

use super::pod;

/// Enough for the entrypoint and a shell.
const LIMIT_BYTES: u64 = 32 << 20;

/// Grows until the kernel kills it.
const GROW: &str = "tail /dev/zero";

/// A command that is killed by the memory limit, or else from outside.
fn greedy<'a>(pod: &'a Pod, flags: &[&str]) -> Container<'a> {
    let step = pod.step(0).memory_limit_bytes(LIMIT_BYTES).flags(flags.iter().copied());
    if pod.limits() == Limits::Enforced {
        return step.command(["/bin/tail", "/dev/zero"]).start();
    }
    let mut container = step.until("never").start();
    container.reaches("running");
    let killed = container.exec(["/bin/kill", "-9", &command_of(&container)]);
    assert_eq!(killed.code, 0, "{}", killed.text);
    container
}

fn command_of(container: &Container<'_>) -> String {
    container.state().unwrap()["pid"].to_string()
}

#[test]
fn a_command_that_takes_too_much_memory_is_killed_and_its_step_says_so() {
    let Some(pod) = pod(&["greedy", "behind"]) else { return };
    let behind = pod.step(1).succeeding().start();
    let ended = greedy(&pod, &[]).ends();
    assert_eq!((ended.code, pod.posted(0)), (137, Post::Failed), "{}", ended.output);
    assert_eq!((behind.ends().code, pod.told(1, "Reason").unwrap()), (1, "Skipped".to_owned()));
}

#[test]
fn a_command_that_took_too_much_memory_is_held_and_can_be_tried_again() {
    let Some(pod) = pod(&["greedy"]) else { return };
    let mut container = greedy(&pod, &["-breakpoint_on_failure"]);
    let state = container.reaches("held-failed");
    assert_eq!(state["exitCode"], 137);
    assert!(state["message"].as_str().unwrap().contains("SIGKILL"), "{}", state["message"]);
    let said = container.verb(["retry", "--", "/bin/true"]);
    assert_eq!(said.code, 0, "{}", said.text);
    assert_eq!((container.ends().code, pod.posted(0)), (0, Post::Done));
}

#[test]
fn an_entrypoint_that_is_killed_ends_the_steps_behind_it() {
    let Some(pod) = pod(&["killed", "behind", "cleans-up"]) else { return };
    let clean_up = pod.step(2).flags(["-finally"]).succeeding().start();
    let behind = pod.step(1).succeeding().start();
    let step = pod.step(0).memory_limit_bytes(LIMIT_BYTES);
    let mut killed = step.shell(&format!("until test -e go; do :; done; {GROW}")).start();
    killed.reaches("running");
    let process_one = killed.process_one();
    if pod.limits() == Limits::Enforced {
        // The kernel is to choose the entrypoint.
        std::fs::write(format!("/proc/{process_one}/oom_score_adj"), "1000").unwrap();
        pod.write("go", "");
    } else {
        kill(process_one, Signal::SIGKILL).unwrap();
    }
    assert_eq!((killed.ends().code, pod.posted(0)), (137, Post::Nothing));
    assert_eq!((behind.ends().code, pod.posted(1)), (1, Post::Failed));
    assert_eq!(pod.told(1, "Reason").as_deref(), Some("PreviousStepDied"));
    assert_eq!((clean_up.ends().code, pod.posted(2)), (0, Post::Done));
}
