//! The files of a step (2.1): who may read them, when they come and go, and when those of a person
//! are read.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, SystemTime};

use holdpoint_tests::{Post, Running, Sandbox, Signal, Step, behind, internal, started_at};
use nix::fcntl::{Flock, FlockArg};

use crate::sandbox;

const EXIT: &str = "tekton/run/0/out.breakpointexit";

fn failing(sandbox: &Sandbox) -> Step<'_> {
    sandbox.step(0).flags(["-breakpoint_on_failure"]).shell("exit 3").any_stderr()
}

fn held(step: Step<'_>) -> Running<'_> {
    let step = step.start();
    step.reaches("held-failed");
    step
}

/// The step has looked at its files once more: it has answered a request that changes nothing.
#[track_caller]
fn looks_again(sandbox: &Sandbox) {
    let said = sandbox.ask(0, ["extend", "1m"]);
    assert!(said.code == 3 && said.text.contains("no limit"), "{}", said.text);
}

fn may_be_locked(path: &std::path::Path) -> bool {
    Flock::lock(File::open(path).unwrap(), FlockArg::LockSharedNonblock).is_ok()
}

#[test]
fn others_can_read_what_the_entrypoint_writes_whatever_the_umask() {
    let sandbox = sandbox();
    let umask = ["sh", "-c", "umask 077; exec \"$@\"", "sh"];
    sandbox.write("tekton/steps/step-a/results/word", "changed");
    let step = failing(&sandbox).by(umask).env("WORD", "$(steps.a.results.word)").fails(3);
    let step = held(step.leaves_something("out.breakpointexit"));
    for (file, mode) in [("out.alive", 0o644), ("out.state", 0o644), ("out.env", 0o600)] {
        assert_eq!(sandbox.mode(&format!("tekton/run/0/{file}")), mode, "{file}");
    }
    assert_eq!(sandbox.read("tekton/run/0/out.env").as_deref(), Some("WORD=changed\0"));
    sandbox.write(EXIT, "3");
    step.finish();
    assert_eq!(sandbox.mode("tekton/run/0/out.err"), 0o644);
    sandbox.step(1).by(umask).command(["true"]).run();
    assert_eq!(sandbox.mode("tekton/run/1/out"), 0o644);
    assert_eq!(sandbox.mode("tekton/run/1/status/results"), 0o777);
}

#[test]
fn alive_is_locked_for_as_long_as_the_process_is() {
    let sandbox = sandbox();
    let alive = sandbox.path("tekton/run/0/out.alive");
    let step = held(failing(&sandbox));
    assert!(!may_be_locked(&alive));
    step.kill();
    assert!(may_be_locked(&alive));
}

#[test]
fn alive_is_locked_from_the_moment_when_it_is_seen() {
    for _ in 0..20 {
        let sandbox = sandbox();
        let alive = sandbox.path("tekton/run/0/out.alive");
        let step = sandbox.step(0).after(7).command(["true"]).start();
        step.makes("tekton/run/0/out.alive");
        assert!(!may_be_locked(&alive));
        step.kill();
    }
}

#[test]
fn alive_is_locked_after_the_post_until_the_process_is_gone() {
    let sandbox = sandbox();
    let step = sandbox.step(0).command(["true"]);
    // One who waits for an answer: the step has posted, and stays for a moment.
    let folder = File::open(sandbox.path("tekton/run/0")).unwrap();
    let listener = Flock::lock(folder, FlockArg::LockSharedNonblock).unwrap();
    let mut step = step.start();
    step.makes("tekton/run/0/out");
    let is_free = may_be_locked(&sandbox.path("tekton/run/0/out.alive"));
    assert!(!is_free || !step.is_running(), "it is unlocked, and the process lives");
    drop(listener);
    step.finish();
}

#[test]
fn what_the_entrypoint_writes_is_renamed_into_place() {
    let sandbox = sandbox();
    let step = failing(&sandbox);
    let files = ["out.alive", "out.state", "out.env"];
    for file in files {
        sandbox.write(file, "{}");
        sandbox.link(&format!("tekton/run/0/{file}"), format!("../../../{file}"));
    }
    let step = held(step);
    for file in files {
        let place = sandbox.path(format!("tekton/run/0/{file}"));
        assert!(!place.is_symlink(), "{file} is the old one still");
        assert_eq!(sandbox.read(file).as_deref(), Some("{}"), "{file} was written in its place");
    }
    step.kill();
}

#[test]
fn nothing_is_put_directly_into_the_folder_of_runs() {
    let sandbox = sandbox();
    let step = held(failing(&sandbox));
    let names: Vec<_> =
        fs::read_dir(sandbox.path("tekton/run")).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names, ["0"]);
    step.kill();
}

