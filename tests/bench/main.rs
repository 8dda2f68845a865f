//! The figures of the design: our binary beside a bare C floor and any other entrypoint that speaks
//! the same flags, measured in turn, so that a ratio holds on a noisy machine. Nothing is asserted.

mod chain;
mod contestant;
mod figures;
mod options;
mod report;

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use contestant::Contestant;
use figures::{FIGURES, Figure};
use options::{Format, Options};
use report::Measured;

fn main() -> ExitCode {
    let options = match options::parse(std::env::args().skip(1)) {
        Ok(Some(options)) => options,
        Ok(None) => return finish(say(&options::usage())),
        Err(problem) => return finish(Err(io::Error::other(problem))),
    };
    finish(bench(&options))
}

fn finish(done: io::Result<()>) -> ExitCode {
    let Err(problem) = done else { return ExitCode::SUCCESS };
    let _ = writeln!(io::stderr(), "bench: {problem}");
    ExitCode::FAILURE
}

fn bench(options: &Options) -> io::Result<()> {
    let folder = tempfile::Builder::new().prefix("holdpoint-bench-").tempdir()?;
    let contestants = contestant::all(options, folder.path())?;
    let chosen = FIGURES
        .iter()
        .filter(|figure| options.only.is_empty() || options.only.iter().any(|o| o == figure.name));
    let mut measured = Vec::new();
    for figure in chosen {
        progress(&format!("{} …", figure.title));
        measured.push(measure(figure, &contestants, options)?);
    }
    progress("");
    say(&match options.format {
        Format::Table => report::table(&contestants, &measured),
        Format::Json => report::json(&contestants, &measured),
    })
}

/// Replaces the line that a person sees while they wait.
fn progress(text: &str) {
    let mut terminal = io::stderr();
    if terminal.is_terminal() {
        let _ = write!(terminal, "\r\x1b[K{text}");
    }
}

fn say(text: &str) -> io::Result<()> {
    io::stdout().write_all(text.as_bytes())
}

/// The median of each contestant's samples, which are taken in turn.
fn measure(
    figure: &'static Figure,
    contestants: &[Contestant],
    options: &Options,
) -> io::Result<Measured> {
    let mut samples = vec![Vec::new(); contestants.len()];
    for _ in 0..figure.samples(options) {
        for (contestant, samples) in contestants.iter().zip(&mut samples) {
            samples.extend((figure.measure)(contestant, options)?);
        }
    }
    Ok(Measured { figure, medians: samples.into_iter().map(median).collect() })
}

fn median(mut samples: Vec<f64>) -> Option<f64> {
    samples.sort_by(f64::total_cmp);
    samples.get(samples.len() / 2).copied()
}
