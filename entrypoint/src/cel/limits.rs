//! How large a CEL expression may be. The parser, the checker and the evaluator go down into an
//! expression by calling themselves, and a step whose entrypoint ran out of stack could not say how
//! it ended; so what is too deep is refused, as cel-go refuses it.

use cel::IdedExpr;
use cel::common::ast::{EntryExpr, Expr};
use cel::parser::pratt_parser::{Lexer, TokenKind};

/// The longest expression, in code points, as in cel-go.
const MAX_LENGTH: usize = 100_000;

/// The most operators, calls and brackets, `&&` and `||` apart: each may go one level deeper.
const MAX_OPERATORS: usize = 1_000;

/// The most `?`, which nest to the right.
const MAX_CHOICES: usize = 100;

/// The deepest expression in brackets within brackets.
pub(super) const MAX_BRACKETS: u16 = 96;

/// The deepest tree of calls, lists and maps, as in cel-go.
const MAX_DEPTH: usize = 250;

/// At most so many characters of what is no token are in a message.
const SHOWN: usize = 40;

/// Looks at `source` before it is parsed.
///
/// # Errors
/// What there is too much of, as a fragment of a sentence.
pub(super) fn check_source(source: &str) -> Result<(), String> {
    let length = source.chars().count();
    if length > MAX_LENGTH {
        return Err(format!("it has {length} characters, more than {MAX_LENGTH}"));
    }
    let (mut operators, mut choices) = (0, 0);
    let mut lexer = Lexer::new(source);
    loop {
        let token = lexer.lex();
        let text = source.get(token.start..token.end).unwrap_or_default();
        match token.kind {
            TokenKind::TokEnd => break,
            TokenKind::TokError => return Err(unknown(&lexer, text)),
            TokenKind::TokQuestion => choices += 1,
            kind if may_nest(kind) => operators += 1,
            kind if is_loose(kind, text) => return Err(format!("{text} is no literal of CEL")),
            _ => {}
        }
    }
    if operators > MAX_OPERATORS {
        return Err(format!(
            "it has {operators} operators, calls and brackets, more than {MAX_OPERATORS}"
        ));
    }
    if choices > MAX_CHOICES {
        return Err(format!("it has {choices} times `?`, more than {MAX_CHOICES}"));
    }
    Ok(())
}

/// Looks at the tree that was parsed.
///
/// # Errors
/// That it is too deep, as a fragment of a sentence.
pub(super) fn check_depth(expression: &IdedExpr) -> Result<(), String> {
    let mut level = vec![expression];
    for _ in 0..MAX_DEPTH {
        level = level.into_iter().flat_map(parts).collect();
        if level.is_empty() {
            return Ok(());
        }
    }
    Err(format!("it is more than {MAX_DEPTH} levels deep"))
}

/// What is wrong where `lexer` stopped. The parser would go on behind it, past the limits.
fn unknown(lexer: &Lexer<'_>, text: &str) -> String {
    let why = lexer.get_error().map_or("it is no token of CEL", |error| &error.message);
    let shown: String = text.chars().take(SHOWN).collect();
    format!("at `{shown}`: {why}")
}

/// Whether the parser would take a literal that CEL's grammar does not have: a line break in a
/// string of single quotes, `rb` for `br`, `0X` for `0x`.
fn is_loose(kind: TokenKind, text: &str) -> bool {
    match kind {
        TokenKind::TokInt | TokenKind::TokUint => text.starts_with("0X"),
        TokenKind::TokBytes if text.starts_with(['r', 'R']) => true,
        TokenKind::TokString | TokenKind::TokBytes => {
            let quoted = text.trim_start_matches(['b', 'B', 'r', 'R']);
            let is_triple = quoted.starts_with("'''") || quoted.starts_with("\"\"\"");
            !is_triple && quoted.contains(['\n', '\r'])
        }
        _ => false,
    }
}

fn may_nest(kind: TokenKind) -> bool {
    matches!(
        kind,
        TokenKind::TokIn
            | TokenKind::TokLeftBracket
            | TokenKind::TokLeftBrace
            | TokenKind::TokLeftParen
            | TokenKind::TokDot
            | TokenKind::TokMinus
            | TokenKind::TokPlus
            | TokenKind::TokAsterisk
            | TokenKind::TokSlash
            | TokenKind::TokPercent
            | TokenKind::TokExclamation
            | TokenKind::TokEqualEqual
            | TokenKind::TokExclamationEqual
            | TokenKind::TokLess
            | TokenKind::TokLessEqual
            | TokenKind::TokGreater
            | TokenKind::TokGreaterEqual
    )
}

/// The expressions that `expression` is made of.
fn parts(expression: &IdedExpr) -> Vec<&IdedExpr> {
    match &expression.expr {
        Expr::Call(call) => call.target.as_deref().into_iter().chain(&call.args).collect(),
        Expr::Select(select) => vec![&select.operand],
        Expr::List(list) => list.elements.iter().collect(),
        Expr::Map(map) => map.entries.iter().flat_map(|entry| entry_parts(&entry.expr)).collect(),
        Expr::Struct(made) => {
            made.entries.iter().flat_map(|entry| entry_parts(&entry.expr)).collect()
        }
        Expr::Comprehension(made) => {
            vec![&made.iter_range, &made.accu_init, &made.loop_cond, &made.loop_step, &made.result]
        }
        Expr::Ident(_) | Expr::Literal(_) | Expr::Unspecified => Vec::new(),
    }
}

fn entry_parts(entry: &EntryExpr) -> Vec<&IdedExpr> {
    match entry {
        EntryExpr::MapEntry(entry) => vec![&entry.key, &entry.value],
        EntryExpr::StructField(field) => vec![&field.value],
    }
}
