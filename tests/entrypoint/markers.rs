//! Markers of a run (2.2): what each does to a step that runs, is held or whose turn comes, where
//! it may stand, and the order in which steps begin.

mod pause;
mod table;

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;

use holdpoint_tests::{Row, Running, Sandbox, Step, internal, started_at};
use nix::fcntl::{Flock, FlockArg};
use nix::libc::O_NONBLOCK;
use serde_json::Value;

use crate::sandbox;

/// The markers that end something, the word for it, and the code: strongest first.
const ENDING: [(&str, &str, i32); 4] = [
    ("cancel", "Cancelled", 9),
    ("abort", "Aborted", 1),
    ("cancel-finally", "Cancelled", 9),
    ("stop-finally", "Stopped", 1),
];

fn rows(reason: &str) -> [Row; 2] {
    [started_at(), internal("Reason", reason)]
}

/// Puts a marker into the folder of step 0.
fn mark(sandbox: &Sandbox, marker: &str, reason: &str) {
    crate::write_earlier(sandbox, &format!("tekton/run/0/{marker}"), reason);
}

/// A step that does not run, for this reason.
fn not_run<'a>(step: Step<'a>, reason: &str, code: i32) -> Step<'a> {
    let step = step.command(["echo", "ran"]).fails(code).rows(rows(reason)).any_stderr();
    if code == 9 { step.exit_code_file("killed") } else { step }
}

/// This step is alive for as long as the lock is; whether it has posted is another matter.
fn at_work(sandbox: &Sandbox, number: usize) -> Flock<File> {
    let alive = sandbox.write(&format!("tekton/run/{number}/out.alive"), "");
    Flock::lock(File::open(alive).unwrap(), FlockArg::LockExclusiveNonblock).unwrap()
}

/// The step knows of this marker: the first state in which it says so.
#[track_caller]
fn sees(step: &Running<'_>, marker: &str) -> Value {
    holdpoint_tests::eventually(&format!("the step sees {marker}"), || {
        let state = step.state()?;
        let seen = state["markers"].as_array()?.iter().any(|seen| seen["name"] == marker);
        seen.then_some(state)
    })
}

#[test]
fn a_step_whose_turn_comes_does_not_run_and_a_finally_step_by_the_table() {
    for (marker, reason, code) in ENDING {
        let sandbox = sandbox();
        mark(&sandbox, marker, "wrong branch");
        let ran = not_run(sandbox.step(1), reason, code).start().finish();
        assert!(ran.stderr.contains("wrong branch"), "{marker}: {}", ran.stderr);
        let finally = sandbox.step(2).flags(["-finally"]);
        match marker {
            "cancel" | "abort" => not_run(finally, reason, code),
            _ => finally.command(["echo", "ran"]).stdout("ran\n").any_stderr(),
        }
        .start()
        .finish();
    }
}

#[test]
fn a_running_step_is_terminated_by_the_cancels_and_finishes_under_the_others() {
    for (marker, reason, _) in ENDING {
        let sandbox = sandbox();
        let step = sandbox.step(1).any_stderr();
        let is_cancel = marker.starts_with("cancel");
        let step = if is_cancel {
            step.command(["sleep", "1000"]).fails(9).exit_code_file("killed").rows(rows(reason))
        } else {
            step.shell(&crate::waiting_for(&sandbox, "go"))
        };
        let step = step.start();
        step.reaches("running");
        mark(&sandbox, marker, "");
        if !is_cancel {
            sees(&step, marker);
            crate::release(&sandbox, "go");
        }
        step.finish();
    }
}

#[test]
fn a_finally_step_that_has_begun_is_ended_by_cancel_alone() {
    for (marker, _, _) in ENDING {
        let sandbox = sandbox();
        let step = sandbox.step(1).flags(["-finally"]).any_stderr();
        let step = step.shell(&crate::waiting_for(&sandbox, "go"));
        let step = match marker {
            "cancel" => step.fails(9).exit_code_file("killed").rows(rows("Cancelled")),
            _ => step,
        };
        let step = step.start();
        step.reaches("running");
        mark(&sandbox, marker, "");
        if marker != "cancel" {
            sees(&step, marker);
            crate::release(&sandbox, "go");
        }
        step.finish();
    }
}

#[test]
fn a_cancel_is_a_cancel_even_if_the_command_ends_well_and_its_group_is_gone() {
    let sandbox = sandbox();
    let script = "sleep 1000 & trap 'exit 0' TERM; echo > ready; while :; do sleep 0.01; done";
    let step = sandbox.step(1).flags(["-on_error", "continue"]).shell(script).any_stderr();
    let step = step.fails(9).exit_code_file("killed").rows(rows("Cancelled")).start();
    step.makes("ready");
    mark(&sandbox, "cancel", "");
    step.finish();
}