#[test]
fn a_full_disk_keeps_no_post_back() {
    let sandbox = sandbox();
    let run = sandbox.folder("disk");
    let place = |name: &str| run.join(name).display().to_string();
    let mount = format!("mount -t tmpfs -o size=16k,nr_inodes=64 tmpfs {}", run.display());
    let Some(wrapper) = behind(&mount) else { return };
    // No block is left, and no inode.
    let (blocks, inodes) = (place("blocks"), place("inode"));
    let fill = format!(
        "cat /dev/zero > {blocks}; i=0; while true > {inodes}$i; do i=$((i+1)); done; exit 3"
    );
    let step = sandbox
        .call(["-post_file", &place("out"), "-termination_path", &place("termination")])
        .by(wrapper.into_iter().map(|word| {
            word.replace("exec \"$@\"", &format!("{{ \"$@\"; ls {}; }}", run.display()))
        }))
        .in_folder("disk")
        .shell(&fill);
    let ran = step.stdout("…\nout.err\n…").any_stderr().run();
    assert!(!ran.stdout.lines().any(|line| line == "out"), "{}", ran.stdout);
}

#[test]
fn a_file_that_is_written_slowly_is_read_when_it_is_closed() {
    let sandbox = sandbox();
    let step = held(failing(&sandbox).fails(7).leaves("out.breakpointexit", "7\n"));
    // From here on it hears of files that are created.
    looks_again(&sandbox);
    let mut exit = File::create(sandbox.path(EXIT)).unwrap();
    looks_again(&sandbox);
    exit.write_all(b"7").unwrap();
    looks_again(&sandbox);
    exit.write_all(b"\n").unwrap();
    looks_again(&sandbox);
    assert!(!sandbox.has("tekton/run/0/out.err"));
    drop(exit);
    step.finish();
}

#[test]
fn a_file_that_is_renamed_into_place_is_read_at_once() {
    let sandbox = sandbox();
    let step = held(failing(&sandbox).fails(7).leaves("out.breakpointexit", "7\n"));
    fs::write(sandbox.path("tekton/run/0/beside"), "7\n").unwrap();
    fs::rename(sandbox.path("tekton/run/0/beside"), sandbox.path(EXIT)).unwrap();
    step.finish();
}

#[test]
fn a_hard_link_is_read_although_nobody_closes_it() {
    let sandbox = sandbox();
    let step = held(failing(&sandbox).fails(7).leaves("out.breakpointexit", "7\n"));
    looks_again(&sandbox);
    fs::hard_link(sandbox.write("beside", "7\n"), sandbox.path(EXIT)).unwrap();
    step.finish();
}

#[test]
fn a_hard_link_is_read_although_its_other_name_is_gone() {
    let sandbox = sandbox();
    let step = held(failing(&sandbox).fails(7).leaves("out.breakpointexit", "7\n"));
    let beside = sandbox.write("beside", "7\n");
    let written = OpenOptions::new().write(true).open(&beside).unwrap();
    written.set_modified(SystemTime::now() - Duration::from_secs(1)).unwrap();
    // It sees both names at no moment.
    step.signal(Signal::SIGSTOP);
    fs::hard_link(&beside, sandbox.path(EXIT)).unwrap();
    fs::remove_file(beside).unwrap();
    step.signal(Signal::SIGCONT);
    step.finish();
}

