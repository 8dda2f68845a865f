//! The one-key prompt, on a terminal.

use std::fs::File;

use holdpoint_tests::Signal;

use crate::runner::Home;
use crate::terminal::Terminal;

/// A run on a terminal of its own.
fn run(home: &Home, flags: &[&str]) -> Terminal {
    run_into(home, None, flags)
}

/// The same with stdout going into a file.
fn run_into(home: &Home, file: Option<File>, flags: &[&str]) -> Terminal {
    let words: Vec<_> = ["run", "task.yaml"].iter().chain(flags).copied().collect();
    Terminal::start_into(file, home.holdpoint(&words))
}

#[test]
fn a_step_is_looked_at_repaired_and_retried_by_single_keys() {
    let home = Home::new();
    home.task(&[("one", "echo trying; cat ok"), ("two", "echo second")]);
    let mut terminal = run(&home, &["--breakpoint", "on-failure"]);
    let shown =
        terminal.wait_for("[r]etry  [c]ontinue  [f]ail  [s]hell  [p]ause  [a]bort  [q]uit ?");
    assert!(shown.contains("held"), "{shown}");
    assert!(shown.contains("\u{1b}["), "a terminal gets colours");
    assert!(terminal.takes_single_keys());
    terminal.press("s");
    terminal.wait_for("`exit` comes back to this hold");
    terminal.press("pwd; touch ok; exit\n");
    terminal.wait_for("/workspace");
    terminal.wait_for("[q]uit ?");
    terminal.press("r");
    terminal.wait_for("second");
    terminal.wait_for("succeeded");
    assert_eq!(terminal.end(), Some(0));
}

#[test]
fn a_key_that_is_none_tells_what_each_one_does() {
    let home = Home::new();
    home.task(&[("one", "exit 7")]);
    let mut terminal = run(&home, &["--breakpoint", "on-failure", "--no-color"]);
    terminal.wait_for("[q]uit ?");
    for key in ["?", "y"] {
        // Neither Enter nor an arrow says anything.
        terminal.press(&format!("\n\u{1b}[A{key}"));
        let shown = terminal.wait_for("[q]uit ?");
        assert_eq!(shown.matches("[r]etry     run the failed command again").count(), 1, "{shown}");
        assert!(shown.contains("[q]uit      stop gracefully"), "{shown}");
    }
    terminal.press("c");
    terminal.wait_for("succeeded");
    assert_eq!(terminal.end(), Some(0));
}

#[test]
fn what_was_typed_before_a_hold_does_not_end_it() {
    let home = Home::new();
    home.task(&[("one", "exit 7")]);
    let mut terminal = run(&home, &["--breakpoint", "on-failure", "--no-color"]);
    terminal.wait_for("[q]uit ?");
    // The whole word, whose last letters ask for a retry again.
    terminal.press("retry");
    terminal.wait_for("(attempt 2)");
    terminal.wait_for("[q]uit ?");
    terminal.press("c");
    let shown = terminal.wait_for(": succeeded after");
    assert!(!shown.contains("attempt 3"), "{shown}");
    assert_eq!(terminal.end(), Some(0));
}

#[test]
fn each_key_ends_the_hold_in_its_own_way() {
    for (key, code, word, last_runs) in [
        ("c", 0, "succeeded", true),
        ("f", 7, "failed", true),
        ("a", 7, "aborted", false),
        ("q", 7, "stopped", true),
    ] {
        let home = Home::new();
        home.task(&[("one", "exit 7"), ("last", "echo cleaned")]);
        let flags = ["--breakpoint", "on-failure", "--no-color", "--finally", "last"];
        let mut terminal = run(&home, &flags);
        let shown = terminal.wait_for("[q]uit ?");
        assert!(!shown.contains('\u{1b}'), "{shown}");
        terminal.press(key);
        let shown = terminal.wait_for(&format!(": {word} after"));
        assert_eq!(shown.contains("last | cleaned"), last_runs, "{key}: {shown}");
        assert_eq!(terminal.end(), Some(code), "{key}");
    }
}

#[test]
fn there_are_no_colours_where_they_are_not_wanted() {
    for (variable, value, coloured) in
        [("NO_COLOR", "1", false), ("NO_COLOR", "", true), ("TERM", "dumb", false)]
    {
        let home = Home::new();
        home.task(&[("one", "exit 7")]);
        let mut command = home.holdpoint(&["run", "task.yaml", "--breakpoint", "on-failure"]);
        command.env(variable, value);
        let mut terminal = Terminal::start(command);
        let shown = terminal.wait_for("[q]uit ?");
        assert_eq!(shown.contains('\u{1b}'), coloured, "{variable}={value}: {shown}");
        terminal.press("c");
        terminal.wait_for("succeeded");
        assert_eq!(terminal.end(), Some(0));
    }
}

