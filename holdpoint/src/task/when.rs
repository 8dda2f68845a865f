//! The when expressions of a step: from the file to the JSON that the entrypoint takes.

use serde_json::{Value as Json, json};

use super::fields::{Fields, Notes};
use super::problem::{Checked, Problem};
use super::schema;
use super::variables::{Site, Variables};
use super::yaml::{Node, Text};

/// A condition of the file.
#[derive(Clone, Debug)]
pub(super) enum When {
    Input { input: Text, operator: String, values: Vec<Text> },
    Cel(Text),
}

impl When {
    /// Reads a condition.
    ///
    /// # Errors
    /// It is neither of the two kinds, or of both.
    pub(super) fn read(node: &Node, notes: &mut Notes) -> Checked<Self> {
        let fields = Fields::read(node, &schema::WHEN, notes)?;
        if let Some(cel) = fields.text("cel")? {
            if fields.get("input").is_some() || fields.get("operator").is_some() {
                return Err(Problem::at(cel.line, "when: `cel` stands alone, without `input`"));
            }
            return Ok(Self::Cel(cel));
        }
        let missing = || Problem::at(fields.line, "when: `input` or `cel` is missing");
        let input = fields.text("input")?.ok_or_else(missing)?;
        let operator = fields.required_text("operator")?;
        if !matches!(operator.value.as_str(), "in" | "notin") {
            let message = format!("when: `operator` must be in or notin, not `{}`", operator.value);
            return Err(Problem::at(operator.line, message));
        }
        let missing = || Problem::at(fields.line, "when: `values` is missing");
        let values = fields.texts("values")?.ok_or_else(missing)?;
        Ok(Self::Input { input, operator: operator.value, values })
    }

    fn json(&self, variables: &Variables<'_>, site: Site) -> Checked<Json> {
        match self {
            Self::Cel(text) => Ok(json!({ "cel": variables.text(text, site)? })),
            Self::Input { input, operator, values } => {
                let input = variables.text(input, site)?;
                let values = variables.texts(values, site)?;
                Ok(json!({ "input": input, "operator": operator, "values": values }))
            }
        }
    }
}

/// All conditions as the entrypoint takes them; none where there are none.
///
/// # Errors
/// A variable is unknown.
pub(super) fn json(
    conditions: &[When],
    variables: &Variables<'_>,
    site: Site,
) -> Checked<Option<String>> {
    if conditions.is_empty() {
        return Ok(None);
    }
    let all = conditions.iter().map(|when| when.json(variables, site)).collect::<Checked<_>>()?;
    Ok(Some(Json::Array(all).to_string()))
}