#[test]
fn a_hard_link_is_read_although_its_other_name_went_in_the_same_tick() {
    let sandbox = sandbox();
    let step = held(failing(&sandbox).fails(7).leaves("out.breakpointexit", "7\n"));
    looks_again(&sandbox);
    step.signal(Signal::SIGSTOP);
    holdpoint_tests::eventually("both names in one tick", || {
        let _ = fs::remove_file(sandbox.path(EXIT));
        let beside = sandbox.write("beside", "7\n");
        fs::hard_link(&beside, sandbox.path(EXIT)).unwrap();
        fs::remove_file(beside).unwrap();
        let link = fs::metadata(sandbox.path(EXIT)).unwrap();
        let changed = (link.ctime(), link.ctime_nsec());
        (changed == (link.mtime(), link.mtime_nsec())).then_some(())
    });
    step.signal(Signal::SIGCONT);
    step.finish();
}

#[test]
fn a_symlink_is_read() {
    let sandbox = sandbox();
    let step = held(failing(&sandbox).fails(7).leaves_something("out.breakpointexit"));
    sandbox.write("beside", "7\n");
    // From here on it hears of files that are created.
    looks_again(&sandbox);
    sandbox.link(EXIT, "../../../beside");
    step.finish();
}

#[test]
fn a_file_that_is_older_than_the_watch_is_read_once_it_stands_still() {
    for age in [Duration::ZERO, Duration::from_secs(3600)] {
        let sandbox = sandbox();
        sandbox.folder("tekton/run/0");
        let mut exit =
            OpenOptions::new().create_new(true).write(true).open(sandbox.path(EXIT)).unwrap();
        exit.write_all(b"7\n").unwrap();
        exit.set_modified(SystemTime::now() - age).unwrap();
        // Never closed: that it stands still is all that can be seen of it.
        failing(&sandbox).fails(7).rows([started_at()]).start().finish();
        drop(exit);
    }
}

