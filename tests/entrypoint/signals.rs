//! Signals, orphans, PID 1, and a system without file events (2.8).

use std::fs;

use holdpoint_tests::{
    Running, Sandbox, Signal, Step, as_process_one, behind, eventually, internal, started_at,
};
use nix::unistd::Pid;

use crate::sandbox;

/// Every signal that can be caught and says nothing of terminals, children or stops: those of faults
/// and real-time ones among them.
fn catchable() -> Vec<i32> {
    let left_out = [
        Signal::SIGKILL,
        Signal::SIGSTOP,
        Signal::SIGCHLD,
        Signal::SIGTSTP,
        Signal::SIGTTIN,
        Signal::SIGTTOU,
    ];
    let ordinary = Signal::iterator().filter(|s| !left_out.contains(s)).map(|s| s as i32);
    ordinary.chain(34..=64).collect()
}

/// Sends a signal of any number, real-time ones too.
#[track_caller]
fn send(pid: Pid, signal: i32) {
    let sent =
        std::process::Command::new("bash").args(["-c", &format!("kill -{signal} {pid}")]).status();
    assert!(sent.unwrap().success());
}

/// A command that notes each signal, by its number, until there is a file `done`.
fn noting(sandbox: &Sandbox) -> Vec<String> {
    let script = format!(
        "for s in {}; do trap \"echo $s >> noted\" $s; done; echo > ready; \
         until [ -e done ]; do read -t 0.01 < idle || :; done; exit 0",
        catchable().iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    );
    let idle = sandbox.path("idle");
    nix::unistd::mkfifo(&idle, nix::sys::stat::Mode::S_IRWXU).unwrap();
    ["bash", "-c", &script.replace("< idle", "<> idle")].map(str::to_owned).to_vec()
}

/// Sends all of them in one burst, and expects the command to have noted each.
#[track_caller]
fn each_reaches_the_command(sandbox: &Sandbox, step: &Running<'_>, entrypoint: Pid) {
    step.makes("ready");
    for signal in catchable() {
        send(entrypoint, signal);
    }
    let mut wanted: Vec<_> = catchable().iter().map(ToString::to_string).collect();
    wanted.sort();
    eventually("each signal is noted", || {
        let mut noted: Vec<_> = sandbox.read("noted")?.lines().map(str::to_owned).collect();
        noted.sort();
        noted.dedup();
        (noted == wanted).then_some(())
    });
    sandbox.write("done", "");
}

#[test]
fn a_burst_of_every_signal_reaches_the_command_whole() {
    let sandbox = sandbox();
    let step = sandbox.step(0).command(noting(&sandbox)).any_stderr().start();
    each_reaches_the_command(&sandbox, &step, step.pid());
    step.finish();
}

#[test]
fn a_burst_reaches_the_command_of_process_one_too() {
    let Some(wrapper) = as_process_one() else { return };
    let sandbox = sandbox();
    let step = sandbox.step(0).by(wrapper).command(noting(&sandbox)).any_stderr().start();
    each_reaches_the_command(&sandbox, &step, step.wrapped_pid());
    step.finish();
}

#[test]
fn signals_go_to_the_whole_group() {
    let sandbox = sandbox();
    let script = "trap : USR1; \
                  sh -c 'trap \"echo child >> noted; exit\" USR1; echo > ready; while :; do sleep 0.01; done' & \
                  wait; wait";
    let step = sandbox.step(0).shell(script).any_stderr().start();
    step.makes("ready");
    step.signal(Signal::SIGUSR1);
    step.finish();
    assert_eq!(sandbox.read("noted").as_deref(), Some("child\n"));
}

#[test]
fn a_command_that_any_signal_kills_ends_the_step() {
    for signal in [1, 2, 3, 6, 9, 11, 13, 15, 31, 34, 37, 64] {
        let sandbox = sandbox();
        sandbox
            .step(0)
            .shell(&format!("kill -{signal} $$"))
            .fails(128 + signal)
            .any_stderr()
            .start()
            .finish();
    }
}

