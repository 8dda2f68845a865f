//! A client of HTTP over TLS that has a hand on each connection.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderValue, Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// Where to connect, and whom to trust there.
#[derive(Clone, Debug)]
pub struct Https {
    address: SocketAddr,
    host: String,
    trusted: RootCertStore,
}

/// A connection for whatever bytes a test sends.
pub type Raw = TlsStream<TcpStream>;

/// The versions of HTTP that a client can choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2.
    Http2,
}

/// A connection on which one request follows the other.
#[derive(Debug)]
pub struct Connection {
    host: String,
    sender: Sender,
}

#[derive(Debug)]
enum Sender {
    Http1(http1::SendRequest<Body>),
    Http2(http2::SendRequest<Body>),
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub code: u16,
    /// The body.
    pub body: Bytes,
}

impl Https {
    /// The server at an address, which must have a certificate for this host by one of these
    /// authorities (PEM).
    pub fn new(address: SocketAddr, host: &str, authorities: &str) -> Self {
        let mut trusted = RootCertStore::empty();
        for authority in CertificateDer::pem_slice_iter(authorities.as_bytes()) {
            trusted.add(authority.unwrap()).unwrap();
        }
        Self { address, host: host.to_owned(), trusted }
    }

    /// A connection for whatever bytes a test sends.
    ///
    /// # Errors
    /// Nobody listens, or TLS does not come about.
    pub async fn raw(&self, version: Version) -> io::Result<Raw> {
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider);
        let builder = builder.with_safe_default_protocol_versions().unwrap();
        let mut config = builder.with_root_certificates(self.trusted.clone()).with_no_client_auth();
        let protocol: &[u8] = if version == Version::Http1 { b"http/1.1" } else { b"h2" };
        config.alpn_protocols = vec![protocol.to_vec()];
        let host = ServerName::try_from(self.host.clone()).unwrap();
        let socket = TcpStream::connect(self.address).await?;
        socket.set_nodelay(true)?;
        TlsConnector::from(Arc::new(config)).connect(host, socket).await
    }

    /// A connection that speaks this version.
    ///
    /// # Errors
    /// Nobody listens, or TLS does not come about.
    pub async fn connect(&self, version: Version) -> io::Result<Connection> {
        let io = TokioIo::new(self.raw(version).await?);
        let sender = match version {
            Version::Http1 => {
                let (sender, connection) = http1::handshake(io).await.map_err(io::Error::other)?;
                tokio::spawn(connection);
                Sender::Http1(sender)
            }
            Version::Http2 => {
                let executor = TokioExecutor::new();
                let (sender, connection) =
                    http2::handshake(executor, io).await.map_err(io::Error::other)?;
                tokio::spawn(connection);
                Sender::Http2(sender)
            }
        };
        Ok(Connection { host: self.host.clone(), sender })
    }
}

impl Connection {
    /// Another hand on the same connection, which one of HTTP/2 alone can have.
    pub fn beside(&self) -> Self {
        let Sender::Http2(sender) = &self.sender else {
            panic!("HTTP/1.1 has one request at a time")
        };
        Self { host: self.host.clone(), sender: Sender::Http2(sender.clone()) }
    }

    /// Sends a body as JSON and waits for the answer.
    ///
    /// # Errors
    /// The connection breaks before that.
    pub async fn post(&mut self, path: &str, body: impl Into<Body>) -> hyper::Result<Answer> {
        let mut request = self.request("POST", path, body.into());
        let json = HeaderValue::from_static("application/json");
        request.headers_mut().insert("content-type", json);
        self.send(request).await
    }

    /// Asks for what is there.
    ///
    /// # Errors
    /// The connection breaks before the answer has come.
    pub async fn get(&mut self, path: &str) -> hyper::Result<Answer> {
        let request = self.request("GET", path, Body::empty());
        self.send(request).await
    }

    /// Sends a request as it stands and waits for the answer.
    ///
    /// # Errors
    /// The connection breaks before that.
    pub async fn send(&mut self, request: Request<Body>) -> hyper::Result<Answer> {
        let response = match &mut self.sender {
            Sender::Http1(sender) => {
                sender.ready().await?;
                sender.send_request(request).await?
            }
            Sender::Http2(sender) => {
                sender.ready().await?;
                sender.send_request(request).await?
            }
        };
        Answer::of(response).await
    }

    fn request(&self, method: &str, path: &str, body: Body) -> Request<Body> {
        let Self { host, sender } = self;
        // The two versions name the host in different places.
        let builder = match sender {
            Sender::Http1(_) => Request::builder().uri(path).header("host", host),
            Sender::Http2(_) => Request::builder().uri(format!("https://{host}{path}")),
        };
        builder.method(method).body(body).unwrap()
    }
}

impl Answer {
    async fn of(response: Response<Incoming>) -> hyper::Result<Self> {
        let code = response.status().as_u16();
        match to_bytes(Body::new(response.into_body()), usize::MAX).await {
            Ok(body) => Ok(Self { code, body }),
            Err(problem) => Err(*problem.into_inner().downcast().unwrap()),
        }
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{:?}: {e}", self.text()))
    }
}
