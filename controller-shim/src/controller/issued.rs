//! A certificate of our own with the authority that signed it.
//!
//! Each has a new authority, whose key is forgotten at once: what the cluster trusts then can sign
//! nothing more.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, date_time_ymd,
};
use x509_parser::extensions::GeneralName;
use x509_parser::pem::parse_x509_pem;

use crate::tls::{Certificate, CertificateError, Validity, text};

/// How long a certificate counts. It is renewed when two thirds of that are over.
const LIFETIME: TimeDelta = TimeDelta::days(90);

/// Clocks of a cluster differ: it counts from a little earlier.
const EARLIER: TimeDelta = TimeDelta::hours(1);

/// The end of each certificate in PEM.
const PEM_END: &str = "-----END CERTIFICATE-----\n";

/// A certificate with its key and authority, all PEM.
#[derive(Clone, PartialEq, Eq)]
pub struct Issued {
    /// The authority, and behind it the one before, by which other replicas may still serve.
    pub authorities: String,
    /// The certificate.
    pub certificate: String,
    /// Its private key.
    pub key: String,
}

/// Why what is kept cannot be served.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)] // the messages say it
pub enum Flaw {
    #[error("it has no {0}")]
    Missing(&'static str),
    #[error("{0}")]
    Certificate(#[from] CertificateError),
    #[error("it is not for {0}")]
    Host(String),
    #[error("its authority has not signed its certificate")]
    Authority,
}

/// Makes an authority and a certificate for these names; `previous` is the authority until now.
///
/// # Errors
/// A name can be in no certificate.
pub fn issue(
    hosts: &[String],
    now: DateTime<Utc>,
    previous: Option<&str>,
) -> Result<Issued, rcgen::Error> {
    // Each with a name of its own: a certificate that has the name of its issuer looks self-signed.
    let mut authority = params(&format!("holdpoint authority of {}", text(now)), Vec::new(), now)?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate()?)?;
    let mut certificate = params("holdpoint", hosts.to_owned(), now)?;
    certificate.use_authority_key_identifier_extension = true;
    certificate.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    certificate.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let key = KeyPair::generate()?;
    Ok(Issued {
        authorities: authority.pem() + previous.unwrap_or_default(),
        certificate: certificate.signed_by(&key, &authority)?.pem(),
        key: key.serialize_pem(),
    })
}

fn params(
    name: &str,
    hosts: Vec<String>,
    now: DateTime<Utc>,
) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(hosts)?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    let time = |time: DateTime<Utc>| {
        let seconds = u64::try_from(time.timestamp()).unwrap_or_default();
        date_time_ymd(1970, 1, 1) + Duration::from_secs(seconds)
    };
    params.not_before = time(now - EARLIER);
    params.not_after = time(now + LIFETIME);
    Ok(params)
}

impl fmt::Debug for Issued {
    /// Without the key.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Issued")
            .field("certificate", &self.certificate)
            .finish_non_exhaustive()
    }
}

impl Issued {
    /// The certificate, ready to be served under these names.
    ///
    /// # Errors
    /// It cannot be.
    pub fn check(&self, hosts: &[String]) -> Result<Certificate, Flaw> {
        let certificate = Certificate::read(self.certificate.as_bytes(), self.key.as_bytes())?;
        let form = |error: &dyn ToString| CertificateError::Form(error.to_string());
        let (_, pem) = parse_x509_pem(self.certificate.as_bytes()).map_err(|e| form(&e))?;
        let x509 = pem.parse_x509().map_err(|e| form(&e))?;
        let names = x509.subject_alternative_name().map_err(|e| form(&e))?;
        let names = names.map_or(&[][..], |names| names.value.general_names.as_slice());
        let is_missing = |host: &&String| !names.contains(&GeneralName::DNSName(host));
        if let Some(host) = hosts.iter().find(is_missing) {
            return Err(Flaw::Host(host.clone()));
        }
        let (_, authority) =
            parse_x509_pem(self.authorities.as_bytes()).map_err(|_| Flaw::Authority)?;
        let authority = authority.parse_x509().map_err(|_| Flaw::Authority)?;
        let signed = x509.verify_signature(Some(authority.public_key()));
        signed.map_err(|_| Flaw::Authority).map(|()| certificate)
    }

    /// The authority that signed this certificate, without the one before.
    pub fn authority(&self) -> Option<&str> {
        let first = self.authorities.split_inclusive(PEM_END).next()?;
        parse_x509_pem(first.as_bytes()).ok()?.1.parse_x509().ok().map(|_| first)
    }
}

/// Whether it is time for the next one.
pub fn is_due(validity: Validity, now: DateTime<Utc>) -> bool {
    now > validity.begins + (validity.ends - validity.begins) * 2 / 3
}
