//! `$(NAME)` as Kubernetes replaces it in commands, arguments and environment values.

/// Replaces `$(NAME)` where `lookup` knows the name, and `$$` by `$`. What is unknown or not closed
/// stays as it is.
pub(super) fn expand<'a>(text: &str, lookup: impl Fn(&str) -> Option<&'a str>) -> String {
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        expanded.push_str(before);
        rest = after;
        if let Some(after) = rest.strip_prefix('$') {
            expanded.push('$');
            rest = after;
        } else if let Some((name, after)) = reference(rest) {
            match lookup(name) {
                Some(value) => expanded.push_str(value),
                None => expanded.push_str(&format!("$({name})")),
            }
            rest = after;
        } else {
            expanded.push('$');
        }
    }
    expanded + rest
}

fn reference(text: &str) -> Option<(&str, &str)> {
    text.strip_prefix('(')?.split_once(')')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_replaced_as_kubernetes_does() {
        let table = [
            ("", ""),
            ("plain", "plain"),
            ("$(A)", "1"),
            ("x$(A)y$(B)z", "x1y$(A)z"),
            ("$(NONE)", "$(NONE)"),
            ("$$(A)", "$(A)"),
            ("$$$(A)", "$1"),
            ("$$$$", "$$"),
            ("$A $ $", "$A $ $"),
            ("$(A", "$(A"),
            ("$()", "$()"),
            ("$(echo $(A))", "$(echo $(A))"),
            ("é$(A)é", "é1é"),
            ("$(steps.s.results.x)", "$(steps.s.results.x)"),
        ];
        let lookup = |name: &str| match name {
            "A" => Some("1"),
            "B" => Some("$(A)"),
            _ => None,
        };
        for (text, expected) in table {
            assert_eq!(expand(text, lookup), expected, "{text}");
        }
    }
}
