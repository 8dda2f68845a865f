//! Words that ask nothing of a step (2.7): `status` shows the run, `probe` tells of a hold by its exit
//! code, `shell` opens the best shell there is.

use holdpoint_tests::{Running, Sandbox, Step, eventually};

use crate::sandbox;

/// Step 1 in this phase.
fn in_phase<'a>(sandbox: &'a Sandbox, phase: &str) -> Running<'a> {
    let step = sandbox.step(1).any_stderr().command(["sleep", "1000"]);
    let step = match phase {
        "waiting" => step.after(0),
        "paused" => {
            sandbox.write("tekton/downward/pause", "lunch");
            step
        }
        "held-before" => step.flags(["-debug_before_step"]),
        "terminating" => {
            step.flags(["-timeout=1ms", "-kill_grace=1h"]).shell("trap '' TERM; sleep 1000")
        }
        "held-failed" => step.flags(["-breakpoint_on_failure"]).command(["false"]),
        "held-after" => step.flags(["-debug_after_step"]).command(["true"]),
        "finished" => step.command(["true"]),
        _ => step,
    };
    let step = step.start();
    step.reaches(phase);
    step
}

#[test]
fn a_probe_fails_while_the_step_is_paused_or_held_and_gives_its_message_as_one_line() {
    for (phase, code) in [
        ("waiting", 0),
        ("paused", 1),
        ("held-before", 1),
        ("running", 0),
        ("terminating", 0),
        ("held-failed", 1),
        ("held-after", 1),
        ("finished", 0),
    ] {
        let sandbox = sandbox();
        let step = in_phase(&sandbox, phase);
        let said = sandbox.ask(1, ["probe"]);
        let message = sandbox.plain(step.state().unwrap()["message"].as_str().unwrap());
        let told = if code == 1 { message + "\n" } else { String::new() };
        assert_eq!((said.code, said.text), (code, told), "{phase}");
        step.kill();
    }
}

#[test]
fn a_probe_of_a_step_that_has_not_begun_succeeds() {
    let sandbox = sandbox();
    let said = sandbox.ask(1, ["probe"]);
    assert_eq!((said.code, said.text.as_str()), (0, ""));
    let said = sandbox.call(["probe"]).start().end();
    assert_eq!(said, 0, "no step at all");
}

#[test]
fn each_column_of_the_table_is_that_of_the_state() {
    let sandbox = sandbox();
    let step = sandbox.step(1).flags(["-breakpoint_on_failure", "-step_name", "build"]);
    let step = step.shell("exit 7").any_stderr().start();
    step.reaches("held-failed");
    assert_eq!(sandbox.ask(1, ["retry"]).code, 0);
    let state = eventually("the second attempt is held", || {
        step.state().filter(|state| state["attempt"] == 2 && state["phase"] == "held-failed")
    });
    let said = sandbox.ask(1, ["status"]);
    let [head, row] = &said.text.lines().collect::<Vec<_>>()[..] else { panic!("{}", said.text) };
    let names = ["STEP", "PHASE", "SINCE", "ATTEMPT", "EXIT", "REASON", "MESSAGE"];
    assert_eq!(head.split_whitespace().collect::<Vec<_>>(), names);
    let since = &state["since"].as_str().unwrap()[11..19];
    let cells = ["build", "held-failed", since, "2", "7", "Failed"];
    assert_eq!(row.split_whitespace().take(6).collect::<Vec<_>>(), cells);
    assert!(row.ends_with(&sandbox.plain(state["message"].as_str().unwrap())), "{row}");
    step.kill();
}

#[test]
fn the_steps_of_a_run_are_shown_in_the_order_of_their_numbers() {
    let sandbox = sandbox();
    for number in [10, 2, 1] {
        let name = format!("step-{number}");
        sandbox.step(number).flags(["-step_name", &name]).command(["true"]).start().finish();
    }
    let states = sandbox.ask(2, ["status", "-o", "json"]).json();
    let names: Vec<_> = states.as_array().unwrap().iter().map(|state| &state["step"]).collect();
    assert_eq!(names, ["step-1", "step-2", "step-10"]);
    let table = sandbox.ask(2, ["status"]).text;
    assert_eq!(table.matches("succeeded").count(), 3, "{table}");
    assert!(!table.contains("died"), "a step that has ended has not died: {table}");
}

