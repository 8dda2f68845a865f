//! Prints the reference of all commands: `just docs` keeps it in docs/commands.md.

use std::io::{self, Write as _};

fn main() -> io::Result<()> {
    io::stdout().write_all(holdpoint::args::reference().as_bytes())
}
