//! Changes of an object, as a PATCH brings them.

use serde_json::Value;

use super::respond::Problem;

/// A change.
#[derive(Clone, Debug)]
pub(super) enum Patch {
    /// RFC 6902.
    Json(json_patch::Patch),
    /// RFC 7386; a strategic merge is taken as one too.
    Merge(Value),
    /// The whole of what its writer says, merged; what is not there is made.
    Apply(Value),
}

impl Patch {
    /// Reads the body of a PATCH of this content type.
    pub(super) fn read(content_type: &str, body: &[u8]) -> Result<Self, Problem> {
        let bad = |error: serde_json::Error| Problem::new(400, format!("no patch: {error}"));
        match content_type {
            "application/json-patch+json" => {
                serde_json::from_slice(body).map(Self::Json).map_err(bad)
            }
            "application/merge-patch+json" | "application/strategic-merge-patch+json" => {
                serde_json::from_slice(body).map(Self::Merge).map_err(bad)
            }
            "application/apply-patch+yaml" => {
                serde_json::from_slice(body).map(Self::Apply).map_err(bad)
            }
            other => Err(Problem::new(415, format!("no patch is of type {other:?}"))),
        }
    }

    /// The same for what a strategic merge adds to a list: containers that are there stay.
    pub(super) fn adding(self, object: Value) -> Self {
        let list = "/spec/ephemeralContainers";
        let there = object.pointer(list).and_then(Value::as_array).cloned().unwrap_or_default();
        match self {
            Self::Merge(mut change) => {
                if let Some(added) = change.pointer_mut(list).and_then(Value::as_array_mut) {
                    added.splice(0..0, there);
                }
                Self::Merge(change)
            }
            other => other,
        }
    }

    /// The object after the change.
    pub(super) fn of(&self, object: &Value) -> Result<Value, Problem> {
        let mut changed = object.clone();
        match self {
            Self::Json(patch) => json_patch::patch(&mut changed, patch)
                .map_err(|error| Problem::new(422, error.to_string()))?,
            Self::Merge(change) | Self::Apply(change) => json_patch::merge(&mut changed, change),
        }
        Ok(changed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_patch_changes_an_object_or_says_why_not() {
        let read = |kind: &str, body: Value| Patch::read(kind, body.to_string().as_bytes());
        let json_patch = |path: &str| {
            let operations = json!([{"op": "replace", "path": path, "value": 2}]);
            read("application/json-patch+json", operations).unwrap()
        };
        let object = json!({"a": 1, "b": 1});
        assert_eq!(json_patch("/a").of(&object), Ok(json!({"a": 2, "b": 1})));
        assert_eq!(json_patch("/c").of(&object).unwrap_err().status()["code"], 422);
        let merge = read("application/merge-patch+json", json!({"a": null, "c": 3})).unwrap();
        assert_eq!(merge.of(&object), Ok(json!({"b": 1, "c": 3})));
        assert_eq!(read("text/plain", json!({})).unwrap_err().status()["code"], 415);
    }
}
