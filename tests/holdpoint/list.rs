//! The list of runs, and what is cleaned up.

use std::fs::{self, File};
use std::path::Path;
use std::time::{Duration, SystemTime};

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::runner::Home;

const TWO_DAYS: Duration = Duration::from_hours(48);

fn listed(home: &Home) -> Vec<Value> {
    home.verb(&["list", "-o", "json"]).json().as_array().unwrap().clone()
}

/// Lets the run have ended two days ago.
fn make_old(run: &Path) {
    let steps = fs::read_dir(run.join("tekton/run")).unwrap().map(|entry| entry.unwrap().path());
    for path in steps.chain([run.to_owned()]) {
        File::open(path).unwrap().set_modified(SystemTime::now() - TWO_DAYS).unwrap();
    }
}

#[test]
fn runs_are_listed_with_what_they_do_newest_first() {
    let home = Home::new();
    assert!(home.verb(&["list"]).ended_with(0).starts_with("no runs"));
    home.task(&[("one", "true")]);
    home.run(&[]).ended_with(0);
    home.task(&[("one", "true"), ("two", "exit 7")]);
    home.run(&[]).ended_with(7);
    let mut held = home.start(&["-b", "on-failure"]);
    held.wait_for("to go on");

    let rows = listed(&home);
    let statuses: Vec<_> = rows.iter().map(|row| row["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["held", "failed", "succeeded"]);
    assert_eq!((&rows[0]["step"], &rows[0]["name"]), (&"two".into(), &"tried".into()));
    assert!(rows[0]["startedAt"].as_str() > rows[1]["startedAt"].as_str());
    assert!(rows[2]["ageSeconds"].as_f64() > rows[0]["ageSeconds"].as_f64());
    let table = home.verb(&["list"]).ended_with(0);
    assert!(table.lines().nth(1).unwrap().contains("  tried  held: two  "), "{table}");

    home.verb(&["pause"]).ended_with(0);
    home.verb(&["stop-finally"]).ended_with(0);
    held.finish().ended_with(7);
    assert_eq!(listed(&home)[0]["status"], "stopped");
}

#[test]
fn a_run_that_was_killed_is_listed_as_such() {
    let home = Home::new();
    home.task(&[("one", &home.blocks_on("go", "true"))]);
    let mut run = home.start(&[]);
    run.wait_for("one | ready");
    assert_eq!(listed(&home)[0]["status"], "running");
    run.signal(Signal::SIGKILL);
    assert_eq!(run.finish().code, None);
    assert_eq!(listed(&home)[0]["status"], "killed");
}

#[test]
fn what_ended_a_day_ago_goes_at_the_next_list_or_run() {
    for words in [&["list"][..], &["run", "task.yaml"]] {
        let home = Home::new();
        home.task(&[("one", "mkdir -p a/b && chmod 500 a/b a")]);
        home.run(&[]).ended_with(0);
        let old = home.run_folder();
        home.verb(words).ended_with(0);
        assert!(old.exists(), "it ended just now");
        make_old(&old);
        home.verb(words).ended_with(0);
        assert!(!old.exists(), "{words:?}");
    }
}

#[test]
fn a_live_run_is_never_cleaned_up() {
    let home = Home::new();
    home.task(&[("one", "exit 7")]);
    let mut held = home.start(&["-b", "on-failure"]);
    held.wait_for("to go on");
    make_old(&home.run_folder());
    assert_eq!(listed(&home)[0]["status"], "held");
    home.verb(&["continue"]).ended_with(0);
    held.finish().ended_with(0);
}

#[test]
fn a_run_in_which_somebody_still_is_stays() {
    let home = Home::new();
    home.task(&[("one", "exit 7")]);
    let mut held = home.start(&["-b", "on-failure"]);
    held.wait_for("to go on");
    let run = home.run_folder();
    let script = home.blocks_on("go", "exit");
    let mut shell = home.holdpoint(&["shell"]);
    shell.stdin(File::open(home.file("typed", &script)).unwrap());
    let mut shell = crate::runner::Running::start(shell);
    shell.wait_for("ready");
    home.verb(&["continue"]).ended_with(0);
    held.finish().ended_with(0);
    make_old(&run);
    assert_eq!(listed(&home).len(), 1);
    home.unblock("go");
    shell.finish().ended_with(0);
    make_old(&run);
    assert_eq!(listed(&home).len(), 0);
}

#[test]
fn a_reader_that_has_read_enough_is_no_error() {
    let home = Home::new();
    home.task(&[("one", "exit 7")]);
    for (words, code) in [(&["run", "task.yaml", "-q", "-o", "json"][..], 7), (&["list"], 0)] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let ended = home.holdpoint(words).stdout(writer).output().unwrap();
        assert_eq!(ended.status.code(), Some(code), "{words:?}: {ended:?}");
        let told = String::from_utf8_lossy(&ended.stderr);
        assert!(!told.contains("Broken pipe"), "{words:?}: {told}");
    }
}

#[test]
fn where_no_run_can_be_kept_the_way_out_is_told() {
    let home = Home::new();
    let file = home.task(&[("one", "true")]);
    let ended = home.holdpoint(&["list"]).env("XDG_STATE_HOME", &file).output().unwrap();
    assert_eq!(ended.status.code(), Some(2), "{ended:?}");
    let told = String::from_utf8_lossy(&ended.stderr);
    assert!(told.contains("set XDG_STATE_HOME to a folder of your own"), "{told}");
}
