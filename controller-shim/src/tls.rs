//! The certificate that the server shows: it can change while the server runs, and may not be there
//! yet.

use std::convert::Infallible;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use axum_server::accept::NoDelayAcceptor;
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use chrono::{DateTime, Utc};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::ResolvesServerCertUsingSni;
use tracing::info;

use crate::log::Trouble;

/// A certificate chain with its key, found to fit together.
#[derive(Clone, Debug)]
pub struct Certificate {
    config: Arc<ServerConfig>,
    validity: Validity,
}

/// From when to when a certificate can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// Its first second.
    pub begins: DateTime<Utc>,
    /// Its last second.
    pub ends: DateTime<Utc>,
}

/// Why a certificate cannot be shown.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)] // the messages say it
pub enum CertificateError {
    #[error("there is no certificate in it")]
    NoCertificate,
    #[error("the certificate is no PEM: {0}")]
    Certificate(pem::Error),
    #[error("the key is no PEM: {0}")]
    Key(pem::Error),
    #[error("the certificate is no X.509: {0}")]
    Form(String),
    #[error("the certificate and the key do not go together: {0}")]
    Pair(rustls::Error),
}

/// Why a certificate does not count now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)] // the messages say it
pub enum Invalid {
    #[error("there is no certificate yet; the log says why")]
    Missing,
    #[error("the certificate begins only at {0}")]
    TooEarly(String),
    #[error("the certificate ended at {0}")]
    Ended(String),
}

impl Certificate {
    /// Reads a chain, the server's own certificate first, and its private key; both are PEM.
    ///
    /// # Errors
    /// They cannot be read, or do not go together.
    pub fn read(chain: &[u8], key: &[u8]) -> Result<Self, CertificateError> {
        let chain: Vec<_> = CertificateDer::pem_slice_iter(chain)
            .collect::<Result<_, _>>()
            .map_err(CertificateError::Certificate)?;
        let validity = Validity::of(chain.first().ok_or(CertificateError::NoCertificate)?)?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(CertificateError::Key)?;
        let mut config = ServerConfig::builder_with_provider(ring::default_provider().into())
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
            .map_err(CertificateError::Pair)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self { config: Arc::new(config), validity })
    }

    /// From when to when it can be used.
    pub fn validity(&self) -> Validity {
        self.validity
    }
}

impl Validity {
    fn of(certificate: &CertificateDer<'_>) -> Result<Self, CertificateError> {
        let form = |problem: &dyn ToString| CertificateError::Form(problem.to_string());
        let (_, read) = x509_parser::parse_x509_certificate(certificate).map_err(|e| form(&e))?;
        let time = |seconds| DateTime::from_timestamp(seconds, 0).ok_or_else(|| form(&"its times"));
        let validity = read.validity();
        let (begins, ends) = (validity.not_before.timestamp(), validity.not_after.timestamp());
        Ok(Self { begins: time(begins)?, ends: time(ends)? })
    }

    /// Whether it counts at this time.
    ///
    /// # Errors
    /// It does not.
    pub fn check(&self, now: DateTime<Utc>) -> Result<(), Invalid> {
        if now < self.begins {
            Err(Invalid::TooEarly(text(self.begins)))
        } else if now > self.ends {
            Err(Invalid::Ended(text(self.ends)))
        } else {
            Ok(())
        }
    }
}

/// A time as the log shows it.
pub(crate) fn text(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

/// What the server shows now.
#[derive(Debug)]
pub struct Shown {
    config: RustlsConfig,
    validity: RwLock<Option<Validity>>,
}

impl Shown {
    /// Nothing yet: no handshake comes to its end.
    ///
    /// # Errors
    /// TLS cannot be had at all.
    pub fn nothing() -> Result<Self, rustls::Error> {
        let config = ServerConfig::builder_with_provider(ring::default_provider().into())
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(ResolvesServerCertUsingSni::new()));
        let config = RustlsConfig::from_config(Arc::new(config));
        Ok(Self { config, validity: RwLock::new(None) })
    }

    /// Shows this one to whoever connects from now on.
    pub fn show(&self, certificate: Certificate) {
        self.config.reload_from_config(certificate.config);
        let mut validity = self.validity.write().unwrap_or_else(PoisonError::into_inner);
        *validity = Some(certificate.validity);
        info!(ends = text(certificate.validity.ends), "serves a certificate");
    }

    /// Whether what it shows counts at this time.
    ///
    /// # Errors
    /// It does not, or there is nothing to show yet.
    pub fn check(&self, now: DateTime<Utc>) -> Result<(), Invalid> {
        self.validity().ok_or(Invalid::Missing)?.check(now)
    }

    /// When what it shows ends.
    pub fn ends(&self) -> Option<DateTime<Utc>> {
        self.validity().map(|validity| validity.ends)
    }

    /// What makes TLS of the server's connections.
    pub fn acceptor(&self) -> RustlsAcceptor<NoDelayAcceptor> {
        RustlsAcceptor::new(self.config.clone()).acceptor(NoDelayAcceptor::new())
    }

    fn validity(&self) -> Option<Validity> {
        *self.validity.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The files of a certificate and its key.
#[derive(Clone, Debug)]
pub struct Files {
    /// The chain, PEM.
    pub certificate: PathBuf,
    /// The private key, PEM.
    pub key: PathBuf,
}

/// How often [`Files::follow`] looks. The kubelet takes a minute to bring a new Secret, so that looking
/// at two small files is quick enough, and it needs nothing of the system that may be used up.
pub const LOOK_EVERY: Duration = Duration::from_secs(5);

/// What the files hold.
type Content = [Vec<u8>; 2];

impl Files {
    /// Shows what the files hold, and does so again whenever it changes. While they hold nothing that
    /// can be shown, what was shown last stays, and the log says why, once.
    pub async fn follow(&self, shown: &Shown, every: Duration) -> Infallible {
        let mut trouble = Trouble::default();
        let mut current = None;
        loop {
            match self.look(current.as_ref(), shown).await {
                Ok(None) => trouble.is_over("the certificate's files are in order again"),
                Ok(Some((content, certificate))) => {
                    trouble.is_over("the certificate's files are in order again");
                    shown.show(certificate);
                    current = Some(content);
                }
                Err(problem) => trouble.is(problem),
            }
            tokio::time::sleep(every).await;
        }
    }

    /// What the files hold, where it is something else than what is shown.
    async fn look(
        &self,
        current: Option<&Content>,
        shown: &Shown,
    ) -> Result<Option<(Content, Certificate)>, String> {
        let content = [read(&self.certificate).await?, read(&self.key).await?];
        let unusable = |problem: &dyn fmt::Display| {
            format!("{} and {}: {problem}", self.certificate.display(), self.key.display())
        };
        if current == Some(&content) {
            return shown.check(Utc::now()).map(|()| None).map_err(|problem| unusable(&problem));
        }
        let certificate = Certificate::read(&content[0], &content[1]);
        let certificate = certificate.map_err(|problem| unusable(&problem))?;
        certificate.validity.check(Utc::now()).map_err(|problem| unusable(&problem))?;
        Ok(Some((content, certificate)))
    }
}

async fn read(path: &Path) -> Result<Vec<u8>, String> {
    tokio::fs::read(path).await.map_err(|error| format!("{}: {error}", path.display()))
}
