//! What to install in a cluster, and how.

use clap::Args;
use controller_shim::{DEFAULT_IMAGE, Delivery};

use super::Format;

pub(super) const WORDS: [&str; 2] =
    ["install", "print what a cluster needs to inject pods by itself"];

pub(super) const HELP: &str = "\
Prints manifests and speaks to no cluster. The webhook injects the pods that Tekton makes, and those
that ask by the annotation holdpoint.dev/inject: \"true\". Where it is down, pods that ask are refused
and all others go in as they are. docs/install.md goes through it step by step.

Examples:
  holdpoint install | kubectl apply -f -
  holdpoint install --cert-manager --namespace ci-system | kubectl diff -f -
  holdpoint install --policy | kubectl apply -f -
  holdpoint install | kubectl delete -f -";

/// The image of the webhook that belongs to this version.
const DEFAULT_SHIM_IMAGE: &str =
    concat!("ghcr.io/holdpoint/controller-shim:", env!("CARGO_PKG_VERSION"));

/// What to install, and how.
#[derive(Clone, Debug, Args)]
pub struct InstallArguments {
    /// The namespace of the webhook; it is made, and nothing else belongs into it
    #[arg(short = 'n', long, value_name = "NAME", default_value = "holdpoint", value_parser = namespace)]
    pub namespace: String,
    /// The image with the entrypoint
    #[arg(long, value_name = "IMAGE", default_value = DEFAULT_IMAGE, value_parser = image)]
    pub image: String,
    /// The image with the webhook
    #[arg(long, value_name = "IMAGE", default_value = DEFAULT_SHIM_IMAGE, value_parser = image)]
    pub shim_image: String,
    /// How the entrypoint comes into a pod that is none of Tekton's
    #[arg(long, value_enum, default_value_t)]
    pub delivery: Delivery,
    /// Let the webhook make and renew its certificate; this is the default
    #[arg(long, conflicts_with = "cert_manager")]
    pub self_signed: bool,
    /// Let cert-manager make and renew it
    #[arg(long)]
    pub cert_manager: bool,
    /// How many webhooks share the work
    #[arg(long, value_name = "COUNT", default_value_t = 2, value_parser = clap::value_parser!(i32).range(1..))]
    pub replicas: i32,
    /// Print a MutatingAdmissionPolicy instead (Kubernetes 1.36): it gives Tekton's pods the
    /// entrypoint, and needs no webhook
    #[arg(
        long,
        conflicts_with_all = ["namespace", "shim_image", "delivery", "self_signed", "cert_manager", "replicas"]
    )]
    pub policy: bool,
    /// How to print it; json: one List
    #[arg(short = 'o', long, value_enum, default_value_t = Format::Yaml)]
    pub output: Format,
}

/// Who makes the webhook's certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Issuer {
    /// The webhook itself.
    Webhook,
    /// cert-manager.
    CertManager,
}

impl InstallArguments {
    /// Who makes the webhook's certificate.
    pub fn issuer(&self) -> Issuer {
        if self.cert_manager { Issuer::CertManager } else { Issuer::Webhook }
    }
}

/// A name that a namespace of ours can have (RFC 1123).
fn namespace(text: &str) -> Result<String, &'static str> {
    let is_inside = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let is_at_ends = !text.starts_with('-') && !text.ends_with('-');
    if text.is_empty() || text.len() > 63 || !text.chars().all(is_inside) || !is_at_ends {
        return Err("it is up to 63 of a-z, 0-9 and -, with no - at its ends");
    }
    if text == "default" || text.starts_with("kube-") {
        return Err("others have their pods there, which would not be injected; \
                    give the webhook a namespace of its own");
    }
    Ok(text.to_owned())
}

/// No name of an image has blanks or quotes; what has them was not meant as one.
fn image(text: &str) -> Result<String, &'static str> {
    let is_inside = |c: char| c.is_ascii_alphanumeric() || "./:@_-".contains(c);
    if text.is_empty() || !text.chars().all(is_inside) {
        return Err("it is the name of an image such as registry.example/entrypoint:1.0");
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_is_one_of_our_own() {
        for name in ["holdpoint", "a", "ci-2"] {
            assert_eq!(namespace(name), Ok(name.to_owned()));
        }
        for name in ["", "A", "a.b", "-a", "a-", "a b", &"a".repeat(64)] {
            assert!(namespace(name).is_err_and(|why| why.contains("a-z")), "{name}");
        }
        for name in ["default", "kube-system"] {
            assert!(namespace(name).is_err_and(|why| why.contains("of its own")), "{name}");
        }
    }

    #[test]
    fn an_image_has_a_name() {
        for name in ["busybox", DEFAULT_SHIM_IMAGE, "localhost:5000/a/b_c@sha256:12"] {
            assert_eq!(image(name), Ok(name.to_owned()));
        }
        for name in ["", "a b", "a'", "a\"", "a\n"] {
            assert!(image(name).is_err(), "{name}");
        }
    }
}
