//! What JSON takes in memory before it is read.

/// How many objects that have something in them a text has. Each takes hundreds of times its size in
/// memory, whatever else takes sixty times its size at most.
pub(crate) fn objects(json: &[u8]) -> usize {
    let mut count = 0;
    let mut rest = json.iter().filter(|byte| !byte.is_ascii_whitespace()).peekable();
    while let Some(byte) = rest.next() {
        match byte {
            b'"' => skip_string(&mut rest),
            b'{' if rest.peek() != Some(&&b'}') => count += 1,
            _ => {}
        }
    }
    count
}

/// Goes behind the quote that ends a string.
fn skip_string<'a>(rest: &mut impl Iterator<Item = &'a u8>) {
    while let Some(byte) = rest.next() {
        match byte {
            b'"' => return,
            b'\\' => drop(rest.next()),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::objects;

    #[test]
    fn objects_with_something_in_them_count() {
        for (json, count) in [
            ("", 0),
            ("{ }", 0),
            (r#"{"a":{}}"#, 1),
            (r#"[{"a":[{"b":0}]},{"{":"{}{"}]"#, 3),
            (r#"{"a\"{":"\\","b":{"c":"\\\"{"}}"#, 2),
        ] {
            assert_eq!(objects(json.as_bytes()), count, "{json}");
        }
    }
}
