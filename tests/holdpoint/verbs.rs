//! Verbs from another terminal: which run and which step they find.

use crate::runner::Home;

#[test]
fn without_a_run_there_is_nobody_to_ask() {
    let home = Home::new();
    home.task(&[("one", "true")]);
    home.run(&[]).ended_with(0);
    for (words, problem) in [
        (&["status"][..], "no run is live"),
        (&["retry"], "no run is live"),
        (&["continue", "--run", "task-1"], "no run `task-1` is live"),
    ] {
        let finished = home.verb(words);
        assert_eq!(finished.code, Some(4), "{finished:#?}");
        assert!(finished.stderr.contains(problem), "{finished:#?}");
    }
}

#[test]
fn the_newest_run_is_taken_unless_one_is_named() {
    let home = Home::new();
    home.task(&[("one", "exit 7")]);
    let mut runs: Vec<_> = (0..2)
        .map(|_| {
            let mut run = home.start(&["--breakpoint", "on-failure", "-o", "json"]);
            run.wait_for("to go on");
            run
        })
        .collect();
    home.verb(&["continue"]).ended_with(0);
    let newest = runs.pop().unwrap().finish();
    assert_eq!(newest.code, Some(0));
    let newest = newest.json()["run"].as_str().unwrap().to_owned();
    assert_eq!(home.verb(&["continue", "--run", &newest]).code, Some(4));
    home.verb(&["fail"]).ended_with(0);
    assert_eq!(runs.pop().unwrap().finish().code, Some(7));
}

#[test]
fn a_verb_at_the_wrong_time_is_rejected() {
    let home = Home::new();
    home.task(&[("one", "true"), ("two", "exit 7")]);
    let mut run = home.start(&["--breakpoint", "on-failure"]);
    run.wait_for("to go on");
    assert_eq!(home.verb(&["retry", "--step", "one"]).code, Some(3));
    assert_eq!(home.verb(&["skip"]).code, Some(3));
    let unknown = home.verb(&["retry", "--step", "six"]);
    assert_eq!(unknown.code, Some(2), "{unknown:#?}");
    assert!(unknown.stderr.contains("--step six: the steps of "), "{unknown:#?}");
    home.verb(&["fail"]).ended_with(0);
    run.finish().ended_with(7);
}