#[test]
fn a_command_that_does_not_heed_term_is_killed_after_the_grace() {
    let sandbox = sandbox();
    let script = "trap '' TERM; echo > ready; while :; do sleep 0.01; done";
    let step = sandbox.step(1).flags(["-kill_grace", "50ms"]).shell(script).any_stderr();
    let step = step.fails(9).exit_code_file("killed").rows(rows("Cancelled")).start();
    step.makes("ready");
    mark(&sandbox, "cancel", "");
    step.finish();
}

#[test]
fn a_hold_after_a_failure_is_ended_by_every_marker_but_pause() {
    for (marker, reason, code) in ENDING {
        let sandbox = sandbox();
        let step = sandbox.step(1).flags(["-breakpoint_on_failure"]).shell("exit 3").any_stderr();
        let code = if code == 9 { 9 } else { 3 };
        let step = step.fails(code).rows(rows(reason)).start();
        step.reaches("held-failed");
        mark(&sandbox, "pause", "");
        sees(&step, "pause");
        assert_eq!(step.state().unwrap()["phase"], "held-failed");
        mark(&sandbox, marker, "");
        step.finish();
    }
}

#[test]
fn a_hold_after_success_that_is_stopped_posts_its_success() {
    for marker in ["stop-finally", "abort"] {
        let sandbox = sandbox();
        let step = sandbox.step(1).flags(["-debug_after_step"]).command(["true"]).any_stderr();
        let step = step.without("status/exitCode").start();
        step.reaches("held-after");
        mark(&sandbox, marker, "");
        step.finish();
    }
}

#[test]
fn a_hold_before_the_step_is_ended_without_running_it() {
    for (marker, reason, code) in ENDING {
        let sandbox = sandbox();
        let step = not_run(sandbox.step(1).flags(["-debug_before_step"]), reason, code).start();
        step.reaches("held-before");
        mark(&sandbox, marker, "");
        step.finish();
    }
}

#[test]
fn the_stronger_marker_wins_in_whatever_order_they_come() {
    for (index, (strong, reason, code)) in ENDING.iter().enumerate() {
        for (weak, _, _) in &ENDING[index + 1..] {
            for pair in [[strong, weak], [weak, strong]] {
                let sandbox = sandbox();
                pair.iter().for_each(|marker| mark(&sandbox, marker, ""));
                not_run(sandbox.step(1), reason, *code).start().finish();
            }
        }
    }
}

#[test]
fn a_stopped_step_posts_only_after_the_step_before_it() {
    let sandbox = sandbox();
    let first = sandbox.step(0).shell(&crate::waiting_for(&sandbox, "go"));
    let first = first.leaves("stop-finally", "").start();
    first.reaches("running");
    let next = not_run(sandbox.step(1).after(0), "Stopped", 1).start();
    next.reaches("waiting");
    mark(&sandbox, "stop-finally", "");
    sees(&next, "stop-finally");
    let state = next.state().unwrap();
    assert_eq!((&state["phase"], &state["reason"]), (&"waiting".into(), &"Stopped".into()));
    assert!(!sandbox.has("tekton/run/1/out.err"));
    crate::release(&sandbox, "go");
    first.finish();
    next.finish();
}

#[test]
fn a_cancel_does_not_wait_for_a_file_that_no_step_writes() {
    let sandbox = sandbox();
    let ready = sandbox.at("tekton/downward/ready");
    sandbox.folder("tekton/downward");
    let flags = ["-wait_file", &ready, "-wait_file_content"];
    let step = not_run(sandbox.step(0).flags(flags), "Cancelled", 9).start();
    step.reaches("waiting");
    sandbox.write("tekton/downward/cancel", "true");
    step.finish();
}

#[test]
fn markers_are_seen_in_every_control_folder() {
    let numbered_later = "tekton/run/17/stop-finally";
    for place in [
        "tekton/run/1/stop-finally",
        numbered_later,
        "tekton/downward/stop-finally",
        "more/stop-finally",
        "second/stop-finally",
    ] {
        let sandbox = sandbox();
        let folder = |name| sandbox.folder(name).display().to_string();
        let control = [folder("more"), folder("second")].join(",");
        let first = sandbox.step(0).shell(&crate::waiting_for(&sandbox, "go")).start();
        let next = sandbox.step(1).after(0).flags(["-control_dir", &control]);
        let next = not_run(next, "Stopped", 1);
        let own = place.starts_with("tekton/run/1/");
        let next = if own { next.leaves("stop-finally", "x") } else { next }.start();
        first.reaches("running");
        next.reaches("waiting");
        // Its folder is there before it, as a mount would be, or comes with it.
        sandbox.write(place, "x");
        sees(&next, "stop-finally");
        crate::release(&sandbox, "go");
        first.finish();
        next.finish();
    }
}

