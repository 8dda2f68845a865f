//! A person and a command in a pod: what is typed here goes there, what is written there is shown here,
//! with the terminal in between where there is one.

use std::io::{self, Write};
use std::pin::pin;

use kube::api::{AttachParams, AttachedProcess, TerminalSize};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::exec::{ExecError, code};
use crate::run::signals::Signals;
use crate::terminal::{Taken, Typed, is_here, size};

/// How many bytes of the input go together.
const MOST_BYTES: usize = 4096;

/// How much of what came is kept, in bytes: enough for the first line.
const HEAD_BYTES: usize = 256;

/// How a session ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The command ended.
    Exited {
        /// With this code.
        code: i32,
        /// What it wrote first.
        head: String,
    },
    /// This process was sent a signal, or nobody reads what it writes any more.
    Signal(i32),
}

/// What a session asks for: a terminal where there is one here.
pub fn streams(container: &str) -> AttachParams {
    let tty = is_here();
    AttachParams::default().container(container).stdin(true).stderr(!tty).tty(tty)
}

/// Carries everything both ways until the command has ended.
///
/// # Errors
/// The connection broke, or the command could not run.
pub async fn converse(mut process: AttachedProcess) -> Result<End, ExecError> {
    let own = |error: io::Error| ExecError::Refused(format!("cannot use this terminal: {error}"));
    let status = process.take_status().ok_or(ExecError::Closed)?;
    let sizes = process.terminal_size().map(|mut sizes| -> Tell {
        // One that is in the way of another comes soon; where nobody takes them, all is over.
        Box::new(move |size| drop(sizes.try_send(size)))
    });
    let mut window = Window::open(sizes).map_err(own)?;
    let mut signals = Ends::take().map_err(own)?;
    let mut shown = Shown::new(process.stdout(), process.stderr());
    let (mut status, mut typing) = (pin!(status), pin!(type_in(process.stdin())));
    let mut all_typed = false;
    loop {
        // What came before the end is shown before it.
        tokio::select! {
            biased;
            signal = signals.next() => match signal {
                nix::libc::SIGCONT => window.again(),
                signal => return Ok(End::Signal(signal)),
            },
            written = shown.next(), if !shown.ended() => if written.is_err() {
                return Ok(End::Signal(nix::libc::SIGPIPE));
            },
            status = &mut status => {
                let closed = if all_typed { ExecError::InputEnded } else { ExecError::Closed };
                let status = status.ok_or(closed)?;
                while !shown.ended() && shown.next().await.is_ok() {}
                return Ok(End::Exited { code: code(&status)?, head: shown.head() });
            }
            () = window.changed() => window.tell(),
            () = &mut typing, if !all_typed => all_typed = true,
        }
    }
}

async fn type_in(stdin: Option<impl AsyncWrite + Unpin>) {
    let (Some(mut stdin), Ok(mut typed)) = (stdin, Typed::read(MOST_BYTES)) else { return };
    while let Some(bytes) = typed.next().await {
        if stdin.write_all(&bytes).await.is_err() {
            return;
        }
    }
    // Where the connection is gone the other side knows.
    let _ = stdin.shutdown().await;
}

/// The signals that end a session, and SIGCONT.
struct Ends {
    signals: Signals,
    quit: Signal,
}

impl Ends {
    fn take() -> io::Result<Self> {
        let signals = Signals::take().map_err(|error| io::Error::other(error.to_string()))?;
        Ok(Self { signals, quit: signal(SignalKind::quit())? })
    }

    async fn next(&mut self) -> i32 {
        tokio::select! {
            signal = self.signals.next() => signal,
            _ = self.quit.recv() => SignalKind::quit().as_raw_value(),
        }
    }
}

/// Tells the terminal there its size.
type Tell = Box<dyn FnMut(TerminalSize)>;

/// The terminal here, as long as the one there has its say.
struct Window {
    terminal: Option<(Taken, Tell)>,
    resized: Signal,
}

impl Window {
    /// Takes the terminal where the command has one, and tells its size.
    fn open(tell: Option<Tell>) -> io::Result<Self> {
        let resized = signal(SignalKind::window_change())?;
        let terminal = tell.map(|tell| Ok::<_, io::Error>((Taken::raw()?, tell))).transpose()?;
        let mut window = Self { terminal, resized };
        window.tell();
        Ok(window)
    }

    async fn changed(&mut self) {
        self.resized.recv().await;
    }

    fn tell(&mut self) {
        if let (Some((_, tell)), Some((width, height))) = (&mut self.terminal, size()) {
            tell(TerminalSize { width, height });
        }
    }

    fn again(&mut self) {
        if let Some((taken, _)) = &self.terminal {
            taken.again();
        }
        self.tell();
    }
}

/// What the command writes.
struct Shown<R> {
    stdout: Option<R>,
    stderr: Option<R>,
    head: Vec<u8>,
}

impl<R: AsyncRead + Unpin> Shown<R> {
    fn new(stdout: Option<R>, stderr: Option<R>) -> Self {
        Self { stdout, stderr, head: Vec::new() }
    }

    fn ended(&self) -> bool {
        self.stdout.is_none() && self.stderr.is_none()
    }

    /// Shows some more.
    async fn next(&mut self) -> io::Result<()> {
        let bytes = tokio::select! {
            biased;
            bytes = some_of(&mut self.stdout), if self.stdout.is_some() => {
                write(io::stdout(), &bytes)?;
                bytes
            }
            bytes = some_of(&mut self.stderr), if self.stderr.is_some() => {
                write(io::stderr(), &bytes)?;
                bytes
            }
            else => return Ok(()),
        };
        let room = HEAD_BYTES.saturating_sub(self.head.len()).min(bytes.len());
        self.head.extend(&bytes[..room]);
        Ok(())
    }

    fn head(&self) -> String {
        String::from_utf8_lossy(&self.head).into_owned()
    }
}

/// What comes next of a stream, which is gone at its end.
async fn some_of<R: AsyncRead + Unpin>(stream: &mut Option<R>) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(MOST_BYTES);
    if let Some(source) = stream
        && !matches!(source.read_buf(&mut bytes).await, Ok(1..))
    {
        *stream = None;
    }
    bytes
}

fn write(mut to: impl Write, bytes: &[u8]) -> io::Result<()> {
    to.write_all(bytes).and_then(|()| to.flush())
}
