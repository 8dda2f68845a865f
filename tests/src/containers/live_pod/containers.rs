//! From a container's spec to what `runc` is told.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::super::bundle::{Bundle, Mount};
use super::super::container::Container;
use super::super::image::Image;
use super::super::node::open;
use super::super::runtime::Limits;
use super::pause::Pause;
use super::variables::expanded;
use super::{LivePod, image_of, list, text};

/// The user of the entrypoint's image; that of all others is root.
const USER_OF_IMAGE: u64 = 65532;

/// What containerd gives to a container that asks for nothing.
const CAPABILITIES: [&str; 14] = [
    "CHOWN",
    "DAC_OVERRIDE",
    "FSETID",
    "FOWNER",
    "MKNOD",
    "NET_RAW",
    "SETGID",
    "SETUID",
    "SETFCAP",
    "SETPCAP",
    "NET_BIND_SERVICE",
    "SYS_CHROOT",
    "KILL",
    "AUDIT_WRITE",
];

impl LivePod {
    pub(super) fn begin(&self, container: &Value) -> Container<'_> {
        let name = text(&container["name"]).unwrap();
        Container::start(&self.node, name.to_owned(), self.bundle(name, container))
    }

    pub(super) fn message_file(&self, name: &str) -> PathBuf {
        self.node.folder("messages").join(name)
    }

    fn bundle(&self, name: &str, container: &Value) -> Bundle {
        let variables = self.variables(container);
        let words = [&container["command"], &container["args"]].into_iter().flat_map(list);
        let arguments: Vec<_> =
            words.map(|word| expanded(text(word).unwrap(), &variables)).collect();
        assert!(!arguments.is_empty(), "{name}: the command of its image is not known here");
        let image = image_of(&container["image"]);
        let user = self.user(container, image);
        let plain = Bundle::default();
        let read_only = container["securityContext"]["readOnlyRootFilesystem"] == true;
        Bundle {
            image: self.root(image, (!read_only).then_some(plain.id.as_str())),
            user,
            group: self.security(container, "runAsGroup").map_or(0, number),
            groups: self.groups(),
            capabilities: capabilities(&container["securityContext"]["capabilities"]),
            may_gain_privileges: container["securityContext"]["allowPrivilegeEscalation"] != false,
            read_only,
            arguments,
            environment: environment(plain.environment.clone(), &variables),
            folder: text(&container["workingDir"]).unwrap_or("/").to_owned(),
            mounts: self.mounts(name, container),
            memory_limit_bytes: self.memory_limit(container),
            processes: self.pause.as_ref().map(Pause::namespace),
            ..plain
        }
    }

    /// What the container's own context says, else that of the pod.
    fn security<'a>(&'a self, container: &'a Value, field: &str) -> Option<&'a Value> {
        let contexts = [&container["securityContext"], &self.spec["securityContext"]];
        contexts.into_iter().map(|context| &context[field]).find(|value| !value.is_null())
    }

    fn user(&self, container: &Value, image: Image) -> u32 {
        let of_image = if image == Image::Entrypoint { USER_OF_IMAGE } else { 0 };
        let user = self.security(container, "runAsUser").map_or(of_image as u32, number);
        let not_root = self.security(container, "runAsNonRoot") == Some(&Value::Bool(true));
        assert!(!not_root || user != 0, "{}: it would run as root", container["name"]);
        user
    }

    fn groups(&self) -> Vec<u32> {
        let context = &self.spec["securityContext"];
        let own = Some(&context["fsGroup"]).filter(|group| !group.is_null());
        list(&context["supplementalGroups"]).iter().chain(own).map(number).collect()
    }

    /// The root of a container: a copy where it may write to it.
    fn root(&self, image: Image, copy: Option<&str>) -> PathBuf {
        let image = self.node.image(image);
        let Some(name) = copy else { return image };
        let root = self.node.folder("roots").join(name);
        let copied = Command::new("cp").arg("-a").args([&image, &root]).status().unwrap();
        assert!(copied.success());
        root
    }

    fn variables(&self, container: &Value) -> BTreeMap<String, String> {
        let mut known = BTreeMap::new();
        for variable in list(&container["env"]) {
            let field = text(&variable["valueFrom"]["fieldRef"]["fieldPath"]);
            let value = text(&variable["value"]).unwrap_or_default();
            let value = field.map_or_else(|| expanded(value, &known), |path| self.field(path));
            known.insert(text(&variable["name"]).unwrap().to_owned(), value);
        }
        known
    }

    /// The outer ones first, as the runtime has them.
    fn mounts(&self, name: &str, container: &Value) -> Vec<Mount> {
        let file = self.message_file(name);
        fs::write(&file, "").unwrap();
        open(&file);
        let path = text(&container["terminationMessagePath"]).filter(|path| !path.is_empty());
        let path = path.unwrap_or("/dev/termination-log");
        let message = Mount { from: file, to: path.to_owned(), writable: true };
        let own = list(&container["volumeMounts"]).iter().map(|mount| self.mount(mount));
        let mut mounts: Vec<_> = own.chain([message]).collect();
        mounts.sort_by_key(|mount| Path::new(&mount.to).components().count());
        mounts
    }

    /// A part of a volume is made where it is not there.
    fn mount(&self, mount: &Value) -> Mount {
        let mut from = self.volume(text(&mount["name"]).unwrap());
        if let Some(part) = text(&mount["subPath"]) {
            from.push(part);
            if !from.exists() {
                fs::create_dir_all(&from).unwrap();
                open(&from);
            }
        }
        let to = text(&mount["mountPath"]).unwrap().to_owned();
        Mount { from, to, writable: mount["readOnly"] != true }
    }

    fn memory_limit(&self, container: &Value) -> Option<u64> {
        let limit = text(&container["resources"]["limits"]["memory"])?;
        let mebibytes = limit.strip_suffix("Mi").unwrap_or_else(|| panic!("a limit of {limit}"));
        (self.node.limits == Limits::Enforced).then(|| mebibytes.parse::<u64>().unwrap() << 20)
    }
}

fn number(value: &Value) -> u32 {
    u32::try_from(value.as_u64().unwrap()).unwrap()
}

fn environment(plain: Vec<String>, variables: &BTreeMap<String, String>) -> Vec<String> {
    plain
        .into_iter()
        .chain(variables.iter().map(|(name, value)| format!("{name}={value}")))
        .collect()
}

fn capabilities(asked: &Value) -> Vec<String> {
    let drops = |name: &str| list(&asked["drop"]).iter().any(|it| it == "ALL" || it == name);
    let kept = CAPABILITIES.into_iter().filter(|name| !drops(name));
    kept.chain(list(&asked["add"]).iter().filter_map(text))
        .map(|name| format!("CAP_{name}"))
        .collect()
}
