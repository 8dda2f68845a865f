//! Where an object is: the path of a request, taken apart.

use serde_json::Value;

/// A collection of objects, or one object in it, or a part of that.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    /// As in `v1` or `tekton.dev/v1`.
    pub(super) version: String,
    /// As in `pods`.
    pub(super) resource: String,
    /// None for what is in no namespace, and for lists of all.
    pub(super) namespace: Option<String>,
    /// None for the collection.
    pub(super) name: Option<String>,
    /// As in `status` or `exec`.
    pub(super) part: Option<String>,
}

impl Place {
    /// The place of `/api/v1/…` or `/apis/GROUP/VERSION/…`; none for any other path.
    pub(super) fn parse(path: &str) -> Option<Self> {
        let words: Vec<_> = path.split('/').filter(|word| !word.is_empty()).collect();
        let (version, rest) = match words.as_slice() {
            ["api", version, rest @ ..] => ((*version).to_owned(), rest),
            ["apis", group, version, rest @ ..] => (format!("{group}/{version}"), rest),
            _ => return None,
        };
        let (namespace, rest) = match rest {
            ["namespaces", namespace, rest @ ..] if !rest.is_empty() => (Some(*namespace), rest),
            rest => (None, rest),
        };
        let [resource, rest @ ..] = rest else { return None };
        let owned = |word: &&str| (*word).to_owned();
        Some(Self {
            version,
            resource: (*resource).to_owned(),
            namespace: namespace.map(str::to_owned),
            name: rest.first().map(owned),
            part: rest.get(1).map(owned),
        })
    }

    /// The place of an object by what it says of itself.
    pub(super) fn of_object(object: &Value) -> Self {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let kind = text(&object["kind"]).unwrap_or_else(|| panic!("no kind: {object}"));
        Self {
            version: text(&object["apiVersion"]).unwrap_or_else(|| panic!("no version: {object}")),
            resource: plural(&kind),
            namespace: text(&object["metadata"]["namespace"]),
            name: text(&object["metadata"]["name"]),
            part: None,
        }
    }

    /// The collection that an object of this name is in.
    pub(super) fn named(&self, name: &str) -> Self {
        Self { name: Some(name.to_owned()), ..self.clone() }
    }

    /// Whether an object of this place is in that collection.
    pub(super) fn is_in(&self, collection: &Self) -> bool {
        (&self.version, &self.resource) == (&collection.version, &collection.resource)
            && (collection.namespace.is_none() || self.namespace == collection.namespace)
            && (collection.name.is_none() || self.name == collection.name)
    }

    /// As in `pods "one"`, the words of the API server's errors.
    pub(super) fn described(&self) -> String {
        let group = self.version.split_once('/').map_or(String::new(), |it| format!(".{}", it.0));
        let name = self.name.as_deref().unwrap_or_default();
        format!("{}{group} \"{name}\"", self.resource)
    }

    /// Whether the resource is one of Kubernetes' own, whose items have no kind in a list.
    pub(super) fn is_built_in(&self) -> bool {
        let group = self.version.split_once('/').map_or("", |it| it.0);
        !group.contains('.') || group.ends_with(".k8s.io")
    }
}

/// As in `pods` for `Pod`.
fn plural(kind: &str) -> String {
    let kind = kind.to_lowercase();
    match kind.strip_suffix('y') {
        Some(stem) if !stem.ends_with(['a', 'e', 'o']) => format!("{stem}ies"),
        _ if kind.ends_with('s') => format!("{kind}es"),
        _ => format!("{kind}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_taken_apart() {
        let parts = |path: &str| {
            let place = Place::parse(path)?;
            Some((place.version, place.resource, place.namespace, place.name, place.part))
        };
        let some = |word: &str| Some(word.to_owned());
        let pods = ("v1".to_owned(), "pods".to_owned());
        assert_eq!(parts("/api/v1/pods"), Some((pods.0.clone(), pods.1.clone(), None, None, None)));
        assert_eq!(
            parts("/api/v1/namespaces/a/pods/one/exec"),
            Some((pods.0, pods.1, some("a"), some("one"), some("exec")))
        );
        let runs = ("tekton.dev/v1".to_owned(), "taskruns".to_owned());
        assert_eq!(
            parts("/apis/tekton.dev/v1/namespaces/a/taskruns"),
            Some((runs.0, runs.1, some("a"), None, None))
        );
        let namespace = ("v1".to_owned(), "namespaces".to_owned(), None, some("a"), None);
        assert_eq!(parts("/api/v1/namespaces/a"), Some(namespace));
        assert_eq!(parts("/version"), None);
    }

    #[test]
    fn a_kind_has_its_plural() {
        for (kind, expected) in
            [("Pod", "pods"), ("NetworkPolicy", "networkpolicies"), ("Ingress", "ingresses")]
        {
            assert_eq!(plural(kind), expected);
        }
    }
}
