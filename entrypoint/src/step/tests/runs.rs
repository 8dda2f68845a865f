//! Random runs of up to eight steps in one world: each step sees the post files, locks, markers and
//! requests of all. Checked are the properties of a run that hold whatever comes.

use std::collections::VecDeque;
use std::fmt::Write;
use std::time::{Duration, SystemTime};

use debug_scripts::Verb;
use proptest::prelude::*;

use super::super::facts::{Request, Wish};
use super::super::markers::{Kind, Sighting};
use super::super::*;
use super::bench::{by_hand, moment, request, rules, seconds};

/// One thing that happens in the world.
#[derive(Clone, Debug)]
enum Happening {
    /// The step's container starts.
    Begins(usize),
    /// The step hears of the next thing that it was to hear of, or looks.
    Hears(usize),
    /// So many seconds pass.
    Passes(u64),
    Marks(Kind),
    Unmarks,
    Asks(usize, Wish),
    /// A script of Tekton's posts for a held step and lets it go.
    Posts(usize, bool),
    Signals(usize, i32),
    /// The command ends with this code.
    Ends(usize, i32),
    /// The whole group is gone.
    GroupGone(usize),
    /// The step's processes are killed.
    Dies(usize),
}

/// What a step has still to hear of. What it sees is what there is when it hears.
#[derive(Clone, Debug)]
enum Owed {
    Look,
    Prepared,
    Told(Event),
}

struct Actor {
    step: Step,
    rules: Rules,
    begun: bool,
    dead: bool,
    gone: bool,
    runs: bool,
    succeeded: bool,
    starts: usize,
    /// Whether a success was posted.
    posted: Option<bool>,
    posts: usize,
    owed: VecDeque<Owed>,
    requests: Vec<Request>,
}

impl Actor {
    fn new(rules: Rules) -> Self {
        Self {
            step: Step::new(rules.clone(), moment(Duration::ZERO)),
            rules,
            begun: false,
            dead: false,
            gone: false,
            runs: false,
            succeeded: false,
            starts: 0,
            posted: None,
            posts: 0,
            owed: VecDeque::new(),
            requests: Vec::new(),
        }
    }

    fn is_alive(&self) -> bool {
        self.begun && !self.dead && !self.gone
    }
}

struct World {
    actors: Vec<Actor>,
    markers: Vec<Sighting>,
    ready: bool,
    after: Duration,
    asked: usize,
    /// Whether a step died, or posted at once as 2.2 allows, while an earlier one had not begun: who
    /// comes so late finds finally steps ahead of it.
    out_of_order: bool,
    trace: String,
}

type Checked = Result<(), String>;

impl World {
    fn new(steps: Vec<Rules>) -> Self {
        let actors = steps.into_iter().map(Actor::new).collect();
        let (markers, after) = (Vec::new(), Duration::ZERO);
        let trace = String::new();
        Self { actors, markers, ready: false, after, asked: 0, out_of_order: false, trace }
    }

    fn note(&mut self, line: impl std::fmt::Display) {
        let _ = writeln!(self.trace, "{:>5} s  {line}", self.after.as_secs());
    }

    fn view(&self, index: usize) -> View {
        let awaited = match index.checked_sub(1).map(|before| &self.actors[before]) {
            None => Awaited { came: self.ready, ..Awaited::default() },
            Some(before) => Awaited {
                file: format!("/tekton/run/{}/out", index - 1).into(),
                came: before.posted == Some(true),
                failed: before.posted == Some(false),
                step: Some(before.rules.name.clone()),
                reason: before.step.state().reason.filter(|_| before.begun),
                writer: match before {
                    Actor { begun: false, .. } => Writer::Unknown,
                    Actor { posted: None, dead: true, .. } => Writer::Died,
                    _ => Writer::Alive,
                },
                never: None,
            },
        };
        let own = &self.actors[index];
        let is_posted_by_others = own.posted.is_some() && own.posts == 0;
        View {
            awaited: vec![awaited],
            busy: self.busy(index).map(|busy| busy.rules.name.clone()),
            markers: self.markers.clone(),
            requests: own.requests.clone(),
            posted: if is_posted_by_others { Posted::Already } else { Posted::Nothing },
        }
    }

    /// An earlier step that holds its lock and has not posted.
    fn busy(&self, index: usize) -> Option<&Actor> {
        self.actors[..index].iter().find(|earlier| earlier.is_alive() && earlier.posted.is_none())
    }

