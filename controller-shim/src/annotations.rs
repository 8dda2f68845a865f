//! What the annotations of a pod ask (contract 2.9), parsed and checked: every value that cannot be
//! is an error that names the annotation, the value and the remedy.

use std::collections::BTreeMap;

use entrypoint::breakpoint::{self, Breakpoint};
use entrypoint::go_duration;
use thiserror::Error;

/// What every annotation of ours begins with.
pub const PREFIX: &str = "holdpoint.dev/";

/// Lists all that was injected.
pub const INJECTED: &str = "holdpoint.dev/injected";

/// The annotations that become files of the downward folder, so that they are read later too.
pub const MARKERS: [&str; 6] =
    ["breakpoint", "pause", "stop-finally", "cancel-finally", "abort", "cancel"];

/// The annotations that are read only when the pod is made.
const SETTLED: [&str; 9] = [
    "inject",
    "injected",
    "steps",
    "finally",
    "breakpoint-timeout",
    "on-error",
    "step-timeout",
    "wait-timeout",
    "kill-grace",
];

/// What is written on a run that retries another, and so on its pods: it asks for nothing.
const RECORDS: [&str; 5] = ["retry-of", "origin", "attempt", "kept", "kept-results"];

/// All annotations of an object.
pub type Annotations = BTreeMap<String, String>;

/// An annotation that cannot be followed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{PREFIX}{annotation} {value:?}: {problem}; {remedy}")]
pub struct Mistake {
    annotation: &'static str,
    value: String,
    problem: String,
    remedy: String,
}

/// Whether the entrypoint is wanted in a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Nothing is said.
    Unsaid,
    /// `holdpoint.dev/inject: "true"`.
    Wanted,
    /// `holdpoint.dev/inject: "false"`.
    Unwanted,
}

/// The steps that annotations may name.
#[derive(Clone, Debug)]
pub struct Steps {
    /// Their names, in order.
    pub names: Vec<String>,
    /// What a name means that is none of them.
    pub others: Others,
}

/// What the name of a step means that this pod does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Others {
    /// A mistake.
    Mistaken,
    /// Another pod's: the annotations are those of a whole PipelineRun.
    Elsewhere,
}

/// What is asked of the steps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// The steps that run also after a failure.
    pub finally: Vec<String>,
    /// Where the run is held.
    pub breakpoints: Vec<Breakpoint>,
    /// How long a hold may last, as a Go duration.
    pub breakpoint_timeout: Option<String>,
    /// What a step's failure means, by step: `continue` or `stopAndFail`.
    pub on_error: Vec<(String, String)>,
    /// How long a step's command may take, by step, as Go durations.
    pub step_timeouts: Vec<(String, String)>,
    /// How long a step may wait for its turn, as a Go duration.
    pub wait_timeout: Option<String>,
    /// How long a group has between SIGTERM and SIGKILL, as a Go duration.
    pub kill_grace: Option<String>,
}

/// Whether the entrypoint is wanted.
///
/// # Errors
/// The value is neither `true` nor `false`.
pub fn wish(annotations: &Annotations) -> Result<Wish, Mistake> {
    match value(annotations, "inject") {
        None => Ok(Wish::Unsaid),
        Some("true") => Ok(Wish::Wanted),
        Some("false") => Ok(Wish::Unwanted),
        Some(_) => {
            Err(mistake(annotations, "inject", "it is no truth value", "give true or false"))
        }
    }
}

/// The containers that become steps, where they are named.
///
/// # Errors
/// No name is there, or one is there twice.
pub fn steps(annotations: &Annotations) -> Result<Option<Vec<String>>, Mistake> {
    let Some(text) = value(annotations, "steps") else { return Ok(None) };
    let remedy = "name each container once, in order, as in \"build,test\"";
    let names = names(text);
    if names.iter().any(String::is_empty) {
        return Err(mistake(annotations, "steps", "a name is missing", remedy));
    }
    if let Some(twice) = first_repeated(&names) {
        return Err(mistake(annotations, "steps", &format!("`{twice}` is there twice"), remedy));
    }
    Ok(Some(names))
}

