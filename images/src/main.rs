//! `bill-of-materials PACKAGE TARGET`: prints what the static binary of a package is made of, as
//! CycloneDX, from what cargo and rustc say.

mod bill;
mod tools;

use std::process::ExitCode;

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "what it is for")]
fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [package, target] = arguments.as_slice() else {
        eprintln!(
            "usage: bill-of-materials PACKAGE TARGET, as in entrypoint x86_64-unknown-linux-gnu"
        );
        return ExitCode::from(2);
    };
    match tools::ask(package, target).and_then(|said| Ok(bill::of(&said)?)) {
        Ok(bill) => println!("{bill:#}"),
        Err(error) => {
            eprintln!("bill-of-materials: {error}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
