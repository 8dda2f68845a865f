//! The binary that is PID 1 of every step. All of it is in the library, where tests reach it.

use entrypoint::Setup;

fn main() {
    let mut words = std::env::args_os();
    let setup = Setup::installed(words.next());
    std::process::exit(entrypoint::main(words.collect(), &setup));
}
