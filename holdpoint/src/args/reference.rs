//! The reference of all commands, made from the definitions that parse them and show their help:
//! `docs/commands.md`.

use clap::{Command, CommandFactory as _};

use super::Arguments;

/// The width for which help is laid out.
const WIDTH: usize = 100;

const HEAD: &str = "\
# Commands

Made from the definitions of the help, `-h`; `--help` says more. `just docs` makes this page again. `kubectl holdpoint` is the
same program under the name of a plugin: it speaks to clusters alone.
";

/// The reference as Markdown.
pub fn reference() -> String {
    let mut command = Arguments::command().bin_name("holdpoint").term_width(WIDTH);
    command.build();
    let whole = section(&mut command);
    let parts = command.get_subcommands_mut().filter(|part| part.get_name() != "help");
    let parts: String = parts.map(section).collect();
    format!("{HEAD}{whole}{parts}")
}

fn section(command: &mut Command) -> String {
    let name = command.get_bin_name().unwrap_or(command.get_name()).to_owned();
    let help = command.render_help().to_string();
    let lines: String =
        help.trim_end().lines().map(|line| format!("{}\n", line.trim_end())).collect();
    format!("\n## `{name}`\n\n```text\n{lines}```\n")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn what_is_laid_out_by_hand_fits_in_the_width() {
        let commands = Arguments::command();
        for command in std::iter::once(&commands).chain(commands.get_subcommands()) {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            for line in help.lines() {
                assert!(line.chars().count() <= WIDTH, "{}: {line}", command.get_name());
            }
        }
    }
}
