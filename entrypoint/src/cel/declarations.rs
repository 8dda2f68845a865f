//! The operators and functions of CEL's standard library with the types they take and give, as
//! cel-go declares them. Ordering across numeric types (`1 < 1.5`) is left out: cel-go has it, but
//! it is off in the environment that Tekton makes.

use super::bindings::Bindings;
use super::types::Type;
use Shape::{A, B, Bool, Bytes, Double, Duration, Dyn, Int, List, Map, Str, Time, TypeOf, Uint};

/// A type as a declaration writes it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shape {
    A,
    B,
    Bool,
    Bytes,
    Double,
    Duration,
    Dyn,
    Int,
    Str,
    Time,
    Uint,
    List(&'static Shape),
    Map(&'static Shape, &'static Shape),
    TypeOf(&'static Shape),
}

/// The types that one form of a function takes, and the one it gives.
pub(super) type Overload = (&'static [Shape], Shape);

type Declaration = (&'static str, &'static [Overload]);

/// The overloads of `name(…)`, operators included; none where there is no such function.
pub(super) fn global(name: &str) -> &'static [Overload] {
    find(GLOBAL, name)
}

/// The overloads of `target.name(…)`, whose first type is the target's.
pub(super) fn member(name: &str) -> &'static [Overload] {
    find(MEMBER, name)
}

/// `overload` with new parameters for its `A` and `B`: what it takes and what it gives.
pub(super) fn instantiate(overload: &Overload, bindings: &mut Bindings) -> (Vec<Type>, Type) {
    let mut form = Form { bindings, a: None, b: None };
    let taken = overload.0.iter().map(|shape| form.fill(shape)).collect();
    (taken, form.fill(&overload.1))
}

fn find(table: &[Declaration], name: &str) -> &'static [Overload] {
    table.iter().find(|(known, _)| *known == name).map_or(&[], |(_, overloads)| overloads)
}

/// One use of an overload, whose parameters are made when they are met.
struct Form<'a> {
    bindings: &'a mut Bindings,
    a: Option<Type>,
    b: Option<Type>,
}

impl Form<'_> {
    fn fill(&mut self, shape: &Shape) -> Type {
        match shape {
            A => self.a.get_or_insert_with(|| self.bindings.fresh()).clone(),
            B => self.b.get_or_insert_with(|| self.bindings.fresh()).clone(),
            Bool => Type::Bool,
            Bytes => Type::Bytes,
            Double => Type::Double,
            Duration => Type::Duration,
            Dyn => Type::Dyn,
            Int => Type::Int,
            Str => Type::String,
            Time => Type::Timestamp,
            Uint => Type::Uint,
            List(item) => Type::list(self.fill(item)),
            Map(key, value) => Type::map(self.fill(key), self.fill(value)),
            TypeOf(of) => Type::type_of(self.fill(of)),
        }
    }
}

const LIST: Shape = List(&A);
const MAP: Shape = Map(&A, &B);

const EQUALITY: &[Overload] = &[(&[A, A], Bool)];

const ORDER: &[Overload] = &[
    (&[Bool, Bool], Bool),
    (&[Int, Int], Bool),
    (&[Uint, Uint], Bool),
    (&[Double, Double], Bool),
    (&[Str, Str], Bool),
    (&[Bytes, Bytes], Bool),
    (&[Time, Time], Bool),
    (&[Duration, Duration], Bool),
];

const PRODUCT: &[Overload] =
    &[(&[Int, Int], Int), (&[Uint, Uint], Uint), (&[Double, Double], Double)];

const SIZE: &[Overload] = &[(&[Str], Int), (&[Bytes], Int), (&[LIST], Int), (&[MAP], Int)];

const TEXT: &[Overload] = &[(&[Str, Str], Bool)];

const OF_TIME: &[Overload] = &[(&[Time], Int), (&[Time, Str], Int)];

