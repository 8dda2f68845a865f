//! Programs that run the binary under test in namespaces of its own. Not every system allows them:
//! then there is none, and a line says so.

use std::process::{Command, Stdio};

use crate::skipped::skip;

/// As PID 1 of its own pid namespace. The started process is its parent, and dies with it.
pub fn as_process_one() -> Option<Vec<&'static str>> {
    allowed(&["unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc"])
        .map(|words| [words, vec!["--kill-child"]].concat())
}

/// As root of its own user and mount namespaces, behind a line of shell.
pub fn behind(line: &str) -> Option<Vec<String>> {
    let words = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"];
    allowed(&words[..4])?;
    let line = format!("{line} && exec \"$@\"");
    Some(words.iter().map(|word| (*word).to_owned()).chain([line, "sh".to_owned()]).collect())
}

fn allowed<'a>(words: &[&'a str]) -> Option<Vec<&'a str>> {
    let tried = Command::new(words[0])
        .args(&words[1..])
        .arg("true")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if tried.is_ok_and(|status| status.success()) {
        return Some(words.to_vec());
    }
    skip(&format!("this system refuses {}", words.join(" ")));
    None
}
