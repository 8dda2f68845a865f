//! Requests: the cells of 2.7's table, the order of 2.1, one answer to each.

use debug_scripts::{VERBS, Verb};

use super::super::facts::{Request, Wish};
use super::super::markers::Kind;
use super::super::*;
use super::bench::*;
use crate::state::Outcome as Answer;

/// The table of 2.7, as it stands there.
const ACCEPTED: &str = "
    waiting         skip cancel
    paused          skip cancel
    held-before     continue fail before-continue before-fail skip cancel
    held-before!    continue fail before-continue before-fail skip cancel extend
    running         cancel
    terminating
    held-failed     continue fail fail-continue breakpointexit retry cancel
    held-failed!    continue fail fail-continue breakpointexit retry cancel extend
    held-after      continue fail fail-continue breakpointexit cancel
    held-after!     continue fail fail-continue breakpointexit cancel extend
";

/// A step in that phase; `!` stands for a limit.
fn in_phase(name: &str) -> Bench {
    let limit = name.ends_with('!').then(|| seconds(600));
    let rules = Rules { breakpoint_timeout: limit, ..rules() };
    match name.trim_end_matches('!') {
        "waiting" => Bench::waiting(rules),
        "paused" => Bench::waiting(rules).came().mark(Kind::Pause).look(),
        "held-before" => Bench::held_before(rules),
        "running" => Bench::running(rules),
        "terminating" => {
            Bench::running(Rules { timeout: Some(seconds(1)), ..rules }).pass(seconds(1))
        }
        "held-failed" => Bench::held_failed(rules),
        "held-after" => Bench::held_after(rules),
        other => panic!("no phase {other}"),
    }
}

fn phases() -> impl Iterator<Item = (&'static str, Vec<&'static str>)> {
    ACCEPTED.trim().lines().map(|line| {
        let mut words = line.split_whitespace();
        (words.next().unwrap(), words.collect())
    })
}

#[test]
fn each_verb_is_accepted_in_the_phases_of_the_table_and_rejected_in_all_others() {
    for (phase, accepted) in phases() {
        for row in &VERBS {
            let bench = in_phase(phase);
            let before = bench.step.phase();
            let bench = bench.verb(row.verb);
            let answers = bench.step.state().requests;
            let [answer] = &answers[..] else { panic!("{phase} {}: {answers:?}", row.name) };
            let wanted = accepted.contains(&row.name);
            let outcome = if wanted { Answer::Accepted } else { Answer::Rejected };
            assert_eq!(answer.outcome, outcome, "{phase} {}", row.name);
            assert!(answer.id.is_some());
            if !wanted {
                assert!(bench.view.requests.is_empty(), "{phase} {}", row.name);
                bench.expect(before);
            }
        }
    }
}

#[test]
fn a_refusal_says_what_the_step_does_and_what_would_do_now() {
    for (phase, accepted) in phases().filter(|(phase, _)| *phase != "terminating") {
        let bench = in_phase(phase);
        let doing = bench.step.state().message;
        let refused = if phase.starts_with("held-failed") { Verb::Skip } else { Verb::Retry };
        let answer = bench.verb(refused).step.state().requests.pop().unwrap();
        assert!(answer.message.contains(&doing), "{phase}: {}", answer.message);
        for verb in accepted {
            assert!(answer.message.contains(verb), "{phase}, {verb}: {}", answer.message);
        }
    }
}

#[test]
fn several_at_once_are_taken_in_the_order_of_the_contract() {
    let order = [
        Wish::Cancel,
        Wish::Leave(Verb::Continue),
        Wish::Skip,
        Wish::Retry(Ok(None)),
        Wish::Extend(Ok(seconds(60))),
    ];
    let rules = Rules { breakpoint_timeout: Some(seconds(600)), ..rules() };
    for (first, strong) in order.iter().enumerate() {
        for weak in &order[first + 1..] {
            let bench = Bench::held_failed(rules.clone());
            let bench = bench.ask(request(weak.clone())).ask(request(strong.clone())).look();
            let answers = bench.step.state().requests;
            assert_eq!(answers[0].verb, strong.verb().to_string(), "{strong:?} and {weak:?}");
        }
    }
}

#[test]
fn a_retry_and_what_comes_behind_it_are_each_answered() {
    let rules = Rules { breakpoint_timeout: Some(seconds(600)), ..rules() };
    let bench = Bench::held_failed(rules);
    let bench = bench.ask(request(wish_of(Verb::Extend))).ask(request(wish_of(Verb::Retry)));
    let answers = bench.look().expect(Phase::Running).step.state().requests;
    let answers: Vec<_> = answers.iter().map(|a| (a.verb.as_str(), a.outcome)).collect();
    assert_eq!(answers, [("retry", Answer::Accepted), ("extend", Answer::Rejected)]);
}

