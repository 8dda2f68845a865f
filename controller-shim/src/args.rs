//! The command line of the server: what can be typed, and the help that teaches it. What a Deployment
//! would want to set can also be given in the environment.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{ArgGroup, Args, Parser, ValueEnum};
use entrypoint::go_duration;

use crate::{DEFAULT_IMAGE, Delivery, Settings};

const EXAMPLES: &str = "\
Examples:
  controller-shim --self-signed
      makes its certificate, keeps it in the Secret holdpoint-tls, and keeps the
      caBundle of the MutatingWebhookConfiguration holdpoint right
  controller-shim --tls-cert /tls/tls.crt --tls-key /tls/tls.key
      serves a certificate of others, as cert-manager's

It answers POST /mutate, and GET /healthz, /readyz and /metrics, over TLS on --listen;
the last three also without TLS on --metrics-listen, for the kubelet and Prometheus.
SIGTERM drains it; a second one ends it at once.";

/// Serves the admission webhook that puts the step entrypoint into pods.
#[derive(Clone, Debug, Parser)]
#[command(name = "controller-shim", version, after_help = EXAMPLES)]
pub struct Arguments {
    /// Where to serve the webhook over TLS; an address left out means all
    #[arg(long, env = "HOLDPOINT_LISTEN", value_name = "[ADDRESS]:PORT", default_value = ":8443")]
    pub listen: Listen,
    /// Where to serve metrics and probes without TLS
    #[arg(
        long,
        env = "HOLDPOINT_METRICS_LISTEN",
        value_name = "[ADDRESS]:PORT",
        default_value = ":8080"
    )]
    pub metrics_listen: Listen,
    /// What goes into pods.
    #[command(flatten)]
    pub injection: Injection,
    /// How long to go on accepting connections after SIGTERM, until the cluster knows
    #[arg(
        long,
        env = "HOLDPOINT_SHUTDOWN_DELAY",
        value_name = "DURATION",
        default_value = "5s",
        value_parser = duration
    )]
    pub shutdown_delay: Duration,
    /// How long requests may take to end after that
    #[arg(
        long,
        env = "HOLDPOINT_DRAIN_TIMEOUT",
        value_name = "DURATION",
        default_value = "15s",
        value_parser = duration
    )]
    pub drain_timeout: Duration,
    /// How to write the log, on stdout
    #[arg(long, env = "HOLDPOINT_LOG_FORMAT", value_enum, default_value_t)]
    pub log_format: LogFormat,
    /// Where the certificate comes from.
    #[command(flatten)]
    pub certificate: Certificate,
}

/// What goes into pods.
#[derive(Clone, Debug, Args)]
pub struct Injection {
    /// The image with the entrypoint
    #[arg(long, env = "HOLDPOINT_IMAGE", value_name = "IMAGE", default_value = DEFAULT_IMAGE)]
    pub image: String,
    /// How the entrypoint comes into a pod that is none of Tekton's
    #[arg(long, env = "HOLDPOINT_DELIVERY", value_enum, default_value_t)]
    pub delivery: Delivery,
}

/// Where the certificate comes from: files, or the server itself.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "The certificate", group(ArgGroup::new("source").required(true)))]
pub struct Certificate {
    /// Make and renew it, and keep it in the cluster
    #[arg(long, group = "source")]
    pub self_signed: bool,
    /// Serve the chain of this PEM file; it is read again when it changes
    #[arg(long, value_name = "FILE", group = "source", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// Its private key, PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert", conflicts_with = "self_signed")]
    pub tls_key: Option<PathBuf>,
    /// The names of what is in the cluster.
    #[command(flatten)]
    pub names: Names,
}

/// The names of what is in the cluster; they count with `--self-signed` alone.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "With --self-signed")]
pub struct Names {
    /// The namespace of the Service and the Secret
    #[arg(long, env = "POD_NAMESPACE", value_name = "NAME", default_value = "holdpoint")]
    pub namespace: String,
    /// The Service by which the API server calls
    #[arg(long, env = "HOLDPOINT_SERVICE", value_name = "NAME", default_value = "holdpoint")]
    pub service: String,
    /// The Secret that keeps the certificate
    #[arg(long, env = "HOLDPOINT_SECRET", value_name = "NAME", default_value = "holdpoint-tls")]
    pub secret: String,
    /// The MutatingWebhookConfiguration whose caBundle is kept right
    #[arg(
        long,
        env = "HOLDPOINT_WEBHOOK_CONFIGURATION",
        value_name = "NAME",
        default_value = "holdpoint"
    )]
    pub webhook_configuration: String,
}

/// Addresses to listen on: the first that can be had is taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listen(pub Vec<SocketAddr>);

/// How the log is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For a person
    #[default]
    Text,
    /// An object a line
    Json,
}

impl From<Injection> for Settings {
    fn from(injection: Injection) -> Self {
        Self { image: injection.image, delivery: injection.delivery }
    }
}

impl FromStr for Listen {
    type Err = String;

    /// Without an address: all of both families, or of IPv4 where there is no other.
    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(port) = text.strip_prefix(':').and_then(|port| port.parse().ok()) {
            let all = [(Ipv6Addr::UNSPECIFIED, port).into(), (Ipv4Addr::UNSPECIFIED, port).into()];
            return Ok(Self(all.into()));
        }
        let address = text.parse().map_err(|_| {
            "it is :PORT or ADDRESS:PORT, as in :8443, 10.0.0.1:8443 or [::1]:8443".to_owned()
        })?;
        Ok(Self(vec![address]))
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_slice() {
            [address] => address.fmt(formatter),
            all => write!(formatter, ":{}", all.first().map_or(0, SocketAddr::port)),
        }
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    let duration = go_duration::parse(text).map_err(|error| error.to_string())?;
    duration.to_unsigned().ok_or_else(|| "it is negative; give 0s or more".to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use clap::CommandFactory as _;

    fn parsed(words: &str) -> Result<Arguments, clap::Error> {
        Arguments::try_parse_from(std::iter::once("controller-shim").chain(words.split(' ')))
    }

    #[test]
    fn the_definition_of_the_command_line_holds_together() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn a_certificate_comes_from_files_or_from_the_server_itself() {
        assert!(parsed("--self-signed").is_ok());
        assert!(parsed("--tls-cert a --tls-key b").is_ok());
        for words in [
            "--log-format json",
            "--tls-cert a",
            "--tls-key b",
            "--self-signed --tls-cert a --tls-key b",
            "--self-signed --tls-key b",
        ] {
            assert_eq!(parsed(words).unwrap_err().exit_code(), 2, "{words}");
        }
    }

    #[test]
    fn without_an_address_all_are_listened_on() {
        let addresses = |text: &str| text.parse::<Listen>().map(|listen| listen.0);
        let all = vec!["[::]:80".parse().unwrap(), "0.0.0.0:80".parse().unwrap()];
        assert_eq!(addresses(":80"), Ok(all));
        assert_eq!(addresses("127.0.0.1:0"), Ok(vec!["127.0.0.1:0".parse().unwrap()]));
        for text in ["", "80", ":", ":65536", "localhost:80", "::1:80:"] {
            assert!(addresses(text).unwrap_err().contains(":8443"), "{text}");
        }
    }

    #[test]
    fn a_duration_is_not_negative() {
        assert_eq!(duration("1m30s"), Ok(Duration::from_secs(90)));
        assert!(duration("-1s").unwrap_err().contains("0s or more"));
        assert!(duration("5").unwrap_err().contains("missing unit"));
    }
}
