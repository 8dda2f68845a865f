//! A step's container before it is started.

use std::fs;

use super::bundle::{Bundle, Mount};
use super::container::Container;
use super::image::Image;
use super::node::open;
use super::pod::{ENTRYPOINT, Pod};

/// A step that has not begun: by default user 1000 + its number, in an image with busybox.
#[derive(Debug)]
pub struct StepContainer<'a> {
    pod: &'a Pod,
    number: usize,
    flags: Vec<String>,
    command: Vec<String>,
    wrapper: Vec<String>,
    bundle: Bundle,
}

impl<'a> StepContainer<'a> {
    pub(super) fn new(pod: &'a Pod, number: usize) -> Self {
        let place = |name: &str| format!("/tekton/run/{number}/{name}");
        let wait = match number.checked_sub(1) {
            Some(before) => vec!["-wait_file".to_owned(), format!("/tekton/run/{before}/out")],
            None => ["-wait_file", "/tekton/downward/ready", "-wait_file_content"]
                .map(str::to_owned)
                .to_vec(),
        };
        let own = [
            ("-post_file", place("out")),
            ("-termination_path", "/tekton/termination".to_owned()),
            ("-step_metadata_dir", place("status")),
        ];
        let own = own.into_iter().flat_map(|(flag, value)| [flag.to_owned(), value]);
        let bundle = Bundle {
            image: pod.node().image(Image::Busybox),
            user: user_of(number),
            group: user_of(number),
            folder: "/workspace".to_owned(),
            mounts: mounts(pod, number),
            ..Bundle::default()
        };
        let (command, wrapper) = (Vec::new(), Vec::new());
        Self { pod, number, flags: wait.into_iter().chain(own).collect(), command, wrapper, bundle }
    }

    /// Runs it in this image.
    pub fn image(mut self, image: Image) -> Self {
        self.bundle.image = self.pod.node().image(image);
        self
    }

    /// Runs it as this user.
    pub fn user(mut self, user: u32) -> Self {
        (self.bundle.user, self.bundle.group) = (user, user);
        self
    }

    /// Adds flags of the entrypoint.
    pub fn flags<W: Into<String>>(mut self, words: impl IntoIterator<Item = W>) -> Self {
        self.flags.extend(words.into_iter().map(Into::into));
        self
    }

    /// The command of the step.
    pub fn command<W: Into<String>>(mut self, words: impl IntoIterator<Item = W>) -> Self {
        self.command = words.into_iter().map(Into::into).collect();
        self
    }

    /// The same, for a line of shell.
    pub fn shell(self, script: &str) -> Self {
        self.command(["/bin/sh", "-c", script])
    }

    /// A command that fails with 1 in any image.
    pub fn failing(self) -> Self {
        self.command([ENTRYPOINT, "cp", "/absent", "/workspace/absent"])
    }

    /// A command that succeeds in any image.
    pub fn succeeding(self) -> Self {
        self.command([ENTRYPOINT, "step-init"])
    }

    /// A command that goes on, in any image, until there is this file in the workspace.
    pub fn until(self, file: &str) -> Self {
        let file = format!("/workspace/{file}");
        self.command([
            ENTRYPOINT,
            "-wait_file",
            &file,
            "-entrypoint",
            ENTRYPOINT,
            "--",
            "step-init",
        ])
    }

    /// Sets a variable of the container.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.bundle.environment.push(format!("{name}={value}"));
        self
    }

    /// Makes this program PID 1; the entrypoint and its arguments are its last words.
    pub fn by<W: Into<String>>(mut self, words: impl IntoIterator<Item = W>) -> Self {
        self.wrapper = words.into_iter().map(Into::into).collect();
        self
    }

    /// Lets the container have so much memory.
    pub fn memory_limit_bytes(mut self, limit: u64) -> Self {
        self.bundle.memory_limit_bytes = Some(limit);
        self
    }

    /// Gives it a terminal.
    pub fn terminal(mut self) -> Self {
        self.bundle.terminal = true;
        self
    }

    /// Hides the processes of other users in `/proc`.
    pub fn hiding_processes(mut self) -> Self {
        self.bundle.hides_processes = true;
        self
    }

    /// Lets it make new namespaces, as a node without a seccomp profile does.
    pub fn allowing_namespaces(mut self) -> Self {
        self.bundle.refuses_namespaces = false;
        self
    }

    /// Starts it. It is not waited for.
    #[track_caller]
    pub fn start(mut self) -> Container<'a> {
        let mut words = self.wrapper;
        words.push(ENTRYPOINT.to_owned());
        words.extend(self.flags);
        let (program, arguments) = self.command.split_first().expect("a command");
        words.extend(["-entrypoint".to_owned(), program.clone(), "--".to_owned()]);
        words.extend(arguments.iter().cloned());
        self.bundle.arguments = words;
        Container::start(self.pod.node(), format!("step {}", self.number), self.bundle)
    }
}

fn user_of(number: usize) -> u32 {
    1000 + u32::try_from(number).unwrap()
}

/// What Tekton mounts into the container of this step: of the run folders only its own can be
/// written to.
fn mounts(pod: &Pod, number: usize) -> Vec<Mount> {
    let mount = |from: String, to: String, writable| Mount { from: pod.path(&from), to, writable };
    let same = |place: &str, writable| mount(place.to_owned(), format!("/{place}"), writable);
    let mut mounts: Vec<_> = (0..pod.steps())
        .map(|other| same(&format!("tekton/run/{other}"), other == number))
        .collect();
    mounts.extend(
        ["tekton/bin", "tekton/steps", "tekton/downward", "tekton/debug/scripts"]
            .map(|place| same(place, false)),
    );
    mounts.extend(["tekton/results", "workspace"].map(|place| same(place, true)));
    let creds = pod.folder(&format!("creds/{number}"));
    mounts.push(Mount { from: creds, to: "/tekton/creds".to_owned(), writable: true });
    let termination = format!("termination-{number}");
    if !pod.path(&termination).exists() {
        fs::write(pod.path(&termination), "").unwrap();
        open(&pod.path(&termination));
    }
    mounts.push(mount(termination, "/tekton/termination".to_owned(), true));
    mounts
}
