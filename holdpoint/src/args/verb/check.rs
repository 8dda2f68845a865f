//! Whether what was typed behind a verb can be: in which world it is, what it takes, and how it is
//! answered.

use debug_scripts::{RunVerb, Tool, Verb, Word};

use super::{By, VerbArguments, Wait, duration};
use crate::args::Print;
use crate::cluster::runs::order::Order;
use crate::cluster::target::{Kind, Target};

/// Said where names are asked for that could not be typed.
pub(crate) const NAMES: &str = "-A and -o name: a name is in one namespace; give that with -n, or take -o json, \
                         which tells both";

/// All of it.
///
/// # Errors
/// What cannot be, and what can be typed instead.
pub(super) fn all(arguments: &VerbArguments) -> Result<(), String> {
    check_world(arguments)?;
    check_words(arguments)?;
    check_wait(arguments)?;
    check_form(arguments)
}

/// A cluster and this machine are never taken for each other.
fn check_world(arguments: &VerbArguments) -> Result<(), String> {
    let [name, ..] = arguments.word.help();
    let toolbox = arguments.toolbox.as_ref().map(|_| "--toolbox");
    let flag = arguments.reach.first_given().or(arguments.manner.first_given()).or(toolbox);
    match (&arguments.target, flag, &arguments.asking.run) {
        (None, Some(flag), _) => Err(format!(
            "{flag} needs a target, as in `{name} pod/NAME` or `{name} @latest`: without one `{name}` \
             speaks to the run on this machine"
        )),
        (Some(target), _, Some(run)) => Err(format!(
            "--run {run} is a run on this machine, {target} is in a cluster: give one of them"
        )),
        (Some(_), ..) if arguments.manner.by == Some(By::Annotate) => match arguments.word {
            Word::Run(_) => Ok(()),
            _ => Err(format!(
                "--by annotate: a pod's annotations speak to the whole run, and `{name}` to one step; \
                 it needs the right to run commands in the pod (get and create on pods/exec)"
            )),
        },
        _ => Ok(()),
    }
}

/// What stands behind the target is what the verb takes.
fn check_words(arguments: &VerbArguments) -> Result<(), String> {
    let [name, takes, _] = arguments.word.help();
    let words = arguments.words.as_slice();
    match (arguments.word, words) {
        (Word::Step(Verb::Extend), [time]) => duration(time)
            .map(drop)
            .map_err(|problem| format!("invalid value '{time}' for {takes}: {problem}")),
        (Word::Run(RunVerb::Breakpoint), [_]) => Ok(()),
        (Word::Step(Verb::Extend) | Word::Run(RunVerb::Breakpoint), []) => {
            Err(format!("{name} needs {takes}, behind the target where there is one"))
        }
        (Word::Run(verb), _) if verb != RunVerb::Breakpoint => Ok(()),
        (_, []) => Ok(()),
        (_, words) => {
            let unexpected = words.last().map_or("", String::as_str);
            Err(format!("unexpected argument '{unexpected}': see `{name} --help`"))
        }
    }
}

/// What is waited for can come.
fn check_wait(arguments: &VerbArguments) -> Result<(), String> {
    let [name, ..] = arguments.word.help();
    let may_end = match arguments.word {
        Word::Run(verb) => Order::of(verb).is_some(),
        word => word == Word::Step(Verb::Retry) && arguments.step.is_none(),
    };
    let of_run = |target: &Target| target.kind().is_none_or(Kind::is_run);
    let may_end = may_end && arguments.target.as_ref().is_some_and(of_run);
    if arguments.asking.wait == Some(Wait::End) && !may_end {
        return Err(format!(
            "--wait needs a duration here, as in `{name} --wait 30s`; alone it waits for the end of a \
             PipelineRun or a TaskRun"
        ));
    }
    Ok(())
}

