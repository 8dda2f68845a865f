//! The images that `just images` has built: small, without a shell, and no one's but their user's.
//! Building them takes minutes, so that where they are not there these tests say so.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use holdpoint_tests::skip;
use serde_json::{Value, json};
use tempfile::TempDir;

/// What a node is asked to pull before the first pod.
const LARGEST_ENTRYPOINT_BYTES: u64 = 5 << 20;

/// An image, unpacked.
struct Image {
    folder: TempDir,
    config: Value,
}

impl Image {
    /// The newest that was built; none, with a word, where none was.
    fn built(name: &str) -> Option<Self> {
        let archive = images().join(format!("{name}.tar"));
        if !archive.is_file() {
            skip(&format!("`just images` has built no {name}.tar"));
            return None;
        }
        let folder = TempDir::new().unwrap();
        let (layout, root) = (folder.path().join("layout"), folder.path().join("root"));
        unpack(&archive, &layout);
        let blob =
            |digest: &Value| layout.join("blobs").join(digest.as_str().unwrap().replace(':', "/"));
        let read =
            |path: PathBuf| -> Value { serde_json::from_slice(&fs::read(path).unwrap()).unwrap() };
        let index = read(layout.join("index.json"));
        let manifest = read(blob(&index["manifests"][0]["digest"]));
        for layer in manifest["layers"].as_array().unwrap() {
            unpack(&blob(&layer["digest"]), &root);
        }
        Some(Self { config: read(blob(&manifest["config"]["digest"])), folder })
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("root")
    }

    /// All files, as seen from its root, with their sizes.
    fn files(&self) -> Vec<(PathBuf, u64)> {
        let root = self.root();
        let mut folders = vec![root.clone()];
        let mut files = Vec::new();
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let size = path.metadata().unwrap().len();
                    files.push((path.strip_prefix(&root).unwrap().to_owned(), size));
                }
            }
        }
        files
    }

    /// Runs what it runs, with nothing but its own files and as its own user; none where only root
    /// could do so.
    fn run(&self, argument: &str) -> Option<String> {
        let program = self.config["config"]["Entrypoint"][0].as_str().unwrap();
        let mut chroot = Command::new("chroot");
        chroot.arg("--userspec=65532:65532").arg(self.root()).args([program, argument]);
        let told = chroot.output().unwrap();
        let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if said(&told.stderr).contains("Operation not permitted") {
            skip("only root may change the root folder");
            return None;
        }
        assert!(told.status.success(), "{}", said(&told.stderr));
        Some(said(&told.stdout) + &said(&told.stderr))
    }
}

fn images() -> PathBuf {
    let program = Path::new(env!("CARGO_BIN_EXE_bill-of-materials"));
    program.ancestors().nth(2).unwrap().join("images")
}

/// A tar, compressed or not.
fn unpack(archive: &Path, into: &Path) {
    fs::create_dir_all(into).unwrap();
    let told = Command::new("tar").arg("xf").arg(archive).arg("-C").arg(into).output().unwrap();
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
}

fn check(name: &str, program: &str) -> Option<Image> {
    let image = Image::built(name)?;
    let files: Vec<_> = image.files().into_iter().map(|(path, _)| path).collect();
    assert_eq!(
        files,
        [Path::new(program.trim_start_matches('/'))],
        "no shell, no library, no file more"
    );
    let config = &image.config["config"];
    assert_eq!(
        (&config["User"], &config["Entrypoint"]),
        (&json!("65532:65532"), &json!([program]))
    );
    let label = |key: &str| config["Labels"][format!("org.opencontainers.image.{key}")].clone();
    assert_eq!(label("version"), env!("CARGO_PKG_VERSION"));
    assert_eq!(label("licenses"), env!("CARGO_PKG_LICENSE"));
    assert_eq!(label("source"), env!("CARGO_PKG_REPOSITORY"));
    for key in ["title", "description", "revision"] {
        assert!(label(key).as_str().is_some_and(|text| !text.is_empty()), "{key}");
    }
    let bill = fs::read(images().join(format!("{name}.cdx.json"))).unwrap();
    let bill: Value = serde_json::from_slice(&bill).unwrap();
    assert_eq!(bill["metadata"]["component"]["name"], name);
    Some(image)
}

#[test]
fn the_entrypoint_is_all_that_its_image_holds() {
    let Some(image) = check("entrypoint", "/ko-app/entrypoint") else { return };
    let bytes: u64 = image.files().iter().map(|(_, bytes)| bytes).sum();
    assert!(bytes < LARGEST_ENTRYPOINT_BYTES, "{bytes} bytes");
    if let Some(said) = image.run("-h") {
        assert!(said.contains("-wait_file"), "{said}");
    }
}

#[test]
fn the_webhook_is_all_that_its_image_holds() {
    let Some(image) = check("controller-shim", "/controller-shim") else { return };
    if let Some(said) = image.run("--help") {
        assert!(said.contains("--self-signed"), "{said}");
    }
}
