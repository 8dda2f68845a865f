//! What is asked of PipelineRuns and TaskRuns as a whole: they are paused, stopped, cancelled and
//! retried (TEP-0105, TEP-0065), by the object itself and at once in its pods.
//!
//! An [`order`] meets a run at some [`phase`]; it changes the [`object`], tells the [`pods`], may
//! [`wait`] for the end and show the [`tasks`]. A run that failed is retried by a new one ([`retry`]).

pub mod object;
pub mod order;
pub mod phase;
pub mod pods;
pub mod retry;
pub mod tasks;
pub mod told;
pub mod wait;

use std::pin::pin;
use std::time::{Duration, Instant};

use debug_scripts::{Verb, Word};
use entrypoint::go_duration;
use entrypoint::verb::Answer;
use futures_util::future::{join, join_all};
use tokio::time::timeout;

use self::object::Run;
use self::order::Order;
use self::phase::{Meets, Phase};
use self::told::RunTold;
use self::wait::Waited;
use super::answer::{Outcome as _, TIMED_OUT, Told, tell};
use super::children::{End, end};
use super::connect::Cluster;
use super::error::ClusterError;
use super::hint::Hints;
use super::look::list;
use super::resolve::resolve;
use super::target::{Kind, Target};
use crate::args::{Print, Until, VerbArguments, Wait};
use crate::exit::Exit;
use crate::program::Program;
use crate::table::time;

/// How long the end of many runs is waited for where nothing is said.
const LONGEST_END: Duration = Duration::from_mins(10);

/// Asks what concerns whole runs; none where the pods of the target are to be asked.
///
/// # Errors
/// The target cannot be reached.
pub async fn ask(
    program: Program,
    target: &Target,
    arguments: &VerbArguments,
) -> Result<Option<Exit>, ClusterError> {
    let order = match arguments.word {
        Word::Run(verb) => Order::of(verb),
        _ => None,
    };
    let is_retry = arguments.word == Word::Step(Verb::Retry);
    let may_concern = target.kind().is_none_or(Kind::is_run) && arguments.step.is_none();
    if !may_concern || (order.is_none() && !is_retry) {
        return Ok(None);
    }
    if let Some(order) = order {
        pods::annotation(order, arguments)?;
    }
    let cluster = Cluster::connect(&arguments.reach).await?;
    let target = match target {
        Target::Latest => {
            resolve(&cluster, target, arguments.reach.selector.as_deref()).await?.target
        }
        known => known.clone(),
    };
    let exit = match (order, &target) {
        (Some(order), Target::Named(kind, name)) if order.concerns(*kind) => {
            let run = Run::read(&cluster, *kind, name).await?;
            let asked = Asked { order, cluster: &cluster, arguments, many: false };
            Some(asked.tell(program, &[asked.obey(run).await]))
        }
        (Some(order), Target::Every(kind)) if order.concerns(*kind) => {
            let asked = Asked { order, cluster: &cluster, arguments, many: true };
            Some(asked.every(program, *kind).await?)
        }
        (None, Target::Named(Kind::PipelineRun, name)) => {
            retry::ask(program, &cluster, name, arguments).await?
        }
        _ => None,
    };
    match exit {
        None if arguments.asking.wait == Some(Wait::End) => Err(ClusterError::Usage(format!(
            "{target}: --wait needs a duration here, as in --wait 30s, since its pods alone are asked; \
             --until finished stays until they have ended"
        ))),
        exit => Ok(exit),
    }
}

/// Gives an order to one run, and tells what came of it.
///
/// # Errors
/// The run is not there, or may not be read.
pub async fn give(
    order: Order,
    cluster: &Cluster,
    kind: Kind,
    name: &str,
    arguments: &VerbArguments,
) -> Result<RunTold, ClusterError> {
    let run = Run::read(cluster, kind, name).await?;
    Ok(Asked { order, cluster, arguments, many: false }.obey(run).await)
}

/// How often a run that changes all the time is read again.
const ATTEMPTS: usize = 5;

/// How long pods are heard before their run is changed, where that would end them.
const HEAD_START: Duration = Duration::from_secs(2);

/// An order, and how it was given.
struct Asked<'a> {
    order: Order,
    cluster: &'a Cluster,
    arguments: &'a VerbArguments,
    /// All runs of a selector are meant: one that has ended is no mistake.
    many: bool,
}

