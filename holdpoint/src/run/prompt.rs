//! One key at a time from the terminal.

use std::io::{self, IsTerminal as _, stderr, stdin};

use crate::terminal::{self, Taken, Typed};

/// Whether there is a person to ask.
pub fn is_possible() -> bool {
    stdin().is_terminal() && stderr().is_terminal()
}

/// Drops what was typed so far: it was not meant for a question that comes only now.
pub fn forget_what_was_typed() {
    if is_possible() {
        terminal::forget_what_was_typed();
    }
}

/// Keys as they are pressed, until it is dropped; then the terminal is as it was.
pub struct Keys {
    /// Ended before the terminal is given back.
    typed: Typed,
    terminal: Taken,
}

impl Keys {
    /// Takes each key at once and unseen. Ctrl-C stays a signal.
    pub fn read() -> io::Result<Self> {
        let terminal = Taken::key_by_key()?;
        Ok(Self { typed: Typed::read(1)?, terminal })
    }

    /// Takes the terminal once more, where a shell has had it while this process was stopped.
    pub fn again(&self) {
        self.terminal.again();
    }

    /// The next key; none where the terminal is gone.
    pub async fn next(&mut self) -> Option<u8> {
        self.typed.next().await?.first().copied()
    }
}
