//! CEL expressions (contract 1.8), evaluated as Tekton does it with cel-go: parsed, type-checked,
//! then run without variables; the result must be a boolean. `docs/cel.md` says where the two
//! differ.

mod bindings;
mod check;
mod convert;
mod declarations;
mod functions;
mod limits;
mod time;
mod types;

#[cfg(test)]
mod cases;

use std::sync::Arc;
use std::{io, thread};

use ::cel::common::types::CelBool;
use ::cel::parser::{ParseErrors, PrattParser};
use ::cel::{Context, ExecutionError, IdedExpr, Value};

use types::Type;

/// Gives the truth of CEL expressions.
pub trait Evaluate {
    /// Whether the CEL expression `source` holds.
    ///
    /// # Errors
    /// Where it does not compile, fails when it is run, or gives something other than a boolean.
    fn evaluate(&self, source: &str) -> Result<bool, CelError>;
}

/// Why a CEL expression is neither true nor false.
#[derive(Debug, thiserror::Error)]
pub enum CelError {
    /// It is no valid expression of CEL's standard environment.
    #[error("when expression `{expression}`: {reason}")]
    Compile {
        /// The expression, shortened where it is long.
        expression: String,
        /// What is wrong with it, shortened likewise.
        reason: String,
    },
    /// It failed while it ran.
    #[error("when expression `{expression}`: {reason}")]
    Run {
        /// The expression, shortened where it is long.
        expression: String,
        /// What went wrong, shortened likewise.
        reason: String,
    },
}

/// CEL's standard environment: no variables, the standard functions and macros.
#[derive(Clone, Copy, Debug, Default)]
pub struct Standard;

impl Evaluate for Standard {
    fn evaluate(&self, source: &str) -> Result<bool, CelError> {
        with_room(|| {
            let compiled = compile(source).map_err(|reason| CelError::compile(source, &reason))?;
            run(&compiled).map_err(|reason| CelError::run(source, &reason))
        })
        .unwrap_or_else(|error| {
            Err(CelError::run(source, &format!("no thread to run it in: {error}")))
        })
    }
}

impl CelError {
    fn compile(source: &str, reason: &str) -> Self {
        Self::Compile { expression: shorten(source), reason: shorten(reason) }
    }

    fn run(source: &str, reason: &str) -> Self {
        Self::Run { expression: shorten(source), reason: shorten(reason) }
    }
}

/// The stack that the deepest expression within the limits needs, with no optimisation and to
/// spare. Only what is used of it takes memory.
const STACK_BYTES: usize = 24 << 20;

/// Does `work` in a thread of its own: how much stack there is here depends on the container's
/// limits.
fn with_room<T: Send>(work: impl FnOnce() -> T + Send) -> io::Result<T> {
    thread::scope(|scope| {
        let worker = thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, work)?;
        Ok(worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })
}

fn compile(source: &str) -> Result<IdedExpr, String> {
    limits::check_source(source)?;
    let parser = PrattParser::new().max_recursion_depth(limits::MAX_BRACKETS);
    let parsed = parser.parse(source).map_err(|errors| first_error(&errors))?;
    limits::check_depth(&parsed)?;
    match check::check(&parsed)? {
        Type::Bool | Type::Dyn => Ok(parsed),
        other => Err(format!("it gives {other}, not a boolean")),
    }
}

fn run(compiled: &IdedExpr) -> Result<bool, String> {
    let environment = functions::environment().map_err(|error| error.to_string())?;
    let context = Context::with_env(Arc::new(environment));
    let value = Value::resolve_val(compiled, &context).map_err(|error| failure(&error))?;
    match value.downcast_ref::<CelBool>() {
        Some(truth) => Ok(*truth.inner()),
        None => Err(format!("it gives {}, not a boolean", value.get_type().name())),
    }
}

/// Where and why `errors` begin: one mistake often makes several.
fn first_error(errors: &ParseErrors) -> String {
    match errors.errors.first() {
        Some(error) if error.pos.0 > 0 => {
            format!("line {}, column {}: {}", error.pos.0, error.pos.1, error.msg)
        }
        Some(error) => error.msg.clone(),
        None => "it cannot be parsed".to_string(),
    }
}

fn failure(error: &ExecutionError) -> String {
    match error {
        ExecutionError::DivisionByZero(_) => "division by zero".to_string(),
        ExecutionError::RemainderByZero(_) => "modulus by zero".to_string(),
        ExecutionError::Overflow(operation, ..) => format!("{operation} goes out of range"),
        ExecutionError::NoSuchKey(key) => format!("no such key: {key}"),
        ExecutionError::FunctionError { function, message } => format!("{function}: {message}"),
        other => other.to_string(),
    }
}

/// At most so many characters of an expression are in a message, and as many of the reason.
const SHOWN: usize = 200;

fn shorten(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_string(),
    }
}
