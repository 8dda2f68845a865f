//! What of a cluster is meant, as kubectl's users type it: `pod/x`, `tr/x`, `@latest`.

use std::fmt;
use std::str::FromStr;

use strsim::damerau_levenshtein;
use thiserror::Error;

/// The newest live run.
const LATEST: &str = "@latest";

/// How many letters may be wrong in a kind that is meant.
const NEAR: usize = 2;

/// A kind of object that has steps, or whose pods have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One pod.
    Pod,
    /// A TaskRun of Tekton's, which has one pod.
    TaskRun,
    /// A PipelineRun of Tekton's, which has a TaskRun for each task.
    PipelineRun,
    /// A Job, which has a pod for each attempt.
    Job,
}

/// A row of the table of kinds.
#[derive(Clone, Copy, Debug)]
pub struct KindDefinition {
    /// The kind.
    pub kind: Kind,
    /// Its name as it is shown, then the others that it goes by.
    pub names: &'static [&'static str],
    /// The group and version of its objects.
    pub api: [&'static str; 2],
    /// The kind as objects say it, and its plural in paths.
    pub object: [&'static str; 2],
    /// The labels by which its pods are found, the first that finds any.
    pub labels: &'static [&'static str],
}

/// Every kind.
pub const KINDS: [KindDefinition; 4] = [
    KindDefinition {
        kind: Kind::Pod,
        names: &["pod", "pods", "po"],
        api: ["", "v1"],
        object: ["Pod", "pods"],
        labels: &[],
    },
    KindDefinition {
        kind: Kind::TaskRun,
        names: &["taskrun", "taskruns", "tr", "trs", "taskrun.tekton.dev", "taskruns.tekton.dev"],
        api: ["tekton.dev", "v1"],
        object: ["TaskRun", "taskruns"],
        labels: &["tekton.dev/taskRun"],
    },
    KindDefinition {
        kind: Kind::PipelineRun,
        names: &[
            "pipelinerun",
            "pipelineruns",
            "pr",
            "prs",
            "pipelinerun.tekton.dev",
            "pipelineruns.tekton.dev",
        ],
        api: ["tekton.dev", "v1"],
        object: ["PipelineRun", "pipelineruns"],
        labels: &["tekton.dev/pipelineRun"],
    },
    KindDefinition {
        kind: Kind::Job,
        names: &["job", "jobs", "job.batch", "jobs.batch"],
        api: ["batch", "v1"],
        object: ["Job", "jobs"],
        labels: &["batch.kubernetes.io/job-name", "job-name"],
    },
];

/// What is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// One object.
    Named(Kind, String),
    /// All objects of a kind that a selector takes.
    Every(Kind),
    /// The newest run that is live and has steps of ours.
    Latest,
}

/// A word that looks like a target, and is none.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TargetError {
    /// The kind has no steps.
    #[error(
        "`{kind}/{name}` is no target: {hint}targets are pod/NAME, taskrun/NAME (tr), \
         pipelinerun/NAME (pr), job/NAME and @latest; a reason that looks like this is given with a \
         space in it"
    )]
    Kind {
        /// What stands before the slash.
        kind: String,
        /// What stands behind it.
        name: String,
        /// What may have been meant, as a sentence.
        hint: String,
    },
    /// There is no such name.
    #[error("`{0}`: a name has lower-case letters, digits, `-` and `.`, as in pod/build-1")]
    Name(String),
    /// Something else stands behind the `@`.
    #[error("`{0}` is no target: what begins with @ is @latest, the newest live run")]
    At(String),
}

impl Kind {
    /// The kind of this name, as kubectl's users say it.
    pub fn named(name: &str) -> Option<Self> {
        let row = KINDS.iter().find(|row| row.names.iter().any(|it| it.eq_ignore_ascii_case(name)));
        row.map(|row| row.kind)
    }

    /// Its row of the table.
    pub fn definition(self) -> &'static KindDefinition {
        &KINDS[self as usize]
    }

    /// Whether it is a run of Tekton's, which has a status of its own.
    pub fn is_run(self) -> bool {
        matches!(self, Self::TaskRun | Self::PipelineRun)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.definition().names[0])
    }
}

impl Target {
    /// The kind, where it is known before the cluster is asked.
    pub fn kind(&self) -> Option<Kind> {
        match self {
            Self::Named(kind, _) | Self::Every(kind) => Some(*kind),
            Self::Latest => None,
        }
    }

