//! Several steps in one world: each sees the post files, locks, markers and requests of all. Whatever
//! a step hears its model hears too, and both must do the same. What no step can see of itself is
//! checked here: the order of the run, and that each step posts once.

use std::collections::VecDeque;
use std::fmt::Write;
use std::time::{Duration, SystemTime};

use debug_scripts::Verb;

use super::super::facts::{Request, Wish};
use super::super::markers::{Kind, Sighting};
use super::super::*;
use super::bench::{by_hand, moment, request, seconds};
use super::model::Model;
use super::side_by_side::Pair;

/// One thing that happens in the world.
#[derive(Clone, Debug)]
pub(super) enum Happening {
    /// The file that the first step waits for, which no step writes.
    Ready,
    /// The step's container starts.
    Begins(usize),
    /// The step hears of the next thing that it was to hear of, or looks.
    Hears(usize),
    /// So many seconds pass.
    Passes(u64),
    /// A marker with this text, in the downward folder or not.
    Marks(Kind, String, bool),
    /// One of the markers is taken away.
    Unmarks(usize),
    Asks(usize, Wish),
    /// A hand writes an exit file, perhaps ahead of the hold.
    Writes(usize, Wish),
    /// A script of Tekton's posts for a held step; the exit file that lets it go comes behind.
    Posts(usize, bool),
    Signals(usize, i32),
    /// The command ends so.
    Ends(usize, Outcome),
    /// The whole group is gone.
    GroupGone(usize),
    /// The step's processes are killed.
    Dies(usize),
}

/// A step of the run, and what its world does to it.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) rules: Rules,
    /// What comes of each preparation, in turn.
    pub(super) prepared: Vec<Prepared>,
    /// Whether its command cannot be started, and the code for it.
    pub(super) not_started: Option<i32>,
    /// Whether its termination message cannot be written.
    pub(super) cannot_record: bool,
    /// Whether it waits for the first step too.
    pub(super) waits_for_first: bool,
}

/// What a step has still to hear of. What it sees is what there is when it hears.
#[derive(Clone, Debug)]
enum Owed {
    Look,
    Prepared,
    Told(Event),
    Recorded { is_last: bool },
}

