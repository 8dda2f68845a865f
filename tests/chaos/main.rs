//! `chaos PROGRAM SEED RUNS [AT_A_TIME]`: plays seeded runs with this entrypoint, and shows every one in
//! which something was not as it must be.

use std::io::{self, Write};
use std::process::ExitCode;

use holdpoint_tests::chaos::{Failure, Figures, play};

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize| words.get(at).map_or(Some(4), |word: &String| word.parse().ok());
    let (Some(program), Some(seed), Some(runs), Some(at_a_time)) =
        (words.first(), number(1), number(2), number(3).and_then(|n| n.try_into().ok()))
    else {
        let _ = writeln!(io::stderr(), "usage: chaos PROGRAM SEED RUNS [AT_A_TIME]");
        return ExitCode::from(2);
    };
    let (figures, failures) = play(program.as_ref(), seed, runs, at_a_time);
    match tell(seed, &figures, &failures) {
        Ok(()) if failures.is_empty() => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

fn tell(seed: u64, figures: &Figures, failures: &[Failure]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for Failure { seed, report } in failures {
        writeln!(out, "== failed: just chaos {seed} 1\n{report}")?;
    }
    writeln!(out, "from seed {seed} on:\n{figures}{:>9}  runs failed", failures.len())
}
