//! Steps in poor surroundings: other users, full disks, no `/proc`, no HOME, no events left.

use std::process::{Command, Stdio};

use holdpoint_tests::{Running, Signal, eventually, internal, started_at};
use nix::unistd::geteuid;

use crate::sandbox;

/// A wrapper for [`holdpoint_tests::Step::by`]: a mount namespace of its own in which `before` has
/// run, and `after` runs at the end. None, with a word, where the system refuses.
pub(crate) fn with_mounts(before: &str, after: &str) -> Option<Vec<String>> {
    let unshare: &[&str] = if geteuid().is_root() { &["-m"] } else { &["-m", "-r"] };
    let tried = Command::new("unshare").args(unshare).arg("true").stderr(Stdio::null()).status();
    if !tried.is_ok_and(|status| status.success()) {
        eprintln!("skipped: no mount namespace of its own here");
        return None;
    }
    let script = format!("set -e; {before}; set +e; \"$@\"; code=$?; {after}; exit $code");
    let shell = ["/bin/sh", "-c", &script, "sh"];
    let words = ["unshare"].iter().chain(unshare).chain(&shell);
    Some(words.map(|word| (*word).to_owned()).collect())
}

fn is_root() -> bool {
    let is_root = geteuid().is_root();
    if !is_root {
        eprintln!("skipped: only root can run a step as somebody else");
    }
    is_root
}

#[test]
fn a_step_runs_as_a_user_without_a_name() {
    if !is_root() {
        return;
    }
    let sandbox = sandbox();
    let step = sandbox.step(0).as_user(4711).env("HOME", "/nonexistent").shell("id -u; id -G");
    step.stdout("4711\n4711\n").run();
}

#[test]
fn steps_of_different_users_hand_over_to_each_other() {
    if !is_root() {
        return;
    }
    let sandbox = sandbox();
    let umask = ["/bin/sh", "-c", "umask 077; exec \"$@\"", "sh"];
    let third = sandbox.step(2).after(1).as_user(4713).by(umask).command(["true"]).start();
    let second = sandbox.step(1).after(0).as_user(4712).by(umask).command(["true"]).start();
    second.reaches("waiting");
    sandbox.step(0).as_user(4711).by(umask).command(["true"]).start().finish();
    second.finish();
    third.finish();
}

#[test]
fn a_step_runs_without_home_and_path_of_its_own() {
    let sandbox = sandbox();
    let step =
        sandbox.step(0).without_env("HOME").without_env("PATH").command(["/bin/echo", "ran"]);
    step.stdout("ran\n").run();
}

#[test]
fn a_step_runs_without_open_streams() {
    let sandbox = sandbox();
    let closed = ["/bin/sh", "-c", "exec \"$@\" <&- >&- 2>&-", "sh"];
    let step = sandbox.step(0).by(closed).shell("echo out; echo err >&2; exit 3");
    step.fails(3).run();
}

#[test]
fn the_umask_does_not_close_what_others_read() {
    let sandbox = sandbox();
    let step = sandbox.step(0).by(["/bin/sh", "-c", "umask 077; exec \"$@\"", "sh"]);
    step.command(["true"]).run();
    for (place, mode) in [
        ("out", 0o644),
        ("out.state", 0o644),
        ("out.alive", 0o644),
        ("status/exitCode", 0o644),
        ("status/results", 0o777),
        ("status/artifacts", 0o777),
    ] {
        assert_eq!(sandbox.mode(&format!("tekton/run/0/{place}")), mode, "{place}");
    }
    assert_eq!(sandbox.mode("tekton/run/0/status"), 0o755, "others must get into it");
}

#[test]
fn a_step_runs_without_proc() {
    let Some(mounts) = with_mounts("mount -t tmpfs none /proc", ":") else { return };
    let sandbox = sandbox();
    sandbox.step(0).by(&mounts).shell("ls -A /proc; echo ran").stdout("ran\n").run();
    sandbox.step(1).by(&mounts).shell("exit 3").fails(3).any_stderr().run();
    let step = sandbox.step(2).by(&mounts).flags(["-timeout=50ms", "-kill_grace=50ms"]);
    let rows = [started_at(), internal("Reason", "TimeoutExceeded")];
    step.shell("trap '' TERM; while :; do sleep 1; done").fails(1).rows(rows).any_stderr().run();
}

#[test]
fn a_step_runs_on_a_read_only_root() {
    let Some(mounts) = with_mounts("mount --bind / /mnt; mount -o remount,bind,ro /mnt", ":")
    else {
        return;
    };
    let sandbox = sandbox();
    let root = sandbox.at("");
    // Only the step's own folders can be written to, as in a pod.
    let chroot = format!(
        "mount --bind {root} /mnt{root}; mount --bind {root}/tekton/run /mnt{root}/tekton/run;
         mount -o remount,bind,ro /mnt{root}; exec chroot /mnt \"$@\""
    );
    let wrapper = mounts.into_iter().chain(["/bin/sh".into(), "-c".into(), chroot, "sh".into()]);
    let step = sandbox.step(0).by(wrapper).shell("echo ran; touch /new 2>&- || echo refused");
    step.stdout("ran\nrefused\n").run();
}

#[test]
fn a_full_disk_does_not_keep_back_the_post_file() {
    let fill = "cp /dev/zero $RUN/filler 2>/dev/null";
    let mount = "mount -t tmpfs -o size=64k none $RUN; mkdir -p $RUN/status/results";
    let list = "cd $RUN && ls -d out out.err 2>/dev/null";
    let Some(mounts) = with_mounts(mount, list) else { return };
    let sandbox = sandbox();
    let run = sandbox.at("tekton/run/0");
    for (own, code, post) in [(4, 4, "out.err\n"), (0, 1, "out\n")] {
        let step =
            sandbox.step(0).by(&mounts).env("RUN", &run).shell(&format!("{fill}; exit {own}"));
        step.without_traces().exits(code).stdout(post).any_stderr().run();
    }
}

