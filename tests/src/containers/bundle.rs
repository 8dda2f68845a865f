//! What `runc` is told of a container: a `config.json` as a kubelet and containerd have it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

/// Paths that containerd hides, and such as it lets nobody write to.
const MASKED: [&str; 9] = [
    "/proc/acpi",
    "/proc/asound",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/proc/sched_debug",
    "/proc/scsi",
];
const READ_ONLY: [&str; 5] =
    ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

/// The namespace flags of `clone` that containerd's profile refuses.
const NAMESPACE_FLAGS: u64 = 0x7e02_0000;

/// A folder of the machine in the container.
#[derive(Clone, Debug)]
pub(super) struct Mount {
    pub(super) from: PathBuf,
    pub(super) to: String,
    pub(super) writable: bool,
}

/// A container that has not been started.
#[derive(Clone, Debug)]
pub(super) struct Bundle {
    pub(super) id: String,
    pub(super) image: PathBuf,
    pub(super) user: u32,
    pub(super) group: u32,
    pub(super) groups: Vec<u32>,
    pub(super) capabilities: Vec<String>,
    /// Whether a program may have more rights than the one that starts it.
    pub(super) may_gain_privileges: bool,
    pub(super) read_only: bool,
    pub(super) arguments: Vec<String>,
    pub(super) environment: Vec<String>,
    pub(super) folder: String,
    pub(super) mounts: Vec<Mount>,
    pub(super) terminal: bool,
    pub(super) memory_limit_bytes: Option<u64>,
    /// The namespace with the processes of other containers; one of its own without.
    pub(super) processes: Option<PathBuf>,
    /// Whether processes of other users are hidden in `/proc`.
    pub(super) hides_processes: bool,
    /// Whether new namespaces are refused, as containerd's profile does.
    pub(super) refuses_namespaces: bool,
}

impl Default for Bundle {
    fn default() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        Self {
            id: format!("holdpoint-{}-{count}", std::process::id()),
            image: PathBuf::new(),
            user: 0,
            group: 0,
            groups: Vec::new(),
            capabilities: Vec::new(),
            may_gain_privileges: false,
            read_only: true,
            arguments: Vec::new(),
            environment: vec!["PATH=/usr/bin:/bin".to_owned()],
            folder: "/".to_owned(),
            mounts: Vec::new(),
            terminal: false,
            memory_limit_bytes: None,
            processes: None,
            hides_processes: false,
            refuses_namespaces: true,
        }
    }
}

impl Bundle {
    /// Writes `config.json` into this folder, and makes the places of mounts in the image: a root that
    /// is read-only has them already.
    pub(super) fn write(&self, folder: &Path) {
        for mount in &self.mounts {
            let place = self.image.join(mount.to.trim_start_matches('/'));
            if mount.from.is_dir() {
                fs::create_dir_all(&place).unwrap();
            } else if !place.exists() {
                fs::create_dir_all(place.parent().unwrap()).unwrap();
                fs::write(&place, "").unwrap();
            }
        }
        fs::set_permissions(&self.image, fs::Permissions::from_mode(0o755)).unwrap();
        fs::write(folder.join("config.json"), self.config().to_string()).unwrap();
    }

    /// `runc`, which keeps its own files in this folder.
    pub(super) fn runc(&self, state: &Path) -> Command {
        let mut runc = Command::new("runc");
        runc.arg("--root").arg(state);
        runc
    }

