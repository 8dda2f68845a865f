//! Expected text, in which `…` stands for whatever is there.

/// Whether `text` is what `pattern` says; each `…` of the pattern stands for any text.
pub fn matches(pattern: &str, text: &str) -> bool {
    let mut parts: Vec<&str> = pattern.split('…').collect();
    let first = parts.remove(0);
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn an_ellipsis_stands_for_any_text_and_all_else_for_itself() {
        let cases = [
            ("", "", true),
            ("", "a", false),
            ("a", "a", true),
            ("a", "ab", false),
            ("…", "", true),
            ("a…", "ab", true),
            ("a…", "b", false),
            ("…b", "ab", true),
            ("…b", "ba", false),
            ("a…c", "abc", true),
            ("a…c", "abcd", false),
            ("a…b…c", "a-b-c", true),
            ("a…b…c", "a-c", false),
            ("ab…bc", "abc", false),
        ];
        for (pattern, text, expected) in cases {
            assert_eq!(matches(pattern, text), expected, "{pattern:?} {text:?}");
        }
    }
}
