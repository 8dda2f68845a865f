//! The command line `holdpoint`. All of it is in the library, where tests reach it.

use std::process::ExitCode;

fn main() -> ExitCode {
    holdpoint::main(std::env::args_os().collect())
}
