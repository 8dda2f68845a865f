//! Runs that a person ends.

use nix::sys::signal::Signal;

use crate::runner::{Home, is_running};

/// Says so, and then runs until it is ended. The number tells its processes from all others.
fn waits(trap: &str, seconds: &str) -> String {
    format!("{trap}\nsetsid sleep {seconds} &\nsleep {seconds} &\necho ready\nwait\nwait\nwait\n")
}

#[test]
fn an_interrupt_ends_the_step_and_only_finally_steps_follow() {
    let home = Home::new();
    let script = waits("trap 'echo told; exit 5' TERM", "77001");
    home.task(&[("one", &script), ("two", "echo second"), ("last", "echo cleaned")]);
    let mut run = home.start(&["--finally", "last"]);
    run.wait_for("one  | ready");
    run.signal(Signal::SIGINT);
    let finished = run.finish();
    assert!(finished.lines_of("one").contains(&"told"), "{finished:#?}");
    assert!(!finished.lines_of("two").contains(&"second"), "{finished:#?}");
    assert_eq!(finished.lines_of("last"), ["cleaned"]);
    let stdout = finished.ended_with(130);
    assert!(stdout.contains(": cancelled after"), "{stdout}");
    assert!(!is_running("sleep 77001"));
}

#[test]
fn a_second_interrupt_ends_everything_at_once() {
    let home = Home::new();
    home.task(&[("one", &waits("trap '' TERM INT", "77002")), ("two", "echo second")]);
    let mut run = home.start(&[]);
    run.wait_for("one | ready");
    run.signal(Signal::SIGINT);
    run.wait_for("once more ends it at once");
    run.signal(Signal::SIGINT);
    let stdout = run.finish().ended_with(130);
    assert!(stdout.contains("one   killed") && stdout.contains("two   not run"), "{stdout}");
    assert!(!is_running("sleep 77002"));
}

#[test]
fn a_termination_is_told_by_its_own_code() {
    let home = Home::new();
    home.task(&[("one", &waits("", "77003"))]);
    let mut run = home.start(&["-o", "json"]);
    run.wait_for("one | ready");
    run.signal(Signal::SIGTERM);
    let finished = run.finish();
    assert_eq!(finished.code, Some(143));
    assert_eq!(finished.json()["status"], "cancelled");
}

#[test]
fn a_held_run_can_be_interrupted() {
    let home = Home::new();
    home.task(&[("one", "exit 7"), ("two", "echo second")]);
    let mut run = home.start(&["--breakpoint", "on-failure"]);
    run.wait_for("to go on");
    run.signal(Signal::SIGINT);
    let finished = run.finish();
    assert!(!finished.lines_of("two").contains(&"second"), "{finished:#?}");
    finished.ended_with(130);
}

#[test]
fn a_paused_run_is_interrupted_and_its_finally_steps_run() {
    let home = Home::new();
    home.task(&[("one", "exit 7"), ("two", "echo second"), ("last", "echo cleaned")]);
    let mut run = home.start(&["--breakpoint", "on-failure", "--finally", "last"]);
    run.wait_for("to go on");
    home.verb(&["pause"]).ended_with(0);
    home.verb(&["continue"]).ended_with(0);
    run.wait_for("two: is paused");
    run.signal(Signal::SIGINT);
    let finished = run.finish();
    assert!(!finished.lines_of("two").contains(&"second"), "{finished:#?}");
    assert_eq!(finished.lines_of("last"), ["cleaned"]);
    finished.ended_with(130);
}

#[test]
fn a_run_whose_folder_is_gone_can_still_be_ended() {
    let home = Home::new();
    home.task(&[("one", &waits("", "77005"))]);
    let mut run = home.start(&[]);
    run.wait_for("one | ready");
    std::fs::remove_dir_all(home.path("state")).unwrap();
    run.signal(Signal::SIGINT);
    run.finish().ended_with(130);
    assert!(!is_running("sleep 77005"));
}

#[test]
fn steps_do_not_outlive_a_run_that_is_killed() {
    let home = Home::new();
    home.task(&[("one", &waits("", "77004")), ("two", "true")]);
    let mut run = home.start(&[]);
    run.wait_for("one | ready");
    run.signal(Signal::SIGKILL);
    // It ends only when nobody holds its streams any more; the steps have pipes of their own.
    assert_eq!(run.finish().code, None);
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while is_running("sleep 77004") {
        assert!(std::time::Instant::now() < deadline, "a step outlived its run");
        std::thread::yield_now();
    }
    assert_eq!(home.verb(&["status"]).code, Some(4), "the run is not live any more");
}