/// TERM, INT and QUIT end a step that has no command; it posts.
#[test]
fn a_step_without_a_command_ends_by_term_int_and_quit() {
    let rows = [started_at(), internal("Reason", "Terminated")];
    for (signal, code) in [(Signal::SIGTERM, 143), (Signal::SIGINT, 130), (Signal::SIGQUIT, 131)] {
        for phase in ["waiting", "paused", "held-before", "held-after"] {
            let sandbox = sandbox();
            let step =
                sandbox.step(1).command(["true"]).fails(code).any_stderr().rows(rows.clone());
            let step = match phase {
                "waiting" => step.after(0),
                "held-before" => step.flags(["-debug_before_step"]),
                "held-after" => step.flags(["-debug_after_step"]),
                _ => {
                    sandbox.write("tekton/downward/pause", "lunch");
                    step
                }
            };
            let step = step.start();
            step.reaches(phase);
            step.signal(signal);
            step.finish();
        }
    }
}

#[test]
fn other_signals_end_nobody_who_waits() {
    let sandbox = sandbox();
    let step = sandbox.step(1).after(0).command(["echo", "ran"]).stdout("ran\n").start();
    step.reaches("waiting");
    for signal in catchable().into_iter().filter(|s| ![2, 3, 15].contains(s)) {
        send(step.pid(), signal);
    }
    sandbox.step(0).command(["true"]).start().finish();
    step.finish();
}

#[test]
fn after_a_forwarded_term_there_is_no_hold() {
    let sandbox = sandbox();
    let step = sandbox.step(0).flags(["-breakpoint_on_failure", "-debug_after_step"]);
    let step = step.command(["sleep", "1000"]).fails(143).any_stderr().start();
    step.reaches("running");
    step.signal(Signal::SIGTERM);
    step.finish();
}

#[test]
fn a_command_that_ends_well_on_term_succeeds() {
    let sandbox = sandbox();
    let script = "trap 'exit 0' TERM; echo > ready; while :; do sleep 0.01; done";
    let step = sandbox.step(0).shell(script).any_stderr().start();
    step.makes("ready");
    step.signal(Signal::SIGTERM);
    step.finish();
}

/// Orphans: each forks off another and ends, so that all come to the entrypoint.
const ORPHANS: &str = "for i in 1 2 3 4 5 6 7 8 9 10; do (sh -c 'true' & ) ; done; read line < go";

/// How many children a process has; those count too that have ended and nobody reaped.
fn children(pid: Pid) -> Option<usize> {
    let list = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).ok()?;
    Some(list.split_whitespace().count())
}

