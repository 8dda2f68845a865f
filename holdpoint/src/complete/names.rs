//! Names from the cluster, from the kubeconfig, and of the runs on this machine. Where they cannot be had
//! in time there are none: completion never says what went wrong.

use std::ffi::OsString;
use std::future::Future;
use std::time::Duration;

use clap::{CommandFactory as _, FromArgMatches as _};
use clap_complete::CompletionCandidate;
use k8s_openapi::api::core::v1::Namespace;
use kube::api::ListParams;
use kube::config::Kubeconfig;
use kube::{Api, ResourceExt};
use tokio::time::timeout;

use crate::args::{Arguments, Reach};
use crate::cluster::connect::Cluster;
use crate::cluster::error::ClusterError;
use crate::cluster::resolve::{ours, resolve, targets_of};
use crate::cluster::target::{Kind, Target};
use crate::run::runs;

/// How long a person waits for names.
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// The kinds as they are most easily typed.
const SHORT_KINDS: [(Kind, &str); 4] =
    [(Kind::Pod, "pod"), (Kind::TaskRun, "tr"), (Kind::PipelineRun, "pr"), (Kind::Job, "job")];

/// What the words before the one that is completed say.
#[derive(Clone, Debug, Default)]
pub(super) struct Asked {
    reach: Reach,
    target: Option<Target>,
}

impl Asked {
    /// What these words say, as far as they say it.
    pub(super) fn of(words: &[OsString]) -> Self {
        let command = Arguments::command().ignore_errors(true);
        let Ok(mut matches) = command.try_get_matches_from(words) else { return Self::default() };
        let Some((_, matches)) = matches.remove_subcommand() else { return Self::default() };
        if matches.try_contains_id("namespace").is_err() {
            return Self::default();
        }
        let reach = Reach::from_arg_matches(&matches).unwrap_or_default();
        let mut words: Vec<String> = match matches.try_get_many("words") {
            Ok(Some(words)) => words.cloned().collect(),
            _ => Vec::new(),
        };
        let target = reach.take_target(&mut words).ok().flatten();
        Self { reach, target }
    }

    /// Every target, its kind named as the word that has begun names it.
    pub(super) fn targets(&self, current: &str) -> Vec<String> {
        if self.target.is_some() {
            return Vec::new();
        }
        let pods = self.in_cluster(|cluster| async move { ours(&cluster).await });
        let targets: Vec<_> = pods.iter().flat_map(targets_of).collect();
        let typed = current.split_once('/').map(|(kind, _)| kind);
        let name = |target: &Target| match target {
            Target::Named(kind, name) => Some(format!("{}/{name}", word_for(*kind, typed)?)),
            _ => None,
        };
        targets.iter().filter_map(name).chain([Target::Latest.to_string()]).collect()
    }

    /// The steps of the target; without one those of all pods.
    pub(super) fn steps(&self, _: &str) -> Vec<String> {
        let target = self.target.clone().unwrap_or(Target::Every(Kind::Pod));
        let here = if self.target.is_none() { local_steps() } else { Vec::new() };
        let selector = self.reach.selector.clone();
        let resolved = self.in_cluster(|cluster| async move {
            Ok(resolve(&cluster, &target, selector.as_deref()).await?.pods)
        });
        let steps = resolved.into_iter().flat_map(|pod| pod.steps).map(|step| step.step);
        here.into_iter().chain(steps).collect()
    }

    /// The cluster's namespaces.
    pub(super) fn namespaces(&self, _: &str) -> Vec<String> {
        let namespaces = self.in_cluster(|cluster| async move {
            let all = Api::<Namespace>::all(cluster.client.clone());
            Ok(cluster.request("list namespaces", all.list(&ListParams::default())).await?.items)
        });
        namespaces.iter().map(ResourceExt::name_any).collect()
    }

    /// The contexts of the kubeconfig.
    pub(super) fn contexts(&self, _: &str) -> Vec<String> {
        let file = match &self.reach.kubeconfig {
            Some(path) => Kubeconfig::read_from(path),
            None => Kubeconfig::read(),
        };
        let contexts = file.map(|file| file.contexts).unwrap_or_default();
        contexts.into_iter().map(|context| context.name).collect()
    }

    /// The live runs on this machine.
    pub(super) fn runs(&self, _: &str) -> Vec<String> {
        let live = runs::live().unwrap_or_default();
        live.into_iter().map(|(_, record)| record.run).collect()
    }

    /// What a request finds, in time.
    fn in_cluster<T, F>(&self, request: impl FnOnce(Cluster) -> F) -> Vec<T>
    where
        F: Future<Output = Result<Vec<T>, ClusterError>>,
    {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let Ok(runtime) = runtime else { return Vec::new() };
        let found = runtime.block_on(async {
            let found = async { request(Cluster::connect(&self.reach).await?).await };
            timeout(LONGEST_WAIT, found).await
        });
        // A look-up of a name that hangs is left to itself.
        runtime.shutdown_background();
        match found {
            Ok(Ok(found)) => found,
            _ => Vec::new(),
        }
    }
}

/// Each name once, in order, where it goes on what is typed.
pub(super) fn candidates(mut names: Vec<String>, current: &str) -> Vec<CompletionCandidate> {
    names.retain(|name| name.starts_with(current));
    names.sort();
    names.dedup();
    names.into_iter().map(CompletionCandidate::new).collect()
}

/// How a kind is written: as it was typed, else shortly. None where another one was typed.
fn word_for(kind: Kind, typed: Option<&str>) -> Option<&str> {
    match typed {
        Some(typed) => (Kind::named(typed) == Some(kind)).then_some(typed),
        None => SHORT_KINDS.iter().find(|short| short.0 == kind).map(|short| short.1),
    }
}

fn local_steps() -> Vec<String> {
    let newest = runs::live().unwrap_or_default().into_iter().next();
    newest.into_iter().flat_map(|(_, record)| record.steps).map(|step| step.name).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    fn asked(line: &str) -> Asked {
        Asked::of(&line.split(' ').map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn the_words_so_far_say_where_names_come_from() {
        let all = asked("holdpoint retry tr/x -n ci --context=far --step");
        assert_eq!(all.reach.namespace.as_deref(), Some("ci"));
        assert_eq!(all.reach.context.as_deref(), Some("far"));
        assert_eq!(all.target, Some("taskrun/x".parse().unwrap()));
        for line in
            ["holdpoint", "holdpoint run -p", "holdpoint nosuch -n ci", "holdpoint retry -n"]
        {
            let asked = asked(line);
            assert_eq!((asked.reach, asked.target), (Reach::default(), None), "{line}");
        }
        assert_eq!(asked("holdpoint list -n ci").reach.namespace.as_deref(), Some("ci"));
    }

    #[test]
    fn a_kind_is_written_as_it_was_begun() {
        assert_eq!(word_for(Kind::TaskRun, None), Some("tr"));
        assert_eq!(word_for(Kind::TaskRun, Some("taskruns")), Some("taskruns"));
        assert_eq!(word_for(Kind::Pod, Some("tr")), None);
    }
}