/// A sentence for each annotation of ours that is not known.
pub fn unknown(annotations: &Annotations) -> Vec<String> {
    let known =
        |name: &str| SETTLED.contains(&name) || MARKERS.contains(&name) || RECORDS.contains(&name);
    let ours = annotations.keys().filter_map(|key| key.strip_prefix(PREFIX));
    ours.filter(|name| !known(name))
        .map(|name| {
            let all = [&SETTLED[2..], &MARKERS[..]].concat().join(", ");
            format!("{PREFIX}{name} is not known and has no effect; known are {all}")
        })
        .collect()
}

impl Rules {
    /// Reads what is asked of these steps.
    ///
    /// # Errors
    /// A value cannot be read, or names a step that is mistaken.
    pub fn parse(annotations: &Annotations, steps: &Steps) -> Result<Self, Mistake> {
        let reader = Reader { annotations, steps };
        Ok(Self {
            finally: reader.finally()?,
            breakpoints: reader.breakpoints()?,
            breakpoint_timeout: reader.duration("breakpoint-timeout", "30m")?,
            on_error: reader.on_error()?,
            step_timeouts: reader.step_timeouts()?,
            wait_timeout: reader.duration("wait-timeout", "1h")?,
            kill_grace: reader.duration("kill-grace", "10s")?,
        })
    }
}

/// A mistake in this annotation, whose value is the one that is there.
pub fn mistake(
    annotations: &Annotations,
    annotation: &'static str,
    problem: &str,
    remedy: &str,
) -> Mistake {
    let value = value(annotations, annotation).unwrap_or_default().to_owned();
    Mistake { annotation, value, problem: problem.to_owned(), remedy: remedy.to_owned() }
}

fn value<'a>(annotations: &'a Annotations, name: &str) -> Option<&'a str> {
    annotations.get(&format!("{PREFIX}{name}")).map(|text| text.trim())
}

fn names(text: &str) -> Vec<String> {
    text.split(',').map(|name| name.trim().to_owned()).collect()
}

fn first_repeated(names: &[String]) -> Option<&String> {
    names.iter().enumerate().find(|(at, name)| names[..*at].contains(name)).map(|(_, name)| name)
}

struct Reader<'a> {
    annotations: &'a Annotations,
    steps: &'a Steps,
}

impl Reader<'_> {
    fn finally(&self) -> Result<Vec<String>, Mistake> {
        let Some(text) = value(self.annotations, "finally") else { return Ok(Vec::new()) };
        let mut named = names(text);
        for name in &named {
            self.check("finally", name)?;
        }
        named.retain(|name| self.steps.names.contains(name));
        let first = self.steps.names.iter().position(|step| named.contains(step));
        let tail = first.map_or(&[][..], |first| &self.steps.names[first..]);
        match tail.iter().find(|step| !named.contains(step)) {
            None => Ok(named),
            Some(step) => Err(self.mistake(
                "finally",
                &format!("step `{step}` comes after a finally step"),
                "finally steps must be the last ones",
            )),
        }
    }

    fn breakpoints(&self) -> Result<Vec<Breakpoint>, Mistake> {
        let Some(text) = value(self.annotations, "breakpoint") else { return Ok(Vec::new()) };
        let remedy = "give on-failure, before:STEP, after:STEP or off";
        let parsed = breakpoint::parse(text)
            .map_err(|error| self.mistake("breakpoint", &error.to_string(), remedy))?;
        for step in parsed.iter().filter_map(Breakpoint::step) {
            self.check("breakpoint", step)?;
        }
        let is_here = |step: &str| self.steps.names.iter().any(|name| name == step);
        Ok(parsed.into_iter().filter(|it| it.step().is_none_or(is_here)).collect())
    }

    fn on_error(&self) -> Result<Vec<(String, String)>, Mistake> {
        self.pairs("on-error", "lint=continue", |word| match word {
            "continue" | "stopAndFail" => Ok(()),
            _ => Err(format!("{word:?} is neither continue nor stopAndFail")),
        })
    }

    fn step_timeouts(&self) -> Result<Vec<(String, String)>, Mistake> {
        self.pairs("step-timeout", "build=10m", check_duration)
    }

    fn duration(&self, annotation: &'static str, example: &str) -> Result<Option<String>, Mistake> {
        let Some(text) = value(self.annotations, annotation) else { return Ok(None) };
        check_duration(text)
            .map(|()| Some(text.to_owned()))
            .map_err(|why| self.mistake(annotation, &why, &format!("give one as in {example:?}")))
    }

    /// `STEP=VALUE` between commas, each step once.
    fn pairs(
        &self,
        annotation: &'static str,
        example: &str,
        check: fn(&str) -> Result<(), String>,
    ) -> Result<Vec<(String, String)>, Mistake> {
        let Some(text) = value(self.annotations, annotation) else { return Ok(Vec::new()) };
        let wrong = |why: &str| {
            self.mistake(
                annotation,
                why,
                &format!("give STEP=VALUE once a step, as in {example:?}"),
            )
        };
        let mut pairs: Vec<(String, String)> = Vec::new();
        for item in names(text) {
            let (step, value) = item
                .split_once('=')
                .ok_or_else(|| wrong(&format!("{item:?} has no equals sign")))?;
            check(value).map_err(|why| wrong(&why))?;
            self.check(annotation, step)?;
            if pairs.iter().any(|(earlier, _)| earlier == step) {
                return Err(wrong(&format!("`{step}` is there twice")));
            }
            pairs.push((step.to_owned(), value.to_owned()));
        }
        Ok(pairs)
    }

    /// Whether a step may be named so.
    fn check(&self, annotation: &'static str, step: &str) -> Result<(), Mistake> {
        if self.steps.names.iter().any(|name| name == step)
            || (self.steps.others == Others::Elsewhere && !step.is_empty())
        {
            return Ok(());
        }
        let remedy = format!("the steps are {}", self.steps.names.join(", "));
        Err(self.mistake(annotation, &format!("there is no step `{step}`"), &remedy))
    }

    fn mistake(&self, annotation: &'static str, problem: &str, remedy: &str) -> Mistake {
        mistake(self.annotations, annotation, problem, remedy)
    }
}

