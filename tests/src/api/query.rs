//! What a request asks behind the question mark.

/// Its pairs, in their order.
#[derive(Clone, Debug, Default)]
pub(super) struct Query(pub(super) Vec<(String, String)>);

impl Query {
    /// The first value of this name.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// Every value of this name.
    pub(super) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |pair| pair.0 == name).map(|pair| pair.1.as_str())
    }

    /// Whether it is asked for.
    pub(super) fn is(&self, name: &str) -> bool {
        matches!(self.get(name), Some("true" | "1"))
    }

    /// Whether nothing is to be kept.
    pub(super) fn dry_run(&self) -> bool {
        self.get("dryRun") == Some("All")
    }
}
