//! The subcommands that prepare a pod before its steps run (1.2): the binary copies itself to where
//! the steps find it, links the steps' folders, and decodes scripts.

mod copy;
mod decode;
mod link;
mod replace;
mod scripts;

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;

use crate::paths::Paths;

/// A subcommand with its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subcommand {
    /// `cp SRC DST`.
    Copy {
        /// The file to copy.
        from: PathBuf,
        /// Where to.
        to: PathBuf,
    },
    /// `init SRC DST [STEP…]`: `cp`, then `step-init`.
    Init {
        /// The file to copy.
        from: PathBuf,
        /// Where to.
        to: PathBuf,
        /// The steps' names, in order.
        steps: Vec<OsString>,
        /// Where debug scripts are placed too: `-debug_scripts DIR`.
        debug_scripts: Option<PathBuf>,
    },
    /// `place-scripts DIR`: writes the debug scripts (2.7).
    PlaceScripts {
        /// Where to.
        folder: PathBuf,
    },
    /// `step-init STEP…`.
    StepInit {
        /// The steps' names, in order.
        steps: Vec<OsString>,
    },
    /// `decode-script F`.
    DecodeScript {
        /// The script.
        script: PathBuf,
    },
}

/// Why a subcommand failed.
#[derive(Debug, thiserror::Error)]
pub enum SubcommandError {
    /// A file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file, a folder or a link cannot be made or written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The place.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A folder, or something else that is no file, in the place of one.
    #[error("{} is no regular file", .0.display())]
    Irregular(PathBuf),
    /// A script that is not base64. It is left as it was.
    #[error("{} is not base64: {source}", path.display())]
    Base64 {
        /// The script.
        path: PathBuf,
        /// Where it goes wrong.
        source: base64::DecodeError,
    },
    /// A step's name that cannot be the name of a link.
    #[error("step name {0:?} cannot be a file name: use letters, digits and dashes")]
    StepName(OsString),
    /// A file or a folder where a link should be.
    #[error("{} is there and is no link: remove it", .0.display())]
    NotALink(PathBuf),
}

/// The subcommand that `words` are, if they are one: the right first word with the right number of
/// arguments.
pub fn parse(words: &[OsString]) -> Option<Subcommand> {
    let (name, arguments) = words.split_first()?;
    Some(match (name.to_str()?, arguments) {
        ("cp", [from, to]) => Subcommand::Copy { from: from.into(), to: to.into() },
        ("init", arguments) => return init(arguments),
        ("place-scripts", [folder]) => Subcommand::PlaceScripts { folder: folder.into() },
        ("step-init", steps) => Subcommand::StepInit { steps: steps.to_vec() },
        ("decode-script", [script]) => Subcommand::DecodeScript { script: script.into() },
        _ => return None,
    })
}

/// `init [-debug_scripts DIR] SRC DST [STEP…]`; the flag may have one dash or two.
fn init(arguments: &[OsString]) -> Option<Subcommand> {
    let (debug_scripts, arguments) = match arguments {
        [flag, folder, rest @ ..] if flag == "-debug_scripts" || flag == "--debug_scripts" => {
            (Some(folder.into()), rest)
        }
        arguments => (None, arguments),
    };
    let [from, to, steps @ ..] = arguments else { return None };
    let (from, to, steps) = (from.into(), to.into(), steps.to_vec());
    Some(Subcommand::Init { from, to, steps, debug_scripts })
}

impl Subcommand {
    /// Does it.
    ///
    /// # Errors
    /// Says which file or name stood in the way; the exit code is then 1.
    pub fn run(self, paths: &Paths) -> Result<(), SubcommandError> {
        match self {
            Self::Copy { from, to } => copy::copy(&from, &to),
            Self::Init { from, to, steps, debug_scripts } => {
                copy::copy(&from, &to)?;
                link::link_steps(&steps, paths)?;
                debug_scripts.map_or(Ok(()), |folder| scripts::place(&folder))
            }
            Self::PlaceScripts { folder } => scripts::place(&folder),
            Self::StepInit { steps } => link::link_steps(&steps, paths),
            Self::DecodeScript { script } => decode::decode(&script),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    fn init(from: PathBuf, to: PathBuf, steps: &str) -> Subcommand {
        Subcommand::Init { from, to, steps: words(steps), debug_scripts: None }
    }

    fn words(line: &str) -> Vec<OsString> {
        line.split_whitespace().map(Into::into).collect()
    }

    #[test]
    fn the_right_number_of_arguments_makes_a_subcommand() {
        let (from, to) = (PathBuf::from("a"), PathBuf::from("b"));
        let init = |steps: &[&str], scripts: Option<&str>| Subcommand::Init {
            from: from.clone(),
            to: to.clone(),
            steps: steps.iter().map(OsString::from).collect(),
            debug_scripts: scripts.map(PathBuf::from),
        };
        let cases = [
            ("cp a b", Subcommand::Copy { from: from.clone(), to: to.clone() }),
            ("init a b", init(&[], None)),
            ("init a b c d", init(&["c", "d"], None)),
            ("init -debug_scripts s a b c", init(&["c"], Some("s"))),
            ("init --debug_scripts s a b", init(&[], Some("s"))),
            ("place-scripts s", Subcommand::PlaceScripts { folder: "s".into() }),
            ("step-init", Subcommand::StepInit { steps: vec![] }),
            ("step-init c d", Subcommand::StepInit { steps: words("c d") }),
            ("decode-script a", Subcommand::DecodeScript { script: from }),
        ];
        for (line, expected) in cases {
            assert_eq!(parse(&words(line)), Some(expected), "{line}");
        }
    }

    #[test]
    fn all_else_is_no_subcommand() {
        let lines =
            ["", "cp", "cp a", "cp a b c", "init", "init a", "decode-script", "decode-script a b"];
        for line in lines.into_iter().chain(["copy a b", "CP a b", "a cp b c", "step-init-x"]) {
            assert_eq!(parse(&words(line)), None, "{line}");
        }
    }

    #[test]
    fn init_copies_and_links() {
        let root = tempfile::tempdir().unwrap();
        let at = |path: &str| root.path().join(path);
        std::fs::write(at("from"), "binary").unwrap();
        let subcommand = init(at("from"), at("to"), "step-a step-b");
        // A container that is started again does it all once more.
        for _ in 0..2 {
            subcommand.clone().run(&Paths::under(root.path())).unwrap();
            assert_eq!(std::fs::metadata(at("to")).unwrap().len(), 6);
            let target = std::fs::read_link(at("tekton/steps/step-b")).unwrap();
            assert_eq!(target, at("tekton/run/1/status"));
        }
    }

    #[test]
    fn init_links_nothing_where_it_could_not_copy() {
        let root = tempfile::tempdir().unwrap();
        let (from, to) = (root.path().join("absent"), root.path().join("to"));
        let subcommand = init(from, to, "step-a");
        let error = subcommand.run(&Paths::under(root.path())).unwrap_err();
        assert!(error.to_string().starts_with("cannot read "), "{error}");
        assert!(!root.path().join("tekton").exists());
    }
}
