//! A step that waits for a person: the one-key prompt of `holdpoint run`, or what can be typed.

use std::cell::Cell;
use std::future::{Future, pending};
use std::io;
use std::rc::Rc;
use std::time::Duration;

use debug_scripts::Word;
use entrypoint::state::State;
use kube::ResourceExt as _;
use tokio::signal::unix::{SignalKind, signal};

use super::Attached;
use super::keys::{HOW, Pressed, QUIT, ending, endings, explained, pressed};
use super::looks::Looks;
use super::step::Step;
use crate::args::VerbArguments;
use crate::cluster::answer::{Outcome as _, Told};
use crate::cluster::exec::exec;
use crate::cluster::row::{Known, Row};
use crate::cluster::runs;
use crate::cluster::runs::order::Order;
use crate::cluster::shell::Shell;
use crate::cluster::states;
use crate::cluster::states::Unseen;
use crate::cluster::steps::{PodSteps, StepPlace};
use crate::cluster::target::{Kind, Target};
use crate::cluster::way::ways;
use crate::run::hold::{REASON, SHELL_OPENS, behind, choices, leaves_standing, question};
use crate::run::prompt::{self, Keys};
use crate::run::screen::Tone;

/// How long a verb may take to be answered.
const LONGEST_ANSWER: Duration = Duration::from_secs(15);

/// The step whose person is asked.
struct Held<'a> {
    attached: Attached<'a>,
    looks: &'a Looks<'a>,
    place: &'a StepPlace,
    pod: PodSteps,
    state: State,
    steps_behind: usize,
    busy: Rc<Cell<bool>>,
    /// What can be typed.
    ways: Vec<String>,
}

/// What is known of a hold after it was asked about.
#[derive(PartialEq, Eq)]
enum Standing {
    /// A look will tell.
    AsItWas,
    /// The step waits for something else now, or for nobody.
    Moved,
}

impl<'a> Step<'a> {
    /// Asks the person here until the hold is over, which drops this; or says what can be typed. Returns
    /// where a shell has outlived the hold.
    pub(super) fn attend(&self, state: State) -> impl Future<Output = ()> + use<'a> {
        let pod = PodSteps::of(&self.looks.pod);
        let row = Row::new(&self.looks.pod, self.place, Known::Step(state.clone()));
        let target = Target::Named(Kind::Pod, self.looks.pod.name_any());
        let attached = self.attached;
        let ways = ways(attached.program, attached.reach, &target, &row).into_iter();
        let ways = ways.map(|way| format!("    {}", way.command)).collect();
        let (looks, place, steps_behind) = (self.looks, self.place, self.steps_behind);
        let busy = Rc::clone(&self.busy);
        let held = Held { attached, looks, place, pod, state, steps_behind, busy, ways };
        async move {
            match prompt::is_possible() {
                true if held.ask().await == Standing::Moved => return,
                true => {}
                false => held.say_ways(),
            }
            pending().await
        }
    }
}