    fn happens(&mut self, happening: &Happening) -> Checked {
        self.note(format_args!("{happening:?}"));
        let count = self.actors.len();
        match happening.clone() {
            Happening::Begins(step) => self.begin(step % count),
            Happening::Hears(step) => return self.hear(step % count),
            Happening::Passes(by) => self.after += seconds(by),
            Happening::Marks(kind) => self.mark(kind),
            Happening::Unmarks => self.markers.clear(),
            Happening::Asks(step, wish) => self.ask(step % count, wish),
            Happening::Posts(step, well) => self.post_by_script(step % count, well),
            Happening::Signals(step, signal) => {
                return self.tell(step % count, Event::Signal(signal));
            }
            Happening::Ends(step, code) => self.end(step % count, code),
            Happening::GroupGone(step) => self.lose_group(step % count),
            Happening::Dies(step) => self.kill(step % count),
        }
        Ok(())
    }

    fn begin(&mut self, index: usize) {
        self.actors[index].begun = true;
        self.actors[index].owed.push_back(Owed::Look);
    }

    fn mark(&mut self, kind: Kind) {
        let written = SystemTime::UNIX_EPOCH + self.after;
        let folder = "/tekton/run/0".into();
        let reason = String::new();
        self.markers.push(Sighting { kind, reason, folder, written, downward: false });
    }

    fn ask(&mut self, index: usize, wish: Wish) {
        self.asked += 1;
        let id = Some(self.asked.to_string());
        self.actors[index].requests.push(Request { id, ..request(wish) });
    }

    fn post_by_script(&mut self, index: usize, well: bool) {
        let actor = &mut self.actors[index];
        let held = matches!(actor.step.phase(), Phase::HeldFailed | Phase::HeldAfter);
        if held && actor.is_alive() && actor.posted.is_none() {
            actor.posted = Some(well);
            actor.requests = vec![by_hand(Wish::Exit(i32::from(!well)))];
            // The hold ends before the next person comes: scripts write both files at once.
            actor.owed.push_front(Owed::Look);
        }
    }

    fn end(&mut self, index: usize, code: i32) {
        let actor = &mut self.actors[index];
        if actor.runs && actor.is_alive() {
            actor.runs = false;
            actor.owed.push_back(Owed::Told(Event::Ended(Outcome::Exited(code))));
        }
    }

    fn lose_group(&mut self, index: usize) {
        let actor = &mut self.actors[index];
        if actor.step.phase() == Phase::Terminating && !actor.runs && actor.is_alive() {
            actor.owed.push_back(Owed::Told(Event::GroupGone));
        }
    }

    fn kill(&mut self, index: usize) {
        let actor = &mut self.actors[index];
        if actor.is_alive() {
            (actor.dead, actor.runs) = (true, false);
            actor.owed.clear();
            self.leaves(index);
        }
    }

    fn leaves(&mut self, index: usize) {
        self.out_of_order |= self.actors[..index].iter().any(|earlier| !earlier.begun);
    }

    fn hear(&mut self, index: usize) -> Checked {
        let owed = self.actors[index].owed.pop_front().unwrap_or(Owed::Look);
        let view = self.view(index);
        self.tell(
            index,
            match owed {
                Owed::Look => Event::Looked(view),
                Owed::Prepared => Event::Prepared(Prepared::Ready, view),
                Owed::Told(event) => event,
            },
        )
    }

    fn tell(&mut self, index: usize, event: Event) -> Checked {
        if !self.actors[index].is_alive() {
            return Ok(());
        }
        let now = moment(self.after);
        let was = self.actors[index].step.phase();
        let looked = matches!(event, Event::Looked(_) | Event::Prepared(..));
        // An end that is heard of behind the timeout is no success any more.
        let succeeds = matches!(event, Event::Ended(Outcome::Exited(0))) && was == Phase::Running;
        self.actors[index].succeeded |= succeeds;
        let actions = self.actors[index].step.on(now, event);
        if looked && was != Phase::Finished {
            self.check_that_no_marker_is_hidden(index)?;
        }
        actions.into_iter().try_for_each(|action| self.perform(index, action))
    }

    fn perform(&mut self, index: usize, action: Action) -> Checked {
        if self.actors[index].gone {
            return Err(format!("step {index} asks for {action:?} after its exit"));
        }
        match action {
            Action::Start(_) => self.start(index)?,
            Action::Post(post) => self.post(index, post)?,
            Action::Exit(_) => self.exit(index)?,
            Action::Mark(kind, _) => self.mark(kind),
            action => self.answer(index, action),
        }
        Ok(())
    }

