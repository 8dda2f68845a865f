//! The server from its start to its end: what listens, what keeps the certificate, how it drains.

use std::convert::Infallible;
use std::ffi::OsString;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::num::NonZero;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use axum_server::{Control, Handle, Server};
use clap::Parser as _;
use nix::sys::socket::{setsockopt, sockopt};
use tokio::runtime::Builder;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::{JoinError, JoinHandle};
use tokio::time::sleep;
use tracing::{error, info};

use crate::args::{Arguments, Certificate, Listen};
use crate::controller::{self, Controller};
use crate::error::Error;
use crate::log;
use crate::review::review;
use crate::tls::{self, Files, Shown};
use crate::webhook::{AHEAD, Webhook};

/// How long a client may take to say what it wants: the head of a connection's first request.
const FIRST_REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a connection of HTTP/1.1 may stay idle, or take for a further head: longer than API servers
/// keep one (90 s), since a review that meets its end is lost.
const IDLE_TIMEOUT: Duration = Duration::from_secs(120);

/// How long a client may take no byte of what has been sent to it.
const UNREAD_TIMEOUT: Duration = Duration::from_secs(10);

/// How often a silent client of HTTP/2 is asked whether it is still there.
const PING_EVERY: Duration = Duration::from_secs(30);

/// How many requests a connection of HTTP/2 may have under way; API servers ask over HTTP/1.1.
const STREAMS: u32 = 16;

/// Serves as the command line says, until a signal comes. Exit codes: 0 after a signal, 1 where it
/// cannot serve, 2 for a wrong command line.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(problem) => {
            let _ = problem.print();
            return ExitCode::from(u8::try_from(problem.exit_code()).unwrap_or(2));
        }
    };
    log::start(arguments.log_format);
    // `kube` has no way to be given a provider.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = Builder::new_multi_thread().worker_threads(threads()).enable_all().build();
    let served = runtime.map_err(Error::from);
    match served.and_then(|runtime| runtime.block_on(serve(arguments))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            error!("{problem}");
            ExitCode::FAILURE
        }
    }
}

/// More would cost memory on a large node, and answer no sooner.
fn threads() -> usize {
    available_parallelism().map_or(1, NonZero::get).min(4)
}

async fn serve(arguments: Arguments) -> Result<(), Error> {
    let mut signals = Signals::new()?;
    let shown = Arc::new(Shown::nothing()?);
    let settings = arguments.injection.clone().into();
    let webhook = Arc::new(Webhook::new(settings, review, Arc::clone(&shown)));
    let control = Control::new();
    let mut served = start(&arguments, &webhook, &shown, &control)?;
    let keeper = keep(&arguments.certificate, shown);
    tokio::select! {
        name = signals.next() => info!("{name}: drains, and ends after that"),
        ended = &mut served => return of_task(ended),
        Err(ended) = keeper => return Err(Error::Certificate(ended)),
    }
    webhook.drain();
    let drained = async {
        sleep(arguments.shutdown_delay).await;
        control.graceful_shutdown(Some(arguments.drain_timeout));
        of_task(served.await)
    };
    tokio::select! {
        ended = drained => ended,
        name = signals.next() => {
            info!("{name} again: ends at once");
            Ok(())
        }
    }
}

/// Serves both sockets in a task, which ends when `control` has drained them.
fn start(
    arguments: &Arguments,
    webhook: &Arc<Webhook>,
    shown: &Shown,
    control: &Control,
) -> Result<JoinHandle<io::Result<()>>, Error> {
    let tls = listen("--listen", &arguments.listen)?;
    let plain = listen("--metrics-listen", &arguments.metrics_listen)?;
    info!(
        webhook = %tls.local_addr()?,
        metrics = %plain.local_addr()?,
        version = env!("CARGO_PKG_VERSION"),
        "listens"
    );
    let all = webhook.routes().into_make_service();
    let tls = server(tls, control)?.acceptor(shown.acceptor()).serve(all);
    let plain = server(plain, control)?.serve(webhook.observing_routes().into_make_service());
    Ok(tokio::spawn(async { tokio::try_join!(tls, plain).map(drop) }))
}

fn listen(flag: &'static str, address: &Listen) -> Result<TcpListener, Error> {
    let error = |source| Error::Listen { flag, address: address.clone(), source };
    let socket = TcpListener::bind(address.0.as_slice()).map_err(error)?;
    // The connections that it accepts have it from the socket.
    let milliseconds = UNREAD_TIMEOUT.as_millis() as u32;
    setsockopt(&socket, sockopt::TcpUserTimeout, &milliseconds).map_err(|it| error(it.into()))?;
    Ok(socket)
}

/// A server that drops slow clients and those that are gone.
fn server(socket: TcpListener, control: &Control) -> io::Result<Server<SocketAddr>> {
    let mut server = axum_server::from_tcp(socket)?
        .handle(Handle::with_control(control.clone()))
        .first_request_timeout(FIRST_REQUEST_TIMEOUT);
    let http = server.http_builder();
    http.http1().header_read_timeout(IDLE_TIMEOUT).max_buf_size(AHEAD);
    let ahead = AHEAD as u32;
    // Bodies that wait for room leave the connection to the others: each may come ahead at once.
    http.http2()
        .keep_alive_interval(PING_EVERY)
        .max_concurrent_streams(STREAMS)
        .initial_stream_window_size(ahead)
        .initial_connection_window_size(STREAMS * ahead);
    Ok(server)
}

/// Keeps a certificate shown, in a task that has no end.
fn keep(certificate: &Certificate, shown: Arc<Shown>) -> JoinHandle<Infallible> {
    match (&certificate.tls_cert, &certificate.tls_key) {
        (Some(certificate), Some(key)) => {
            let files = Files { certificate: certificate.clone(), key: key.clone() };
            tokio::spawn(async move { files.follow(&shown, tls::LOOK_EVERY).await })
        }
        _ => {
            let controller = Controller::new(certificate.names.clone(), controller::LOOK_EVERY);
            tokio::spawn(async move { controller.run(&shown).await })
        }
    }
}

fn of_task(ended: Result<io::Result<()>, JoinError>) -> Result<(), Error> {
    ended.map_err(io::Error::from)?.map_err(Error::from)
}

/// The signals that end the server.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        let terminate = signal(SignalKind::terminate())?;
        Ok(Self { terminate, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
