//! Request and exit files of a step, as requests (contract 2.1).

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use debug_scripts::Verb;
use serde::Deserialize;

use super::settle::{Settling, Signature};
use crate::go_duration;
use crate::os::files::{read_at_most, with_ending};
use crate::step::{Request, Wish};

/// As much of a request as is read.
const LARGEST_REQUEST_BYTES: u64 = 1 << 16;

/// How the text of a request file is understood.
type Reading = fn(&str) -> Body;

/// The files by which a person asks something; the machine takes them in the order of 2.1.
const FILES: [(&str, Reading); 8] = [
    (".cancel", |text| Body::of(Wish::Cancel, text)),
    (".breakpointexit", exit_file),
    (".breakpointexit.err", |_| Body::of(Wish::Exit(1), "")),
    (".beforestepexit", |text| before_file(Wish::Begin, text)),
    (".beforestepexit.err", |text| before_file(Wish::DoNotBegin, text)),
    (".skip", |text| Body::of(Wish::Skip, text)),
    (".retry", retry_file),
    (".extend", extend_file),
];

/// The request files of one step.
#[derive(Debug)]
pub(super) struct RequestFiles {
    files: Vec<(PathBuf, Reading)>,
    /// Files that were acted on and are still there, as they were then.
    spent: HashMap<PathBuf, Signature>,
}

impl RequestFiles {
    pub(super) fn of(post: Option<&Path>) -> Self {
        let place = |post: &Path| FILES.map(|(ending, read)| (with_ending(post, ending), read));
        let files = post.map(place).into_iter().flatten().collect();
        Self { files, spent: HashMap::new() }
    }

    /// What can be read. A request that is just being written goes before those that are weaker, so
    /// these are left for the next look.
    pub(super) fn look(&self, settling: &mut Settling) -> Vec<Request> {
        let mut requests = Vec::new();
        for (path, read) in &self.files {
            let Ok(file) = path.metadata() else { continue };
            if self.spent.get(path) == Some(&Signature::of(&file)) {
                continue;
            }
            if settling.is_settled(path, &file) {
                requests.push(request(path, *read));
            } else if settling.is_young(path, &file) {
                break;
            }
        }
        requests
    }

    pub(super) fn discard(&mut self, path: &Path) {
        if std::fs::remove_file(path).is_err() {
            self.keep(path);
        }
    }

    pub(super) fn keep(&mut self, path: &Path) {
        if let Ok(file) = path.metadata() {
            self.spent.insert(path.to_owned(), Signature::of(&file));
        }
    }
}

fn request(path: &Path, read: Reading) -> Request {
    let content = read_at_most(path, LARGEST_REQUEST_BYTES).unwrap_or_default();
    let Body { wish, id, by, reason } = read(&String::from_utf8_lossy(&content));
    Request { wish, file: path.to_owned(), id, by, reason }
}

/// What a request file says.
struct Body {
    wish: Wish,
    id: Option<String>,
    by: Option<String>,
    reason: Option<String>,
}

/// The JSON that a request may be.
#[derive(Debug, Default, Deserialize)]
struct Envelope {
    id: Option<String>,
    by: Option<String>,
    reason: Option<String>,
    verb: Option<String>,
    command: Option<Vec<String>>,
    duration: Option<String>,
}

impl Body {
    fn of(wish: Wish, text: &str) -> Self {
        Self::from_envelope(wish, envelope(text))
    }

    fn from_envelope(wish: Wish, Envelope { id, by, reason, .. }: Envelope) -> Self {
        Self { wish, id, by, reason }
    }
}

/// JSON, or a reason as text; text that begins with `{` and does not parse is a reason too.
fn envelope(text: &str) -> Envelope {
    let reason = |text: &str| Envelope { reason: Some(text.to_owned()), ..Envelope::default() };
    match text.trim() {
        "" => Envelope::default(),
        json if json.starts_with('{') => {
            serde_json::from_str(json).unwrap_or_else(|_| reason(json))
        }
        text => reason(text),
    }
}

/// The first line is a code, the second may be JSON that names the verb.
fn exit_file(text: &str) -> Body {
    let (code, rest) = text.split_once('\n').unwrap_or((text, ""));
    let mut envelope = envelope(rest);
    let verb = envelope.verb.take().as_deref().and_then(Verb::named);
    let wish = match verb {
        Some(verb @ (Verb::Continue | Verb::FailContinue | Verb::BreakpointExit | Verb::Fail)) => {
            Wish::Leave(verb)
        }
        _ => Wish::Exit(code.trim().parse::<u8>().unwrap_or(0).into()),
    };
    Body::from_envelope(wish, envelope)
}

fn before_file(wish: Wish, text: &str) -> Body {
    let rest = text.split_once('\n').map_or("", |(_, rest)| rest);
    Body::of(wish, rest)
}

