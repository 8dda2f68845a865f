//! How many runs the matrix of a task makes.

use serde_json::Value;

use crate::cluster::look::{list, text};

/// How many, as Tekton counts: each combination of the params, and each of `include` that has a value
/// which is not among them. None where there is no matrix, or its values are not written out.
pub(super) fn combinations(task: &Value) -> Option<usize> {
    let matrix = task.get("matrix").filter(|matrix| !matrix.is_null())?;
    let params: Vec<_> = list(matrix, "/params").iter().map(written).collect::<Option<_>>()?;
    let includes = list(matrix, "/include");
    if params.is_empty() {
        return Some(includes.len());
    }
    let mut new = 0;
    for include in includes {
        new += usize::from(is_new(include, &params)?);
    }
    Some(params.iter().map(|(_, values)| values.len()).product::<usize>() + new)
}

/// The name and the values of a param.
fn written(param: &Value) -> Option<(&str, Vec<&str>)> {
    let values = param.get("value")?.as_array()?.iter();
    let values = values.map(|value| value.as_str().filter(|text| !text.contains("$(")));
    Some((text(param, "/name"), values.collect::<Option<_>>()?))
}

fn is_new(include: &Value, params: &[(&str, Vec<&str>)]) -> Option<bool> {
    for param in list(include, "/params") {
        let Some((_, values)) = params.iter().find(|(name, _)| *name == text(param, "/name"))
        else {
            continue;
        };
        let value = param.get("value")?.as_str().filter(|text| !text.contains("$("))?;
        if !values.contains(&value) {
            return Some(true);
        }
    }
    Some(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_written_out_is_counted() {
        let param = |name: &str, value: Value| json!({ "name": name, "value": value });
        let (os, arch) = (param("os", json!(["a", "b"])), param("arch", json!(["x", "y", "z"])));
        let of =
            |os: &str| json!({ "params": [param("os", json!(os)), param("flag", json!("f"))] });
        for (matrix, count) in [
            (json!(null), None),
            (json!({ "params": [os] }), Some(2)),
            (json!({ "params": [os, arch] }), Some(6)),
            (json!({ "params": [os], "include": [of("a"), of("c")] }), Some(3)),
            (json!({ "include": [of("a"), of("c")] }), Some(2)),
            (json!({ "params": [os], "include": [of("$(params.os)")] }), None),
            (json!({ "params": [param("os", json!("$(params.all[*])"))] }), None),
            (json!({ "params": [param("os", json!(["a", "$(params.all[*])"]))] }), None),
        ] {
            assert_eq!(combinations(&json!({ "matrix": matrix })), count, "{matrix}");
        }
    }
}
