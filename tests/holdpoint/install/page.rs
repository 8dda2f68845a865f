//! docs/install.md can be followed: what it types is there, and what it names is what the code names.

use std::fs;
use std::path::Path;

use controller_shim::{DEFAULT_IMAGE, annotations};

use super::install;

fn page() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/install.md");
    fs::read_to_string(path).unwrap()
}

/// The lines of its blocks of shell.
fn typed(page: &str) -> Vec<&str> {
    let blocks = page.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    blocks.flat_map(str::lines).collect()
}

#[test]
fn what_is_piped_into_kubectl_is_printed() {
    let page = page();
    let lines = typed(&page).into_iter().filter_map(|line| line.strip_prefix("holdpoint install"));
    let options: Vec<Vec<_>> = lines
        .map(|rest| rest.split_once(" | kubectl ").unwrap().0.split_whitespace().collect())
        .collect();
    for wanted in [&[][..], &["--cert-manager"], &["--delivery", "image-volume"], &["--policy"]] {
        assert!(options.iter().any(|options| options == wanted), "{wanted:?}: {options:?}");
    }
    for options in options {
        assert!(install(&options).ended_with(0).contains("kind: "), "{options:?}");
    }
}

#[test]
fn the_image_is_that_of_this_version() {
    let named = format!("\"value\": \"{DEFAULT_IMAGE}\"");
    assert!(page().contains(&named), "docs/install.md should name {DEFAULT_IMAGE}");
}

#[test]
fn every_annotation_is_there_and_known() {
    let page = page();
    let rows = page.lines().filter(|line| line.starts_with("| `holdpoint.dev/"));
    let cells: Vec<_> = rows.map(|row| row.split('|').nth(1).unwrap()).collect();
    let names = cells.iter().flat_map(|cell| cell.split('`').skip(1).step_by(2));
    let names: Vec<_> = names.map(|name| name.rsplit('/').next().unwrap()).collect();
    let all = names.iter().map(|name| (format!("{}{name}", annotations::PREFIX), String::new()));
    assert_eq!(annotations::unknown(&all.collect()), [""; 0]);
    for marker in annotations::MARKERS {
        assert!(names.contains(&marker), "docs/install.md lacks {marker}: {names:?}");
    }
}

#[test]
fn links_lead_somewhere() {
    let page = page();
    let targets = page.split("](").skip(1).map(|rest| rest.split(')').next().unwrap());
    for target in targets.filter(|target| !target.starts_with("https://")) {
        match target.strip_prefix('#') {
            Some(anchor) => {
                let is_it = |line: &str| {
                    let title = line.trim_start_matches('#').trim().to_lowercase();
                    line.starts_with('#') && title.replace(' ', "-").replace('\'', "") == anchor
                };
                assert!(page.lines().any(is_it), "no section #{anchor}");
            }
            None => {
                let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
                assert!(docs.join(target).exists(), "there is no {target}");
            }
        }
    }
}