impl Held<'_> {
    fn say_ways(&self) {
        let ways = self.ways.clone();
        self.attached.talk.show(move |screen| {
            screen.say(Tone::Alert, "  to go on, type in another terminal:");
            ways.iter().for_each(|way| screen.say(Tone::Alert, way));
        });
    }

    /// Asks until something was accepted that ends the hold; another step's hold waits for that.
    async fn ask(&self) -> Standing {
        let _turn = self.attached.person.lock().await;
        loop {
            let word = match self.word().await {
                Ok(Some(word)) => word,
                // The terminal is gone.
                Ok(None) => return Standing::AsItWas,
                Err(_) => {
                    self.say_ways();
                    return Standing::AsItWas;
                }
            };
            let accepted = match word {
                Word::Tool(_) => {
                    self.open_shell().await;
                    false
                }
                Word::Step(_) | Word::Run(_) => self.put(word).await,
            };
            if accepted && !leaves_standing(word) {
                self.looks.hurry();
                return Standing::AsItWas;
            }
            // Much may have happened meanwhile, most of all while a shell was open.
            self.looks.anew().await;
            if !self.stands() {
                return Standing::Moved;
            }
        }
    }

    /// Whether the step still waits for what is asked here, as far as is known.
    fn stands(&self) -> bool {
        let seen = self.looks.of(self.place).and_then(|seen| seen.row);
        let state = seen.as_ref().and_then(Row::state);
        state.is_none_or(|it| (it.phase, &it.since) == (self.state.phase, &self.state.since))
    }

    /// The word that the person chooses; none where the terminal is gone.
    async fn word(&self) -> io::Result<Option<Word>> {
        let choices = choices(&self.state, self.steps_behind);
        let ends = self.attached.is_pipeline_run();
        loop {
            let pressed = self.key(question(&choices, &self.state), |key| pressed(&choices, key));
            match pressed.await? {
                None => return Ok(None),
                Some(Pressed::Help) => self.say(explained(&choices, ends)),
                Some(Pressed::Word(QUIT)) if ends => {
                    self.say(endings());
                    match self.key(HOW.to_owned(), ending).await? {
                        Some(None) => {}
                        Some(chosen) => return Ok(chosen),
                        None => return Ok(None),
                    }
                }
                Some(Pressed::Word(word)) => return Ok(Some(word)),
            }
        }
    }

    /// What the first key stands for that stands for something, of those that are pressed from now on.
    async fn key<T>(
        &self,
        question: String,
        meant: impl Fn(u8) -> Option<(&'static str, T)>,
    ) -> io::Result<Option<T>> {
        let mut resumed = signal(SignalKind::from_raw(nix::libc::SIGCONT))?;
        prompt::forget_what_was_typed();
        let mut keys = Keys::read()?;
        let asked = Asked(self.attached);
        self.attached.talk.ask(question);
        loop {
            tokio::select! {
                key = keys.next() => {
                    let Some(key) = key else { return Ok(None) };
                    if let Some((shown, meant)) = meant(key) {
                        // The terminal is given back before anyone else uses it.
                        drop(keys);
                        self.attached.talk.answer(shown);
                        drop(asked);
                        return Ok(Some(meant));
                    }
                }
                _ = resumed.recv() => {
                    keys.again();
                    self.attached.talk.ask_again();
                }
            }
        }
    }

    fn say(&self, lines: Vec<String>) {
        self.attached.talk.show(move |screen| {
            lines.iter().for_each(|line| screen.say(Tone::Alert, line));
        });
    }

    /// Whether the hold ends by it; else what is said is shown.
    async fn put(&self, word: Word) -> bool {
        let order = match word {
            Word::Run(verb) => Order::of(verb).filter(|order| order.ends()),
            _ => None,
        };
        match (order, self.attached.target) {
            (Some(order), Target::Named(kind, name)) if order.concerns(*kind) => {
                // The hold ends before all is done.
                self.busy.set(true);
                let ends = self.put_to_run(order, *kind, name).await;
                self.busy.set(false);
                ends
            }
            _ => self.put_to_pod(word).await,
        }
    }

    /// The whole run is asked, as by the verb itself.
    async fn put_to_run(&self, order: Order, kind: Kind, name: &str) -> bool {
        let Attached { cluster, reach, target, .. } = self.attached;
        let _given_to_its_end = self.attached.order.lock().await;
        let arguments = VerbArguments::at_prompt(order.verb(), target, reach, REASON);
        match runs::give(order, cluster, kind, name, &arguments).await {
            Ok(told) => {
                self.say(told.lines());
                told.pods.iter().any(|pod| pod.pod == self.pod.name && pod.code == 0)
            }
            Err(error) => {
                self.say(vec![error.to_string()]);
                false
            }
        }
    }

    /// Whether the step accepts it; else what it says is shown.
    async fn put_to_pod(&self, word: Word) -> bool {
        let behind = behind(word).map(str::to_owned);
        let json = ["-o", "json"].map(str::to_owned);
        let command = states::verb(self.place, word.help()[0], json.into_iter().chain(behind));
        let Self { attached, pod, place, .. } = self;
        let done = exec(attached.cluster, pod, &place.container, &command, LONGEST_ANSWER).await;
        let told = match done {
            Ok(done) => Told::answered(pod, place, word, &done),
            Err(why) => Told::unasked(pod, place, word, &Unseen::Exec(why)),
        };
        if told.code != 0 {
            self.say(vec![format!("{}: {}", told.outcome, told.message)]);
        }
        told.code == 0
    }

    async fn open_shell(&self) {
        let Attached { program, cluster, reach, talk, .. } = self.attached;
        let shell = Shell { program, cluster, reach, pod: &self.pod, step: self.place };
        self.say(vec![SHELL_OPENS.to_owned()]);
        let away = talk.leave();
        self.busy.set(true);
        let opened = shell.open().await;
        self.busy.set(false);
        drop(away);
        if let Err(error) = opened {
            self.say(vec![error.to_string()]);
        }
    }
}

/// A question is taken back with the hold.
struct Asked<'a>(Attached<'a>);

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        self.0.talk.answer("");
    }
}
