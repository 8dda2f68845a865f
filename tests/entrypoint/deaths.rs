//! Steps that die without a word (2.4): their followers hear of it, and nothing starts twice.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use holdpoint_tests::{Sandbox, Step, eventually, internal, started_at};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::sandbox;

/// How many steps the chain has: one is killed, five wait or have run.
const STEPS: usize = 6;

/// How often the random kill is tried, and how many chains run at a time.
const ROUNDS: usize = 200;
const AT_A_TIME: usize = 4;

fn died() -> [holdpoint_tests::Row; 2] {
    [started_at(), internal("Reason", "PreviousStepDied")]
}

fn skipped() -> [holdpoint_tests::Row; 2] {
    [started_at(), internal("Reason", "Skipped")]
}

/// A step that is at work until it is killed.
fn at_work(sandbox: &Sandbox) -> Step<'_> {
    sandbox.step(0).command(["sleep", "1000"])
}

#[test]
fn the_next_step_knows_of_the_death_and_the_others_are_skipped() {
    let sandbox = sandbox();
    let next = sandbox.step(1).after(0).command(["echo", "ran"]).fails(1).rows(died());
    let next = next.stderr("holdpoint: step `0` died without a word…").start();
    let last = sandbox.step(2).after(1).command(["echo", "ran"]).fails(1).rows(skipped());
    let last = last.any_stderr().start();
    let step = at_work(&sandbox).start();
    step.reaches("running");
    step.kill();
    next.finish();
    last.finish();
}

#[test]
fn a_finally_step_does_not_begin_beside_the_step_before_a_dead_one() {
    let sandbox = sandbox();
    let goes = crate::waiting_for(&sandbox, "go");
    let first = sandbox.step(0).shell(&format!("{goes}; echo first >>log")).start();
    first.reaches("running");
    let second = sandbox.step(1).after(0).command(["true"]).start();
    second.reaches("waiting");
    let last = sandbox.step(2).after(1).flags(["-finally"]).shell("echo last >>log").any_stderr();
    let last = last.start();
    last.reaches("waiting");
    second.kill();
    eventually("the finally step waits for the first one", || {
        let waits = last.state()?["waitingFor"].as_str()?.contains("run/0/out");
        waits.then_some(())
    });
    crate::release(&sandbox, "go");
    first.finish();
    last.finish();
    assert_eq!(sandbox.log(), ["first", "last"]);
}

#[test]
fn a_pipe_in_the_place_of_a_lock_blocks_nobody() {
    let sandbox = sandbox();
    sandbox.folder("tekton/run/0");
    let lock = sandbox.path("tekton/run/0/out.alive");
    nix::unistd::mkfifo(&lock, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let next = sandbox.step(1).after(0).command(["echo", "ran"]).fails(1).rows(skipped());
    let next = next.any_stderr().start();
    next.reaches("waiting");
    sandbox.write("tekton/run/0/out.err", "");
    next.finish();
}

#[test]
fn a_step_that_comes_after_the_death_knows_of_it() {
    let sandbox = sandbox();
    let step = at_work(&sandbox).start();
    step.reaches("running");
    step.kill();
    sandbox
        .step(1)
        .after(0)
        .command(["echo", "ran"])
        .fails(1)
        .rows(died())
        .any_stderr()
        .start()
        .finish();
}

#[test]
fn a_death_is_no_success_even_with_breakpoints() {
    let sandbox = sandbox();
    let next = sandbox.step(1).after(0).flags(["-breakpoint_on_failure"]).command(["echo", "ran"]);
    let next = next.fails(1).rows(died()).any_stderr().start();
    let step = at_work(&sandbox).start();
    step.reaches("running");
    step.kill();
    next.finish();
}

#[test]
fn a_step_that_posted_before_its_death_has_posted() {
    for (file, runs) in [("out", true), ("out.err", false)] {
        let sandbox = sandbox();
        let step = at_work(&sandbox).start();
        step.reaches("running");
        sandbox.write(&format!("tekton/run/0/{file}"), "");
        step.kill();
        let next = sandbox.step(1).after(0).command(["echo", "ran"]);
        let next =
            if runs { next.stdout("ran\n") } else { next.fails(1).rows(skipped()).any_stderr() };
        next.start().finish();
    }
}

#[test]
fn a_finally_step_runs_after_a_death() {
    let sandbox = sandbox();
    let finally = sandbox.step(1).after(0).flags(["-finally"]).command(["echo", "ran"]);
    let finally = finally.stdout("ran\n").start();
    let step = at_work(&sandbox).start();
    step.reaches("running");
    step.kill();
    finally.finish();
}

#[test]
fn a_file_that_nobody_has_locked_ever_is_a_late_start() {
    let sandbox = sandbox();
    let next = sandbox.step(1).after(0).command(["echo", "ran"]).stdout("ran\n").start();
    next.reaches("waiting");
    sandbox.step(0).command(["true"]).start().finish();
    next.finish();
}

#[test]
fn an_alive_that_may_not_be_opened_counts_as_alive() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let sandbox = sandbox();
    sandbox.write("tekton/run/0/out.alive", "");
    sandbox.set_mode("tekton/run/0/out.alive", 0o000);
    let next = sandbox.step(1).after(0).as_user(1000).flags(["-wait_timeout", "1s"]);
    let rows = [started_at(), internal("Reason", "WaitTimeout")];
    next.command(["echo", "ran"]).fails(1).rows(rows).any_stderr().start().finish();
}