/// The answer has this form.
fn check_form(arguments: &VerbArguments) -> Result<(), String> {
    let [name, ..] = arguments.word.help();
    let (output, word) = (arguments.asking.output, arguments.asking.output.word());
    match (output, arguments.word, &arguments.target) {
        (Print::Text, ..) | (Print::Json, _, None) => Ok(()),
        (_, _, None) => Err(format!(
            "-o {word} is for a cluster, as in `{name} pod/NAME -o {word}`; on this machine take -o json"
        )),
        (_, Word::Tool(Tool::Shell), _) => {
            Err(format!("shell and -o {word}: what is shown is what is typed there; leave -o out"))
        }
        (Print::Wide, Word::Step(_) | Word::Run(_), _) => Err(format!(
            "-o wide is for the tables of `status` and `list`; take -o json, which has all of {name}'s \
             answer"
        )),
        (Print::Name, Word::Tool(_), _) if arguments.reach.all_namespaces => Err(NAMES.to_owned()),
        (Print::Name, ..) if arguments.watch => {
            Err("--watch and -o name: names do not change; take -o json".to_owned())
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::super::tests::parse;
    use super::*;

    #[test]
    fn the_two_worlds_are_not_mixed_up() {
        for (line, problem) in [
            ("retry -n ns", "-n needs a target, as in `retry pod/NAME`"),
            ("pause --dry-run", "--dry-run needs a target"),
            ("pause why --by annotate", "--by needs a target"),
            ("continue --timeout 1m", "--timeout needs a target"),
            ("cancel -l commit=1", "-l needs a target"),
            ("shell --toolbox busybox", "--toolbox needs a target"),
            (
                "retry pod/x --run run-1",
                "--run run-1 is a run on this machine, pod/x is in a cluster",
            ),
            ("pause deployment/x", "`deployment/x` is no target"),
            ("pause pod x", "`pod` needs a name or a selector"),
            ("retry pod/x --by annotate", "annotations speak to the whole run"),
        ] {
            let told = parse(line).unwrap_err().to_string();
            assert!(told.contains(problem), "{line}: {told}");
        }
    }

    #[test]
    fn alone_wait_is_for_the_end_of_a_run() {
        for line in ["stop-finally pr/x --wait", "cancel tr/x --wait -n ns", "retry @latest --wait"]
        {
            assert_eq!(parse(line).unwrap().asking.wait, Some(Wait::End), "{line}");
        }
        for line in ["stop-finally --wait pr/x", "retry --wait @latest"] {
            let told = parse(line).unwrap_err().to_string();
            assert!(told.contains("a target stands before --wait, as in `"), "{line}: {told}");
        }
        let some = Some(Wait::Time("30s".to_owned()));
        assert_eq!(parse("stop-finally pr/x --wait 30s").unwrap().asking.wait, some);
        for line in [
            "stop-finally --wait",
            "stop-finally pod/x --wait",
            "skip tr/x --wait",
            "cancel @latest --wait",
        ] {
            let told = parse(line).unwrap_err().to_string();
            assert!(told.contains("--wait needs a duration here"), "{line}: {told}");
        }
    }

    #[test]
    fn a_form_that_has_no_meaning_is_refused() {
        for line in [
            "retry pr/x --dry-run -o yaml",
            "stop-finally pr/x -o name",
            "cancel pr -l commit=1 -o yaml",
            "status pr/x -o wide",
            "status pr/x -o name",
            "status -A pods -l app=x -o yaml",
            "status -o json",
        ] {
            assert!(parse(line).is_ok(), "{line}");
        }
        for (line, problem) in [
            ("status -o wide", "-o wide is for a cluster, as in `status pod/NAME -o wide`"),
            ("retry -o name", "-o name is for a cluster, as in `retry pod/NAME -o name`"),
            ("retry pod/x -o wide", "-o wide is for the tables of `status` and `list`"),
            ("stop-finally pr/x -o wide", "take -o json, which has all of stop-finally's answer"),
            ("shell pod/x -o json", "shell and -o json: what is shown is what is typed there"),
            ("status pods -l app=x -A -o name", "-A and -o name: a name is in one namespace"),
            ("status pod/x --watch -o name", "--watch and -o name: names do not change"),
        ] {
            let told = parse(line).unwrap_err().to_string();
            assert!(told.contains(problem), "{line}: {told}");
        }
    }

    #[test]
    fn what_a_verb_does_not_take_is_refused() {
        for line in [
            "extend",
            "extend pod/x",
            "extend pod/x soon",
            "extend pod/x 1m 2m",
            "continue pod/x now",
            "continue pod/x pod/y",
            "shell pod/x --dry-run",
            "extend soon",
            "breakpoint",
            "breakpoint off on-failure",
            "continue now",
            "pause --step one",
            "retry make",
            "skip --watch",
            "cancel --wait -1s",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