const OF_TIME_OR_DURATION: &[Overload] = &[(&[Time], Int), (&[Time, Str], Int), (&[Duration], Int)];

const GLOBAL: &[Declaration] = &[
    ("_?_:_", &[(&[Bool, A, A], A)]),
    ("_&&_", &[(&[Bool, Bool], Bool)]),
    ("_||_", &[(&[Bool, Bool], Bool)]),
    ("!_", &[(&[Bool], Bool)]),
    ("@not_strictly_false", &[(&[Bool], Bool)]),
    ("_==_", EQUALITY),
    ("_!=_", EQUALITY),
    ("_<_", ORDER),
    ("_<=_", ORDER),
    ("_>_", ORDER),
    ("_>=_", ORDER),
    (
        "_+_",
        &[
            (&[Int, Int], Int),
            (&[Uint, Uint], Uint),
            (&[Double, Double], Double),
            (&[Str, Str], Str),
            (&[Bytes, Bytes], Bytes),
            (&[LIST, LIST], LIST),
            (&[Duration, Duration], Duration),
            (&[Duration, Time], Time),
            (&[Time, Duration], Time),
        ],
    ),
    (
        "_-_",
        &[
            (&[Int, Int], Int),
            (&[Uint, Uint], Uint),
            (&[Double, Double], Double),
            (&[Duration, Duration], Duration),
            (&[Time, Duration], Time),
            (&[Time, Time], Duration),
        ],
    ),
    ("_*_", PRODUCT),
    ("_/_", PRODUCT),
    ("_%_", &[(&[Int, Int], Int), (&[Uint, Uint], Uint)]),
    ("-_", &[(&[Int], Int), (&[Double], Double)]),
    ("_[_]", &[(&[LIST, Int], A), (&[MAP, A], B)]),
    ("@in", &[(&[A, LIST], Bool), (&[A, MAP], Bool)]),
    ("size", SIZE),
    ("matches", TEXT),
    ("type", &[(&[A], TypeOf(&A))]),
    ("dyn", &[(&[A], Dyn)]),
    ("bool", &[(&[Bool], Bool), (&[Str], Bool)]),
    ("bytes", &[(&[Bytes], Bytes), (&[Str], Bytes)]),
    ("double", &[(&[Double], Double), (&[Int], Double), (&[Uint], Double), (&[Str], Double)]),
    ("duration", &[(&[Duration], Duration), (&[Int], Duration), (&[Str], Duration)]),
    (
        "int",
        &[
            (&[Int], Int),
            (&[Double], Int),
            (&[Duration], Int),
            (&[Str], Int),
            (&[Time], Int),
            (&[Uint], Int),
        ],
    ),
    (
        "string",
        &[
            (&[Str], Str),
            (&[Bool], Str),
            (&[Bytes], Str),
            (&[Double], Str),
            (&[Duration], Str),
            (&[Int], Str),
            (&[Time], Str),
            (&[Uint], Str),
        ],
    ),
    ("timestamp", &[(&[Time], Time), (&[Int], Time), (&[Str], Time)]),
    ("uint", &[(&[Uint], Uint), (&[Double], Uint), (&[Int], Uint), (&[Str], Uint)]),
];

const MEMBER: &[Declaration] = &[
    ("size", SIZE),
    ("contains", TEXT),
    ("endsWith", TEXT),
    ("matches", TEXT),
    ("startsWith", TEXT),
    ("getDate", OF_TIME),
    ("getDayOfMonth", OF_TIME),
    ("getDayOfWeek", OF_TIME),
    ("getDayOfYear", OF_TIME),
    ("getFullYear", OF_TIME),
    ("getMonth", OF_TIME),
    ("getHours", OF_TIME_OR_DURATION),
    ("getMinutes", OF_TIME_OR_DURATION),
    ("getSeconds", OF_TIME_OR_DURATION),
    ("getMilliseconds", OF_TIME_OR_DURATION),
];
