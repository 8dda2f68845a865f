//! Files and what becomes of them, in tables: planned, refused, and those of the public catalogue.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod catalog;
mod planned;
mod refused;

use super::*;

/// The head of a Task: what follows begins on line 5, indented by two.
const TASK: &str = "apiVersion: tekton.dev/v1\nkind: Task\nmetadata: {name: t}\nspec:\n";

/// The flags of a command line, in words: `-p a=1 -w w=/dir --env A=1 --name t --finally s`.
fn options(flags: &str) -> Options {
    let mut options = Options::default();
    let mut words = flags.split_whitespace();
    while let Some(flag) = words.next() {
        let word = words.next().expect("a flag has a value");
        let pair = || word.split_once('=').expect("NAME=VALUE");
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        match flag {
            "-p" => options.params.push(owned(pair())),
            "-w" => options.workspaces.push((pair().0.to_owned(), pair().1.into())),
            "--env" => options.env.push(owned(pair())),
            "--name" => options.name = Some(word.to_owned()),
            "--finally" => options.finally.push(word.to_owned()),
            _ => panic!("unknown flag {flag}"),
        }
    }
    options
}

/// As with a mount namespace.
fn in_namespace() -> Layout {
    Layout { tekton: "/tekton".into(), workspace: "/workspace".into() }
}

/// As without one.
fn without_namespace() -> Layout {
    Layout { tekton: "/run/t".into(), workspace: "/run/w".into() }
}

fn plan_of(text: &str, flags: &str) -> Result<Plan, String> {
    plan_in(text, flags, &in_namespace())
}

fn plan_in(text: &str, flags: &str, layout: &Layout) -> Result<Plan, String> {
    let source = Source { name: "f.yaml", text };
    plan(&source, &options(flags), layout, "t-1").map_err(|error| error.to_string())
}