pub(super) struct Actor {
    part: Part,
    pair: Pair,
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
    fn new(part: Part) -> Self {
        let now = moment(Duration::ZERO);
        let step = Step::new(part.rules.clone(), now);
        let model = Model::new(part.rules.clone(), now.monotonic);
        Self {
            part,
            pair: Pair { step, model },
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

    fn phase(&self) -> Phase {
        self.pair.step.phase()
    }

    fn writer(&self) -> Writer {
        match self {
            Self { begun: false, .. } => Writer::Unknown,
            Self { posted: None, dead: true, .. } => Writer::Died,
            _ => Writer::Alive,
        }
    }

    /// What came of the preparation: the last word stands for all that follow.
    fn preparation(&mut self) -> Prepared {
        match self.part.prepared.len() {
            0 => Prepared::Ready,
            1 => self.part.prepared[0].clone(),
            _ => self.part.prepared.remove(0),
        }
    }
}

pub(super) struct World {
    actors: Vec<Actor>,
    markers: Vec<Sighting>,
    ready: bool,
    never: bool,
    after: Duration,
    asked: usize,
    /// Whether a step died, or posted at once as 2.2 allows, while an earlier one had not begun: who
    /// comes so late finds finally steps ahead of it.
    out_of_order: bool,
    /// What happened, where that is to be told.
    pub(super) trace: Option<String>,
}

pub(super) type Checked = Result<(), String>;

impl World {
    /// A run of these steps; `never` where what the first one waits for can never be.
    pub(super) fn new(parts: Vec<Part>, never: bool) -> Self {
        let actors = parts.into_iter().map(Actor::new).collect();
        Self {
            actors,
            markers: Vec::new(),
            ready: false,
            never,
            after: Duration::ZERO,
            asked: 0,
            out_of_order: false,
            trace: None,
        }
    }

    pub(super) fn happens(&mut self, happening: &Happening) -> Checked {
        self.note(format_args!("{happening:?}"));
        match happening.clone() {
            Happening::Ready => self.ready = true,
            Happening::Begins(step) => self.begin(step % self.actors.len()),
            Happening::Hears(step) => return self.hear(self.chosen(step)),
            Happening::Passes(by) => return self.pass(seconds(by)),
            Happening::Marks(kind, text, downward) => self.mark(kind, text, downward),
            Happening::Unmarks(_) if self.markers.is_empty() => {}
            Happening::Unmarks(which) => {
                self.markers.remove(which % self.markers.len());
            }
            Happening::Asks(step, wish) => self.ask(self.chosen(step), wish),
            Happening::Writes(step, wish) => self.write(self.chosen(step), wish),
            Happening::Posts(step, well) => self.post_by_script(self.chosen(step), well),
            Happening::Signals(step, signal) => {
                return self.tell(self.chosen(step), &Event::Signal(signal));
            }
            Happening::Ends(step, outcome) => self.end(self.chosen(step), outcome),
            Happening::GroupGone(step) => self.lose_group(self.chosen(step)),
            Happening::Dies(step) => self.kill(self.chosen(step)),
        }
        Ok(())
    }

    pub(super) fn begin_all(&mut self) {
        (0..self.actors.len()).for_each(|index| self.begin(index));
    }

    /// A step that lives, every other time the foremost one: most happens there.
    fn chosen(&self, step: usize) -> usize {
        let mut living = (0..self.actors.len()).filter(|index| self.actors[*index].is_alive());
        let count = living.clone().count();
        let nth = if step.is_multiple_of(2) { 0 } else { step / 2 % count.max(1) };
        living.nth(nth).unwrap_or(0)
    }

    fn note(&mut self, line: impl std::fmt::Display) {
        if let Some(trace) = &mut self.trace {
            let _ = writeln!(trace, "{:>5} s  {line}", self.after.as_secs());
        }
    }

    fn begin(&mut self, index: usize) {
        if !self.actors[index].begun {
            self.actors[index].begun = true;
            self.actors[index].owed.push_back(Owed::Look);
        }
    }

    fn pass(&mut self, by: Duration) -> Checked {
        self.after += by;
        (0..self.actors.len()).try_for_each(|index| self.tell(index, &Event::TimePassed))
    }

    /// Two breakpoints never have the same age: the contract does not say which would count.
    fn mark(&mut self, kind: Kind, reason: String, downward: bool) {
        self.asked += 1;
        let order = if kind == Kind::Breakpoint { self.asked as u64 } else { 0 };
        let written = SystemTime::UNIX_EPOCH + self.after + Duration::from_nanos(order);
        let folder = "/tekton/run/0".into();
        self.markers.push(Sighting { kind, reason, folder, written, downward });
    }

    fn ask(&mut self, index: usize, wish: Wish) {
        self.asked += 1;
        let id = Some(self.asked.to_string());
        let requests = &mut self.actors[index].requests;
        if requests.len() < 6 {
            requests.push(Request { id, ..request(wish) });
        }
    }

    fn write(&mut self, index: usize, wish: Wish) {
        let file = by_hand(wish);
        let requests = &mut self.actors[index].requests;
        if requests.len() < 6 && !requests.contains(&file) {
            requests.push(file);
        }
    }

    fn post_by_script(&mut self, index: usize, well: bool) {
        let actor = &mut self.actors[index];
        let held = matches!(actor.phase(), Phase::HeldFailed | Phase::HeldAfter);
        if held && actor.is_alive() && actor.posted.is_none() {
            actor.posted = Some(well);
        }
    }

    fn end(&mut self, index: usize, outcome: Outcome) {
        let actor = &mut self.actors[index];
        if actor.runs && actor.is_alive() {
            actor.runs = false;
            actor.owed.push_back(Owed::Told(Event::Ended(outcome)));
        }
    }

    fn lose_group(&mut self, index: usize) {
        let actor = &mut self.actors[index];
        if actor.phase() == Phase::Terminating && !actor.runs && actor.is_alive() {
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

    fn view(&self, index: usize) -> View {
        let own = &self.actors[index];
        let first = (own.part.waits_for_first && index > 1).then(|| self.awaited(0));
        let before = index.checked_sub(1).map(|before| self.awaited(before));
        let ready = (index == 0).then(|| Awaited {
            came: self.ready && !self.never,
            never: self.never.then(|| "its parent is a file".to_owned()),
            ..Awaited::default()
        });
        let is_posted_by_others = own.posted.is_some() && own.posts == 0;
        View {
            awaited: first.into_iter().chain(before).chain(ready).collect(),
            busy: self.busy(index).map(|busy| busy.part.rules.name.clone()),
            markers: self.markers.clone(),
            requests: own.requests.clone(),
            posted: if is_posted_by_others { Posted::Already } else { Posted::Nothing },
        }
    }

    fn awaited(&self, index: usize) -> Awaited {
        let writer = &self.actors[index];
        let failed = writer.posted == Some(false);
        Awaited {
            file: format!("/tekton/run/{index}/out").into(),
            came: writer.posted == Some(true),
            failed,
            step: Some(writer.part.rules.name.clone()),
            reason: failed.then(|| writer.pair.step.reason()).flatten(),
            writer: writer.writer(),
            never: None,
        }
    }

    /// An earlier step that holds its lock and has not posted.
    fn busy(&self, index: usize) -> Option<&Actor> {
        self.actors[..index].iter().find(|earlier| earlier.is_alive() && earlier.posted.is_none())
    }

    fn hear(&mut self, index: usize) -> Checked {
        let owed = self.actors[index].owed.pop_front().unwrap_or(Owed::Look);
        let event = match owed {
            Owed::Look => Event::Looked(self.view(index)),
            Owed::Prepared => {
                let prepared = self.actors[index].preparation();
                Event::Prepared(prepared, self.view(index))
            }
            Owed::Told(event) => event,
            Owed::Recorded { is_last } if self.actors[index].part.cannot_record => {
                let event = Event::Recorded(Err("disk full".to_owned()));
                return self.tell_recorded(index, &event, is_last);
            }
            Owed::Recorded { is_last } => {
                return self.tell_recorded(index, &Event::Recorded(Ok(())), is_last);
            }
        };
        self.tell(index, &event)
    }

    fn tell(&mut self, index: usize, event: &Event) -> Checked {
        self.tell_recorded(index, event, false)
    }

    fn tell_recorded(&mut self, index: usize, event: &Event, is_last: bool) -> Checked {
        if !self.actors[index].is_alive() {
            return Ok(());
        }
        let now = moment(self.after);
        let actor = &mut self.actors[index];
        // An end that is heard of behind the timeout is no success any more.
        actor.succeeded |=
            matches!(event, Event::Ended(Outcome::Exited(0))) && actor.phase() == Phase::Running;
        let heard = actor.pair.hears(now, event, is_last);
        let actions = heard.map_err(|why| format!("step {index}, {event:?}: {why}"))?;
        actions.into_iter().try_for_each(|action| self.perform(index, action))?;
        let actor = &self.actors[index];
        let prepares = actor.owed.iter().any(|owed| matches!(owed, Owed::Prepared));
        let looked = matches!(event, Event::Looked(_) | Event::Prepared(..));
        if looked && actor.is_alive() && actor.pair.model.may_start() && !prepares {
            return Err(format!("step {index} may start, and prepares nothing"));
        }
        Ok(())
    }

    fn perform(&mut self, index: usize, action: Action) -> Checked {
        if self.actors[index].gone {
            return Err(format!("step {index} asks for {action:?} after its exit"));
        }
        match action {
            Action::Start(_) => self.start(index)?,
            Action::Post(post) => self.post(index, post)?,
            Action::Exit(_) => self.exit(index)?,
            Action::Mark(kind, text) => self.mark(kind, text, false),
            action => self.answer(index, action),
        }
        Ok(())
    }

    fn answer(&mut self, index: usize, action: Action) {
        let actor = &mut self.actors[index];
        match action {
            Action::Look => actor.owed.push_back(Owed::Look),
            Action::Prepare => actor.owed.push_back(Owed::Prepared),
            Action::Record(record) => {
                actor.owed.push_back(Owed::Recorded { is_last: record.held.is_none() });
            }
            Action::Discard(request) | Action::Keep(request) => {
                actor.requests.retain(|asked| *asked != request);
            }
            Action::Signal(9) => self.end(index, Outcome::Killed(9)),
            Action::Log(line) => self.note(format_args!("    step {index}: {line}")),
            _ => {}
        }
    }

    fn start(&mut self, index: usize) -> Checked {
        self.note(format_args!("    step {index} starts its command"));
        if !self.out_of_order {
            self.check_order(index)?;
        }
        let actor = &mut self.actors[index];
        if actor.succeeded || actor.posted.is_some() {
            return Err(format!("step {index} starts again after it succeeded or posted"));
        }
        actor.starts += 1;
        actor.runs = actor.part.not_started.is_none();
        let event = match actor.part.not_started {
            Some(code) => Event::NotStarted { code, message: "no such file".to_owned() },
            None => Event::Started(100),
        };
        self.tell(index, &event)
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
    pub(super) fn comes_to_rest(&mut self) -> Checked {
        self.note("the world is quiet");
        self.ready = true;
        self.after += seconds(1);
        self.markers.retain(|marker| !marker.downward);
        self.mark(Kind::Resume, String::new(), false);
        self.begin_all();
        for _ in 0..60 {
            if !self.actors.iter().any(Actor::is_alive) {
                break;
            }
            for index in 0..self.actors.len() {
                self.wind_down(index)?;
            }
        }
        match self.actors.iter().position(Actor::is_alive) {
            None => Ok(()),
            Some(index) => {
                Err(format!("step {index} waits for ever: {:?}", self.actors[index].pair.step))
            }
        }
    }

    fn wind_down(&mut self, index: usize) -> Checked {
        while self.actors[index].is_alive() && !self.actors[index].owed.is_empty() {
            self.hear(index)?;
        }
        let actor = &self.actors[index];
        match (actor.phase(), actor.pair.step.deadline()) {
            (Phase::Terminating, Some(deadline)) => {
                self.after = self.after.max(deadline.saturating_sub(seconds(1000)));
            }
            (phase, _) if phase.is_held() => self.ask(index, Wish::Leave(Verb::Continue)),
            _ => {}
        }
        self.end(index, Outcome::Exited(0));
        self.tell(index, &Event::TimePassed)?;
        self.hear(index)
    }
}