    fn answer(&mut self, index: usize, action: Action) {
        let actor = &mut self.actors[index];
        match action {
            Action::Look => actor.owed.push_back(Owed::Look),
            Action::Prepare => actor.owed.push_back(Owed::Prepared),
            Action::Record(_) => actor.owed.push_back(Owed::Told(Event::Recorded(Ok(())))),
            Action::Discard(request) | Action::Keep(request) => {
                actor.requests.retain(|asked| *asked != request);
            }
            Action::Signal(9) if actor.runs => {
                actor.runs = false;
                actor.owed.push_back(Owed::Told(Event::Ended(Outcome::Killed(9))));
            }
            Action::Log(line) => self.note(format_args!("    step {index}: {line}")),
            _ => {}
        }
    }

    fn start(&mut self, index: usize) -> Checked {
        self.note(format_args!("    step {index} starts its command"));
        if !self.out_of_order {
            self.check_order(index)?;
        }
        let actor = &self.actors[index];
        if actor.succeeded || actor.posted.is_some() {
            return Err(format!("step {index} starts again after it succeeded or posted"));
        }
        if let Some(kind) = self.forbids(index) {
            return Err(format!("step {index} starts in spite of {kind:?}"));
        }
        let actor = &mut self.actors[index];
        actor.starts += 1;
        actor.runs = true;
        actor.owed.push_front(Owed::Told(Event::Started(100)));
        Ok(())
    }

    fn check_order(&self, index: usize) -> Checked {
        if let Some(other) = self.actors.iter().position(|actor| actor.runs) {
            return Err(format!("step {index} starts beside step {other}"));
        }
        if self.busy(index).is_some() {
            return Err(format!("step {index} starts while an earlier step has not ended"));
        }
        if let Some(later) = (index + 1..self.actors.len()).find(|i| self.actors[*i].starts > 0) {
            return Err(format!("step {index} starts after step {later}"));
        }
        Ok(())
    }

    /// The strongest marker by which this step may not start a command now, by the table of 2.2.
    fn forbids(&self, index: usize) -> Option<Kind> {
        let Actor { rules, starts, .. } = &self.actors[index];
        let resumed = self.markers.iter().filter(|m| m.kind == Kind::Resume).map(|m| m.written);
        let resumed = resumed.max();
        let forbids = |marker: &&Sighting| match marker.kind {
            Kind::Cancel => true,
            Kind::Abort => !rules.finally || *starts == 0,
            Kind::CancelFinally | Kind::StopFinally => !rules.finally,
            Kind::Pause => *starts == 0 && resumed.is_none_or(|resume| marker.written > resume),
            Kind::Resume | Kind::Breakpoint => false,
        };
        self.markers.iter().filter(forbids).map(|marker| marker.kind).min()
    }

    /// A step that ends by a look before its command ends by the strongest marker, or by what goes
    /// before it: a death, a cancel, a word at its hold, the end of its wait.
    fn check_that_no_marker_is_hidden(&self, index: usize) -> Checked {
        let Actor { step, starts, .. } = &self.actors[index];
        let marked = match self.forbids(index) {
            Some(Kind::Cancel | Kind::CancelFinally) => Reason::Cancelled,
            Some(Kind::Abort) => Reason::Aborted,
            Some(Kind::StopFinally) => Reason::Stopped,
            _ => return Ok(()),
        };
        let goes_before =
            [Reason::PreviousStepDied, Reason::Cancelled, Reason::Failed, Reason::WaitTimeout];
        match step.state().reason {
            Some(reason) if reason == marked || goes_before.contains(&reason) => Ok(()),
            _ if step.phase() != Phase::Finished || *starts > 0 => Ok(()),
            reason => Err(format!("step {index} hides {marked:?} behind {reason:?}")),
        }
    }

    fn post(&mut self, index: usize, post: Post) -> Checked {
        self.note(format_args!("    step {index} posts {post:?}"));
        self.leaves(index);
        let actor = &mut self.actors[index];
        if actor.posts > 0 || (post == Post::ByOthers && actor.posted.is_none()) {
            return Err(format!("step {index} posts {post:?}, and there is {:?}", actor.posted));
        }
        actor.posts += 1;
        actor.posted = actor.posted.or(Some(post == Post::Done));
        Ok(())
    }

    fn exit(&mut self, index: usize) -> Checked {
        let actor = &mut self.actors[index];
        actor.gone = true;
        if actor.runs {
            return Err(format!("step {index} exits while its command runs"));
        }
        if actor.posts == 0 { Err(format!("step {index} exits without a post")) } else { Ok(()) }
    }

