//! The names that kubectl finds this program by, and the manifest that installs them.

use std::ffi::OsString;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use holdpoint::args::{Arguments, reference};
use holdpoint::program::Program;
use holdpoint_tests::skipped_without;
use serde_json::Value;

use crate::cluster::setting::Setting;
use crate::runner::{Finished, Running, binary};

/// A file of the project.
fn project(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The links that `just install-plugin` makes.
fn links() -> Vec<String> {
    let recipes = project(".justfile");
    let lines = recipes.lines().filter_map(|line| line.trim().strip_prefix("ln -sf holdpoint "));
    lines.map(|link| link.trim_matches('\'').rsplit('/').next().unwrap().to_owned()).collect()
}

fn installed(setting: &Setting) -> PathBuf {
    let folder = setting.home.path("bin");
    std::fs::create_dir_all(&folder).unwrap();
    symlink(binary(), folder.join("holdpoint")).unwrap();
    links().iter().for_each(|link| symlink("holdpoint", folder.join(link)).unwrap());
    folder
}

/// Runs kubectl with the plugin on its PATH.
fn kubectl(setting: &Setting, words: &[&str]) -> Finished {
    let path = format!("{}:{}", installed(setting).display(), std::env::var("PATH").unwrap());
    let mut command = Command::new("kubectl");
    command.env("PATH", path).env("KUBECONFIG", setting.api.kubeconfig());
    Running::start(setting.home.here(command, words)).finish()
}

#[test]
fn both_names_are_linked() {
    assert_eq!(links(), ["kubectl-holdpoint", "kubectl_complete-holdpoint"]);
}

#[test]
fn kubectl_starts_the_plugin() {
    if skipped_without("kubectl") {
        return;
    }
    let setting = Setting::held();
    let told = kubectl(&setting, &["holdpoint", "status", "pod/one"]).ended_with(0);
    assert!(told.ends_with("next: kubectl holdpoint retry pod/one -n default\n"), "{told}");
}

#[test]
fn kubectl_completes_its_words() {
    if skipped_without("kubectl") {
        return;
    }
    let setting = Setting::held();
    let told = kubectl(&setting, &["__complete", "holdpoint", "retry", "pod/"]).ended_with(0);
    assert_eq!(told.lines().collect::<Vec<_>>(), ["pod/one", ":4"], "{told}");
}

#[test]
fn the_manifest_of_krew_has_its_fields() {
    let manifest = manifest();
    assert_eq!(manifest["apiVersion"], "krew.googlecontainertools.github.com/v1alpha2");
    assert_eq!(
        (&manifest["kind"], &manifest["metadata"]["name"]),
        (&"Plugin".into(), &"holdpoint".into())
    );
    let spec = &manifest["spec"];
    assert_eq!(spec["version"], "v0.1.0");
    assert!(spec["homepage"].as_str().unwrap().starts_with("https://"));
    let short = spec["shortDescription"].as_str().unwrap();
    assert!(short.len() <= 50 && !short.ends_with('.'), "{short}");
    assert!(spec["description"].as_str().unwrap().lines().count() > 1);
    let platforms = spec["platforms"].as_array().unwrap();
    for (platform, arch) in platforms.iter().zip(["amd64", "arm64"]) {
        assert_eq!(platform["selector"]["matchLabels"]["os"], "linux");
        assert_eq!(platform["selector"]["matchLabels"]["arch"], arch);
        let uri = platform["uri"].as_str().unwrap();
        assert!(uri.ends_with(&format!("/v0.1.0/holdpoint-linux-{arch}.tar.gz")), "{uri}");
        assert_eq!(platform["sha256"].as_str().unwrap().len(), 64);
        let copied: Vec<_> =
            platform["files"].as_array().unwrap().iter().map(|it| &it["from"]).collect();
        assert!(copied.contains(&&platform["bin"]), "{platform}");
    }
    assert_eq!(platforms.len(), 2);
}

/// The manifest as a release fills it in.
fn manifest() -> Value {
    let template = project(".krew.yaml");
    let filled = template.lines().map(|line| match line.trim().strip_prefix("{{addURIAndSha \"") {
        Some(rest) => {
            let uri = rest.split('"').next().unwrap();
            let indent = &line[..line.find('{').unwrap()];
            format!("{indent}uri: {uri}\n{indent}sha256: {}\n", "a".repeat(64))
        }
        None => format!("{line}\n"),
    });
    let text = filled.collect::<String>().replace("{{ .TagName }}", "v0.1.0");
    let setting = crate::runner::Home::new();
    let file = setting.file("krew.yaml", &text);
    let words = ["inject", "-o", "json", "-f", file.to_str().unwrap()];
    setting.verb(&words).json()
}

#[test]
fn the_walk_through_a_repair_can_be_typed() {
    let walk = project("docs/debugging.md");
    let typed = walk.lines().flat_map(|line| line.split('`')).map(str::trim);
    let typed = typed.filter_map(|part| part.strip_prefix("kubectl holdpoint "));
    let typed: Vec<_> = typed.filter(|words| !words.contains(" for ")).collect();
    assert!(typed.len() > 10, "{typed:?}");
    for words in typed {
        let words = format!("kubectl-holdpoint {words}");
        let words = words.split(' ').map(OsString::from).collect();
        let read = Arguments::read(words, Program::Plugin);
        assert!(read.is_ok(), "{:?}", read.map_err(|error| error.to_string()));
    }
}

#[test]
fn the_reference_of_commands_is_up_to_date() {
    let (kept, made) = (project("docs/commands.md"), reference());
    let differs = kept.lines().zip(made.lines()).find(|(kept, made)| kept != made);
    assert_eq!(differs, None, "`just docs` makes docs/commands.md again");
    assert_eq!(kept.len(), made.len(), "`just docs` makes docs/commands.md again");
}
