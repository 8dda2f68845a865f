//! Who is asked: a verb of a step speaks to exactly one, a verb of a run to every live pod.

use entrypoint::state::State;

use super::states::Unseen;
use super::steps::{Life, PodSteps, StepPlace};

/// A pod and what its steps say.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The pod.
    pub pod: PodSteps,
    /// The states of its steps.
    pub states: Result<Vec<State>, Unseen>,
}

/// A step that can be asked, and its state where that was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Chosen<'a> {
    /// Its pod.
    pub pod: &'a PodSteps,
    /// Its place there.
    pub step: &'a StepPlace,
    /// What it said.
    pub state: Option<&'a State>,
}

/// The one held step of all these pods; else what each is doing.
pub fn held(seen: &[Seen]) -> Result<Chosen<'_>, String> {
    let held: Vec<_> = seen.iter().flat_map(held_in).collect();
    match held.as_slice() {
        [one] => Ok(one.clone()),
        several => {
            let how_many = if several.is_empty() { "no step is" } else { "several steps are" };
            let doing: Vec<_> = seen.iter().map(doing).collect();
            let way_out = match (several, seen) {
                ([], _) | (_, [_]) => "name one with --step",
                _ => "name one pod, or a step with --step",
            };
            Err(format!("{how_many} held ({}); {way_out}", doing.join("; ")))
        }
    }
}

fn held_in<'a>(seen: &'a Seen) -> Vec<Chosen<'a>> {
    let held = seen.states.iter().flatten().filter(|state| state.phase.is_held());
    let chosen = |state: &'a State| {
        let step = seen.pod.step(&state.step)?;
        Some(Chosen { pod: &seen.pod, step, state: Some(state) })
    };
    held.filter_map(chosen).collect()
}

/// The step of this name, in the one of these pods where it is up; else why there is none.
pub fn named<'a>(pods: &'a [PodSteps], name: &str) -> Result<Chosen<'a>, String> {
    let steps: Vec<_> = pods.iter().filter_map(|pod| Some((pod, pod.step(name)?))).collect();
    let up: Vec<_> = steps.iter().filter(|(_, step)| step.life == Life::Running).collect();
    match (up.as_slice(), steps.as_slice()) {
        ([(pod, step)], _) => Ok(Chosen { pod, step, state: None }),
        ([], []) => Err(unknown(pods, name)),
        ([], [(pod, step), ..]) => Err(match step.life {
            Life::Ended(code) => {
                format!("step `{name}` of pod/{} has ended with {code}", pod.name)
            }
            _ => format!("the container of step `{name}` of pod/{} is not up yet", pod.name),
        }),
        (several, _) => {
            let names: Vec<_> =
                several.iter().map(|(pod, _)| format!("pod/{}", pod.name)).collect();
            Err(format!("--step {name} is in {}: name one of them", names.join(", ")))
        }
    }
}

/// Whether some pod has a step of this name.
pub fn has(pods: &[PodSteps], name: &str) -> bool {
    pods.iter().any(|pod| pod.step(name).is_some())
}

/// What is told where none has.
pub fn unknown(pods: &[PodSteps], name: &str) -> String {
    let mut names: Vec<&str> = Vec::new();
    for step in pods.iter().flat_map(|pod| &pod.steps) {
        if !names.contains(&step.step.as_str()) {
            names.push(&step.step);
        }
    }
    format!("--step {name}: the steps are {}", names.join(", "))
}

fn doing(seen: &Seen) -> String {
    let said = match &seen.states {
        Ok(states) => {
            let doing = |state: &State| format!("{}: {}", state.step, state.phase.word());
            states.iter().map(doing).collect::<Vec<_>>().join(", ")
        }
        Err(why) => why.to_string(),
    };
    format!("pod/{} {said}", seen.pod.name)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use serde_json::json;

    fn pod(name: &str, steps: &[(&str, Life)]) -> PodSteps {
        let step = |(number, (step, life)): (usize, &(&str, Life))| StepPlace {
            step: (*step).to_owned(),
            container: format!("step-{step}"),
            post_file: format!("/tekton/run/{number}/out"),
            life: *life,
        };
        let steps = steps.iter().enumerate().map(step).collect();
        PodSteps { namespace: "ns".to_owned(), name: name.to_owned(), steps, markers: Vec::new() }
    }

    fn seen(name: &str, phases: &[&str]) -> Seen {
        let names: Vec<_> = (0..phases.len()).map(|number| format!("s{number}")).collect();
        let steps: Vec<_> = names.iter().map(|name| (name.as_str(), Life::Running)).collect();
        let state = |(step, phase): (&String, &&str)| {
            serde_json::from_value(json!({
                "step": step, "phase": phase, "reason": null, "message": "", "attempt": 1,
                "exitCode": null, "pid": null, "startedAt": null, "since": "", "waitingFor": null,
                "deadline": null, "markers": [], "requests": [],
            }))
            .unwrap()
        };
        let states = names.iter().zip(phases).map(state).collect();
        Seen { pod: pod(name, &steps), states: Ok(states) }
    }

    #[test]
    fn the_one_held_step_is_chosen_among_all_pods() {
        let all = [seen("a", &["finished", "running"]), seen("b", &["held-failed", "waiting"])];
        let chosen = held(&all).unwrap();
        assert_eq!((chosen.pod.name.as_str(), chosen.step.step.as_str()), ("b", "s0"));
    }

    #[test]
    fn none_or_several_are_told_with_what_each_does() {
        for (all, told) in [
            (
                vec![seen("a", &["finished", "running"])],
                "no step is held (pod/a s0: finished, s1: running); name one with --step",
            ),
            (
                vec![seen("a", &["held-failed"]), seen("b", &["held-before"])],
                "several steps are held (pod/a s0: held-failed; pod/b s0: held-before); name one pod, \
                 or a step with --step",
            ),
        ] {
            assert_eq!(held(&all).unwrap_err(), told);
        }
        let unseen = Seen { pod: pod("a", &[]), states: Err(Unseen::NotRunning("x".to_owned())) };
        assert!(held(&[unseen]).unwrap_err().contains("pod/a no step of it runs now (x)"));
    }

    #[test]
    fn a_named_step_is_found_where_it_is_up() {
        let pods = [
            pod("a", &[("build", Life::Ended(0)), ("test", Life::Waiting)]),
            pod("b", &[("build", Life::Running), ("lint", Life::Running)]),
            pod("c", &[("lint", Life::Running), ("scan", Life::Ended(7))]),
        ];
        for name in ["build", "step-build"] {
            assert_eq!(named(&pods, name).unwrap().pod.name, "b");
        }
        for (name, told) in [
            ("lint", "--step lint is in pod/b, pod/c: name one of them"),
            ("scan", "step `scan` of pod/c has ended with 7"),
            ("test", "the container of step `test` of pod/a is not up yet"),
            ("six", "--step six: the steps are build, test, lint, scan"),
        ] {
            assert_eq!(named(&pods, name).unwrap_err(), told);
        }
    }
}
