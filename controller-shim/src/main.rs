//! The server of the admission webhook. All of it is in the library, where tests reach it.

use std::process::ExitCode;

fn main() -> ExitCode {
    controller_shim::server::main(std::env::args_os())
}