fn retry_file(text: &str) -> Body {
    let mut envelope = envelope(text);
    let parsed = serde_json::from_str::<Envelope>(text).is_ok();
    let wish = match envelope.command.take() {
        Some(command) if command.is_empty() => Err("its \"command\" is empty".to_owned()),
        Some(command) if command[0].is_empty() => {
            Err("the first word of its \"command\", the program, is empty".to_owned())
        }
        None if text.contains("\"command\"") && !parsed => {
            Err("its \"command\" is no JSON list of words".to_owned())
        }
        command => Ok(command),
    };
    Body::from_envelope(Wish::Retry(wish), envelope)
}

fn extend_file(text: &str) -> Body {
    let mut envelope = envelope(text);
    let duration = envelope.duration.take().or_else(|| envelope.reason.take()).unwrap_or_default();
    let wish = go_duration::parse(duration.trim())
        .map_err(|e| e.to_string())
        .and_then(|parsed| parsed.to_unsigned().ok_or(format!("{duration} is negative")));
    let wish = wish.map_err(|e| format!("{e}; write a duration such as 30m"));
    Body::from_envelope(Wish::Extend(wish), envelope)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;

    /// What a hand, a broken tool or a cut-off write may leave in a file.
    fn texts() -> impl Strategy<Value = String> {
        let lines = vec![
            "",
            "0",
            "7",
            "255",
            "256",
            "-1",
            " 42 ",
            "yes",
            "0x7",
            "30m",
            "-5m",
            "{",
            "}",
            "{}",
            "[]",
            "null",
            r#"{"verb":"fail"}"#,
            r#"{"verb":7}"#,
            r#"{"id":"a","by":"b"}"#,
            r#"{"command":["true"]}"#,
            r#"{"command":[]}"#,
            r#"{"command":"#,
            r#"{"duration":"1h"}"#,
        ];
        let line = prop_oneof![4 => select(lines).prop_map(str::to_owned), 1 => ".*"];
        prop::collection::vec(line, 0..3).prop_map(|lines| lines.join("\n"))
    }

    /// "The exit code, 0 to 255, anything else is 0"; the second line may name its verb (2.1).
    fn exit_of(text: &str) -> Wish {
        let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
        match serde_json::from_str::<serde_json::Value>(rest).ok().map(|json| json["verb"].clone())
        {
            Some(verb) if verb == "fail" => Wish::Leave(Verb::Fail),
            _ => Wish::Exit((0..=255).find(|code| first.trim() == code.to_string()).unwrap_or(0)),
        }
    }

    proptest! {
        #[test]
        fn whatever_stands_in_a_file_has_its_reading_or_is_refused(text in texts()) {
            let json = serde_json::from_str::<serde_json::Value>(&text).ok();
            let field = |name: &str| json.as_ref().and_then(|json| json[name].as_str());
            let is_json = text.trim().starts_with('{') && json.is_some();
            for (ending, read) in FILES {
                let Body { wish, reason, by, .. } = read(&text);
                match wish {
                    Wish::Cancel | Wish::Skip if !is_json => {
                        let told = Some(text.trim()).filter(|text| !text.is_empty());
                        prop_assert_eq!((reason.as_deref(), by), (told, None), "{}", ending);
                    }
                    Wish::Cancel | Wish::Skip => {}
                    Wish::Exit(_) | Wish::Leave(_) if ending == ".breakpointexit" => {
                        prop_assert_eq!(wish, exit_of(&text));
                    }
                    Wish::Exit(code) => prop_assert_eq!((ending, code), (".breakpointexit.err", 1)),
                    Wish::Begin => prop_assert_eq!(ending, ".beforestepexit"),
                    Wish::DoNotBegin => prop_assert_eq!(ending, ".beforestepexit.err"),
                    Wish::Retry(command) => {
                        let is_named = text.contains("\"command\"");
                        let words = json.as_ref().and_then(|json| json["command"].as_array());
                        let is_good = !is_named || words.is_some_and(|words| !words.is_empty());
                        prop_assert_eq!(command.is_ok(), is_good, "{:?}", text);
                    }
                    Wish::Extend(length) => {
                        let asked = field("duration").unwrap_or(text.trim());
                        let is_good = ["30m", "1h", "0"].contains(&asked);
                        let may_be_good = asked.ends_with(['h', 'm', 's']) && !asked.starts_with('-');
                        prop_assert!(length.is_ok() || !is_good, "{:?}", text);
                        prop_assert!(length.is_err() || is_good || may_be_good, "{:?}", text);
                    }
                    Wish::Leave(_) => prop_assert!(false, "{} names a verb", ending),
                }
            }
        }
    }
}
