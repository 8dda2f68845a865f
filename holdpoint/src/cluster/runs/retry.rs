//! Retrying a PipelineRun that failed or was cancelled: what its new run would be is found by
//! [`rerun`](crate::cluster::rerun), shown, asked about where something is lost, and created.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use entrypoint::verb::Answer;
use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use serde_json::{Value, json};

use super::object::Run;
use super::phase::Phase;
use super::tasks;
use super::wait::{self, Waited};
use crate::args::{Print, Until, VerbArguments};
use crate::cluster::answer::TIMED_OUT;
use crate::cluster::children::{End, end};
use crate::cluster::connect::Cluster;
use crate::cluster::error::ClusterError;
use crate::cluster::hint::Hints;
use crate::cluster::look::text;
use crate::cluster::rerun::{ATTEMPT, ORIGIN, RETRY_OF, Rerun, rerun};
use crate::cluster::target::Kind;
use crate::exit::Exit;
use crate::inject;
use crate::program::Program;
use crate::table::columns;

/// The exit code where the new run was waited for and did not succeed.
const FAILED: Exit = Exit::Code(1);

/// Retries a run by a new one; none where it has not ended, so that its held step is meant.
///
/// # Errors
/// The run, or what was made for it, cannot be read; the new one cannot be created.
pub async fn ask(
    program: Program,
    cluster: &Cluster,
    name: &str,
    arguments: &VerbArguments,
) -> Result<Option<Exit>, ClusterError> {
    let run = match Run::read(cluster, Kind::PipelineRun, name).await {
        Ok(run) => run,
        // Who may not read the run may still speak to its pods, which say whether it is there.
        Err(error) if error.is_forbidden() || error.is_not_found() => return Ok(None),
        Err(error) => return Err(error),
    };
    if !matches!(Phase::of(&run.object), Phase::Ended(_)) {
        return Ok(None);
    }
    let retrying = Retrying { program, cluster, arguments, run: &run };
    retrying.retry().await.map(Some)
}

struct Retrying<'a> {
    program: Program,
    cluster: &'a Cluster,
    arguments: &'a VerbArguments,
    run: &'a Run,
}

