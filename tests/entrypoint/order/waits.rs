//! The waits (1.3 step 3).

use super::*;

#[test]
fn a_command_starts_only_when_its_file_is_there() {
    let sandbox = sandbox();
    let step = sandbox.step(0).flags(["-wait_file", "go"]).logging("ran").start();
    step.reaches("waiting");
    assert!(sandbox.log().is_empty());
    sandbox.write("go", "");
    step.finish();
    assert_eq!(sandbox.log(), ["ran"]);
}

#[test]
fn every_file_is_waited_for() {
    let names = ["a", "b", "c"];
    for last in names {
        let sandbox = sandbox();
        let step = sandbox.step(0).flags(["-wait_file", ",a,,b,c,"]).logging(last);
        let step = step.start();
        names.iter().filter(|name| **name != last).for_each(|name| drop(sandbox.write(name, "")));
        eventually("only the last is waited for", || {
            let waits = step.state()?["waitingFor"].as_str()?.ends_with(&format!("/{last}"));
            waits.then_some(())
        });
        sandbox.write(last, "");
        step.finish();
        assert_eq!(sandbox.log(), [last]);
    }
}

#[test]
fn a_failed_file_that_is_not_yet_due_does_not_skip_the_step() {
    let sandbox = sandbox();
    sandbox.write("b.err", "");
    let step = sandbox.step(0).flags(["-wait_file", "a,b"]).command(["true"]);
    let step = step.fails(1).rows(skipped()).any_stderr().start();
    step.reaches("waiting");
    sandbox.write("a", "");
    step.finish();
}

#[test]
fn a_failure_before_it_skips_a_waiting_step() {
    let sandbox = sandbox();
    let step = sandbox.step(0).flags(["-wait_file", "w"]).logging("ran").fails(1);
    let step = step.rows(skipped()).stderr("holdpoint: skipped: …").start();
    step.reaches("waiting");
    sandbox.write("w.err", "");
    step.finish();
    assert!(sandbox.log().is_empty());
}

#[test]
fn success_wins_where_both_files_are_there() {
    for content in [false, true] {
        let sandbox = sandbox();
        sandbox.write("w.err", "");
        sandbox.write("w", "x");
        let flags = ["-wait_file=w".to_owned(), format!("-wait_file_content={content}")];
        sandbox.step(0).flags(flags).command(["true"]).run();
    }
}

#[test]
fn an_empty_file_is_no_content() {
    let sandbox = sandbox();
    sandbox.write("w", "");
    let step = sandbox.step(0).flags(["-wait_file", "w", "-wait_file_content"]).logging("ran");
    let step = step.start();
    step.reaches("waiting");
    // It has looked: the state comes after the look.
    assert!(sandbox.log().is_empty());
    sandbox.write("w", "x");
    step.finish();
    assert_eq!(sandbox.log(), ["ran"]);
}

#[test]
fn an_empty_file_and_a_failure_are_a_failure_where_content_is_waited_for() {
    let sandbox = sandbox();
    sandbox.write("w", "");
    sandbox.write("w.err", "");
    let step = sandbox.step(0).flags(["-wait_file", "w", "-wait_file_content"]);
    step.command(["true"]).fails(1).rows(skipped()).any_stderr().run();
}

#[test]
fn content_that_is_added_to_the_file_counts() {
    let sandbox = sandbox();
    let file = sandbox.write("w", "");
    let step = sandbox.step(0).flags(["-wait_file", "w", "-wait_file_content"]);
    let step = step.command(["true"]).start();
    step.reaches("waiting");
    std::fs::write(file, "x").unwrap();
    step.finish();
}

#[test]
fn a_debugged_run_goes_on_behind_a_failure() {
    let sandbox = sandbox();
    sandbox.write("w.err", "");
    let flags = ["-wait_file", "w", "-breakpoint_on_failure"];
    sandbox.step(0).flags(flags).shell("echo ran").stdout("ran\n").run();
}

#[test]
fn the_folder_may_be_made_later() {
    for (file, number) in [("later/w", 0), ("a/b/c/d/w", 1)] {
        let sandbox = sandbox();
        let step = sandbox.step(number).flags(["-wait_file", file]).command(["true"]).start();
        step.reaches("waiting");
        for (at, _) in file.match_indices('/') {
            sandbox.folder(&file[..at]);
        }
        sandbox.write(file, "");
        step.finish();
    }
}

#[test]
fn the_folder_may_be_replaced() {
    let sandbox = sandbox();
    sandbox.folder("place");
    let step = sandbox.step(0).flags(["-wait_file", "place/w"]).command(["true"]).start();
    step.reaches("waiting");
    sandbox.write("ready/w", "");
    std::fs::rename(sandbox.path("place"), sandbox.path("old")).unwrap();
    std::fs::rename(sandbox.path("ready"), sandbox.path("place")).unwrap();
    step.finish();
}

