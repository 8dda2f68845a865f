//! Every short order of events, told to a step in every phase: also those that should never come.

use std::time::Duration;

use debug_scripts::Verb;

use super::super::facts::Wish;
use super::super::markers::Kind;
use super::super::*;
use super::bench::*;

/// What may happen to a step, each kind of it once.
fn alphabet(bench: &Bench) -> Vec<(String, Event)> {
    let view = &bench.view;
    let looked = |view: View| Event::Looked(view);
    let marked = |kind| looked(View { markers: vec![marker(kind, "")], ..view.clone() });
    let asked = |wish| looked(View { requests: vec![request(wish)], ..view.clone() });
    let came = bench.clone().came().view;
    let failed = bench.clone().previous_failed(Some(Reason::Cancelled)).view;
    let died = bench.clone().previous_died().view;
    let posted = View { posted: Posted::Already, ..view.clone() };
    let events = [
        looked(view.clone()),
        looked(came.clone()),
        looked(failed),
        looked(died),
        looked(posted),
        marked(Kind::Pause),
        marked(Kind::StopFinally),
        marked(Kind::Cancel),
        asked(Wish::Cancel),
        asked(Wish::Leave(Verb::Continue)),
        asked(Wish::Leave(Verb::Fail)),
        asked(Wish::Begin),
        asked(Wish::Skip),
        asked(Wish::Retry(Ok(None))),
        asked(Wish::Extend(Ok(seconds(5)))),
        Event::TimePassed,
        Event::Signal(TERM),
        Event::Signal(10),
        Event::Prepared(Prepared::Ready, came.clone()),
        Event::Prepared(Prepared::Unwanted, came.clone()),
        Event::Prepared(Prepared::Faulty("bad".to_owned()), came),
        Event::Started(100),
        Event::NotStarted { code: 127, message: "not found".to_owned() },
        Event::Ended(Outcome::Exited(0)),
        Event::Ended(Outcome::Exited(7)),
        Event::GroupGone,
        Event::Recorded(Ok(())),
        Event::Recorded(Err("no space left".to_owned())),
    ];
    events.into_iter().map(|event| (short(&event), event)).collect()
}

fn short(event: &Event) -> String {
    let text = format!("{event:?}");
    let marked = text.split("kind: ").nth(1).map(|rest| format!("marker {rest}"));
    let asked = text.split("wish: ").nth(1).map(|rest| format!("wish {rest}"));
    marked.or(asked).unwrap_or(text).chars().take(90).collect()
}

/// A step in each phase, and at each moment at which it waits for an answer.
fn phases() -> Vec<(&'static str, Bench)> {
    let rules = || Rules {
        timeout: Some(seconds(30)),
        wait_timeout: Some(seconds(30)),
        breakpoint_timeout: Some(seconds(30)),
        hold_on_failure: true,
        ..rules()
    };
    let mut preparing = Bench::waiting(rules()).came();
    let _ = preparing.step.on(preparing.now, Event::Looked(preparing.view.clone()));
    let mut starting = preparing.clone();
    let ready = Event::Prepared(Prepared::Ready, starting.view.clone());
    let _ = starting.step.on(starting.now, ready);
    let mut retrying = Bench::held_failed(rules());
    let retry = View { requests: vec![request(Wish::Retry(Ok(None)))], ..retrying.view.clone() };
    let _ = retrying.step.on(retrying.now, Event::Looked(retry));
    let mut recording = Bench::running(Rules { hold_on_failure: false, ..rules() });
    let _ = recording.step.on(recording.now, Event::Ended(Outcome::Exited(7)));
    let mut holding = Bench::running(rules());
    let _ = holding.step.on(holding.now, Event::Ended(Outcome::Exited(7)));
    vec![
        ("new", Bench::new(rules())),
        ("waiting", Bench::waiting(rules())),
        ("finally", Bench::waiting(Rules { finally: true, ..rules() })),
        ("paused", Bench::waiting(rules()).came().mark(Kind::Pause).look().unmark()),
        ("preparing", preparing),
        ("starting", starting),
        ("held before", Bench::held_before(rules())),
        ("running", Bench::running(rules())),
        ("terminating", Bench::running(rules()).pass(seconds(30))),
        ("holding", holding),
        ("held failed", Bench::held_failed(rules())),
        ("held after", Bench::held_after(rules())),
        ("retrying", retrying),
        ("recording", recording),
        (
            "gone",
            Bench::running(Rules { hold_on_failure: false, ..rules() }).ends(Outcome::Exited(0)),
        ),
    ]
}

/// What a step asked since it was told the first event, and whether it was allowed to.
#[derive(Clone)]
struct Watch {
    step: Step,
    now: Now,
    posts: usize,
    gone: bool,
}

impl Watch {
    fn of(bench: &Bench) -> Self {
        let gone = bench.done.iter().any(|action| matches!(action, Action::Exit(_)));
        Self { step: bench.step.clone(), now: bench.now, posts: usize::from(gone), gone }
    }