/// A run to which an order was given.
struct Changed {
    run: Run,
    /// Where it was before.
    before: Phase,
    /// Whether it had been told so before.
    again: bool,
    /// What went wrong with its TaskRuns.
    unchanged: Vec<ClusterError>,
    /// Whether that was done, or rehearsed: a webhook may refuse every rehearsal.
    is_certain: bool,
}

/// What came of it in the pods; or they could not be found.
type PodsTold = Result<Vec<Told>, ClusterError>;

impl Asked<'_> {
    async fn every(&self, program: Program, kind: Kind) -> Result<Exit, ClusterError> {
        let selector = self.arguments.reach.selector.as_deref();
        let runs = Run::list(self.cluster, kind, selector).await?;
        let told = join_all(runs.into_iter().map(|run| self.obey(run))).await;
        let with = selector.map_or(String::new(), |it| format!(" with {it}"));
        let none = format!("no {kind}{with}: nothing to do");
        match self.arguments.asking.output {
            Print::Text if told.is_empty() => drop(crate::print(&none)),
            Print::Name if told.is_empty() => crate::say(&none),
            _ => return Ok(self.tell(program, &told)),
        }
        Ok(Exit::Success)
    }

    /// Gives the order to one run, and stays until its end where that is asked.
    async fn obey(&self, run: Run) -> RunTold {
        let began = Instant::now();
        let (changed, pods) = match self.carry_out(run).await {
            Ok(done) => done,
            Err(told) => return told,
        };
        let Changed { run, before, again, unchanged, .. } = changed;
        let mut told = self.accepted(&run, again, pods);
        for error in unchanged {
            told.code = told.code.max(Answer::NOBODY);
            told.message = format!("{}; {error}", told.message);
        }
        if self.waits() && told.code == 0 {
            self.show(&mut told);
            self.stay(&run, &before, began, &mut told).await;
        }
        told
    }

    /// Changes the object and tells its pods. Where Tekton would then end these, they hear of it first,
    /// once a rehearsal has shown that the object can be changed; in any other case a refusal is to leave
    /// all as it was, and the object says first that nothing more begins.
    async fn carry_out(&self, run: Run) -> Result<(Changed, PodsTold), RunTold> {
        if self.order.ends_tasks(run.kind) {
            let rehearsed = self.changed(run.clone(), true).await?;
            if rehearsed.is_certain {
                return self.tell_first(rehearsed).await;
            }
        }
        let changed = self.changed(run, false).await?;
        let pods = self.tell_pods(&changed.run).await;
        Ok((changed, pods))
    }

    async fn tell_pods(&self, run: &Run) -> PodsTold {
        pods::tell(self.order, self.cluster, self.arguments, run).await
    }

    /// Tells the pods, and changes the object once they have answered, or have had their time.
    async fn tell_first(&self, rehearsed: Changed) -> Result<(Changed, PodsTold), RunTold> {
        let run = rehearsed.run.clone();
        let mut telling = pin!(self.tell_pods(&run));
        let early = timeout(HEAD_START, &mut telling).await.ok();
        let changing = self.changed(run.clone(), false);
        let (changed, pods) = match early {
            Some(pods) => (changing.await, pods),
            None => join(changing, telling).await,
        };
        match changed {
            Ok(changed) => Ok((changed, pods)),
            Err(told) if self.has_ended_by_it(&told, &run, &pods).await => Ok((rehearsed, pods)),
            Err(told) => Err(told.beside(pods.unwrap_or_default())),
        }
    }

    /// Whether a run that could no longer be changed has ended as its pods were told to.
    async fn has_ended_by_it(&self, told: &RunTold, run: &Run, pods: &PodsTold) -> bool {
        let heard = |pods: &Vec<Told>| pods.iter().any(|pod| pod.outcome == "accepted");
        told.outcome == "too-late"
            && pods.as_ref().is_ok_and(heard)
            && run.again(self.cluster).await.is_ok_and(|now| end(&now.object) != End::Succeeded)
    }

    /// Changes the object where the order meets it in time; anew where it has changed since it was read.
    async fn changed(&self, run: Run, is_rehearsal: bool) -> Result<Changed, RunTold> {
        let (status, mut run) = (self.order.status(run.kind), run);
        let mut attempt = 1;
        loop {
            let before = Phase::of(&run.object);
            let again = match before.meets(self.order, status) {
                Meets::Refusal(why) => return Err(self.refused(&run, &before, &why)),
                Meets::Same => true,
                Meets::Time => false,
            };
            let change = match again {
                true => Ok(Vec::new()),
                false => self.change(&run, status, is_rehearsal).await,
            };
            let is_certain = change.is_ok();
            match change {
                Err(error) if is_rehearsal && error.refuses_rehearsals() => {
                    return Ok(Changed { run, before, again, unchanged: Vec::new(), is_certain });
                }
                Ok(unchanged) => return Ok(Changed { run, before, again, unchanged, is_certain }),
                Err(error) if error.is_outdated() && attempt < ATTEMPTS => {}
                Err(error) => return Err(self.failed(&run, &error).await),
            }
            attempt += 1;
            run = match run.again(self.cluster).await {
                Ok(now) => now,
                Err(error) => return Err(RunTold::unanswered(&run, self.order.verb(), &error)),
            };
        }
    }

    /// What a person reads while the end is waited for, and not once more.
    fn show(&self, told: &mut RunTold) {
        if !self.many && self.arguments.asking.output == Print::Text {
            let _ = crate::print(&told.lines().join("\n"));
            told.pods.clear();
        }
    }

    /// Changes the object: its `spec.status`, or its annotation and those of its TaskRuns. Gives what
    /// went wrong with these: the pods are told all the same.
    async fn change(
        &self,
        run: &Run,
        status: Option<&str>,
        is_rehearsal: bool,
    ) -> Result<Vec<ClusterError>, ClusterError> {
        if self.arguments.manner.dry_run {
            return Ok(Vec::new());
        }
        if let Some(status) = status {
            let set = run.set_status(self.cluster, status, is_rehearsal).await;
            return set.map(|()| Vec::new());
        }
        let annotation = pods::annotation(self.order, self.arguments)?;
        let (key, value) = annotation.pair();
        run.annotate(self.cluster, &key, value).await?;
        if run.kind == Kind::TaskRun {
            return Ok(Vec::new());
        }
        let label = format!("tekton.dev/pipelineRun={}", run.name);
        let task_runs = match Run::list(&run.place(self.cluster), Kind::TaskRun, Some(&label)).await
        {
            Ok(task_runs) => task_runs,
            Err(error) => return Ok(vec![error]),
        };
        let open = task_runs.iter().filter(|it| !matches!(Phase::of(&it.object), Phase::Ended(_)));
        let told = join_all(open.map(|it| it.annotate(self.cluster, &key, value))).await;
        let errors = told.into_iter().filter_map(Result::err);
        // One that is gone has nothing to be told.
        Ok(errors.filter(|error| !error.is_not_found()).collect())
    }

    /// Where the object could not be changed: it may have ended meanwhile.
    async fn failed(&self, run: &Run, error: &ClusterError) -> RunTold {
        let now = run.again(self.cluster).await.map(|now| Phase::of(&now.object));
        match now {
            Ok(Phase::Ended(reason)) => {
                let why = format!("it has ended ({reason})");
                self.refused(run, &Phase::Ended(reason), &why)
            }
            _ => RunTold::unanswered(run, self.order.verb(), error),
        }
    }

    fn refused(&self, run: &Run, phase: &Phase, why: &str) -> RunTold {
        let (outcome, message) = match phase {
            Phase::Ended(_) => ("too-late", why.to_owned()),
            _ => ("rejected", format!("not {}: {why}", self.verb())),
        };
        let is_mistake = !(self.many && outcome == "too-late");
        let code = if is_mistake { Answer::REJECTED } else { 0 };
        RunTold::new(run, self.order.verb(), code, outcome, message)
    }

    fn accepted(&self, run: &Run, again: bool, pods: PodsTold) -> RunTold {
        let effect = self.order.effect();
        let (outcome, message) = if self.arguments.manner.dry_run {
            let change = match self.order.status(run.kind) {
                Some(status) => format!("set spec.status to {status}"),
                None => "annotate it and its TaskRuns".to_owned(),
            };
            ("dry-run", format!("would {change}: {effect}"))
        } else if again {
            ("accepted", format!("it was told so before: {effect}"))
        } else {
            ("accepted", effect.to_owned())
        };
        let (pods, message, worst) = match pods {
            Ok(pods) => {
                let worst = pods.iter().map(|told| told.code).max().unwrap_or(0);
                (pods, message, worst)
            }
            Err(error) => {
                (Vec::new(), format!("{message}; its pods were not told: {error}"), Answer::NOBODY)
            }
        };
        // By its status a run ends whatever its pods answer; a pause is one only where they hear it.
        let code = if self.order.annotates() { worst } else { 0 };
        let heeded = pods.iter().any(|told| told.outcome != "rejected");
        let (outcome, message) = if code == Answer::REJECTED && !heeded {
            ("rejected", format!("not {}: no pod that runs heeds it", self.verb()))
        } else {
            (outcome, message)
        };
        RunTold { pods, ..RunTold::new(run, self.order.verb(), code, outcome, message) }
    }

    /// Whether the end of the run is waited for.
    fn waits(&self) -> bool {
        let Self { order, arguments, many, .. } = self;
        let manner = &arguments.manner;
        let until_end = manner.until.is_none_or(|until| until == Until::Finished);
        let bounded = order.ends() && arguments.asking.wait_time().is_some();
        let asked = bounded
            || arguments.asking.wait == Some(Wait::End)
            || manner.until == Some(Until::Finished)
            || manner.timeout.is_some();
        !manner.dry_run && until_end && (asked || (*many && *order == Order::Cancel))
    }

    async fn stay(&self, run: &Run, before: &Phase, began: Instant, told: &mut RunTold) {
        let given = longest(self.arguments);
        let longest = given.or(self.many.then_some(LONGEST_END));
        let (code, outcome, message) = match wait::ended(self.cluster, run, longest).await {
            Waited::Ended(now, reason) => {
                let children = now.children(self.cluster).await.unwrap_or_default();
                told.end = Some(end(&now.object));
                told.tasks = (!self.many).then(|| tasks::rows(run.kind, &now.object, &children));
                self.ending(&now, before, &reason, began.elapsed())
            }
            Waited::Gone => (0, "ended", "it is gone".to_owned()),
            Waited::Late => {
                (TIMED_OUT, "timed-out", format!("{}; it has not ended yet", self.order.effect()))
            }
            Waited::Lost(error) => (Answer::NOBODY, "unanswered", error.to_string()),
        };
        (told.code, told.outcome, told.message) = (code, outcome, message);
    }

    /// What became of a run that has ended.
    fn ending(
        &self,
        run: &Run,
        before: &Phase,
        reason: &str,
        took: Duration,
    ) -> (i32, &'static str, String) {
        let took = time(took.as_secs_f64());
        let succeeded = end(&run.object) == End::Succeeded;
        let has_run = !list(&run.object, "/status/childReferences").is_empty()
            || !list(&run.object, "/status/steps").is_empty();
        if self.order != Order::Cancel {
            return (0, "ended", format!("after {took} ({reason})"));
        }
        match before {
            _ if succeeded => {
                let code = if self.many { 0 } else { Answer::REJECTED };
                (code, "too-late", format!("it ended before it could be cancelled ({reason})"))
            }
            Phase::NotBegun if !has_run => {
                (0, "cancelled", "it had not begun, and will not run".to_owned())
            }
            _ => (0, "terminated", format!("it was running, and ended after {took} ({reason})")),
        }
    }

    fn tell(&self, program: Program, told: &[RunTold]) -> Exit {
        let output = self.arguments.asking.output;
        tell(output, told);
        let next = told::next(program, &self.arguments.reach, self.order, told)
            .filter(|_| output.is_for_a_person() && !self.many);
        if let Some(next) = next {
            let _ = crate::print(&format!("next: {next}"));
        } else if let [one] = told
            && matches!(one.outcome, "rejected" | "timed-out")
            && output.is_for_a_person()
        {
            let hints = Hints { program, reach: &self.arguments.reach };
            crate::hint(&hints.typed("status", &one.run, &one.namespace, ""));
        }
        let worst = told.iter().map(|told| told.code).max().unwrap_or(0);
        u8::try_from(worst).map_or(Exit::Code(1), Exit::Code)
    }

    fn verb(&self) -> &'static str {
        self.order.verb().definition().name
    }
}

/// How long the end of a run may take, where that is said.
fn longest(arguments: &VerbArguments) -> Option<Duration> {
    let given = arguments.manner.timeout.as_deref().or(arguments.asking.wait_time())?;
    go_duration::parse(given).ok()?.to_unsigned()
}