    /// Nothing new comes: commands end, holds are left, limits pass. Every step must come to its end.
    fn comes_to_rest(&mut self) -> Checked {
        self.note("the world is quiet");
        self.ready = true;
        self.after += seconds(1);
        self.mark(Kind::Resume);
        (0..self.actors.len())
            .filter(|i| !self.actors[*i].begun)
            .collect::<Vec<_>>()
            .into_iter()
            .for_each(|index| self.begin(index));
        for _ in 0..60 {
            for index in 0..self.actors.len() {
                self.wind_down(index)?;
            }
        }
        match self.actors.iter().position(Actor::is_alive) {
            None => Ok(()),
            Some(index) => {
                Err(format!("step {index} waits for ever: {:?}", self.actors[index].step))
            }
        }
    }

    fn wind_down(&mut self, index: usize) -> Checked {
        while self.actors[index].is_alive() && !self.actors[index].owed.is_empty() {
            self.hear(index)?;
        }
        let step = &self.actors[index].step;
        if let Some(deadline) = step.deadline() {
            let due = deadline.saturating_sub(seconds(1000));
            if step.phase() == Phase::Terminating {
                self.after = self.after.max(due);
            }
        }
        match step.phase() {
            phase if phase.is_held() => self.ask(index, Wish::Leave(Verb::Continue)),
            _ => {}
        }
        self.end(index, 0);
        self.tell(index, Event::TimePassed)?;
        self.hear(index)
    }
}

fn wishes() -> impl Strategy<Value = Wish> {
    prop_oneof![
        Just(Wish::Cancel),
        Just(Wish::Leave(Verb::Continue)),
        Just(Wish::Leave(Verb::Fail)),
        Just(Wish::Leave(Verb::FailContinue)),
        Just(Wish::Leave(Verb::BreakpointExit)),
        Just(Wish::Begin),
        Just(Wish::DoNotBegin),
        Just(Wish::Skip),
        Just(Wish::Retry(Ok(None))),
        Just(Wish::Extend(Ok(seconds(30)))),
    ]
}

fn happenings() -> impl Strategy<Value = Happening> {
    let step = || 0..8_usize;
    let kind = prop::sample::select(Kind::ALL[..6].iter().map(|row| row.0).collect::<Vec<_>>());
    prop_oneof![
        4 => step().prop_map(Happening::Begins),
        30 => step().prop_map(Happening::Hears),
        3 => (1..20_u64).prop_map(Happening::Passes),
        1 => kind.prop_map(Happening::Marks),
        1 => Just(Happening::Unmarks),
        4 => (step(), wishes()).prop_map(|(step, wish)| Happening::Asks(step, wish)),
        1 => (step(), any::<bool>()).prop_map(|(step, well)| Happening::Posts(step, well)),
        1 => (step(), prop::sample::select(vec![1, 2, 3, 15]))
            .prop_map(|(step, signal)| Happening::Signals(step, signal)),
        8 => (step(), prop::sample::select(vec![0, 0, 1, 7]))
            .prop_map(|(step, code)| Happening::Ends(step, code)),
        1 => step().prop_map(Happening::GroupGone),
        1 => step().prop_map(Happening::Dies),
    ]
}

fn some_rules() -> impl Strategy<Value = Rules> {
    let limit = || prop::option::weighted(0.2, (1..60_u64).prop_map(seconds));
    let seldom = || prop::bool::weighted(0.2);
    let holds = (seldom(), any::<bool>(), seldom());
    (seldom(), seldom(), holds, limit(), limit(), limit()).prop_map(
        |(finally, goes_on, (before, on_failure, after), timeout, wait, breakpoint)| Rules {
            finally,
            on_error: if goes_on { OnError::Continue } else { OnError::StopAndFail },
            hold_before: before,
            hold_on_failure: on_failure,
            hold_after: after,
            timeout,
            wait_timeout: wait,
            breakpoint_timeout: breakpoint,
            ..rules()
        },
    )
}

fn named(steps: Vec<Rules>) -> Vec<Rules> {
    let names = (0..).map(|number| format!("step-{number}"));
    steps.into_iter().zip(names).map(|(rules, name)| Rules { name, ..rules }).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_run_keeps_its_properties_whatever_comes(
        steps in prop::collection::vec(some_rules(), 1..=8),
        together in any::<bool>(),
        happenings in prop::collection::vec(happenings(), 0..250),
    ) {
        let mut world = World::new(named(steps));
        world.ready = true;
        if together {
            (0..world.actors.len()).for_each(|index| world.begin(index));
        }
        let checked = happenings.iter().try_for_each(|happening| world.happens(happening));
        if let Err(why) = checked.and_then(|()| world.comes_to_rest()) {
            return Err(TestCaseError::fail(format!("{why}\n{}", world.trace)));
        }
    }
}