fn reaps_its_orphans(step: Step<'_>, sandbox: &Sandbox, pid: fn(&Running<'_>) -> Pid) {
    nix::unistd::mkfifo(&sandbox.path("go"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let step = step.shell(ORPHANS).any_stderr().start();
    step.reaches("running");
    let entrypoint = pid(&step);
    eventually("its command is its only child", || {
        let alone = children(entrypoint)? == 1;
        (alone && step.state()?["phase"] == "running").then_some(())
    });
    crate::release(sandbox, "go");
    step.finish();
}

/// The check of the tests below can fail: while the entrypoint is stopped, nobody reaps.
#[test]
fn without_reaping_orphans_stay() {
    let sandbox = sandbox();
    let [begin, go] = ["begin", "go"].map(|name| crate::waiting_for(&sandbox, name));
    let orphans = ORPHANS.replace("read line < go", &go);
    let step = sandbox.step(0).shell(&format!("{begin}; {orphans}")).start();
    step.reaches("running");
    step.signal(Signal::SIGSTOP);
    crate::release(&sandbox, "begin");
    eventually("all orphans stay", || (children(step.pid())? == 11).then_some(()));
    step.signal(Signal::SIGCONT);
    eventually("they are reaped", || (children(step.pid())? == 1).then_some(()));
    crate::release(&sandbox, "go");
    step.finish();
}

#[test]
fn orphans_are_reaped_by_the_subreaper() {
    let sandbox = sandbox();
    reaps_its_orphans(sandbox.step(0), &sandbox, |step| step.pid());
}

#[test]
fn orphans_are_reaped_by_process_one() {
    let Some(wrapper) = as_process_one() else { return };
    let sandbox = sandbox();
    reaps_its_orphans(sandbox.step(0).by(wrapper), &sandbox, |step| step.wrapped_pid());
}

#[test]
fn nothing_that_left_its_session_outlives_the_step() {
    let sandbox = sandbox();
    // `finish` looks for processes of the step.
    let script = "setsid sh -c 'sleep 1000 & sleep 1000' & setsid setsid sleep 1000 & echo > ready";
    sandbox.step(0).shell(script).start().finish();
}

#[test]
fn process_one_ends_as_any_other_entrypoint() {
    let Some(wrapper) = as_process_one() else { return };
    let sandbox = sandbox();
    sandbox.step(0).by(wrapper.clone()).shell("exit 3").fails(3).any_stderr().run();
    let step =
        sandbox.step(1).by(wrapper).command(["sleep", "1000"]).fails(143).any_stderr().start();
    step.reaches("running");
    send(step.wrapped_pid(), 15);
    step.finish();
}

#[test]
fn process_one_posts_when_it_is_told_to_end_while_it_waits() {
    let Some(wrapper) = as_process_one() else { return };
    let sandbox = sandbox();
    let rows = [started_at(), internal("Reason", "Terminated")];
    let step = sandbox.step(1).after(0).by(wrapper).command(["true"]).fails(143).rows(rows);
    let step = step.any_stderr().start();
    step.reaches("waiting");
    send(step.wrapped_pid(), 15);
    step.finish();
}

#[test]
fn without_file_events_steps_work_and_say_so_once() {
    let Some(wrapper) = behind("echo 0 > /proc/sys/user/max_inotify_instances") else { return };
    let sandbox = sandbox();
    let next = sandbox.step(1).after(0).by(wrapper.clone()).flags(["-breakpoint_on_failure"]);
    let next =
        next.shell("exit 3").fails(7).leaves_something("out.breakpointexit").any_stderr().start();
    next.reaches("waiting");
    sandbox
        .step(0)
        .by(wrapper)
        .command(["echo", "ran"])
        .stdout("ran\n")
        .any_stderr()
        .start()
        .finish();
    next.reaches("held-failed");
    sandbox.write("tekton/run/1/out.breakpointexit", "7");
    let ran = next.finish();
    let told = ran.stderr.lines().filter(|line| line.contains("no file events")).count();
    assert_eq!(told, 1, "{}", ran.stderr);
}

/// A line of shell that runs the words behind it on a terminal of their own.
const ON_A_TERMINAL: &str = "exec script -qec \"$(printf '%q ' \"$@\")\" /dev/null";

#[test]
fn the_command_has_the_terminal_that_the_entrypoint_had() {
    let sandbox = sandbox();
    // Its group, and the group that has the terminal: fields 5 and 8.
    let script = "set -- $(cat /proc/$$/stat); [ $5 = $8 ] && echo foreground";
    let step = sandbox.step(0).by(["bash", "-c", ON_A_TERMINAL, "bash"]).shell(script);
    step.stdout("foreground…").any_stderr().run();
}

#[test]
fn a_flood_of_signals_hides_no_end_of_the_command() {
    let sandbox = sandbox();
    let ends = crate::waiting_for(&sandbox, "ends");
    let step = sandbox.step(0).shell(&ends).any_stderr().start();
    step.reaches("running");
    // More than a pipe can hold, while nobody takes them out.
    let flood = "i=0; while [ $i -lt 70000 ]; do kill -40 $P; i=$((i+1)); done; echo > ends";
    let pid = step.pid();
    let line = format!("P={pid}; kill -STOP $P; {flood}; kill -CONT $P");
    crate::shell(sandbox.root(), &line);
    step.finish();
}