    fn tell(&mut self, event: Event) -> Result<Vec<Action>, String> {
        let after = self.now.monotonic + seconds(16) - seconds(1000);
        self.now = moment(after);
        let was_finished = self.step.phase() == Phase::Finished;
        let actions = self.step.on(self.now, event);
        if self.gone && !actions.is_empty() {
            return Err(format!("asked for {actions:?} after the exit"));
        }
        if was_finished && self.step.phase() != Phase::Finished {
            return Err(format!("went from finished to {:?}", self.step.phase()));
        }
        let is_of_an_end = |action: &Action| {
            matches!(action, Action::Log(_) | Action::Publish | Action::Post(_) | Action::Exit(_))
        };
        if was_finished && !actions.iter().all(is_of_an_end) {
            return Err(format!("asked for {actions:?} at its end"));
        }
        for (index, action) in actions.iter().enumerate() {
            self.check(&actions, index, action)?;
        }
        Ok(actions)
    }

    fn check(&mut self, all: &[Action], index: usize, action: &Action) -> Result<(), String> {
        match action {
            Action::Post(_) => self.posts += 1,
            Action::Exit(_) => {
                self.gone = true;
                if !matches!(all[..index], [.., Action::Publish, Action::Post(_)])
                    || index + 1 != all.len()
                {
                    return Err(format!("an exit not behind state and post file: {all:?}"));
                }
            }
            Action::Start(_) | Action::Prepare | Action::Signal(_)
                if all[..index].iter().any(is_last_record) =>
            {
                return Err(format!("{action:?} at its end"));
            }
            _ => {}
        }
        if self.posts > 1 { Err("posted twice".to_owned()) } else { Ok(()) }
    }

    /// Answers what is asked, lets limits pass, and says whether the step comes to its end.
    fn runs_out(mut self, view: &View) -> Result<(), String> {
        let mut view = View { awaited: came(view), requests: Vec::new(), ..view.clone() };
        let mut events = std::collections::VecDeque::from([Event::Looked(view.clone())]);
        events.push_back(Event::Prepared(Prepared::Ready, view.clone()));
        events.push_back(Event::Started(100));
        events.extend([Event::Recorded(Ok(())), Event::Recorded(Ok(()))]);
        for _ in 0..200 {
            if self.gone {
                return Ok(());
            }
            let is_due = self.step.deadline().is_some_and(|at| at <= self.now.monotonic);
            let event = events.pop_front().unwrap_or(match self.step.phase() {
                _ if is_due => Event::TimePassed,
                Phase::Running | Phase::Terminating => Event::Ended(Outcome::Exited(0)),
                _ => Event::TimePassed,
            });
            for action in self.tell(event)? {
                match action {
                    Action::Look => events.push_back(Event::Looked(view.clone())),
                    Action::Prepare => {
                        events.push_back(Event::Prepared(Prepared::Ready, view.clone()));
                    }
                    Action::Start(_) => events.push_back(Event::Started(100)),
                    Action::Record(_) => events.push_back(Event::Recorded(Ok(()))),
                    _ => {}
                }
            }
            view.markers.clear();
        }
        Err(format!("found no way out of {:?}", self.step.phase()))
    }
}

fn is_last_record(action: &Action) -> bool {
    matches!(action, Action::Record(Record { held: None, .. }))
}

fn came(view: &View) -> Vec<Awaited> {
    view.awaited.iter().map(|awaited| Awaited { came: true, ..awaited.clone() }).collect()
}

fn fail(phase: &str, told: &[&str], why: &str) -> ! {
    panic!("{phase}, then\n  {}\n{why}", told.join("\n  "))
}

#[test]
fn every_pair_of_events_in_every_phase_keeps_the_rules_and_leaves_a_way_out() {
    for (phase, bench) in phases() {
        let alphabet = alphabet(&bench);
        for (first, one) in &alphabet {
            for (second, two) in &alphabet {
                let mut watch = Watch::of(&bench);
                let told = watch.tell(one.clone()).and_then(|_| watch.tell(two.clone()));
                if let Err(why) = told.and_then(|_| watch.runs_out(&bench.view)) {
                    fail(phase, &[first, second], &why);
                }
            }
        }
    }
}

#[test]
fn every_three_events_in_every_phase_keep_the_rules() {
    for (phase, bench) in phases() {
        let alphabet = alphabet(&bench);
        for (first, one) in &alphabet {
            let mut after_one = Watch::of(&bench);
            if let Err(why) = after_one.tell(one.clone()) {
                fail(phase, &[first], &why);
            }
            for (second, two) in &alphabet {
                let mut after_two = after_one.clone();
                if let Err(why) = after_two.tell(two.clone()) {
                    fail(phase, &[first, second], &why);
                }
                for (third, three) in &alphabet {
                    if let Err(why) = after_two.clone().tell(three.clone()) {
                        fail(phase, &[first, second, third], &why);
                    }
                }
            }
        }
    }
}

#[test]
fn a_step_that_waits_by_a_clock_has_a_deadline() {
    for (phase, bench) in phases() {
        let step = &bench.step;
        let timed = !matches!(step.phase(), Phase::Paused | Phase::Finished)
            && !matches!(phase, "preparing" | "retrying");
        assert_eq!(step.deadline().is_some(), timed, "{phase}");
        assert!(step.deadline().is_none_or(|deadline| deadline > Duration::ZERO));
    }
}
