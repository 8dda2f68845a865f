//! The bill of materials (CycloneDX 1.5): every crate that the binary is built from, with its origin,
//! licence and checksum, and who needs whom; the standard library and the C library, which are linked
//! in too.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

/// What the tools say of a binary.
#[derive(Debug)]
pub(crate) struct Said {
    /// `cargo tree` with the depth in front: depth, name and version, licence, with tabs between.
    pub(crate) tree: String,
    /// `Cargo.lock`.
    pub(crate) lock: String,
    /// `rustc -vV`.
    pub(crate) compiler: String,
    /// The C library.
    pub(crate) libc: LibC,
}

/// The C library that is linked in.
#[derive(Debug)]
pub(crate) enum LibC {
    /// The system's, which says its name and version.
    Glibc(String),
    /// The one that comes with the compiler.
    Musl,
}

/// Why there is no bill.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum NoBill {
    #[error("`cargo tree` says what is no package: {0:?}")]
    Line(String),
    #[error("`cargo tree` says nothing")]
    Empty,
    #[error("Cargo.lock has no checksum of {0}; build with `--locked`")]
    Checksum(String),
    #[error("`rustc -vV` says no release")]
    Compiler,
}

type Checksums<'a> = BTreeMap<(&'a str, &'a str), &'a str>;

/// A package as the tree has it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Package {
    name: String,
    version: String,
    licence: String,
    /// Whether it is of this repository.
    is_ours: bool,
}

/// The whole bill.
pub(crate) fn of(said: &Said) -> Result<Value, NoBill> {
    let tree = tree(&said.tree)?;
    let (_, root) = tree.first().ok_or(NoBill::Empty)?;
    let checksums = checksums(&said.lock);
    let packages: BTreeSet<_> = tree.iter().map(|(_, package)| package).collect();
    let crates = packages.into_iter().filter(|package| *package != root);
    let mut components =
        crates.map(|package| component(package, &checksums)).collect::<Result<Vec<_>, _>>()?;
    components.push(standard_library(&said.compiler)?);
    components.push(c_library(&said.libc));
    let mut main = identity(root);
    main["type"] = json!("application");
    Ok(json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": { "component": main },
        "components": components,
        "dependencies": dependencies(&tree),
    }))
}

/// The lines of the tree, each with its depth.
fn tree(text: &str) -> Result<Vec<(usize, Package)>, NoBill> {
    let line = |line: &str| {
        let bad = || NoBill::Line(line.to_owned());
        let mut columns = line.trim_end_matches(" (*)").split('\t');
        let mut column = || columns.next().ok_or_else(bad);
        let (depth, package, licence) = (column()?, column()?, column()?);
        let mut words = package.split(' ');
        let (name, version) = (words.next(), words.next().and_then(|it| it.strip_prefix('v')));
        let package = Package {
            name: name.ok_or_else(bad)?.to_owned(),
            version: version.ok_or_else(bad)?.to_owned(),
            // An old way to write it.
            licence: licence.replace('/', " OR "),
            is_ours: words.any(|word| word.starts_with("(/")),
        };
        Ok((depth.parse().map_err(|_| bad())?, package))
    };
    text.lines().map(line).collect()
}

/// The checksums of `Cargo.lock` by name and version.
fn checksums(lock: &str) -> Checksums<'_> {
    lock.split("[[package]]").filter_map(checksum).collect()
}

fn checksum(package: &str) -> Option<((&str, &str), &str)> {
    let value = |key: &str| {
        let mut lines = package.lines();
        lines.find_map(|line| line.strip_prefix(key)?.strip_prefix(" = \"")?.strip_suffix('"'))
    };
    Some(((value("name")?, value("version")?), value("checksum")?))
}

fn component(package: &Package, checksums: &Checksums<'_>) -> Result<Value, NoBill> {
    let mut component = identity(package);
    if !package.is_ours {
        let key = (package.name.as_str(), package.version.as_str());
        let checksum = checksums.get(&key).ok_or_else(|| NoBill::Checksum(reference(package)))?;
        component["hashes"] = json!([{ "alg": "SHA-256", "content": checksum }]);
    }
    Ok(component)
}

fn identity(package: &Package) -> Value {
    json!({
        "type": "library",
        "bom-ref": reference(package),
        "name": package.name,
        "version": package.version,
        "purl": reference(package),
        "licenses": [{ "expression": package.licence }],
    })
}

fn reference(package: &Package) -> String {
    format!("pkg:cargo/{}@{}", package.name, package.version)
}

