//! Which objects of a collection are meant: selectors of labels and of fields.

use serde_json::Value;

use super::query::Query;

/// What an object must have.
#[derive(Clone, Debug, Default)]
pub(super) struct Selector(Vec<Term>);

#[derive(Clone, Debug)]
struct Term {
    pointer: String,
    test: Test,
}

#[derive(Clone, Debug)]
enum Test {
    There(bool),
    OneOf(Vec<String>, bool),
}

impl Selector {
    /// That of a request; else what cannot be understood.
    pub(super) fn of(query: &Query) -> Result<Self, String> {
        let labels = query.get("labelSelector").unwrap_or_default();
        let fields = query.get("fieldSelector").unwrap_or_default();
        let label = |name: &str| format!("/metadata/labels/{}", name.replace('/', "~1"));
        let field = |name: &str| format!("/{}", name.replace('.', "/"));
        let labels = terms(labels).into_iter().map(|term| parse(&term, label));
        let fields = terms(fields).into_iter().map(|term| parse(&term, field));
        labels.chain(fields).collect::<Result<_, _>>().map(Self)
    }

    /// Whether the object has all of it.
    pub(super) fn takes(&self, object: &Value) -> bool {
        self.0.iter().all(|term| {
            let value = object.pointer(&term.pointer).and_then(Value::as_str);
            match &term.test {
                Test::There(wanted) => value.is_some() == *wanted,
                Test::OneOf(words, wanted) => {
                    value.is_some_and(|value| words.iter().any(|word| word == value)) == *wanted
                }
            }
        })
    }
}

/// The terms between commas, those in brackets apart.
fn terms(text: &str) -> Vec<String> {
    let mut depth = 0;
    let split = |letter: char| {
        depth += i32::from(letter == '(') - i32::from(letter == ')');
        letter == ',' && depth == 0
    };
    text.split(split).map(|term| term.trim().to_owned()).filter(|term| !term.is_empty()).collect()
}

fn parse(term: &str, pointer: impl Fn(&str) -> String) -> Result<Term, String> {
    let words = |text: &str| -> Option<Vec<String>> {
        let inner = text.trim().strip_prefix('(')?.strip_suffix(')')?;
        Some(inner.split(',').map(|word| word.trim().to_owned()).collect())
    };
    let of = |name: &str, test| Ok(Term { pointer: pointer(name.trim()), test });
    for (sign, wanted) in [(" notin ", false), (" in ", true)] {
        if let Some((name, set)) = term.split_once(sign) {
            let set = words(set).ok_or_else(|| format!("unable to parse requirement: {term}"))?;
            return of(name, Test::OneOf(set, wanted));
        }
    }
    for (sign, wanted) in [("!=", false), ("==", true), ("=", true)] {
        if let Some((name, value)) = term.split_once(sign) {
            return of(name, Test::OneOf(vec![value.trim().to_owned()], wanted));
        }
    }
    match term.strip_prefix('!') {
        Some(name) => of(name, Test::There(false)),
        None if term.contains(char::is_whitespace) => {
            Err(format!("unable to parse requirement: {term}"))
        }
        None => of(term, Test::There(true)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_object_is_taken_by_labels_and_fields() {
        let labels = json!({"app": "a", "tekton.dev/taskRun": "run"});
        let object = json!({"metadata": {"name": "one", "labels": labels}});
        for (labels, fields, taken) in [
            ("", "", true),
            ("app=a,tekton.dev/taskRun=run", "", true),
            ("app==b", "", false),
            ("app!=b,other!=c", "", true),
            ("app in (a, b),tekton.dev/taskRun", "", true),
            ("app notin (a,b)", "", false),
            ("!other", "metadata.name=one", true),
            ("other", "", false),
            ("", "metadata.name=two", false),
        ] {
            let pairs = [("labelSelector", labels), ("fieldSelector", fields)];
            let query = Query(pairs.map(|it| (it.0.to_owned(), it.1.to_owned())).to_vec());
            assert_eq!(Selector::of(&query).unwrap().takes(&object), taken, "{labels} {fields}");
        }
        assert!(parse("a b", str::to_owned).is_err());
    }
}
