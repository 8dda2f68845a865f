//! `$(NAME)` in the words and variables of a container, as Kubernetes reads it.

use std::collections::BTreeMap;

/// The text with what is known in place of its name; what is not known stays, and `$$` is a dollar.
pub(super) fn expanded(text: &str, known: &BTreeMap<String, String>) -> String {
    let mut told = String::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('$') {
        told.push_str(before);
        rest = behind;
        if let Some(behind) = rest.strip_prefix('$') {
            told.push('$');
            rest = behind;
        } else if let Some((name, behind)) =
            rest.strip_prefix('(').and_then(|it| it.split_once(')'))
        {
            match known.get(name) {
                Some(value) => told.push_str(value),
                None => told.push_str(&format!("$({name})")),
            }
            rest = behind;
        } else {
            told.push('$');
        }
    }
    told + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_kubernetes_reads_them() {
        let known = BTreeMap::from([("A".to_owned(), "$(B) $$".to_owned())]);
        for (text, wanted) in [
            ("x$(A)y", "x$(B) $$y"),
            ("$$(A)", "$(A)"),
            ("$$$(A)", "$$(B) $$"),
            ("a$$b$c$", "a$b$c$"),
            ("$(B)$(A", "$(B)$(A"),
        ] {
            assert_eq!(expanded(text, &known), wanted, "{text}");
        }
    }
}