/// Who needs whom: a line's parent is the last one before it that is less deep by one.
fn dependencies(tree: &[(usize, Package)]) -> Value {
    let mut needs: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut path: Vec<String> = Vec::new();
    for (depth, package) in tree {
        path.truncate(*depth);
        let own = reference(package);
        needs.entry(own.clone()).or_default();
        if let Some(parent) = path.last() {
            needs.entry(parent.clone()).or_default().insert(own.clone());
        }
        path.push(own);
    }
    needs.into_iter().map(|(own, others)| json!({ "ref": own, "dependsOn": others })).collect()
}

fn standard_library(compiler: &str) -> Result<Value, NoBill> {
    let release = compiler.lines().find_map(|line| line.strip_prefix("release: "));
    Ok(json!({
        "type": "library",
        "bom-ref": "rust-std",
        "name": "rust-std",
        "version": release.ok_or(NoBill::Compiler)?,
        "licenses": [{ "expression": "MIT OR Apache-2.0" }],
    }))
}

fn c_library(libc: &LibC) -> Value {
    match libc {
        LibC::Glibc(said) => json!({
            "type": "library",
            "bom-ref": "glibc",
            "name": "glibc",
            "version": said.trim().trim_start_matches("glibc "),
            "licenses": [{ "expression": "LGPL-2.1-or-later" }],
        }),
        LibC::Musl => json!({
            "type": "library",
            "bom-ref": "musl",
            "name": "musl",
            "description": "the one that comes with rust-std",
            "licenses": [{ "expression": "MIT" }],
        }),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const TREE: &str = "0\tapp v0.1.0 (/src/app)\tApache-2.0\n\
                        1\ta v1.0.0\tMIT\n\
                        2\tb v2.0.0 (proc-macro)\tMIT/Apache-2.0\n\
                        1\tours v0.1.0 (/src/ours)\tApache-2.0\n\
                        2\tb v2.0.0 (proc-macro)\tMIT/Apache-2.0 (*)\n";
    const LOCK: &str = "version = 4\n\n[[package]]\nname = \"a\"\nversion = \"1.0.0\"\n\
                        checksum = \"aa\"\n\n[[package]]\nname = \"b\"\nversion = \"2.0.0\"\n\
                        checksum = \"bb\"\n\n[[package]]\nname = \"ours\"\nversion = \"0.1.0\"\n";

    fn said() -> Said {
        Said {
            tree: TREE.to_owned(),
            lock: LOCK.to_owned(),
            compiler: "rustc 1.95.0\nrelease: 1.95.0\n".to_owned(),
            libc: LibC::Glibc("glibc 2.36\n".to_owned()),
        }
    }

    #[test]
    fn every_crate_is_there_once_with_its_origin() {
        let bill = of(&said()).unwrap();
        let fields = |component: &Value| {
            let content = &component["hashes"][0]["content"];
            let licence = &component["licenses"][0]["expression"];
            json!([component["bom-ref"], component["version"], licence, content])
        };
        let found: Value = bill["components"].as_array().unwrap().iter().map(fields).collect();
        let wanted = json!([
            ["pkg:cargo/a@1.0.0", "1.0.0", "MIT", "aa"],
            ["pkg:cargo/b@2.0.0", "2.0.0", "MIT OR Apache-2.0", "bb"],
            ["pkg:cargo/ours@0.1.0", "0.1.0", "Apache-2.0", null],
            ["rust-std", "1.95.0", "MIT OR Apache-2.0", null],
            ["glibc", "2.36", "LGPL-2.1-or-later", null],
        ]);
        assert_eq!(found, wanted);
        assert_eq!(bill["metadata"]["component"]["bom-ref"], "pkg:cargo/app@0.1.0");
    }

    #[test]
    fn who_needs_whom_is_told() {
        let bill = of(&said()).unwrap();
        let wanted = json!([
            { "ref": "pkg:cargo/a@1.0.0", "dependsOn": ["pkg:cargo/b@2.0.0"] },
            { "ref": "pkg:cargo/app@0.1.0",
              "dependsOn": ["pkg:cargo/a@1.0.0", "pkg:cargo/ours@0.1.0"] },
            { "ref": "pkg:cargo/b@2.0.0", "dependsOn": [] },
            { "ref": "pkg:cargo/ours@0.1.0", "dependsOn": ["pkg:cargo/b@2.0.0"] },
        ]);
        assert_eq!(bill["dependencies"], wanted);
    }

    #[test]
    fn what_is_missing_is_an_error() {
        let bad = |change: fn(&mut Said)| {
            let mut said = said();
            change(&mut said);
            of(&said).unwrap_err()
        };
        assert_eq!(bad(|it| it.tree.clear()), NoBill::Empty);
        assert_eq!(bad(|it| it.tree = "warning".to_owned()), NoBill::Line("warning".to_owned()));
        assert_eq!(bad(|it| it.lock.clear()), NoBill::Checksum("pkg:cargo/a@1.0.0".to_owned()));
        assert_eq!(bad(|it| it.compiler.clear()), NoBill::Compiler);
    }
}