    fn config(&self) -> Value {
        // No cgroup namespace, and no rlimits: not every machine lets its root have them.
        let own = ["network", "ipc", "uts", "mount"].map(|name| json!({"type": name}));
        let processes = match &self.processes {
            Some(path) => json!({"type": "pid", "path": path}),
            None => json!({"type": "pid"}),
        };
        let namespaces: Vec<_> = own.into_iter().chain([processes]).collect();
        let mut config = json!({
            "ociVersion": "1.0.2",
            "process": {
                "terminal": self.terminal,
                "user": {"uid": self.user, "gid": self.group, "additionalGids": self.groups},
                "args": self.arguments,
                "env": self.environment,
                "cwd": self.folder,
                "capabilities": self.capabilities(),
                "noNewPrivileges": !self.may_gain_privileges,
            },
            "root": {"path": self.image, "readonly": self.read_only},
            "hostname": "pod",
            "mounts": self.mounts(),
            "linux": {
                "cgroupsPath": format!("/{}", self.id),
                "namespaces": namespaces,
                "maskedPaths": MASKED,
                "readonlyPaths": READ_ONLY,
            },
        });
        if let Some(limit) = self.memory_limit_bytes {
            config["linux"]["resources"] = json!({"memory": {"limit": limit, "swap": limit}});
        }
        if self.refuses_namespaces {
            config["linux"]["seccomp"] = without_namespaces();
        }
        config
    }

    /// Another user than root has them only to be given by a program.
    fn capabilities(&self) -> Value {
        let bounding = &self.capabilities;
        let held: &[String] = if self.user == 0 { bounding } else { &[] };
        json!({"bounding": bounding, "effective": held, "permitted": held})
    }

    /// Where the machine has what the container sees at this path.
    pub(super) fn on_machine(&self, path: &str) -> Option<PathBuf> {
        let below =
            |mount: &Mount| Some(mount.from.join(Path::new(path).strip_prefix(&mount.to).ok()?));
        let innermost =
            self.mounts.iter().max_by_key(|it| (Path::new(path).starts_with(&it.to), it.to.len()));
        innermost.and_then(below)
    }

    /// The post file of its step, where it is one.
    pub(super) fn post_file(&self) -> Option<&str> {
        let own = self.arguments.iter().take_while(|word| *word != "--");
        let words: Vec<_> = own.collect();
        let last = words.iter().rposition(|word| *word == "-post_file")?;
        words.get(last + 1).map(|path| path.as_str())
    }

    fn mounts(&self) -> Value {
        let hidden = if self.hides_processes { "hidepid=2" } else { "hidepid=0" };
        let system = [
            ("/proc", "proc", vec!["nosuid", "noexec", "nodev", hidden]),
            ("/dev", "tmpfs", vec!["nosuid", "strictatime", "mode=755", "size=65536k"]),
            (
                "/dev/pts",
                "devpts",
                vec!["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"],
            ),
            ("/sys", "sysfs", vec!["nosuid", "noexec", "nodev", "ro"]),
        ];
        let system = system.into_iter().map(|(place, kind, options)| {
            json!({"destination": place, "type": kind, "source": kind, "options": options})
        });
        let bound = self.mounts.iter().map(|mount| {
            let access = if mount.writable { "rw" } else { "ro" };
            let options = ["rbind", "rprivate", access];
            json!({"destination": mount.to, "type": "bind", "source": mount.from, "options": options})
        });
        system.chain(bound).collect()
    }
}

/// What containerd's profile refuses to a container without CAP_SYS_ADMIN, as far as it matters here.
fn without_namespaces() -> Value {
    let refused = |names: &[&str], errno: i32| json!({"names": names, "action": "SCMP_ACT_ERRNO", "errnoRet": errno});
    let mut clone = refused(&["clone"], 1);
    // Bit by bit: a rule compares whole masks.
    let flags = (0..64).map(|bit| 1_u64 << bit).filter(|flag| NAMESPACE_FLAGS & flag != 0);
    let clones = flags.map(|flag| {
        clone["args"] =
            json!([{"index": 0, "value": flag, "valueTwo": flag, "op": "SCMP_CMP_MASKED_EQ"}]);
        clone.clone()
    });
    let mut rules: Vec<_> = clones.collect();
    rules.push(refused(&["unshare", "setns", "mount", "umount2", "pivot_root"], 1));
    rules.push(refused(&["clone3"], 38));
    json!({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": rules})
}