#[test]
fn a_folder_beside_that_of_the_post_file_counts_where_both_have_a_number() {
    for (post, place, code) in [
        ("tools/0", "tools/stop-finally", 1),
        ("tools/0", "7/stop-finally", 0),
        ("run/0/out", "run/seven/stop-finally", 0),
        ("run/0/out", "run/7/stop-finally", 1),
    ] {
        let sandbox = sandbox();
        sandbox.write(place, "x");
        let (post, message) = (sandbox.at(post), sandbox.at("message"));
        let step = sandbox.call(["-post_file", &post, "-termination_path", &message]);
        assert_eq!(step.command(["true"]).start().end(), code, "{place}");
    }
}

#[test]
fn a_downward_file_that_says_no_is_no_marker() {
    for text in ["", "false", "no", "0", "false\n"] {
        let sandbox = sandbox();
        for (marker, _, _) in ENDING {
            sandbox.write(&format!("tekton/downward/{marker}"), text);
        }
        sandbox.write("tekton/downward/pause", text);
        sandbox.step(0).command(["echo", "ran"]).stdout("ran\n").start().finish();
    }
}

#[test]
fn a_breakpoint_marker_sets_breakpoints_on_a_run_that_has_begun() {
    for (text, command, phase) in [
        ("on-failure", "exit 3", "held-failed"),
        ("before:build", "exit 0", "held-before"),
        ("after:build", "exit 0", "held-after"),
        ("before:other, on-failure", "exit 3", "held-failed"),
    ] {
        let sandbox = sandbox();
        mark(&sandbox, "breakpoint", text);
        let step = sandbox.step(1).flags(["-step_name", "build"]).shell(command).start();
        step.reaches(phase);
        step.kill();
    }
}

#[test]
fn a_breakpoint_that_is_being_written_is_waited_for() {
    let sandbox = sandbox();
    sandbox.folder("tekton/run/0");
    let step = sandbox.step(1).after(0).command(["true"]).start();
    step.reaches("waiting");
    // From here on it hears of files that are created.
    sandbox.write("tekton/run/1/out.extend", "1m");
    step.says("rejected: no `extend`");
    let mut breakpoint = File::create(sandbox.path("tekton/run/0/breakpoint")).unwrap();
    sandbox.write("tekton/run/0/out", "");
    holdpoint_tests::eventually("it waits for the text", || {
        step.state()?["waitingFor"].as_str()?.contains("being written").then_some(())
    });
    breakpoint.write_all(b"before:1").unwrap();
    drop(breakpoint);
    step.reaches("held-before");
    step.kill();
}

#[test]
fn breakpoints_that_are_off_hold_nothing() {
    for flags in [["-breakpoint_on_failure"], ["-debug_before_step"], ["-debug_after_step"]] {
        let sandbox = sandbox();
        mark(&sandbox, "breakpoint", "off");
        sandbox.step(1).flags(flags).shell("exit 3").fails(3).any_stderr().start().finish();
    }
}

#[test]
fn taking_a_breakpoint_away_ends_no_hold() {
    for (text, phase, exit) in [
        ("on-failure", "held-failed", "out.breakpointexit"),
        ("before:1", "held-before", "out.beforestepexit"),
    ] {
        let sandbox = sandbox();
        mark(&sandbox, "breakpoint", text);
        let step = sandbox.step(1).shell("exit 3").fails(3).any_stderr();
        let step = step.leaves_something(exit).start();
        step.reaches(phase);
        mark(&sandbox, "breakpoint", "off");
        holdpoint_tests::eventually("it is seen", || {
            (step.state()?["markers"][0]["reason"] == "off").then_some(())
        });
        assert_eq!(step.state().unwrap()["phase"], phase);
        sandbox.write(&format!("tekton/run/1/{exit}"), "3");
        step.finish();
    }
}

