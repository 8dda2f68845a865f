//! The entrypoint as PID 1 of its own pid namespace: orphans, signals, terminals, and what a retry leaves
//! (2.6, 2.8).

use holdpoint_tests::{Container, Image, Post, Signal};

use super::pod;

/// Orphans that end at once, and two that stay: one in the command's group, one in a session of its own.
const ORPHANS: &str = "for n in 1 2 3 4 5 6 7 8; do (true & (true &) &); done; \
                       (sleep 1111 &); (setsid sleep 2222 &)";

/// Whether a process with these words is among the lines of `ps`.
fn runs(lines: &[String], words: &str) -> bool {
    lines.iter().any(|line| line.ends_with(words))
}

fn zombies(lines: &[String]) -> usize {
    lines
        .iter()
        .filter(|line| line.split_whitespace().nth(2).is_some_and(|s| s.starts_with('Z')))
        .count()
}

#[test]
fn orphans_are_reaped_to_the_last_while_the_command_runs_and_while_it_is_held() {
    let Some(pod) = pod(&["only"]) else { return };
    let script = format!("{ORPHANS}; echo spawned; until test -e go; do read -t 1; done; exit 7");
    let mut container = pod.step(0).flags(["-breakpoint_on_failure"]).shell(&script).start();
    container.says("spawned");
    // PID 1, the command, its two orphans, and `ps` itself.
    container
        .shows_processes("nothing but what runs", |lines| lines.len() == 5 && zombies(lines) == 0);
    pod.write("go", "");
    container.reaches("held-failed");
    container.shows_processes("what the command left", |lines| {
        lines.len() == 4 && runs(lines, "sleep 1111") && runs(lines, "sleep 2222")
    });
    assert_eq!(container.exec(["/bin/killall", "sleep"]).code, 0);
    container.shows_processes("no zombies", |lines| lines.len() == 2 && zombies(lines) == 0);
}

#[test]
fn a_retry_ends_what_the_last_attempt_left_and_no_exec_session() {
    let Some(pod) = pod(&["only"]) else { return };
    let script = format!("{ORPHANS}; exit 7");
    let mut container = pod.step(0).flags(["-breakpoint_on_failure"]).shell(&script).start();
    container.reaches("held-failed");
    let mut session = container.session(["/bin/sh", "-c", "sleep 3333; echo"]);
    let has_session = |lines: &[String]| runs(lines, "sleep 3333");
    container.shows_processes("the session", has_session);
    container.shows_processes("the orphans", |lines| {
        runs(lines, "sleep 1111") && runs(lines, "sleep 2222")
    });

    let look = "ps -o args > /workspace/seen; exec sleep 4444";
    assert_eq!(container.verb(["retry", "--", "/bin/sh", "-c", look]).code, 0);
    container.reaches("running");
    container.shows_processes("the new command", |lines| runs(lines, "sleep 4444"));
    let seen: Vec<_> = pod.read("workspace/seen").unwrap().lines().map(str::to_owned).collect();
    for (words, expected) in [("sleep 1111", false), ("sleep 2222", false), ("sleep 3333", true)] {
        assert_eq!(runs(&seen, words), expected, "{words}: {seen:?}");
    }
    assert!(session.is_running());
}

#[test]
fn term_to_a_container_that_waits_or_is_held_ends_its_step() {
    let Some(pod) = pod(&["held", "waits"]) else { return };
    for (number, phase) in [(1, "waiting"), (0, "held-failed")] {
        let step = pod.step(number).image(Image::Distroless).flags(["-breakpoint_on_failure"]);
        let mut container = step.failing().start();
        container.reaches(phase);
        container.signal([Signal::SIGTERM]);
        let ended = container.ends();
        assert_eq!((ended.code, pod.posted(number)), (143, Post::Failed), "{}", ended.output);
    }
}

#[test]
fn term_to_a_container_that_runs_is_the_commands_to_answer() {
    let Some(pod) = pod(&["only"]) else { return };
    let script = "trap 'echo got it; exit 5' TERM; echo ready; while :; do sleep 1 & wait; done";
    let container = pod.step(0).flags(["-breakpoint_on_failure"]).shell(script).start();
    container.says("ready");
    container.signal([Signal::SIGTERM]);
    let ended = container.ends();
    // No hold: the pod is going away.
    assert_eq!((ended.code, pod.posted(0)), (5, Post::Failed), "{}", ended.output);
    assert!(ended.output.contains("got it"));
}

#[test]
fn a_burst_of_signals_reaches_the_command_whole() {
    let Some(pod) = pod(&["only"]) else { return };
    // Not SIGURG: `runc`, a Go program, gets it from its own runtime and passes it on.
    let burst = [
        (Signal::SIGHUP, "HUP"),
        (Signal::SIGINT, "INT"),
        (Signal::SIGQUIT, "QUIT"),
        (Signal::SIGUSR1, "USR1"),
        (Signal::SIGUSR2, "USR2"),
        (Signal::SIGALRM, "ALRM"),
        (Signal::SIGWINCH, "WINCH"),
        (Signal::SIGPIPE, "PIPE"),
        (Signal::SIGVTALRM, "VTALRM"),
    ];
    let traps = burst.map(|(_, name)| format!("trap 'echo {name} >> log' {name}"));
    // Builtins alone: a signal that meets a child between its fork and its exec says nothing.
    let wait = "echo ready; while :; do read -t 1; done";
    let container = pod.step(0).shell(&format!("{}; {wait}", traps.join("; "))).start();
    container.says("ready");
    container.signal(burst.map(|(signal, _)| signal));
    container.comes("every signal", || pod.log().len() >= burst.len());
    let (mut log, mut sent) = (pod.log(), burst.map(|(_, name)| name));
    log.sort();
    sent.sort_unstable();
    assert_eq!(log, sent);
    container.signal([Signal::SIGTERM]);
    assert_eq!(container.ends().code, 143);
}

#[test]
fn on_a_terminal_the_command_is_in_the_foreground_at_every_attempt() {
    let Some(pod) = pod(&["only"]) else { return };
    let script = "trap 'exit 3' INT; while :; do sleep 1 & wait; done";
    let step = pod.step(0).terminal().flags(["-breakpoint_on_failure"]);
    let mut container = step.shell(script).start();
    for attempt in [1, 2] {
        container
            .until("running", |state| state["phase"] == "running" && state["attempt"] == attempt);
        let [group, foreground] = groups(&container);
        assert_eq!(group, foreground, "attempt {attempt}");
        container.types(b"\x03");
        let state = container
            .until("held", |state| state["phase"] == "held-failed" && state["attempt"] == attempt);
        assert_eq!(state["exitCode"], 3);
        if attempt == 1 {
            assert_eq!(container.script("debug-retry", [""; 0]).code, 0);
        }
    }
}

/// The command's group, and the foreground group of its terminal.
fn groups(container: &Container<'_>) -> [String; 2] {
    let pid = &container.state().unwrap()["pid"];
    let stat = container.exec(["/bin/cat", &format!("/proc/{pid}/stat")]).text;
    let fields: Vec<_> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    [fields[2].to_owned(), fields[5].to_owned()]
}
