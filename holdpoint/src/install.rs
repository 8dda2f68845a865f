//! `holdpoint install`: the manifests of the webhook, or of the policy that stands in for a part of
//! it, for `kubectl apply -f -`. Options become objects, and objects text; no cluster is asked.

mod certificates;
mod conditions;
mod metadata;
mod permissions;
mod policy;
mod service;
mod webhook;
mod workload;

use serde_json::{Value, json};

use crate::args::{Format, InstallArguments, Issuer};
use crate::error::Error;
use crate::exit::Exit;
use crate::inject;
use crate::print_text;

/// Prints what is to be applied.
pub fn install(arguments: &InstallArguments) -> Result<Exit, Error> {
    let objects = objects(arguments);
    let text = match arguments.output {
        Format::Yaml => inject::yaml(&objects),
        Format::Json => inject::json(&list(objects)),
    };
    print_text(&text)?;
    Ok(Exit::Success)
}

/// The objects, in the order in which they are to be made: the API server calls the webhook from the
/// moment that the last one is there.
fn objects(arguments: &InstallArguments) -> Vec<Value> {
    if arguments.policy {
        return policy::objects(&arguments.image);
    }
    let namespace = &arguments.namespace;
    let mut objects = vec![metadata::namespace(namespace)];
    match arguments.issuer() {
        Issuer::Webhook => objects.extend(permissions::objects(namespace)),
        Issuer::CertManager => {
            objects.push(permissions::service_account(namespace));
            objects.extend(certificates::objects(namespace));
        }
    }
    objects.extend([
        service::service(namespace),
        workload::deployment(arguments),
        workload::disruption_budget(namespace),
        webhook::configuration(arguments),
    ]);
    objects
}

fn list(items: Vec<Value>) -> Value {
    json!({ "apiVersion": "v1", "kind": "List", "items": items })
}
