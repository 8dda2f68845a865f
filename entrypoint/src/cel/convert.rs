//! The conversions between CEL's simple types, with the limits and spellings of Go's `strconv`.

use cel::common::types::{CelBool, CelBytes, CelDouble, CelInt, CelString, CelUInt};
use cel::{DeclarationError, Env, ExecutionError, add_overload};

/// Declares `bool`, `bytes`, `double`, `int`, `string` and `uint` for all but times.
///
/// # Errors
/// Where one of them is declared already.
pub(super) fn add(env: &mut Env) -> Result<(), DeclarationError> {
    add_overload!(env, fn same_bool: (CelBool) -> CelBool, name = "bool")?;
    add_overload!(env, fn bool_of_string: (CelString) -> Result<CelBool>, name = "bool")?;
    add_overload!(env, fn same_bytes: (CelBytes) -> CelBytes, name = "bytes")?;
    add_overload!(env, fn bytes_of_string: (CelString) -> CelBytes, name = "bytes")?;
    add_overload!(env, fn same_double: (CelDouble) -> CelDouble, name = "double")?;
    add_overload!(env, fn double_of_int: (CelInt) -> CelDouble, name = "double")?;
    add_overload!(env, fn double_of_uint: (CelUInt) -> CelDouble, name = "double")?;
    add_overload!(env, fn double_of_string: (CelString) -> Result<CelDouble>, name = "double")?;
    add_overload!(env, fn same_int: (CelInt) -> CelInt, name = "int")?;
    add_overload!(env, fn int_of_uint: (CelUInt) -> Result<CelInt>, name = "int")?;
    add_overload!(env, fn int_of_double: (CelDouble) -> Result<CelInt>, name = "int")?;
    add_overload!(env, fn int_of_string: (CelString) -> Result<CelInt>, name = "int")?;
    add_overload!(env, fn same_uint: (CelUInt) -> CelUInt, name = "uint")?;
    add_overload!(env, fn uint_of_int: (CelInt) -> Result<CelUInt>, name = "uint")?;
    add_overload!(env, fn uint_of_double: (CelDouble) -> Result<CelUInt>, name = "uint")?;
    add_overload!(env, fn uint_of_string: (CelString) -> Result<CelUInt>, name = "uint")?;
    add_overload!(env, fn same_string: (CelString) -> CelString, name = "string")?;
    add_overload!(env, fn string_of_bool: (CelBool) -> CelString, name = "string")?;
    add_overload!(env, fn string_of_bytes: (CelBytes) -> Result<CelString>, name = "string")?;
    add_overload!(env, fn string_of_double: (CelDouble) -> CelString, name = "string")?;
    add_overload!(env, fn string_of_int: (CelInt) -> CelString, name = "string")?;
    add_overload!(env, fn string_of_uint: (CelUInt) -> CelString, name = "string")
}

/// A value that a conversion cannot take, as an error that names both.
pub(super) fn refuse(function: &str, value: &dyn std::fmt::Debug) -> ExecutionError {
    ExecutionError::function_error(function, format!("{value:?} is not in its range or form"))
}

fn same_bool(value: &CelBool) -> CelBool {
    *value
}

fn bool_of_string(text: &CelString<'_>) -> Result<CelBool, ExecutionError> {
    match text.inner() {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(CelBool::from(true)),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(CelBool::from(false)),
        other => Err(refuse("bool", &other)),
    }
}