    /// The target that a word is; nothing where it has no target's form.
    ///
    /// # Errors
    /// It has the form, and is none: it must not pass for a reason or another word.
    pub fn of(word: &str) -> Result<Option<Self>, TargetError> {
        if word.starts_with('@') && !word.contains(char::is_whitespace) {
            return word.parse().map(Some);
        }
        let in_form = |text: &str| !text.is_empty() && !text.contains([' ', '\t', '\n', '/']);
        match word.split_once('/') {
            Some((kind, name)) if in_form(kind) && in_form(name) => word.parse().map(Some),
            Some((kind, "")) if Kind::named(kind).is_some() => word.parse().map(Some),
            _ => Ok(None),
        }
    }
}

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(word: &str) -> Result<Self, TargetError> {
        if word == LATEST {
            return Ok(Self::Latest);
        }
        let Some((kind, name)) = word.split_once('/') else {
            return Err(TargetError::At(word.to_owned()));
        };
        match Kind::named(kind) {
            None => {
                let (hint, kind) = (meant(kind), kind.to_owned());
                Err(TargetError::Kind { kind, name: name.to_owned(), hint })
            }
            Some(_) if !is_name(name) => Err(TargetError::Name(word.to_owned())),
            Some(kind) => Ok(Self::Named(kind, name.to_owned())),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(kind, name) => write!(f, "{kind}/{name}"),
            Self::Every(kind) => write!(f, "{kind}"),
            Self::Latest => f.write_str(LATEST),
        }
    }
}

/// Whether an object can have this name (a DNS subdomain of RFC 1123).
fn is_name(text: &str) -> bool {
    let ends = |letter: Option<char>| letter.is_some_and(|it| it.is_ascii_alphanumeric());
    let inner = |it: char| it.is_ascii_lowercase() || it.is_ascii_digit() || it == '-' || it == '.';
    ends(text.chars().next()) && ends(text.chars().last()) && text.chars().all(inner)
}

fn meant(kind: &str) -> String {
    let names = KINDS.iter().map(|row| row.names[0]);
    let near = names.map(|name| (damerau_levenshtein(name, kind), name)).min();
    match near {
        Some((distance, name)) if distance <= NEAR => format!("did you mean {name}? "),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn each_kind_stands_at_its_own_row() {
        for row in &KINDS {
            assert_eq!(row.kind.definition().names, row.names);
            for name in row.names {
                assert_eq!(Kind::named(name), Some(row.kind), "{name}");
            }
        }
    }

    #[test]
    fn a_word_of_that_form_is_a_target() {
        let named = |kind, name: &str| Ok(Some(Target::Named(kind, name.to_owned())));
        for (word, target) in [
            ("pod/x", named(Kind::Pod, "x")),
            ("pods/x.y-1", named(Kind::Pod, "x.y-1")),
            ("po/x", named(Kind::Pod, "x")),
            ("taskrun/x", named(Kind::TaskRun, "x")),
            ("tr/x", named(Kind::TaskRun, "x")),
            ("taskruns.tekton.dev/x", named(Kind::TaskRun, "x")),
            ("PipelineRun/x", named(Kind::PipelineRun, "x")),
            ("pr/x", named(Kind::PipelineRun, "x")),
            ("jobs/x", named(Kind::Job, "x")),
            ("@latest", Ok(Some(Target::Latest))),
        ] {
            assert_eq!(Target::of(word), target, "{word}");
        }
    }

    #[test]
    fn other_words_are_none() {
        for word in
            ["", "x", "30m", "look at the logs", "see pod/x", "pod/x is slow", "before:a,after:b"]
        {
            assert_eq!(Target::of(word), Ok(None), "{word}");
        }
        for word in ["/x", "a/b/c", "/", "https://host/path", "and/"] {
            assert_eq!(Target::of(word), Ok(None), "{word}");
        }
    }

    #[test]
    fn what_only_looks_like_a_target_is_refused() {
        for (word, problem) in [
            ("deployment/x", "`deployment/x` is no target: targets are pod/NAME"),
            ("pdo/x", "did you mean pod? "),
            ("task-run/x", "did you mean taskrun? "),
            ("pod/", "a name has lower-case letters"),
            ("pod/Build", "`pod/Build`: a name has lower-case letters"),
            ("pod/-x", "a name has lower-case letters"),
            ("@newest", "`@newest` is no target"),
            ("@", "is no target"),
        ] {
            let told = Target::of(word).unwrap_err().to_string();
            assert!(told.contains(problem), "{word}: {told}");
        }
    }

    #[test]
    fn a_target_is_shown_as_it_can_be_typed() {
        for (typed, shown) in [("tr/x", "taskrun/x"), ("@latest", "@latest")] {
            assert_eq!(Target::of(typed).unwrap().unwrap().to_string(), shown);
        }
    }
}
