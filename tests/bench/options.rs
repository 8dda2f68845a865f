//! The command line of the bench.

use std::path::PathBuf;
use std::time::Duration;

use super::figures::FIGURES;

/// What is to be measured, and how thoroughly.
pub(super) struct Options {
    /// Our binary.
    pub(super) entrypoint: PathBuf,
    /// Others that speak the same flags.
    pub(super) baselines: Vec<PathBuf>,
    /// Names of figures; none means all.
    pub(super) only: Vec<String>,
    /// How many samples a median is taken of.
    pub(super) runs: usize,
    /// How long wake-ups are counted.
    pub(super) watched: Duration,
    /// How much goes through a copied stdout.
    pub(super) copied_mib: u64,
    pub(super) format: Format,
}

/// How the figures are printed.
#[derive(Clone, Copy)]
pub(super) enum Format {
    Table,
    Json,
}

pub(super) fn usage() -> String {
    let names: Vec<_> = FIGURES.iter().map(|figure| figure.name).collect();
    format!(
        "usage: bench [options] ENTRYPOINT\n\
         \x20 --baseline PATH  another entrypoint that speaks the same flags (may be repeated)\n\
         \x20 --runs N         samples for each median (15)\n\
         \x20 --only NAME      one figure (may be repeated): {}\n\
         \x20 --quick          fewer samples, shorter waits\n\
         \x20 -o json          print JSON\n",
        names.join(", ")
    )
}

/// Nothing where help is asked for.
pub(super) fn parse(mut words: impl Iterator<Item = String>) -> Result<Option<Options>, String> {
    let mut options = Options {
        entrypoint: PathBuf::new(),
        baselines: Vec::new(),
        only: Vec::new(),
        runs: 15,
        watched: Duration::from_secs(10),
        copied_mib: 2048,
        format: Format::Table,
    };
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or(format!("{word} needs a value\n{}", usage()));
        match word.as_str() {
            "-h" | "--help" => return Ok(None),
            "--baseline" => options.baselines.push(value()?.into()),
            "--only" => options.only.push(known_figure(value()?)?),
            "--runs" => options.runs = number(&value()?)?,
            "--quick" => {
                options.runs = 3;
                options.watched = Duration::from_secs(3);
                options.copied_mib = 512;
            }
            "-o" => options.format = format_named(&value()?)?,
            path if !path.starts_with('-') => options.entrypoint = path.into(),
            _ => return Err(format!("unknown option {word}\n{}", usage())),
        }
    }
    if options.entrypoint.as_os_str().is_empty() {
        return Err(format!("the path of an entrypoint is missing\n{}", usage()));
    }
    Ok(Some(options))
}

fn known_figure(name: String) -> Result<String, String> {
    let known = FIGURES.iter().any(|figure| figure.name == name);
    if known { Ok(name) } else { Err(format!("no figure is called {name}\n{}", usage())) }
}

fn number(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|runs| *runs > 0).ok_or(format!("--runs {text}: give a number from 1"))
}

fn format_named(name: &str) -> Result<Format, String> {
    match name {
        "json" => Ok(Format::Json),
        "table" => Ok(Format::Table),
        _ => Err(format!("-o {name}: give json or table")),
    }
}
