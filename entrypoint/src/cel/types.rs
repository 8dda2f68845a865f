//! The types of CEL as its checker sees them, and how they are written in messages (contract 1.8).

use std::fmt;

/// A type of an expression.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Type {
    Bool,
    Bytes,
    Double,
    Duration,
    Dyn,
    Int,
    Null,
    String,
    Timestamp,
    Uint,
    List(Box<Type>),
    Map(Box<Type>, Box<Type>),
    /// The type of a type, such as of the word `int`.
    Meta(Box<Type>),
    /// Not known yet: an index into the checker's bindings.
    Param(usize),
}

impl Type {
    /// The type of lists of `item`.
    pub(super) fn list(item: Self) -> Self {
        Self::List(Box::new(item))
    }

    /// The type of maps from `key` to `value`.
    pub(super) fn map(key: Self, value: Self) -> Self {
        Self::Map(Box::new(key), Box::new(value))
    }

    /// The type of the type `of`.
    pub(super) fn type_of(of: Self) -> Self {
        Self::Meta(Box::new(of))
    }

    /// Whether null may stand for a value of this type.
    pub(super) fn is_nullable(&self) -> bool {
        matches!(self, Self::Null | Self::Duration | Self::Timestamp)
    }

    /// Whether a value of this type may be the key of a map, as far as the checker can tell.
    pub(super) fn may_be_key(&self) -> bool {
        matches!(
            self,
            Self::Bool | Self::Int | Self::Uint | Self::String | Self::Dyn | Self::Param(_)
        )
    }
}

impl fmt::Display for Type {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self {
            Self::List(item) => return write!(out, "list({item})"),
            Self::Map(key, value) => return write!(out, "map({key}, {value})"),
            Self::Meta(of) => return write!(out, "type({of})"),
            Self::Bool => "bool",
            Self::Bytes => "bytes",
            Self::Double => "double",
            Self::Duration => "duration",
            Self::Dyn | Self::Param(_) => "dyn",
            Self::Int => "int",
            Self::Null => "null",
            Self::String => "string",
            Self::Timestamp => "timestamp",
            Self::Uint => "uint",
        };
        out.write_str(word)
    }
}

/// The type that a word of CEL names, such as `int`; a list or map of anything for `list` and
/// `map`.
pub(super) fn named(name: &str) -> Option<Type> {
    Some(match name {
        "bool" => Type::Bool,
        "bytes" => Type::Bytes,
        "double" => Type::Double,
        "google.protobuf.Duration" => Type::Duration,
        "google.protobuf.Timestamp" => Type::Timestamp,
        "int" => Type::Int,
        "list" => Type::list(Type::Dyn),
        "map" => Type::map(Type::Dyn, Type::Dyn),
        "null_type" => Type::Null,
        "string" => Type::String,
        "type" => Type::type_of(Type::Dyn),
        "uint" => Type::Uint,
        _ => return None,
    })
}