#[test]
fn a_hold_with_a_limit_is_extended_and_asks_again() {
    let home = Home::new();
    home.task(&[("one", "exit 7")]);
    let flags = ["--breakpoint", "on-failure", "--breakpoint-timeout", "5m", "--no-color"];
    let mut terminal = run(&home, &flags);
    let shown = terminal.wait_for(" left) ?");
    assert!(shown.contains("e[x]tend  [s]hell  [a]bort  [q]uit (4 min 5"), "{shown}");
    terminal.press("x");
    let shown = terminal.wait_for("[q]uit (29 min 5");
    assert!(shown.contains("one: exited with 7"), "the new deadline is told: {shown}");
    home.verb(&["extend", "2h"]).ended_with(0);
    terminal.wait_for("[q]uit (1 h 59 min left) ?");
    terminal.press("c");
    terminal.wait_for("succeeded");
    assert_eq!(terminal.end(), Some(0));
}

#[test]
fn a_run_is_paused_and_resumed_by_single_keys() {
    let home = Home::new();
    home.task(&[("one", "exit 7"), ("two", "echo second")]);
    let mut terminal = run(&home, &["--breakpoint", "on-failure", "--no-color"]);
    terminal.wait_for("[q]uit ?");
    terminal.press("p");
    terminal.wait_for("pause (\"given at the prompt\")");
    terminal.wait_for("[q]uit ?");
    terminal.press("c");
    let shown = terminal.wait_for("[r]esume  [a]bort  [q]uit ?");
    assert!(shown.contains("two: is paused by `pause`"), "{shown}");
    terminal.press("r");
    terminal.wait_for("two | second");
    terminal.wait_for("succeeded");
    assert_eq!(terminal.end(), Some(0));
}

#[test]
fn a_person_is_asked_on_the_terminal_also_where_stdout_is_a_file() {
    let home = Home::new();
    home.task(&[("one", "exit 7")]);
    let file = File::create(home.path("shown")).unwrap();
    let mut terminal = run_into(&home, Some(file), &["--breakpoint", "on-failure"]);
    terminal.wait_for("[q]uit ?");
    terminal.press("c");
    terminal.wait_for("[c]ontinue\r\n");
    assert_eq!(terminal.end(), Some(0));
    let shown = std::fs::read_to_string(home.path("shown")).unwrap();
    assert!(shown.contains("one: exited with 7") && !shown.contains("[q]uit"), "{shown}");
}

#[test]
fn what_a_held_step_still_writes_stands_above_the_prompt() {
    let home = Home::new();
    let late = home.blocks_on("late", "echo written late");
    home.task(&[("one", &format!("({late}) &\nexit 7"))]);
    let mut terminal = run(&home, &["--breakpoint", "on-failure", "--no-color"]);
    terminal.wait_for("[q]uit ?");
    home.unblock("late");
    let shown = terminal.wait_for("one | written late");
    assert!(shown.ends_with("\r\none | written late"), "{shown:?}");
    terminal.wait_for("[q]uit ?");
    terminal.press("c");
    terminal.wait_for("succeeded");
    assert_eq!(terminal.end(), Some(0));
}

#[test]
fn a_run_that_comes_back_to_the_foreground_asks_again() {
    let home = Home::new();
    home.task(&[("one", "exit 7")]);
    let mut terminal = run(&home, &["--breakpoint", "on-failure"]);
    terminal.wait_for("[q]uit ?");
    terminal.take_lines();
    terminal.signal(Signal::SIGCONT);
    terminal.wait_for("[q]uit ?");
    terminal.press("c");
    terminal.wait_for("succeeded");
    assert_eq!(terminal.end(), Some(0));
}

#[test]
fn a_hold_that_is_ended_elsewhere_gives_the_terminal_back() {
    let home = Home::new();
    home.task(&[("one", "exit 7")]);
    let mut terminal = run(&home, &["--breakpoint", "on-failure"]);
    terminal.wait_for("[q]uit ?");
    home.verb(&["continue"]).ended_with(0);
    terminal.wait_for("after");
    assert_eq!(terminal.end(), Some(0));
}