/// The step prepares its command, and speaks of so many references that it waits until somebody
/// reads: that is between the look that shows its turn and the last one.
#[test]
fn a_marker_that_comes_after_the_turn_and_before_the_start_is_not_lost() {
    let sandbox = sandbox();
    nix::unistd::mkfifo(&sandbox.path("stderr"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let mut listening = File::options();
    listening.read(true).write(true).custom_flags(O_NONBLOCK);
    let mut stderr = listening.open(sandbox.path("stderr")).unwrap();
    let reference = |of| format!("$(steps.none.results.{}{of})", "x".repeat(5000));
    let references: Vec<_> = (0..30).map(reference).collect();
    let command = ["echo"].into_iter().chain(references.iter().map(String::as_str));
    let step = sandbox.step(1).after(0).command(command).fails(1);
    let redirected = format!("exec \"$@\" 2> {}", sandbox.at("stderr"));
    let mut step = step.by(["sh", "-c", &redirected, "sh"]).rows(rows("Stopped")).start();
    step.reaches("waiting");
    sandbox.write("tekton/run/0/out", "");
    holdpoint_tests::eventually("it prepares", || stderr.read_exact(&mut [0]).ok());
    sandbox.write("tekton/run/0/stop-finally", "");
    holdpoint_tests::eventually("it ends", || {
        let _ = stderr.read(&mut [0; 4096]);
        (!step.is_running()).then_some(())
    });
    step.finish();
}

/// Step 2 waits for step 0 alone; step 1 is alive and has not posted.
#[test]
fn no_command_starts_beside_an_earlier_step() {
    for flags in [&[][..], &["-finally"]] {
        let sandbox = sandbox();
        let go = crate::waiting_for(&sandbox, "go");
        let log = sandbox.path("log").display().to_string();
        let middle = format!("echo begin-1 >> {log}; {go}; echo end-1 >> {log}");
        let middle = sandbox.step(1).shell(&middle).start();
        middle.reaches("running");
        let last = sandbox.step(2).after(0).flags(flags).logging("begin-2").start();
        sandbox.step(0).command(["true"]).start().finish();
        let state = holdpoint_tests::eventually("it waits for step 1", || {
            let state = last.state()?;
            state["waitingFor"].as_str()?.contains("run/1/out").then_some(state)
        });
        assert_eq!(state["phase"], "waiting");
        crate::release(&sandbox, "go");
        middle.finish();
        last.finish();
        assert_eq!(sandbox.log(), ["begin-1", "end-1", "begin-2"]);
    }
}

/// The same however steps are numbered: the last one waits for the first alone.
#[test]
fn every_step_with_a_lower_number_is_an_earlier_one() {
    for [first, middle, last] in [
        ["run/0/out", "run/9/out", "run/10/out"],
        ["run/0/out", "run/1/out", "run/3/out"],
        ["run/0/post", "run/1/post", "run/2/post"],
        ["tools/0", "tools/9", "tools/10"],
    ] {
        let sandbox = sandbox();
        for post in [first, middle, last] {
            sandbox.folder(std::path::Path::new(post).parent().unwrap().to_str().unwrap());
        }
        let step = |post: &str| {
            let (post, message) = (sandbox.at(post), sandbox.at(&format!("{post}.message")));
            sandbox.call(["-post_file", &post, "-termination_path", &message])
        };
        let says = |post: &str, word: &str| {
            holdpoint_tests::eventually(&format!("{post} says {word}"), || {
                sandbox.read(&format!("{post}.state"))?.contains(word).then_some(())
            });
        };
        sandbox.write(first, "");
        let working = step(middle).shell(&crate::waiting_for(&sandbox, "go")).start();
        says(middle, "running");
        let next = step(last).flags(["-wait_file", &sandbox.at(first)]).command(["true"]).start();
        says(last, &format!("{middle}, which is still alive"));
        crate::release(&sandbox, "go");
        assert_eq!((working.end(), next.end()), (0, 0), "{last}");
    }
}

#[test]
fn an_earlier_step_that_has_posted_holds_nobody_back_although_it_is_alive() {
    for post in ["out", "out.err"] {
        let sandbox = sandbox();
        let _alive = at_work(&sandbox, 1);
        sandbox.write(&format!("tekton/run/1/{post}"), "");
        sandbox.write("tekton/run/0/out", "");
        sandbox.step(2).after(0).command(["true"]).start().finish();
    }
}

#[test]
fn an_earlier_step_that_died_holds_nobody_back() {
    let sandbox = sandbox();
    let middle = sandbox.step(1).command(["sleep", "1000"]).start();
    middle.reaches("running");
    let last =
        sandbox.step(2).after(0).command(["echo", "ran"]).stdout("ran\n").any_stderr().start();
    sandbox.step(0).command(["true"]).start().finish();
    middle.kill();
    last.finish();
}
