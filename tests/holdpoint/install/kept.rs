//! The copies in `controller-shim/deploy`, for those who would rather read or kustomize than install
//! a command. With `KEEP_MANIFESTS=1` they are written anew.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use super::{install, objects};

const COPIES: [(&str, &[&str]); 3] = [
    ("self-signed.yaml", &["--self-signed"]),
    ("cert-manager.yaml", &["--cert-manager"]),
    ("policy.yaml", &["--policy"]),
];

fn folder() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "..", "controller-shim", "deploy"].iter().collect()
}

#[test]
fn the_copies_are_what_is_printed() {
    for (name, options) in COPIES {
        let (path, printed) = (folder().join(name), install(options).ended_with(0));
        if std::env::var_os("KEEP_MANIFESTS").is_some() {
            fs::write(&path, &printed).unwrap();
        }
        let copy = fs::read_to_string(&path).unwrap_or_default();
        let hint = "KEEP_MANIFESTS=1 writes it anew";
        assert!(copy == printed, "{} is not what is printed; {hint}", path.display());
    }
    let mut there: Vec<_> =
        fs::read_dir(folder()).unwrap().map(|it| it.unwrap().file_name()).collect();
    there.retain(|name| name != "kustomization.yaml");
    assert_eq!(there.len(), COPIES.len(), "{there:?}");
}

#[test]
fn a_certificate_of_its_own_is_the_default() {
    assert_eq!(install(&[]).ended_with(0), install(&["--self-signed"]).ended_with(0));
}

/// Kustomize has a parser of YAML of its own, and knows which objects belong together.
#[test]
fn kustomize_takes_them() {
    let Ok(told) = Command::new("kubectl").arg("kustomize").arg(folder()).output() else {
        return holdpoint_tests::skip("there is no kubectl");
    };
    let text = String::from_utf8(told.stdout).unwrap();
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    let home = crate::runner::Home::new();
    home.file("built.yaml", &text);
    // Where there is nothing to inject all is printed as it came, as JSON if so asked.
    let json = home.verb(&["inject", "-f", "built.yaml", "-o", "json"]).ended_with(0);
    let built: Result<Vec<Value>, _> =
        serde_json::Deserializer::from_str(&json).into_iter().collect();
    let (mut built, mut printed) = (built.unwrap(), objects(&[]));
    let key = |object: &Value| format!("{} {}", object["kind"], object["metadata"]["name"]);
    built.sort_by_key(key);
    printed.sort_by_key(key);
    assert_eq!(built, printed);
}
