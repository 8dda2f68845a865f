//! Says whether when expressions hold: `when '[{"cel": "size([1, 2]) == 2"}]'`. It is also what
//! `docs/cel.md` measures.

use std::process::ExitCode;

use entrypoint::when::{all_hold, parse};

#[allow(clippy::print_stdout, clippy::print_stderr)]
fn main() -> ExitCode {
    let json = std::env::args().nth(1).unwrap_or_default();
    match parse(&json).and_then(|expressions| all_hold(&expressions)) {
        Ok(holds) => {
            println!("{holds}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