#[test]
fn a_run_without_a_step_has_no_table() {
    let sandbox = sandbox();
    sandbox.folder("tekton/run/1");
    assert_eq!(sandbox.ask(1, ["status"]).code, 4);
}

#[test]
fn a_watched_table_shows_each_change_and_ends_with_the_last_step() {
    let sandbox = sandbox();
    let step = sandbox.step(1).shell(&crate::waiting_for(&sandbox, "go")).start();
    step.reaches("running");
    let post = sandbox.at("tekton/run/1/out");
    let watch = sandbox.call(["status", "--watch", "-post_file", &post]).start();
    eventually("it shows the command", || watch.stdout().contains("running").then_some(()));
    crate::release(&sandbox, "go");
    step.finish();
    eventually("it shows the end", || watch.stdout().contains("finished").then_some(()));
    assert_eq!(watch.end(), 0);
}

/// Where SIGPIPE is ignored, as below many programs, a write tells it.
#[test]
fn a_watched_table_ends_with_its_reader() {
    let sandbox = sandbox();
    let step = sandbox.step(1).shell(&crate::waiting_for(&sandbox, "go")).start();
    step.reaches("running");
    let (post, left) = (sandbox.at("tekton/run/1/out"), sandbox.at("left"));
    let line = format!("trap '' PIPE; {{ \"$@\"; echo $? > {left}; }} | head -n 1");
    let watch = sandbox.call(["status", "--watch", "-post_file", &post]);
    let watch = watch.by(["sh", "-c", &line, "sh"]).start();
    eventually("it shows the head", || watch.stdout().contains("STEP").then_some(()));
    let second = sandbox.step(2).after(1).command(["true"]).any_stderr().start();
    second.reaches("waiting");
    assert_eq!(watch.end(), 0);
    assert_eq!(sandbox.read("left").as_deref(), Some("0\n"));
    step.kill();
    second.kill();
}

/// Programs that say which one they are, and how they were called.
fn shells(sandbox: &Sandbox, folder: &str, names: &[&str]) {
    for name in names {
        sandbox.script(&format!("{folder}/{name}"), "#!/bin/sh\necho ${0##*/} \"$@\"\n");
    }
}

fn shell(sandbox: &Sandbox) -> Step<'_> {
    let post = sandbox.at("tekton/run/1/out");
    sandbox.call(["shell", "-post_file", &post]).env("PATH", sandbox.at("bin"))
}

#[test]
fn the_best_shell_there_is_is_opened() {
    let all = ["bash", "sh", "ash", "busybox", "fish"];
    // The shells of the image, whether $SHELL is set, those of the admin, what is opened.
    let cases: [(&[&str], bool, &[&str], &str); 7] = [
        (&all, true, &all, "fish\n"),
        (&all[..4], true, &[], "bash\n"),
        (&all, false, &all, "bash\n"),
        (&["sh", "ash", "busybox"], false, &[], "sh\n"),
        (&["ash", "busybox"], false, &[], "ash\n"),
        (&["busybox"], false, &[], "busybox sh\n"),
        (&["other"], false, &["busybox"], "busybox sh\n"),
    ];
    for (image, is_set, admin, opened) in cases {
        let sandbox = sandbox();
        shells(&sandbox, "bin", image);
        shells(&sandbox, "tekton/debug/bin", admin);
        let step = shell(&sandbox);
        let step = if is_set { step.env("SHELL", sandbox.at("bin/fish")) } else { step };
        step.stdout(opened).run();
    }
}

#[test]
fn a_shell_that_may_not_be_executed_is_passed_over() {
    let sandbox = sandbox();
    shells(&sandbox, "bin", &["bash", "sh"]);
    sandbox.set_mode("bin/bash", 0o644);
    shell(&sandbox).stdout("sh\n").run();
}

#[test]
fn a_shell_without_the_changed_variables_says_so() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let sandbox = sandbox();
    shells(&sandbox, "bin", &["sh"]);
    sandbox.write("tekton/run/1/out.env", "WORD=two\0");
    sandbox.set_mode("tekton/run/1/out.env", 0o600);
    let told =
        "holdpoint: cannot read /tekton/run/1/out.env: …: what substitution changed is missing…";
    shell(&sandbox).as_user(1000).stdout("sh\n").stderr(told).run();
}

#[test]
fn where_there_is_no_shell_that_is_said() {
    let sandbox = sandbox();
    shells(&sandbox, "bin", &["other"]);
    shell(&sandbox).exits(127).stderr("holdpoint: there is no shell in this image…").run();
}
