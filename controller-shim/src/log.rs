//! The server's log, on stdout: lines for a person, or an object a line.

use std::io::{self, IsTerminal as _};
use std::panic::{self, PanicHookInfo};

use tracing::{error, info, warn};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::layer;
use tracing_subscriber::prelude::*;
use tracing_subscriber::registry;

use crate::args::LogFormat;

/// Begins the log of this process. A panic has its line in it, too.
pub fn start(format: LogFormat) {
    // A log that cannot be written must not bring the server down.
    let lines = layer().with_target(false).log_internal_errors(false);
    let lines = match format {
        LogFormat::Text => lines.with_ansi(io::stdout().is_terminal()).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).with_current_span(false).boxed(),
    };
    let _ = registry().with(lines.with_filter(LevelFilter::INFO)).try_init();
    panic::set_hook(Box::new(tell));
}

fn tell(panic: &PanicHookInfo<'_>) {
    let what = panic.payload_as_str().unwrap_or("no message");
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    error!(place, "a fault of the server's own: {what}");
}

/// Something that goes wrong again and again, told once: when it begins, when it becomes another, and
/// when it is over.
#[derive(Debug, Default)]
pub struct Trouble(Option<String>);

impl Trouble {
    /// It is there, and this is what it is.
    pub fn is(&mut self, what: String) {
        if self.0.as_ref() != Some(&what) {
            warn!("{what}");
            self.0 = Some(what);
        }
    }

    /// It is there no more.
    pub fn is_over(&mut self, how: &str) {
        if self.0.take().is_some() {
            info!("{how}");
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use tracing::subscriber::with_default;

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn trouble_is_told_once() {
        let written = Written::default();
        let writer = written.clone();
        let lines = layer().with_writer(move || writer.clone()).without_time().with_target(false);
        with_default(registry().with(lines.with_ansi(false)), || {
            let mut trouble = Trouble::default();
            trouble.is_over("over");
            for what in ["a", "a", "b", "b", "a"] {
                trouble.is(what.to_owned());
            }
            trouble.is_over("over");
            trouble.is_over("over");
            trouble.is("a".to_owned());
        });
        let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text, " WARN a\n WARN b\n WARN a\n INFO over\n WARN a\n");
    }
}
