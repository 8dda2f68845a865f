//! The functions of CEL's standard library at run time. The `cel` crate has a library of its own,
//! but it differs from cel-go in places, and carries the database of time zones and a second
//! parser; this one agrees with cel-go, and an environment made of it alone leaves theirs out of
//! the binary.

use cel::common::types::{
    self, CelBool, CelBytes, CelInt, CelList, CelMap, CelString, CelType, Type,
};
use cel::common::value::CowVal;
use cel::{DeclarationError, Env, ExecutionError, add_member_overload, add_overload};
use regex_lite::Regex;

use super::{convert, time};

/// An environment with the standard types and functions, and no variables.
///
/// # Errors
/// Where two functions are declared alike.
pub(super) fn environment() -> Result<Env, DeclarationError> {
    let mut env = Env::default().with_optional_support(false);
    // As in cel-go, where the last of several equal keys wins.
    env.set_error_on_duplicate_map_keys(false);
    for named in TYPES {
        env.add_type(named)?;
    }
    add_size(&mut env)?;
    add_text(&mut env)?;
    env.add_overload("type", "type", vec![types::DYN_TYPE], type_of)?;
    env.add_overload("dyn", "dyn", vec![types::DYN_TYPE], same)?;
    convert::add(&mut env)?;
    time::add(&mut env)?;
    Ok(env)
}

const TYPES: [Type; 12] = [
    types::BOOL_TYPE,
    types::BYTES_TYPE,
    types::DOUBLE_TYPE,
    types::DURATION_TYPE,
    types::INT_TYPE,
    types::LIST_TYPE,
    types::MAP_TYPE,
    types::NULL_TYPE,
    types::STRING_TYPE,
    types::TIMESTAMP_TYPE,
    types::TYPE_TYPE,
    types::UINT_TYPE,
];

fn add_size(env: &mut Env) -> Result<(), DeclarationError> {
    add_overload!(env, fn size_of_string: (CelString) -> CelInt, name = "size")?;
    add_overload!(env, fn size_of_bytes: (CelBytes) -> CelInt, name = "size")?;
    add_overload!(env, fn size_of_list: (CelList) -> CelInt, name = "size")?;
    add_overload!(env, fn size_of_map: (CelMap) -> CelInt, name = "size")?;
    add_member_overload!(env, fn size_of_string: (CelString) -> CelInt, name = "size")?;
    add_member_overload!(env, fn size_of_bytes: (CelBytes) -> CelInt, name = "size")?;
    add_member_overload!(env, fn size_of_list: (CelList) -> CelInt, name = "size")?;
    add_member_overload!(env, fn size_of_map: (CelMap) -> CelInt, name = "size")
}

fn add_text(env: &mut Env) -> Result<(), DeclarationError> {
    add_member_overload!(env, fn contains: (CelString, CelString) -> CelBool)?;
    add_member_overload!(env, fn ends_with: (CelString, CelString) -> CelBool)?;
    add_member_overload!(env, fn starts_with: (CelString, CelString) -> CelBool)?;
    add_overload!(env, fn matches: (CelString, CelString) -> Result<CelBool>)?;
    add_member_overload!(env, fn matches: (CelString, CelString) -> Result<CelBool>)
}

/// The length as an int: nothing that fits in memory is longer.
fn length(count: usize) -> CelInt {
    CelInt::from(i64::try_from(count).unwrap_or(i64::MAX))
}

fn size_of_string(text: &CelString<'_>) -> CelInt {
    length(text.chars().count())
}

fn size_of_bytes(bytes: &CelBytes<'_>) -> CelInt {
    length(bytes.inner().len())
}

fn size_of_list(list: &CelList<'_>) -> CelInt {
    length(list.inner().len())
}

fn size_of_map(map: &CelMap<'_>) -> CelInt {
    length(map.inner().len())
}

fn contains(text: &CelString<'_>, part: &CelString<'_>) -> CelBool {
    CelBool::from(text.inner().contains(part.inner()))
}

fn ends_with(text: &CelString<'_>, end: &CelString<'_>) -> CelBool {
    CelBool::from(text.inner().ends_with(end.inner()))
}

fn starts_with(text: &CelString<'_>, start: &CelString<'_>) -> CelBool {
    CelBool::from(text.inner().starts_with(start.inner()))
}

fn matches(text: &CelString<'_>, pattern: &CelString<'_>) -> Result<CelBool, ExecutionError> {
    let pattern = pattern.inner();
    let compiled = Regex::new(pattern).map_err(|error| {
        ExecutionError::function_error("matches", format!("`{pattern}`: {error}"))
    })?;
    Ok(CelBool::from(compiled.is_match(text.inner())))
}

fn type_of<'b, 'v>(arguments: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let name = only(arguments)?.get_type().name().to_string();
    Ok(CowVal::owned(CelType::new(name)))
}

fn same<'b, 'v>(arguments: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    only(arguments)
}

fn only<'b, 'v>(arguments: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    arguments.into_iter().next().ok_or_else(|| ExecutionError::invalid_argument_count(1, 0))
}