#[test]
fn with_breakpoints_a_failure_counts_by_its_reason() {
    for (reason, runs) in [
        ("null", true),
        ("\"Failed\"", true),
        ("\"Skipped\"", true),
        ("\"TimeoutExceeded\"", true),
        ("\"Cancelled\"", false),
        ("\"Stopped\"", false),
        ("\"Aborted\"", false),
        ("\"WaitTimeout\"", false),
        ("\"PreviousStepDied\"", false),
        ("\"BreakpointTimeout\"", false),
        ("\"Terminated\"", false),
        ("absent", true),
    ] {
        let sandbox = sandbox();
        if reason != "absent" {
            let state = format!(
                r#"{{"step":"0","phase":"finished","reason":{reason},"message":"","attempt":1,
                "exitCode":1,"pid":null,"startedAt":null,"since":"","waitingFor":null,
                "deadline":null,"markers":[],"requests":[]}}"#
            );
            sandbox.write("tekton/run/0/out.state", state);
        }
        sandbox.write("tekton/run/0/out.err", "");
        let step =
            sandbox.step(1).after(0).flags(["-breakpoint_on_failure"]).command(["echo", "ran"]);
        let step = if runs { step.stdout("ran\n") } else { step.fails(1).rows(skipped()) };
        step.any_stderr().start().finish();
    }
}

/// An entrypoint is killed at some instant after its lock is there: every other one ends, no command
/// begins twice or beside another, and whoever follows knows.
#[test]
fn a_kill_at_any_instant_leaves_nobody_waiting_and_starts_nothing_twice() {
    let (next, seen) = (AtomicUsize::new(0), std::sync::Mutex::new(BTreeSet::new()));
    thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(|| {
                loop {
                    let round = next.fetch_add(1, Ordering::SeqCst);
                    if round >= ROUNDS {
                        return;
                    }
                    seen.lock().unwrap().insert(kill_one_of_a_chain(round as u64));
                }
            });
        }
    });
    // The instants were spread widely enough to mean something.
    assert!(seen.into_inner().unwrap().len() > 2);
}

/// Gives what the victim was doing, as far as the log tells: how many lines there were.
fn kill_one_of_a_chain(seed: u64) -> usize {
    let sandbox = sandbox();
    let mut random = Random(seed);
    let victim = random.below(3);
    let steps: Vec<_> = (0..STEPS).map(|number| chained(&sandbox, number).start()).collect();
    let pids: Vec<Pid> = steps.iter().map(|step| step.pid()).collect();
    steps[victim].makes(&format!("tekton/run/{victim}/out.alive"));
    // The one pause of these tests: it is the random instant, and nothing is waited for.
    #[allow(clippy::disallowed_methods)]
    thread::sleep(Duration::from_micros(random.below(60_000) as u64)); // why: the instant of the kill is random
    let _ = kill(pids[victim], Signal::SIGKILL);
    let codes: Vec<i32> = steps.into_iter().map(holdpoint_tests::Running::end).collect();
    check_chain(&sandbox, seed, victim, &codes);
    sandbox.log().len()
}

fn chained(sandbox: &Sandbox, number: usize) -> Step<'_> {
    let step = sandbox.step(number).logging(&format!("begin-{number} end-{number}"));
    if number == 0 { step } else { step.after(number - 1) }
}

fn check_chain(sandbox: &Sandbox, seed: u64, victim: usize, codes: &[i32]) {
    let log = sandbox.log();
    let told = format!("seed {seed}, victim {victim}, codes {codes:?}, log {log:?}");
    let posted = sandbox.has(&format!("tekton/run/{victim}/out"));
    let ran_to_their_end = if posted { STEPS } else { victim };
    let full = (0..ran_to_their_end).flat_map(|n| [format!("begin-{n}"), format!("end-{n}")]);
    let full: Vec<_> = full.collect();
    assert!(log.len() >= full.len() && log[..full.len()] == full, "{told}");
    // The victim's command may have begun; it is the last one.
    let cut = [format!("begin-{victim}"), format!("end-{victim}")];
    assert!(cut.starts_with(&log[full.len()..]), "{told}");
    for number in (0..STEPS).filter(|number| *number != victim) {
        let succeeds = number < ran_to_their_end;
        assert_eq!(codes[number], i32::from(!succeeds), "{told}");
        let posts = [succeeds, !succeeds];
        let there =
            ["out", "out.err"].map(|file| sandbox.has(&format!("tekton/run/{number}/{file}")));
        assert_eq!(there, posts, "step {number}: {told}");
        let reason = match number {
            _ if succeeds => Value::Null,
            _ if number == victim + 1 => "PreviousStepDied".into(),
            _ => "Skipped".into(),
        };
        let state = sandbox.read(&format!("tekton/run/{number}/out.state")).unwrap();
        let state: Value = serde_json::from_str(&state).unwrap();
        assert_eq!(state["reason"], reason, "step {number}: {told}");
    }
}

/// A seeded sequence (splitmix64).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) % limit as u64) as usize
    }
}