fn check_duration(text: &str) -> Result<(), String> {
    let duration = go_duration::parse(text).map_err(|error| error.to_string())?;
    match duration.is_negative() {
        true => Err(format!("duration {text:?} is negative")),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn annotations(name: &str, value: &str) -> Annotations {
        BTreeMap::from([(format!("{PREFIX}{name}"), value.to_owned())])
    }

    fn known(others: Others) -> Steps {
        Steps { names: ["build", "test", "clean"].map(str::to_owned).to_vec(), others }
    }

    fn rules(name: &str, value: &str) -> Result<Rules, Mistake> {
        Rules::parse(&annotations(name, value), &known(Others::Mistaken))
    }

    #[test]
    fn each_annotation_is_read() {
        let pairs = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect::<Vec<_>>()
        };
        let some = |text: &str| Some(text.to_owned());
        let none = Rules::default;
        let cases = [
            ("other", "x", none()),
            ("finally", "clean", Rules { finally: vec!["clean".into()], ..none() }),
            (
                "finally",
                " clean ,test",
                Rules { finally: vec!["clean".into(), "test".into()], ..none() },
            ),
            ("breakpoint", "off", none()),
            (
                "breakpoint",
                "on-failure",
                Rules { breakpoints: vec![Breakpoint::OnFailure], ..none() },
            ),
            (
                "breakpoint",
                "before:test, after:build",
                Rules {
                    breakpoints: vec![
                        Breakpoint::Before("test".into()),
                        Breakpoint::After("build".into()),
                    ],
                    ..none()
                },
            ),
            ("breakpoint-timeout", " 30m ", Rules { breakpoint_timeout: some("30m"), ..none() }),
            ("wait-timeout", "1h2m3.5s", Rules { wait_timeout: some("1h2m3.5s"), ..none() }),
            ("kill-grace", "0s", Rules { kill_grace: some("0s"), ..none() }),
            (
                "on-error",
                "build=continue, test=stopAndFail",
                Rules {
                    on_error: pairs(&[("build", "continue"), ("test", "stopAndFail")]),
                    ..none()
                },
            ),
            (
                "step-timeout",
                "build=10m",
                Rules { step_timeouts: pairs(&[("build", "10m")]), ..none() },
            ),
        ];
        for (name, value, wanted) in cases {
            assert_eq!(rules(name, value), Ok(wanted), "{name}: {value}");
        }
    }

    #[test]
    fn what_cannot_be_followed_names_annotation_value_and_remedy() {
        let steps = "the steps are build, test, clean";
        let breakpoints = "give on-failure, before:STEP, after:STEP or off";
        let timeouts = r#"give STEP=VALUE once a step, as in "build=10m""#;
        let errors = r#"give STEP=VALUE once a step, as in "lint=continue""#;
        let cases = [
            ("finally", "tidy", "there is no step `tidy`", steps),
            ("finally", "", "there is no step ``", steps),
            (
                "finally",
                "test",
                "step `clean` comes after a finally step",
                "finally steps must be the last ones",
            ),
            ("breakpoint", "", r#""" is no breakpoint"#, breakpoints),
            ("breakpoint", "failure", r#""failure" is no breakpoint"#, breakpoints),
            ("breakpoint", "before:tset", "there is no step `tset`", steps),
            (
                "breakpoint-timeout",
                "soon",
                "time: invalid duration \"soon\"",
                r#"give one as in "30m""#,
            ),
            ("wait-timeout", "5", "time: missing unit in duration \"5\"", r#"give one as in "1h""#),
            ("kill-grace", "-1s", r#"duration "-1s" is negative"#, r#"give one as in "10s""#),
            ("on-error", "build", r#""build" has no equals sign"#, errors),
            ("on-error", "build=ignore", r#""ignore" is neither continue nor stopAndFail"#, errors),
            ("on-error", "lint=continue", "there is no step `lint`", steps),
            ("step-timeout", "build=3d", "time: unknown unit \"d\" in duration \"3d\"", timeouts),
            ("step-timeout", "build=-3s", r#"duration "-3s" is negative"#, timeouts),
            ("step-timeout", "build=1s,build=2s", "`build` is there twice", timeouts),
            ("step-timeout", "build=1s,", r#""" has no equals sign"#, timeouts),
        ];
        for (name, value, problem, remedy) in cases {
            let mistake = rules(name, value).unwrap_err().to_string();
            assert_eq!(mistake, format!("holdpoint.dev/{name} {value:?}: {problem}; {remedy}"));
        }
    }

    #[test]
    fn steps_of_other_tasks_of_a_pipeline_are_no_mistake() {
        let parse = |name: &str, value: &str| {
            Rules::parse(&annotations(name, value), &known(Others::Elsewhere))
        };
        assert_eq!(parse("finally", "report,clean").unwrap().finally, ["clean"]);
        let breakpoints = parse("breakpoint", "before:deploy,after:build").unwrap().breakpoints;
        assert_eq!(breakpoints, [Breakpoint::After("build".into())]);
        assert!(parse("on-error", "deploy=continue").is_ok());
        for (name, value) in
            [("step-timeout", "deploy=x"), ("breakpoint", "deploy"), ("finally", "")]
        {
            assert!(parse(name, value).is_err(), "{name}: {value}");
        }
    }

    #[test]
    fn a_wish_is_true_or_false() {
        let wish = |value| wish(&annotations("inject", value));
        assert_eq!(super::wish(&Annotations::new()), Ok(Wish::Unsaid));
        assert_eq!(wish("true"), Ok(Wish::Wanted));
        assert_eq!(wish(" false "), Ok(Wish::Unwanted));
        for value in ["", "yes", "True", "1"] {
            let told = wish(value).unwrap_err().to_string();
            let expected = "it is no truth value; give true or false";
            assert_eq!(told, format!("holdpoint.dev/inject {value:?}: {expected}"));
        }
    }

    #[test]
    fn steps_are_named_once() {
        let read = |value| steps(&annotations("steps", value));
        assert_eq!(steps(&Annotations::new()), Ok(None));
        assert_eq!(read("b, a").unwrap().unwrap(), ["b", "a"]);
        for (value, problem) in [
            ("", "a name is missing"),
            ("a,", "a name is missing"),
            ("a,b,a", "`a` is there twice"),
        ] {
            let told = read(value).unwrap_err().to_string();
            assert!(
                told.starts_with(&format!("holdpoint.dev/steps {value:?}: {problem}; ")),
                "{told}"
            );
        }
    }

    #[test]
    fn what_is_not_known_is_told() {
        for name in SETTLED.iter().chain(&MARKERS) {
            assert_eq!(unknown(&annotations(name, "x")), Vec::<String>::new());
        }
        assert!(unknown(&BTreeMap::from([("team".to_owned(), String::new())])).is_empty());
        let told = unknown(&annotations("finaly", "clean")).concat();
        let start =
            "holdpoint.dev/finaly is not known and has no effect; known are steps, finally, ";
        assert!(told.starts_with(start), "{told}");
    }
}