#[test]
fn a_state_that_a_full_disk_kept_back_is_written_once_there_is_room() {
    let mount = "mount -t tmpfs -o size=64k none $RUN; mkdir -p $RUN/status/results";
    let Some(mounts) = with_mounts(mount, ":") else { return };
    let sandbox = sandbox();
    let goes = crate::waiting_for(&sandbox, "go");
    let person = format!(
        "{goes}; rm $RUN/filler
         until grep -q held-failed $RUN/out.state; do sleep 0.01; done
         echo 5 >$RUN/out.breakpointexit"
    );
    let script = format!("cp /dev/zero $RUN/filler 2>&-; ({person}) & exit 3");
    let step = sandbox.step(0).by(&mounts).env("RUN", sandbox.at("tekton/run/0"));
    let step = step.flags(["-breakpoint_on_failure"]).shell(&script).without_traces();
    let step = step.exits(5).any_stderr().start();
    step.says("cannot write");
    crate::release(&sandbox, "go");
    step.finish();
}

#[test]
fn a_folder_that_cannot_be_written_to_is_named() {
    if !is_root() {
        return;
    }
    let sandbox = sandbox();
    let step = sandbox.step(0).as_user(4711).shell("echo ran");
    sandbox.set_mode("tekton/run/0", 0o555);
    let ran = step.without_traces().exits(1).stdout("ran\n").any_stderr().run();
    for name in ["out.alive", "out.state", "termination", "status", "cannot post"] {
        assert!(ran.stderr.contains(name), "{name} in {}", ran.stderr);
    }
}

/// Stopped meanwhile, so that it never sees the folder gone.
#[test]
fn markers_are_gone_with_a_folder_that_a_file_has_replaced() {
    let sandbox = sandbox();
    let folder = sandbox.folder("more");
    crate::write_earlier(&sandbox, "more/pause", "lunch");
    let step = sandbox.step(0).flags(["-control_dir", folder.to_str().unwrap()]);
    let step = step.command(["echo", "ran"]).stdout("ran\n").any_stderr().start();
    step.reaches("paused");
    step.signal(Signal::SIGSTOP);
    std::fs::remove_dir_all(&folder).unwrap();
    sandbox.write("more", "");
    step.signal(Signal::SIGCONT);
    step.finish();
}

#[test]
fn a_control_folder_that_is_none_is_named_once() {
    let sandbox = sandbox();
    let file = sandbox.write("a-file", "").display().to_string();
    let step = sandbox.step(0).flags(["-control_dir", &file]);
    let step = step.stderr("holdpoint: cannot look for markers in /a-file (…): make it …");
    let step = step.shell(&crate::waiting_for(&sandbox, "go")).start();
    step.reaches("running");
    // It looks there again.
    assert_eq!(sandbox.ask(0, ["skip"]).code, 3);
    crate::release(&sandbox, "go");
    step.finish();
}

/// How often a process went to sleep of itself.
fn sleeps(step: &Running<'_>) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", step.pid())).unwrap();
    let count = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
    count.unwrap().trim().parse().unwrap()
}

#[test]
fn a_step_looks_where_no_events_are_left() {
    let sandbox = sandbox();
    // This limit is the user namespace's own; that of `fs/inotify` is the whole machine's.
    let limit = "echo 0 > /proc/sys/user/max_inotify_instances";
    let wrapper =
        ["unshare", "-U", "-r", "/bin/sh", "-c", &format!("{limit} && exec \"$@\""), "sh"];
    let tried =
        Command::new(wrapper[0]).args(&wrapper[1..]).arg("true").stderr(Stdio::null()).status();
    if !tried.is_ok_and(|status| status.success()) {
        eprintln!("skipped: the limits of inotify cannot be set here");
        return;
    }
    let step = sandbox
        .step(1)
        .after(0)
        .by(wrapper)
        .logging("second")
        .stderr("holdpoint: no file events (…): looking every 50ms instead")
        .start();
    step.reaches("waiting");
    // It sleeps between its looks: one that turns without a pause gives up the processor never.
    let before = sleeps(&step);
    eventually("it sleeps", || (sleeps(&step) > before + 5).then_some(()));
    sandbox.step(0).logging("first").start().finish();
    step.finish();
    assert_eq!(sandbox.log(), ["first", "second"]);
}

#[test]
fn a_program_that_others_may_execute_is_passed_over_in_the_path() {
    if !is_root() {
        return;
    }
    let sandbox = sandbox();
    sandbox.script("first/greet", "#!/bin/sh\necho first\n");
    sandbox.script("second/greet", "#!/bin/sh\necho second\n");
    sandbox.set_mode("first/greet", 0o700);
    let path = format!("{}:{}", sandbox.at("first"), sandbox.at("second"));
    sandbox.step(0).as_user(1000).env("PATH", path).command(["greet"]).stdout("second\n").run();
}

#[test]
fn an_output_that_nobody_reads_does_not_keep_back_the_post() {
    let sandbox = sandbox();
    let stalled = sandbox.path("stalled");
    nix::unistd::mkfifo(&stalled, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let line = format!("exec \"$@\" 1<> {}", stalled.display());
    let step = sandbox.step(0).by(["sh", "-c", &line, "sh"]).flags(["-stdout_path=copy"]);
    let step = step.command(["head", "-c", "600000", "/dev/zero"]).leaves_something("/copy");
    step.stderr("holdpoint: nobody reads stdout: the rest of it is lost").run();
    assert_eq!(sandbox.read("copy").unwrap().len(), 600_000);
}