/// As the kubelet does: `ready` is a link to `..data/ready`, and `..data` a link that is swapped.
#[test]
fn a_link_may_be_swapped_as_in_a_downward_volume() {
    let sandbox = sandbox();
    sandbox.write("tekton/downward/..1/ready", "");
    symlink("..1", sandbox.path("tekton/downward/..data")).unwrap();
    symlink("..data/ready", sandbox.path("tekton/downward/ready")).unwrap();
    let file = sandbox.at("tekton/downward/ready");
    let step = sandbox.step(0).flags(["-wait_file", &file, "-wait_file_content"]);
    let step = step.logging("ran").start();
    step.reaches("waiting");
    assert!(sandbox.log().is_empty());
    sandbox.write("tekton/downward/..2/ready", "READY");
    sandbox.link("tekton/downward/..data", "..2");
    step.finish();
    assert_eq!(sandbox.log(), ["ran"]);
}

#[test]
fn a_file_below_a_file_can_never_be() {
    let sandbox = sandbox();
    sandbox.write("file", "");
    for (number, wait) in ["file/w", "file/a/b/w"].into_iter().enumerate() {
        let step = sandbox.step(number).flags(["-wait_file", wait]).logging("ran").fails(1);
        step.stderr(&format!("holdpoint: cannot wait for /{wait}: …")).run();
    }
    assert!(sandbox.log().is_empty());
}

#[test]
fn a_folder_that_becomes_a_file_can_never_be() {
    let sandbox = sandbox();
    let step = sandbox.step(0).flags(["-wait_file", "later/w"]).command(["true"]).fails(1);
    let step = step.any_stderr().start();
    step.reaches("waiting");
    sandbox.write("later", "a file");
    step.finish();
}

#[test]
fn fifty_steps_run_in_their_order() {
    let sandbox = sandbox();
    let describe = |number: usize| {
        let step = sandbox.step(number).logging(&format!("begin-{number} end-{number}"));
        if number == 0 { step } else { step.after(number - 1) }
    };
    // The last one first, so that all but one have to wait.
    let steps: Vec<_> = (0..50).rev().map(|number| describe(number).start()).collect();
    steps.into_iter().rev().for_each(|step| drop(step.finish()));
    let expected: Vec<String> =
        (0..50).flat_map(|n| [format!("begin-{n}"), format!("end-{n}")]).collect();
    assert_eq!(sandbox.log(), expected);
}

#[test]
fn a_failure_skips_all_steps_behind_it() {
    let sandbox = sandbox();
    let steps: Vec<_> = (1..10)
        .map(|number| {
            let step = sandbox.step(number).after(number - 1).logging("ran").fails(1);
            step.rows(skipped()).any_stderr().start()
        })
        .collect();
    sandbox.step(0).shell("exit 1").fails(1).any_stderr().start().finish();
    steps.into_iter().for_each(|step| drop(step.finish()));
    assert!(sandbox.log().is_empty());
}

#[test]
fn the_start_is_when_the_turn_comes() {
    let sandbox = sandbox();
    let second = sandbox.step(1).after(0).command(["true"]).start();
    second.reaches("waiting");
    sandbox.step(0).shell("sleep 0.01").start().finish();
    second.finish();
    assert!(started(&sandbox, 0) < started(&sandbox, 1));
}

#[test]
fn pauses_do_not_count_in_a_wait() {
    let sandbox = sandbox();
    let timed_out = [started_at(), internal("Reason", "WaitTimeout")];
    let step = |number: usize| {
        let step = sandbox.step(number).flags(["-wait_file", "w", "-wait_timeout", "100ms"]);
        step.command(["true"]).fails(1).rows(timed_out.clone()).any_stderr()
    };
    let pause = sandbox.write("paused/pause", "lunch");
    let mut paused = step(0).flags(["-control_dir", &sandbox.at("paused")]).start();
    paused.reaches("waiting");
    // It began later, and its time is over.
    step(1).start().finish();
    assert!(paused.is_running());
    std::fs::remove_file(pause).unwrap();
    paused.finish();
}

#[test]
fn the_wait_for_an_earlier_step_that_is_still_alive_has_no_limit() {
    let sandbox = sandbox();
    let middle = sandbox.step(1).shell(&crate::waiting_for(&sandbox, "go")).start();
    middle.reaches("running");
    sandbox.write("tekton/run/0/out", "");
    let last = sandbox.step(2).after(0).flags(["-wait_timeout", "100ms"]).command(["true"]);
    let last = last.start();
    last.reaches("waiting");
    let late = sandbox.step(3).flags(["-wait_file", "w", "-wait_timeout", "100ms"]);
    assert_eq!(late.command(["true"]).start().end(), 1);
    crate::release(&sandbox, "go");
    middle.finish();
    last.finish();
}