impl Retrying<'_> {
    async fn retry(&self) -> Result<Exit, ClusterError> {
        if let Some(why) = self.unfit() {
            return Ok(self.refuse(why));
        }
        let rerun = match self.found().await? {
            Ok(rerun) => rerun,
            Err(why) => return Ok(self.refuse(why)),
        };
        self.explain(&rerun);
        if self.arguments.manner.dry_run {
            self.show(&rerun);
            if self.arguments.asking.output.is_for_a_person() {
                let yes = if rerun.losses.is_empty() { "" } else { " --yes" };
                crate::hint(&self.hints().typed(
                    "retry",
                    &self.run.called(),
                    &self.run.namespace,
                    yes,
                ));
            }
            return Ok(Exit::Success);
        }
        if let Some(refusal) = self.not_confirmed(&rerun) {
            return Ok(self.refuse(refusal));
        }
        match Run::create(&self.run.place(self.cluster), Kind::PipelineRun, &rerun.object).await {
            Ok(new) => self.created(&new, &rerun).await,
            Err(error) if error.is_conflict() => Ok(self.refuse(self.exists(&rerun).await?)),
            Err(error) => Err(error),
        }
    }

    /// What was asked for and only a held step can give.
    fn unfit(&self) -> Option<String> {
        let until = self.arguments.manner.until.filter(|until| *until != Until::Finished);
        let what = match until {
            _ if !self.arguments.command.is_empty() => "another command can be given",
            Some(_) => "what --until says can be waited for",
            None => return None,
        };
        Some(format!("{} has ended: {what} at a held step alone", self.run.called()))
    }

    /// The new run; or a sentence why there is none. Volumes that are gone are known only once the
    /// cluster was asked for them.
    async fn found(&self) -> Result<Result<Rerun, String>, ClusterError> {
        let (run, children) = (&self.run.object, self.run.children(self.cluster).await?);
        let first = match rerun(run, &children, &[]) {
            Ok(first) => first,
            Err(refusal) => return Ok(Err(refusal.to_string())),
        };
        let mut gone = Vec::new();
        let mut unseen = Vec::new();
        for claim in &first.claims {
            let claims = self.run.place(self.cluster).all::<PersistentVolumeClaim>();
            let what = format!("read persistentvolumeclaim/{claim}");
            match self.cluster.request(&what, claims.get(claim)).await {
                Ok(found) if found.metadata.deletion_timestamp.is_none() => {}
                Ok(_) => gone.push(claim.clone()),
                Err(error) if error.is_not_found() => gone.push(claim.clone()),
                Err(error) => {
                    unseen.push(format!(
                        "whether claim {claim} is still there is not known: {error}"
                    ));
                }
            }
        }
        let found = rerun(run, &children, &gone).map_err(|refusal| refusal.to_string());
        Ok(found.map(|mut found| {
            found.losses.extend(unseen);
            found
        }))
    }

    /// Says on stderr what a person should know before.
    fn explain(&self, rerun: &Rerun) {
        let losses = rerun.losses.iter().map(|loss| format!("lost: {loss}"));
        let notes = rerun.notes.iter().map(|note| format!("note: {note}"));
        for line in losses.chain(notes) {
            let _ = writeln!(io::stderr(), "holdpoint: {line}");
        }
    }

    fn hints(&self) -> Hints<'_> {
        Hints { program: self.program, reach: &self.arguments.reach }
    }

    fn show(&self, rerun: &Rerun) {
        let text = match self.arguments.asking.output {
            Print::Json => serde_json::to_string_pretty(&rerun.object).unwrap_or_default(),
            Print::Name => format!("pipelinerun/{}", text(&rerun.object, "/metadata/name")),
            Print::Text | Print::Wide | Print::Yaml => {
                inject::yaml(std::slice::from_ref(&rerun.object))
            }
        };
        let _ = crate::print(text.trim_end());
    }

    /// Why the run is not created, where something is lost and nobody said that it may be.
    fn not_confirmed(&self, rerun: &Rerun) -> Option<String> {
        if rerun.losses.is_empty() || self.arguments.yes {
            return None;
        }
        if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
            return Some(format!(
                "{} cannot be carried over: {}; give --yes to retry it all the same",
                if rerun.losses.len() == 1 { "one thing" } else { "some things" },
                rerun.losses.join("; ")
            ));
        }
        let _ = write!(io::stderr(), "retry {} all the same? [y/N] ", self.run.called());
        let mut line = String::new();
        let _ = io::stdin().lock().read_line(&mut line);
        let yes = matches!(line.trim(), "y" | "Y" | "yes");
        (!yes).then(|| "not retried: nothing was created".to_owned())
    }

    async fn created(&self, new: &Run, rerun: &Rerun) -> Result<Exit, ClusterError> {
        let annotation = |key: &str| {
            new.object["metadata"]["annotations"][key].as_str().unwrap_or_default().to_owned()
        };
        let message = format!("attempt {} of {}", annotation(ATTEMPT), annotation(ORIGIN));
        let mut answer = json!({
            "namespace": new.namespace,
            "run": new.called(),
            "verb": "retry",
            "outcome": "created",
            "message": message,
            "kept": rerun.kept,
            "again": again(rerun),
            "losses": rerun.losses,
            "notes": rerun.notes,
        });
        let output = self.arguments.asking.output;
        let told = std::iter::once(format!("{}: created: {message}", new.called()));
        match output {
            Print::Name => drop(crate::print(&new.called())),
            output if output.is_for_a_person() => {
                let _ = crate::print(&told.chain(table(rerun)).collect::<Vec<_>>().join("\n"));
            }
            _ => {}
        }
        let (exit, lines) = if self.waits() {
            self.stay(new, &mut answer).await
        } else {
            let next = self.hints().typed("attach", &new.called(), &new.namespace, "");
            (Exit::Success, vec![format!("next: {next}")])
        };
        match (output.written(&answer), output) {
            (Some(answer), _) => drop(crate::print(&answer)),
            (None, Print::Name) if exit == Exit::Success => {}
            (None, Print::Name) => lines.first().into_iter().for_each(|line| crate::say(line)),
            (None, _) => drop(crate::print(&lines.join("\n"))),
        }
        Ok(exit)
    }

    fn waits(&self) -> bool {
        let manner = &self.arguments.manner;
        self.arguments.asking.wait.is_some() || manner.until.is_some() || manner.timeout.is_some()
    }

    /// Waits for the end of the new run; what came of it, in lines and in the answer for a program.
    async fn stay(&self, new: &Run, answer: &mut Value) -> (Exit, Vec<String>) {
        let timeout = super::longest(self.arguments);
        let (code, outcome, why) = match wait::ended(self.cluster, new, timeout).await {
            Waited::Ended(now, reason) => return self.ended(&now, &reason, answer).await,
            Waited::Gone => (1, "gone", "it is gone".to_owned()),
            Waited::Late => (TIMED_OUT, "timed-out", "it has not ended yet".to_owned()),
            Waited::Lost(error) => (Answer::NOBODY, "unanswered", error.to_string()),
        };
        (answer["outcome"], answer["message"]) = (json!(outcome), json!(why));
        let exit = u8::try_from(code).map_or(FAILED, Exit::Code);
        let next = self.hints().typed("status", &new.called(), &new.namespace, "");
        let next = (code == TIMED_OUT).then(|| format!("next: {next}"));
        let line = format!("{}: {outcome}: {why}", new.called());
        (exit, std::iter::once(line).chain(next).collect())
    }

    async fn ended(&self, now: &Run, reason: &str, answer: &mut Value) -> (Exit, Vec<String>) {
        let children = now.children(self.cluster).await.unwrap_or_default();
        let rows = tasks::rows(Kind::PipelineRun, &now.object, &children);
        (answer["outcome"], answer["reason"]) = (json!("ended"), json!(reason));
        answer["tasks"] = json!(rows);
        let mut lines = vec![format!("{}: ended: {reason}", now.called())];
        lines.extend(tasks::table(Kind::PipelineRun, &rows));
        if end(&now.object) == End::Succeeded {
            return (Exit::Success, lines);
        }
        let next = self.hints().typed("logs", &now.called(), &now.namespace, "");
        lines.push(format!("next: {next}"));
        (FAILED, lines)
    }

    /// Why the new run cannot be created: there is one of its name, or another run.
    async fn exists(&self, rerun: &Rerun) -> Result<String, ClusterError> {
        let name = text(&rerun.object, "/metadata/name");
        let place = self.run.place(self.cluster);
        let there = Run::read(&place, Kind::PipelineRun, name).await?;
        let retried = |run: &Value| run["metadata"]["annotations"][RETRY_OF].clone();
        if retried(&there.object) != retried(&rerun.object) {
            return Ok(format!(
                "it would be retried as pipelinerun/{name}, and there is another run of this name: wait \
                 for its end and delete it, with `kubectl delete pipelinerun/{name} -n {}{}`",
                self.run.namespace,
                self.arguments.reach.way()
            ));
        }
        Ok(format!(
            "it was retried before, as pipelinerun/{name}: retry that one, with `{} retry pr/{name} -n {}{}`",
            self.program.name(),
            self.run.namespace,
            self.arguments.reach.way()
        ))
    }

    fn refuse(&self, why: String) -> Exit {
        let run = self.run.called();
        let output = self.arguments.asking.output;
        let answer = json!({
            "namespace": self.run.namespace,
            "run": run,
            "verb": "retry",
            "outcome": "rejected",
            "message": why,
        });
        let line = format!("{run}: rejected: {why}");
        match (output.written(&answer), output) {
            (Some(answer), _) => drop(crate::print(&answer)),
            (None, Print::Name) => crate::say(&line),
            (None, _) => drop(crate::print(&line)),
        }
        u8::try_from(Answer::REJECTED).map_or(FAILED, Exit::Code)
    }
}

fn again(rerun: &Rerun) -> Vec<Value> {
    let rows = rerun.again.iter();
    rows.map(|(task, why)| json!({ "task": task, "why": why.to_string() })).collect()
}

/// What runs and what does not, a line each.
fn table(rerun: &Rerun) -> Vec<String> {
    let head = ["TASK", "RUNS", "WHY"].map(str::to_owned);
    let kept =
        rerun.kept.iter().map(|task| [task.clone(), "no".to_owned(), "it is done".to_owned()]);
    let again =
        rerun.again.iter().map(|(task, why)| [task.clone(), "again".to_owned(), why.to_string()]);
    columns(std::iter::once(head).chain(kept).chain(again).collect())
}