#[test]
fn requests_may_be_empty_a_text_or_json_and_are_removed() {
    for (content, told) in [
        ("", "accepted: skip\n"),
        ("not today\n", "(\"not today\")"),
        (r#"{"id":"x","by":"alice","reason":"flaky"}"#, "by alice (\"flaky\")"),
        ("{no json", "(\"{no json\")"),
    ] {
        let sandbox = sandbox();
        let first = sandbox.step(0).shell(&crate::waiting_for(&sandbox, "go")).start();
        let rows = [started_at(), internal("Reason", "Skipped")];
        let step =
            sandbox.step(1).after(0).command(["echo", "ran"]).rows(rows).any_stderr().start();
        first.reaches("running");
        step.reaches("waiting");
        sandbox.write("tekton/run/1/out.skip", content);
        let answered = holdpoint_tests::eventually("it is answered", || {
            let state = step.state()?;
            state["requests"].as_array()?.first().cloned()
        });
        assert_eq!(answered["outcome"], "accepted");
        assert!(step.stderr().contains(told), "{told} is not in {:?}", step.stderr());
        assert!(!sandbox.has("tekton/run/1/out.skip"), "the request is still there");
        crate::release(&sandbox, "go");
        first.finish();
        step.finish();
    }
}

#[test]
fn every_answer_tells_who_asked_and_why() {
    let before = ("-debug_before_step", "held-before");
    let failed = ("-breakpoint_on_failure", "held-failed");
    let who = r#""by":"alice","reason":"flaky"}"#;
    for ((hold, phase), file, head) in [
        (failed, "cancel", "{"),
        (failed, "retry", "{"),
        (failed, "extend", r#"{"duration":"2h","#),
        (failed, "breakpointexit", "3\n{"),
        (before, "beforestepexit", "0\n{"),
        (before, "beforestepexit.err", "1\n{"),
        (before, "skip", "{"),
    ] {
        let sandbox = sandbox();
        let step = sandbox.step(0).flags([hold, "-breakpoint_timeout", "1h"]).shell("exit 3");
        let step = step.start();
        step.reaches(phase);
        sandbox.write(&format!("tekton/run/0/out.{file}"), format!("{head}{who}"));
        step.says("by alice (\"flaky\")");
        step.kill();
    }
}

#[test]
fn an_extension_may_be_the_duration_alone() {
    let sandbox = sandbox();
    let step = held(failing(&sandbox).flags(["-breakpoint_timeout", "1h"]));
    sandbox.write("tekton/run/0/out.extend", "2h\n");
    step.says("accepted: extend");
    step.kill();
}

#[test]
fn several_requests_at_once_are_taken_in_their_order() {
    // Each is stronger than those behind it, and what it does shows that it was taken first.
    for (files, code, post) in [
        (&["cancel", "breakpointexit", "retry"][..], 9, Post::Failed),
        (&["breakpointexit", "retry"], 0, Post::Done),
    ] {
        let sandbox = sandbox();
        let mut step = failing(&sandbox).exits(code).posts(post).without("status/exitCode");
        for file in files.iter().skip(1) {
            step = step.leaves_something(&format!("out.{file}"));
        }
        let rows = [started_at(), internal("Reason", "Cancelled")];
        let rows = if code == 9 { rows.to_vec() } else { vec![started_at()] };
        let step = held(step.rows(rows).leaves_something("out.breakpointexit"));
        step.signal(holdpoint_tests::Signal::SIGSTOP);
        for file in files.iter().rev() {
            sandbox.write(&format!("tekton/run/0/out.{file}"), "");
        }
        step.signal(holdpoint_tests::Signal::SIGCONT);
        step.finish();
    }
}

#[test]
fn a_retry_and_what_was_asked_with_it_get_one_answer_each() {
    let sandbox = sandbox();
    let step = held(failing(&sandbox));
    step.signal(Signal::SIGSTOP);
    for request in ["out.retry", "out.extend"] {
        sandbox.write(&format!("tekton/run/0/{request}"), r#"{"id":"mine"}"#);
    }
    step.signal(Signal::SIGCONT);
    let state = holdpoint_tests::eventually("the second attempt is held", || {
        step.state().filter(|state| state["attempt"] == 2 && state["phase"] == "held-failed")
    });
    let answers = state["requests"].as_array().unwrap();
    let outcomes: Vec<_> = answers.iter().map(|answer| &answer["outcome"]).collect();
    assert_eq!(outcomes, ["accepted", "rejected"]);
    step.kill();
}

#[test]
fn an_unreadable_request_counts_as_empty() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let sandbox = sandbox();
    let step = failing(&sandbox).as_user(1000).fails(3).leaves_something("out.breakpointexit");
    let step = held(step);
    let request = sandbox.write("retry", r#"{"id":"unreadable"}"#);
    sandbox.set_mode("retry", 0o000);
    fs::rename(request, sandbox.path("tekton/run/0/out.retry")).unwrap();
    holdpoint_tests::eventually("the second attempt is held", || {
        let state = step.state()?;
        (state["attempt"] == 2 && state["phase"] == "held-failed").then_some(())
    });
    step.says("accepted: retry\n");
    sandbox.write(EXIT, "3");
    step.finish();
}

#[test]
fn a_request_that_may_not_be_removed_is_acted_on_once_until_it_changes() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let sandbox = sandbox();
    let step = failing(&sandbox).as_user(1000).fails(3).leaves_something("out.breakpointexit");
    let step = step.leaves_something("out.retry").start();
    let attempt = |number: u32| {
        holdpoint_tests::eventually("the attempt is held", || {
            let state = step.state()?;
            (state["attempt"] == number && state["phase"] == "held-failed").then_some(())
        });
    };
    attempt(1);
    let looks_again_and_clears = |sandbox: &Sandbox| {
        looks_again(sandbox);
        fs::remove_file(sandbox.path("tekton/run/0/out.extend")).unwrap();
    };
    // In a sticky folder only its owner may remove a file.
    sandbox.set_mode("tekton/run/0", 0o1777);
    sandbox.write("tekton/run/0/out.retry", "");
    attempt(2);
    looks_again_and_clears(&sandbox);
    looks_again_and_clears(&sandbox);
    attempt(2);
    // Its inode alone, its size alone, and its time alone.
    let retry = sandbox.path("tekton/run/0/out.retry");
    let write = || OpenOptions::new().append(true).open(&retry).unwrap();
    let old = write().metadata().unwrap().modified().unwrap();
    let changes: [&dyn Fn(); 3] = [
        &|| {
            let beside = File::create(sandbox.path("beside")).unwrap();
            beside.set_modified(old).unwrap();
            fs::rename(sandbox.path("beside"), &retry).unwrap();
        },
        &|| {
            let mut file = write();
            file.write_all(b"again").unwrap();
            file.set_modified(old).unwrap();
        },
        &|| write().set_modified(old - Duration::from_secs(1)).unwrap(),
    ];
    for (change, number) in changes.iter().zip(3..) {
        // It must not see half of the change.
        step.signal(Signal::SIGSTOP);
        change();
        step.signal(Signal::SIGCONT);
        attempt(number);
        looks_again_and_clears(&sandbox);
        attempt(number);
    }
    sandbox.write(EXIT, "3");
    step.finish();
}

#[test]
fn another_user_with_read_only_siblings_takes_its_turn() {
    let sandbox = sandbox();
    let first = sandbox.folder("tekton/run/0").display().to_string();
    let read_only = format!("mount --bind {first} {first} && mount -o remount,ro,bind {first}");
    let Some(wrapper) = behind(&read_only) else { return };
    let next =
        sandbox.step(1).after(0).by(wrapper).command(["echo", "ran"]).stdout("ran\n").start();
    next.reaches("waiting");
    let step = sandbox.step(0);
    let root = nix::unistd::geteuid().is_root();
    let step = if root { step.as_user(1000) } else { step };
    step.command(["true"]).start().finish();
    next.finish();
}

#[test]
fn the_flat_layout_works_too() {
    let sandbox = sandbox();
    sandbox.folder("tools");
    let step = |number: usize, wait: Option<usize>| {
        let mut words = vec!["-post_file".to_owned(), sandbox.at(&format!("tools/{number}"))];
        words.extend(["-termination_path".to_owned(), sandbox.at(&format!("message-{number}"))]);
        if let Some(wait) = wait {
            words.extend(["-wait_file".to_owned(), sandbox.at(&format!("tools/{wait}"))]);
        }
        sandbox.call(words).logging(&format!("begin-{number} end-{number}"))
    };
    let next = step(1, Some(0)).start();
    let last = step(2, Some(1)).start();
    assert_eq!(step(0, None).start().end(), 0);
    assert_eq!((next.end(), last.end()), (0, 0));
    assert_eq!(sandbox.log(), ["begin-0", "end-0", "begin-1", "end-1", "begin-2", "end-2"]);
    for file in ["0", "1", "2", "1.alive", "2.state"] {
        assert!(sandbox.has(&format!("tools/{file}")), "{file} is not there");
    }
}

#[test]
fn in_the_flat_layout_every_file_has_the_name_of_the_post_file() {
    let sandbox = sandbox();
    sandbox.folder("tools");
    sandbox.write("tekton/steps/step-a/results/word", "changed");
    let step = |number: usize, wait: &str| {
        let post = sandbox.at(&format!("tools/{number}"));
        let flags = ["-post_file", &post, "-termination_path", &sandbox.at("message")];
        sandbox.call(flags).flags(["-wait_file", wait])
    };
    let state = |number: usize| {
        let text = sandbox.read(&format!("tools/{number}.state")).unwrap_or("{}".to_owned());
        serde_json::from_str::<serde_json::Value>(&text).unwrap()
    };
    let comes = |number: usize, key: &str, value: serde_json::Value| {
        let what = format!("{key} of step {number} is {value}");
        holdpoint_tests::eventually(&what, || (state(number)[key] == value).then_some(()));
    };
    let first = step(0, "").flags(["-breakpoint_on_failure"]).shell("exit 3");
    let first = first.env("WORD", "$(steps.a.results.word)").start();
    let failed = step(1, &sandbox.at("tools/0")).command(["true"]).start();
    comes(0, "phase", "held-failed".into());
    assert_eq!(sandbox.read("tools/0.env").as_deref(), Some("WORD=changed\0"));
    sandbox.write("tools/0.retry", "");
    comes(0, "attempt", 2.into());
    comes(0, "phase", "held-failed".into());
    sandbox.write("tools/0.breakpointexit", "3");
    assert_eq!((first.end(), failed.end()), (3, 1));
    assert_eq!(state(1)["reason"], "Skipped");
    let killed = step(3, "").command(["sleep", "1000"]).start();
    let died = step(4, &sandbox.at("tools/3")).command(["true"]).start();
    comes(3, "phase", "running".into());
    killed.kill();
    assert_eq!(died.end(), 1);
    assert_eq!(state(4)["reason"], "PreviousStepDied");
}
