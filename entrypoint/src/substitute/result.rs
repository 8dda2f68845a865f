//! What a result's file holds, and what a reference picks of it.

use std::collections::BTreeMap;

use super::reference::Part;

/// The content of a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Content {
    Text(Vec<u8>),
    Array(Vec<String>),
    Object(BTreeMap<String, String>),
}

/// What a reference stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    One(Vec<u8>),
    Every(Vec<String>),
}

impl Content {
    /// JSON of one of the three kinds, or else the bytes as they are.
    pub(super) fn parse(bytes: Vec<u8>) -> Self {
        let parsed = match bytes.trim_ascii_start().first() {
            Some(b'"') => serde_json::from_slice(&bytes).map(String::into_bytes).map(Self::Text),
            Some(b'[') => serde_json::from_slice(&bytes).map(Self::Array),
            Some(b'{') => serde_json::from_slice(&bytes).map(Self::Object),
            _ => return Self::Text(bytes),
        };
        parsed.unwrap_or(Self::Text(bytes))
    }

    /// Its kind in words, as [`Part::asks_for`] has them.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "a string",
            Self::Array(_) => "an array",
            Self::Object(_) => "an object",
        }
    }

    /// The part asked for: nothing where the content is of another kind or the key is not there.
    ///
    /// # Errors
    /// The array's length, where the index is out of its range.
    pub(super) fn select(self, part: Part<'_>) -> Result<Value, usize> {
        match (part, self) {
            (Part::Whole, Self::Text(bytes)) => Ok(Value::One(bytes)),
            (Part::Every, Self::Array(items)) => Ok(Value::Every(items)),
            (Part::Every, _) => Ok(Value::Every(Vec::new())),
            (Part::Item(index), Self::Array(mut items)) if index < items.len() => {
                Ok(Value::One(items.swap_remove(index).into_bytes()))
            }
            (Part::Item(_), Self::Array(items)) => Err(items.len()),
            (Part::Key(key), Self::Object(mut members)) => {
                Ok(Value::One(members.remove(key).unwrap_or_default().into_bytes()))
            }
            _ => Ok(Value::One(Vec::new())),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;

    fn array(items: &[&str]) -> Content {
        Content::Array(items.iter().map(ToString::to_string).collect())
    }

    fn object(members: &[(&str, &str)]) -> Content {
        Content::Object(members.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect())
    }

    #[test]
    fn json_of_the_three_kinds_is_decoded() {
        for (bytes, expected) in [
            (r#""a\n\u00e9""#, Content::Text("a\né".into())),
            (" \"a\"\n", Content::Text(b"a".to_vec())),
            ("\"\"", Content::Text(Vec::new())),
            (r#"["a","b"]"#, array(&["a", "b"])),
            ("\n[ \"a\" ]\n", array(&["a"])),
            ("[]", array(&[])),
            (r#"{"k":"v","k":"w"}"#, object(&[("k", "w")])),
            ("{}", object(&[])),
        ] {
            assert_eq!(Content::parse(bytes.into()), expected, "{bytes:?}");
        }
    }

    #[test]
    fn anything_else_is_text_byte_for_byte() {
        let deep = "[".repeat(100_000);
        for bytes in [
            b"".as_slice(),
            b"plain\n",
            b" \n",
            b"12",
            b"null",
            b"true",
            b"\"open",
            b"\"a\" b",
            b"[1]",
            b"[null]",
            b"[\"a\",[\"b\"]]",
            b"[\"a\"] ]",
            b"{\"k\":1}",
            b"{\"k\":null}",
            b"\xff\xfe",
            b"\"\xff\"",
            b"[\"\xff\"]",
            b"\xef\xbb\xbf\"a\"",
            deep.as_bytes(),
        ] {
            assert_eq!(Content::parse(bytes.to_vec()), Content::Text(bytes.to_vec()), "{bytes:?}");
        }
    }

    #[test]
    fn a_part_is_picked_and_another_kind_gives_nothing() {
        let one = |text: &str| Ok(Value::One(text.into()));
        let every =
            |items: &[&str]| Ok(Value::Every(items.iter().map(|i| i.to_string()).collect()));
        let text = Content::Text(b"t".to_vec());
        let items = array(&["a", "b", "c"]);
        let members = object(&[("k", "v")]);
        for (content, part, expected) in [
            (&text, Part::Whole, one("t")),
            (&text, Part::Every, every(&[])),
            (&text, Part::Item(0), one("")),
            (&text, Part::Key("k"), one("")),
            (&items, Part::Whole, one("")),
            (&items, Part::Every, every(&["a", "b", "c"])),
            (&items, Part::Item(0), one("a")),
            (&items, Part::Item(2), one("c")),
            (&items, Part::Item(3), Err(3)),
            (&items, Part::Item(usize::MAX), Err(3)),
            (&items, Part::Key("k"), one("")),
            (&members, Part::Whole, one("")),
            (&members, Part::Every, every(&[])),
            (&members, Part::Item(0), one("")),
            (&members, Part::Key("k"), one("v")),
            (&members, Part::Key("other"), one("")),
        ] {
            assert_eq!(content.clone().select(part), expected, "{content:?} {part:?}");
        }
    }
}
