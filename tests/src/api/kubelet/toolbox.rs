//! What a kubelet says of ephemeral containers.

use serde_json::{Value, json};

use crate::api::place::Place;
use crate::api::store::Store;

/// An image that cannot be pulled.
pub const NO_IMAGE: &str = "example.com/no/such:image";

const STATUSES: &str = "ephemeralContainerStatuses";

/// Says of each new one that it is up, or why it is not.
pub(super) fn start(store: &Store, place: &Place, pod: &Value) {
    let containers = pod["spec"]["ephemeralContainers"].as_array().into_iter().flatten();
    let is_known = |name: &Value| {
        let mut statuses = pod["status"][STATUSES].as_array().into_iter().flatten();
        statuses.any(|status| status["name"] == *name)
    };
    let new: Vec<_> = containers.filter(|it| !is_known(&it["name"])).map(status).collect();
    if !new.is_empty() {
        store.edit(place, |pod| {
            let known = pod["status"][STATUSES].as_array().cloned().unwrap_or_default();
            pod["status"][STATUSES] = json!([known, new].concat());
        });
    }
}

/// Says that one has ended.
pub(super) fn tell_end(store: &Store, [namespace, pod]: &[String; 2], name: &str, code: i32) {
    let place = Place::parse(&format!("/api/v1/namespaces/{namespace}/pods/{pod}")).unwrap();
    store.edit(&place, |pod| {
        let statuses = pod["status"][STATUSES].as_array_mut().into_iter().flatten();
        for status in statuses.filter(|status| status["name"] == name) {
            status["state"] = json!({"terminated": {"exitCode": code}});
        }
    });
}

fn status(container: &Value) -> Value {
    let state = match container["image"].as_str() {
        Some(NO_IMAGE) => json!({"waiting": {"reason": "ErrImagePull", "message": "not found"}}),
        _ => json!({"running": {}}),
    };
    let image = &container["image"];
    json!({
        "name": container["name"], "image": image, "imageID": "", "ready": false, "restartCount": 0,
        "state": state,
    })
}
