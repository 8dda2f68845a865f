//! `pause` and `resume` (2.2): what holds back, what goes on, and whose word is newer.

use std::fs::{self, File};
use std::io::Write;
use std::time::{Duration, SystemTime};

use holdpoint_tests::{Post, Running, Sandbox, eventually};

use super::{mark, not_run, sees};
use crate::sandbox;

/// Makes a paused step look at its files: from then on it hears of those that are created.
fn looks(sandbox: &Sandbox, step: &Running<'_>) {
    let answers =
        |step: &Running<'_>| step.state().map(|it| it["requests"].as_array().unwrap().len());
    let before = answers(step);
    sandbox.write("tekton/run/1/out.extend", "1m");
    eventually("it has looked again", || (answers(step) > before).then_some(()));
}

#[test]
fn a_paused_step_runs_when_the_pause_is_taken_away_or_resumed() {
    for resumed in [false, true] {
        for flags in [&[][..], &["-finally"]] {
            let sandbox = sandbox();
            mark(&sandbox, "pause", "lunch");
            let step = sandbox.step(1).flags(flags).command(["echo", "ran"]).stdout("ran\n");
            let step = step.any_stderr().start();
            let state = step.reaches("paused");
            assert!(state["message"].as_str().unwrap().contains("lunch"), "{state}");
            if resumed {
                // In another folder: that of the pause may be read-only.
                sandbox.write("tekton/run/2/resume", "");
            } else {
                fs::remove_file(sandbox.path("tekton/run/0/pause")).unwrap();
            }
            step.finish();
        }
    }
}

#[test]
fn a_pause_that_is_newer_than_the_resume_stands() {
    let sandbox = sandbox();
    let resume = sandbox.write("tekton/run/0/resume", "");
    let hour_ago = SystemTime::now() - Duration::from_secs(3600);
    fs::File::options().write(true).open(resume).unwrap().set_modified(hour_ago).unwrap();
    mark(&sandbox, "pause", "");
    let step = sandbox.step(1).command(["true"]).start();
    step.reaches("paused");
    step.kill();
}

#[test]
fn a_pause_in_the_downward_folder_ends_only_with_its_annotation() {
    let sandbox = sandbox();
    sandbox.write("tekton/downward/pause", "lunch");
    let step = sandbox.step(1).command(["echo", "ran"]).stdout("ran\n").any_stderr().start();
    step.reaches("paused");
    sandbox.write("tekton/run/0/resume", "");
    sees(&step, "resume");
    assert_eq!(step.state().unwrap()["phase"], "paused");
    sandbox.write("tekton/downward/pause", "");
    step.finish();
}

#[test]
fn a_pause_holds_back_no_step_that_will_not_run() {
    let sandbox = sandbox();
    mark(&sandbox, "pause", "");
    sandbox.write("tekton/run/0/out.err", "");
    not_run(sandbox.step(1).after(0), "Skipped", 1).start().finish();
    let step = not_run(sandbox.step(2), "Skipped", 0).posts(Post::Done).exit_code_file("0").start();
    step.reaches("paused");
    assert_eq!(sandbox.ask(2, ["skip"]).code, 0);
    step.finish();
}

/// A paused step that hears of every file.
fn paused(sandbox: &Sandbox) -> Running<'_> {
    mark(sandbox, "pause", "lunch");
    let step = sandbox.step(1).command(["echo", "ran"]).stdout("ran\n").any_stderr().start();
    step.reaches("paused");
    looks(sandbox, &step);
    step
}

#[test]
fn a_resume_ends_no_pause_before_it_is_written() {
    let sandbox = sandbox();
    let step = paused(&sandbox);
    let mut resume = File::create(sandbox.path("tekton/run/0/resume")).unwrap();
    for half in ["back ", "again"] {
        resume.write_all(half.as_bytes()).unwrap();
        looks(&sandbox, &step);
        assert_eq!(step.state().unwrap()["phase"], "paused", "{half}");
    }
    drop(resume);
    step.finish();
}

/// It is not paused for a moment either.
#[test]
fn a_resume_stands_while_it_is_written_again() {
    let sandbox = sandbox();
    mark(&sandbox, "pause", "lunch");
    let resume = sandbox.write("tekton/run/0/resume", "back");
    let step = sandbox.step(1).after(0).command(["echo", "ran"]).stdout("ran\n").start();
    sees(&step, "resume");
    let again = File::create(resume).unwrap();
    sandbox.write("tekton/run/0/out", "");
    step.finish();
    drop(again);
}

/// Sets the time of a file an hour ahead: the clock has been set back since.
fn write_ahead(sandbox: &Sandbox, below: &str, text: &str) {
    let ahead = SystemTime::now() + Duration::from_secs(3600);
    let file = sandbox.write(below, text);
    File::options().write(true).open(file).unwrap().set_modified(ahead).unwrap();
}

#[test]
fn a_pause_by_a_verb_is_newer_than_every_resume() {
    let sandbox = sandbox();
    let step = sandbox.step(1).after(0).command(["true"]).start();
    step.reaches("waiting");
    write_ahead(&sandbox, "tekton/run/0/resume", "");
    sees(&step, "resume");
    assert_eq!(sandbox.ask(1, ["pause"]).code, 0);
    sandbox.write("tekton/run/0/out", "");
    step.reaches("paused");
    step.kill();
}

#[test]
fn a_resume_by_a_verb_is_newer_than_every_pause() {
    let sandbox = sandbox();
    write_ahead(&sandbox, "tekton/run/0/pause", "");
    let step = sandbox.step(1).command(["echo", "ran"]).stdout("ran\n").any_stderr();
    let step = step.leaves("resume", "").start();
    step.reaches("paused");
    assert_eq!(sandbox.ask(1, ["resume"]).code, 0);
    step.finish();
}

#[test]
fn a_breakpoint_by_a_verb_is_newer_than_every_other() {
    let sandbox = sandbox();
    let step = sandbox.step(1).after(0).shell("exit 3").start();
    step.reaches("waiting");
    write_ahead(&sandbox, "tekton/run/0/breakpoint", "off");
    sees(&step, "breakpoint");
    assert_eq!(sandbox.ask(1, ["breakpoint", "on-failure"]).code, 0);
    sandbox.write("tekton/run/0/out", "");
    step.reaches("held-failed");
    step.kill();
}
