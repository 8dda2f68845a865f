//! The volumes of a pod, each a folder of the machine.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::PathBuf;

use serde_json::Value;

use super::super::downward;
use super::{LivePod, image_of, list, text};

/// What is mounted for other things than these is not what is tried here.
const LEFT_EMPTY: [&str; 3] = ["projected", "secret", "configMap"];

impl LivePod {
    /// Where the machine has this volume.
    pub(super) fn volume(&self, name: &str) -> PathBuf {
        let volumes = list(&self.spec["volumes"]);
        let volume = volumes.iter().find(|volume| volume["name"] == name);
        let volume = volume.unwrap_or_else(|| panic!("no volume {name}"));
        match &volume["image"] {
            Value::Null => self.node.path(&format!("volumes/{name}")),
            image => self.node.image(image_of(&image["reference"])),
        }
    }

    /// The value of a field of the pod.
    pub(super) fn field(&self, path: &str) -> String {
        let annotation = path.strip_prefix("metadata.annotations['");
        let annotation = annotation.and_then(|it| it.strip_suffix("']"));
        let name = annotation.unwrap_or_else(|| panic!("a field that is not known here: {path}"));
        self.annotations.borrow().get(name).cloned().unwrap_or_default()
    }
}

/// Makes them.
pub(super) fn make(pod: &LivePod) {
    for volume in list(&pod.spec["volumes"]) {
        let name = text(&volume["name"]).unwrap();
        let is = |kind: &&str| !volume[*kind].is_null();
        if is(&"emptyDir") {
            let folder = pod.node.folder(&format!("volumes/{name}"));
            give_to_group(pod, &folder);
        } else if is(&"downwardAPI") || LEFT_EMPTY.iter().any(is) {
            pod.node.folder(&format!("volumes/{name}"));
        } else {
            assert!(is(&"image"), "a volume that is not known here: {volume}");
        }
    }
    update(pod);
}

/// Writes what fields of the pod are now.
pub(super) fn update(pod: &LivePod) {
    for volume in list(&pod.spec["volumes"]) {
        let items = list(&volume["downwardAPI"]["items"]);
        let file = |item: &Value| {
            let field = text(&item["fieldRef"]["fieldPath"]).unwrap();
            (text(&item["path"]).unwrap().to_owned(), pod.field(field))
        };
        let files: BTreeMap<_, _> = items.iter().map(file).collect();
        if !files.is_empty() {
            let folder = pod.volume(text(&volume["name"]).unwrap());
            downward::write(
                &folder,
                files.iter().map(|(name, text)| (name.as_str(), text.as_str())),
            );
        }
    }
}

/// With an `fsGroup` all that is made in the folder belongs to that group.
fn give_to_group(pod: &LivePod, folder: &std::path::Path) {
    if let Some(group) = pod.spec["securityContext"]["fsGroup"].as_u64() {
        chown(folder, None, Some(u32::try_from(group).unwrap())).unwrap();
        fs::set_permissions(folder, fs::Permissions::from_mode(0o2777)).unwrap();
    }
}