/// The steps behind it may be running: two commands would run side by side.
#[test]
fn a_step_for_which_somebody_has_posted_is_not_run_again() {
    let bench = Bench::held_failed(rules()).posted().verb(Verb::Retry).expect(Phase::HeldFailed);
    bench.expect_answer(Verb::Retry, Answer::Rejected);
}

#[test]
fn nothing_is_answered_twice() {
    let bench = Bench::running(rules()).verb(Verb::Skip).look().look();
    assert_eq!(bench.step.state().requests.len(), 1);
    let bench = Bench::held_before(rules()).verb(Verb::BeforeContinue).look().look();
    assert_eq!(bench.expect(Phase::Running).step.state().requests.len(), 1);
}

#[test]
fn one_who_gives_every_request_the_same_id_is_answered_each_time() {
    let bench = Bench::running(rules()).verb(Verb::Skip).verb(Verb::Skip);
    assert_eq!(bench.step.state().requests.len(), 2);
}

#[test]
fn an_exit_file_that_was_acted_on_stays_however_much_is_asked_behind_it() {
    let bench = Bench::held_before(rules()).verb(Verb::BeforeContinue);
    let [kept] =
        &bench.done.iter().filter(|a| matches!(a, Action::Keep(_))).collect::<Vec<_>>()[..]
    else {
        panic!("{:?}", bench.done);
    };
    assert_eq!(**kept, Action::Keep(request(wish_of(Verb::BeforeContinue))));
    assert!(!bench.done.iter().any(|action| matches!(action, Action::Discard(_))));
}

#[test]
fn a_cancel_is_not_undone_by_a_skip() {
    let bench = Bench::waiting(rules()).verb(Verb::Cancel).verb(Verb::Skip);
    let bench = bench.expect_answer(Verb::Skip, Answer::Rejected);
    let bench = bench.expect_reason(Reason::Cancelled).came().look();
    bench.expect_reason(Reason::Cancelled);
    let bench = Bench::waiting(rules()).verb(Verb::Skip).verb(Verb::Cancel);
    bench.came().look().expect_reason(Reason::Cancelled);
}

#[test]
fn an_answer_tells_when_it_was_given() {
    let bench = Bench::running(rules()).wait(seconds(5)).verb(Verb::Skip);
    assert_eq!(bench.step.state().requests[0].at, "2026-03-01T14:20:05.000Z");
}

#[test]
fn the_last_eight_answers_are_kept() {
    let mut bench = Bench::running(rules());
    for count in 0..12 {
        let asked = Request { id: Some(count.to_string()), ..request(Wish::Skip) };
        bench = bench.ask(asked).look();
    }
    let ids: Vec<_> = bench.step.state().requests.into_iter().filter_map(|a| a.id).collect();
    assert_eq!(ids, ["4", "5", "6", "7", "8", "9", "10", "11"]);
}

#[test]
fn an_extension_that_is_no_duration_is_rejected() {
    let rules = Rules { breakpoint_timeout: Some(seconds(600)), ..rules() };
    let bench = Bench::held_failed(rules).ask(request(Wish::Extend(Err("no duration".into()))));
    let bench = bench.look().expect(Phase::HeldFailed);
    let bench = bench.expect_answer(Verb::Extend, Answer::Rejected);
    assert_eq!(bench.step.state().deadline.as_deref(), Some("2026-03-01T14:30:12.000Z"));
}

#[test]
fn a_retry_is_not_replaced_by_the_next_before_it_begins() {
    let wish = |word: &str| Wish::Retry(Ok(Some(vec![word.to_owned()])));
    let named = |id: &str, wish| Request { id: Some(id.to_owned()), ..request(wish) };
    let mut step = Bench::held_failed(rules()).step;
    let seen = |wish| View { requests: vec![wish], ..View::default() };
    let _ = step.on(moment(seconds(9)), Event::Looked(seen(named("first", wish("one")))));
    let second = seen(named("second", wish("two")));
    let _ = step.on(moment(seconds(9)), Event::Looked(second.clone()));
    let actions = step.on(moment(seconds(9)), Event::Prepared(Prepared::Ready, second.clone()));
    assert!(actions.contains(&Action::Start(Some(vec!["one".to_owned()]))), "{actions:?}");
    let _ = step.on(moment(seconds(9)), Event::Looked(second));
    let answers: Vec<_> = step.state().requests.iter().map(|answered| answered.outcome).collect();
    assert_eq!(answers, [Answer::Accepted, Answer::Rejected]);
}