fn same_bytes(value: &CelBytes<'_>) -> CelBytes<'static> {
    CelBytes::from(value.inner().to_vec())
}

fn bytes_of_string(text: &CelString<'_>) -> CelBytes<'static> {
    CelBytes::from(text.inner().as_bytes().to_vec())
}

fn same_double(value: &CelDouble) -> CelDouble {
    *value
}

fn double_of_int(value: &CelInt) -> CelDouble {
    CelDouble::from(*value.inner() as f64)
}

fn double_of_uint(value: &CelUInt) -> CelDouble {
    CelDouble::from(*value.inner() as f64)
}

fn double_of_string(text: &CelString<'_>) -> Result<CelDouble, ExecutionError> {
    let text = text.inner();
    let value: f64 = text.parse().map_err(|_| refuse("double", &text))?;
    // A number too large is an error in Go, where Rust takes it as infinite.
    if value.is_infinite() && text.contains(|letter: char| letter.is_ascii_digit()) {
        return Err(refuse("double", &text));
    }
    Ok(CelDouble::from(value))
}

fn same_int(value: &CelInt) -> CelInt {
    *value
}

fn int_of_uint(value: &CelUInt) -> Result<CelInt, ExecutionError> {
    let value = *value.inner();
    i64::try_from(value).map(CelInt::from).map_err(|_| refuse("int", &value))
}

fn int_of_double(value: &CelDouble) -> Result<CelInt, ExecutionError> {
    let value = *value.inner();
    // cel-go takes neither bound, nor NaN.
    if value > i64::MIN as f64 && value < i64::MAX as f64 {
        Ok(CelInt::from(value as i64))
    } else {
        Err(refuse("int", &value))
    }
}

fn int_of_string(text: &CelString<'_>) -> Result<CelInt, ExecutionError> {
    let text = text.inner();
    text.parse::<i64>().map(CelInt::from).map_err(|_| refuse("int", &text))
}

fn same_uint(value: &CelUInt) -> CelUInt {
    *value
}

fn uint_of_int(value: &CelInt) -> Result<CelUInt, ExecutionError> {
    let value = *value.inner();
    u64::try_from(value).map(CelUInt::from).map_err(|_| refuse("uint", &value))
}

fn uint_of_double(value: &CelDouble) -> Result<CelUInt, ExecutionError> {
    let value = *value.inner();
    if value >= 0.0 && value < u64::MAX as f64 {
        Ok(CelUInt::from(value as u64))
    } else {
        Err(refuse("uint", &value))
    }
}

fn uint_of_string(text: &CelString<'_>) -> Result<CelUInt, ExecutionError> {
    let text = text.inner();
    if text.starts_with('+') {
        return Err(refuse("uint", &text));
    }
    text.parse::<u64>().map(CelUInt::from).map_err(|_| refuse("uint", &text))
}

fn same_string(value: &CelString<'_>) -> CelString<'static> {
    CelString::from(value.inner().to_string())
}

fn string_of_bool(value: &CelBool) -> CelString<'static> {
    CelString::from(value.inner().to_string())
}

fn string_of_bytes(bytes: &CelBytes<'_>) -> Result<CelString<'static>, ExecutionError> {
    String::from_utf8(bytes.inner().to_vec())
        .map(CelString::from)
        .map_err(|error| ExecutionError::function_error("string", error))
}

fn string_of_double(value: &CelDouble) -> CelString<'static> {
    CelString::from(write_double(*value.inner()))
}

fn string_of_int(value: &CelInt) -> CelString<'static> {
    CelString::from(value.inner().to_string())
}

fn string_of_uint(value: &CelUInt) -> CelString<'static> {
    CelString::from(value.inner().to_string())
}

/// The shortest spelling that gives `value` again, with an exponent of at least two digits where it
/// is below -4 or above 5, as Go's `FormatFloat(value, 'g', -1, 64)` has it.
fn write_double(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_string();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_string();
    }
    let scientific = format!("{value:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    match exponent.parse::<i32>() {
        Ok(exponent) if !(-4..6).contains(&exponent) => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{digits}e{sign}{:02}", exponent.abs())
        }
        _ => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::write_double;

    #[test]
    fn doubles_are_written_as_go_writes_them() {
        let table = [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (1.5, "1.5"),
            (123456.0, "123456"),
            (1234567.0, "1.234567e+06"),
            (1e21, "1e+21"),
            (1e100, "1e+100"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (-2.5e-7, "-2.5e-07"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
        ];
        for (value, written) in table {
            assert_eq!(write_double(value), written);
        }
    }
}
