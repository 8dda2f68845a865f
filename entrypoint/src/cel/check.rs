//! The type checker. CEL's reference implementation checks the types of an expression before it
//! runs any of it, so `1 == 'a'` never compiles there; the `cel` crate has no checker.

use cel::IdedExpr;
use cel::common::ast::{
    CallExpr, ComprehensionExpr, EntryExpr, Expr, ListExpr, LiteralValue, MapExpr, SelectExpr,
};

use super::bindings::{Bindings, most_general};
use super::declarations::{self, Overload};
use super::types::{self, Type};

/// The type of `expression`.
///
/// # Errors
/// What makes it no expression of CEL's standard environment, as a fragment of a sentence.
pub(super) fn check(expression: &IdedExpr) -> Result<Type, String> {
    let mut checker = Checker::default();
    let found = checker.expression(expression)?;
    Ok(match checker.bindings.resolve(&found) {
        Type::Param(_) => Type::Dyn,
        known => known,
    })
}

#[derive(Default)]
struct Checker {
    bindings: Bindings,
    /// The variables of the macros around the place that is looked at, the innermost last.
    variables: Vec<(String, Type)>,
}

impl Checker {
    fn expression(&mut self, expression: &IdedExpr) -> Result<Type, String> {
        match &expression.expr {
            Expr::Literal(literal) => Ok(literal_type(literal)),
            Expr::Ident(name) => self.name(name),
            Expr::Select(select) => self.select(select),
            Expr::Call(call) => self.call(call),
            Expr::List(list) => self.list(list),
            Expr::Map(map) => self.map(map),
            Expr::Comprehension(comprehension) => self.comprehension(comprehension),
            Expr::Struct(made) => Err(format!("message type {} is not supported", made.type_name)),
            Expr::Unspecified => Err("an empty expression".to_string()),
        }
    }

    fn name(&self, name: &str) -> Result<Type, String> {
        let local = self.variables.iter().rev().find(|(known, _)| known == name);
        if let Some((_, found)) = local {
            return Ok(found.clone());
        }
        types::named(name.trim_start_matches('.')).map(Type::type_of).ok_or_else(|| {
            format!("undeclared variable {name}: there are none in a when expression")
        })
    }

    fn select(&mut self, select: &SelectExpr) -> Result<Type, String> {
        if let Some(found) = self.qualified_type(select) {
            return Ok(Type::type_of(found));
        }
        let operand = self.expression(&select.operand)?;
        let field = match self.bindings.resolve(&operand) {
            Type::Map(_, value) => *value,
            Type::Dyn => Type::Dyn,
            unknown @ Type::Param(_) => {
                self.bindings.assign(&[Type::Dyn], &[unknown]);
                Type::Dyn
            }
            other => return Err(format!("{other} has no field {}", select.field)),
        };
        Ok(if select.test { Type::Bool } else { field })
    }

    /// The type that dotted words such as `google.protobuf.Timestamp` name.
    fn qualified_type(&self, select: &SelectExpr) -> Option<Type> {
        if select.test {
            return None;
        }
        let mut words = vec![select.field.as_str()];
        let mut operand = &select.operand.expr;
        while let Expr::Select(inner) = operand {
            words.push(&inner.field);
            operand = &inner.operand.expr;
        }
        let Expr::Ident(root) = operand else { return None };
        if self.variables.iter().any(|(known, _)| known == root) {
            return None;
        }
        words.push(root.trim_start_matches('.'));
        words.reverse();
        types::named(&words.join("."))
    }

    fn call(&mut self, call: &CallExpr) -> Result<Type, String> {
        let mut given = Vec::with_capacity(call.args.len() + 1);
        for operand in call.target.as_deref().into_iter().chain(&call.args) {
            given.push(self.expression(operand)?);
        }
        let name = call.func_name.trim_start_matches('.');
        let (global, member) = (declarations::global(name), declarations::member(name));
        if global.is_empty() && member.is_empty() {
            return Err(format!("undeclared function {name}"));
        }
        let overloads = if call.target.is_some() { member } else { global };
        self.overload(overloads, &given).ok_or_else(|| {
            let given: Vec<_> = given.iter().map(|given| self.bindings.resolve(given)).collect();
            no_overload(name, call.target.is_some(), &given)
        })
    }

    /// The type that the matching overloads give: dyn where several do and differ.
    fn overload(&mut self, overloads: &[Overload], given: &[Type]) -> Option<Type> {
        let mut found: Option<Type> = None;
        for overload in overloads.iter().filter(|overload| overload.0.len() == given.len()) {
            let (taken, gives) = declarations::instantiate(overload, &mut self.bindings);
            if !self.bindings.assign(given, &taken) {
                continue;
            }
            let gives = self.bindings.resolve(&gives);
            found = Some(match found {
                Some(earlier) if earlier != gives => Type::Dyn,
                _ => gives,
            });
        }
        found
    }

    fn list(&mut self, list: &ListExpr) -> Result<Type, String> {
        let mut items = None;
        for element in &list.elements {
            let item = self.expression(element)?;
            items = Some(self.join(items, item));
        }
        let item = items.unwrap_or_else(|| self.bindings.fresh());
        Ok(Type::list(item))
    }

    fn map(&mut self, map: &MapExpr) -> Result<Type, String> {
        let (mut keys, mut values) = (None, None);
        for entry in &map.entries {
            let EntryExpr::MapEntry(entry) = &entry.expr else {
                return Err("a field in a map".to_string());
            };
            let key = self.expression(&entry.key)?;
            let key = self.bindings.resolve(&key);
            if !key.may_be_key() {
                return Err(format!("{key} as the key of a map: take int, uint, bool or string"));
            }
            keys = Some(self.join(keys, key));
            let value = self.expression(&entry.value)?;
            values = Some(self.join(values, value));
        }
        let key = keys.unwrap_or_else(|| self.bindings.fresh());
        let value = values.unwrap_or_else(|| self.bindings.fresh());
        Ok(Type::map(key, value))
    }

    /// The type that fits both: dyn where they differ.
    fn join(&mut self, earlier: Option<Type>, item: Type) -> Type {
        match earlier {
            None => item,
            Some(earlier) => {
                let fits = self
                    .bindings
                    .assign(std::slice::from_ref(&earlier), std::slice::from_ref(&item));
                if fits { most_general(earlier, item) } else { Type::Dyn }
            }
        }
    }

    fn comprehension(&mut self, made: &ComprehensionExpr) -> Result<Type, String> {
        let range = self.expression(&made.iter_range)?;
        let variable = self.range_item(&range)?;
        let accumulated = self.expression(&made.accu_init)?;
        let outer = self.variables.len();
        self.variables.push((made.accu_var.clone(), accumulated.clone()));
        self.variables.push((made.iter_var.clone(), variable));
        let condition = self.expression(&made.loop_cond)?;
        self.require(condition, Type::Bool)?;
        let step = self.expression(&made.loop_step)?;
        self.require(step, accumulated)?;
        self.variables.truncate(outer + 1);
        let result = self.expression(&made.result)?;
        self.variables.truncate(outer);
        Ok(self.bindings.resolve(&result))
    }

    fn range_item(&mut self, range: &Type) -> Result<Type, String> {
        match self.bindings.resolve(range) {
            Type::List(item) => Ok(*item),
            Type::Map(key, _) => Ok(*key),
            Type::Dyn => Ok(Type::Dyn),
            unknown @ Type::Param(_) => {
                self.bindings.assign(&[Type::Dyn], &[unknown]);
                Ok(Type::Dyn)
            }
            other => Err(format!("{other} cannot be gone through: take a list or a map")),
        }
    }

    fn require(&mut self, given: Type, wanted: Type) -> Result<(), String> {
        if self.bindings.assign(std::slice::from_ref(&given), std::slice::from_ref(&wanted)) {
            return Ok(());
        }
        let (given, wanted) = (self.bindings.resolve(&given), self.bindings.resolve(&wanted));
        Err(format!("{given} where {wanted} is wanted"))
    }
}

fn literal_type(literal: &LiteralValue) -> Type {
    match literal {
        LiteralValue::Boolean(_) => Type::Bool,
        LiteralValue::Bytes(_) => Type::Bytes,
        LiteralValue::Double(_) => Type::Double,
        LiteralValue::Int(_) => Type::Int,
        LiteralValue::Null => Type::Null,
        LiteralValue::String(_) => Type::String,
        LiteralValue::UInt(_) => Type::Uint,
    }
}

/// Says which function does not take what it was given: ``no operator == for int and string``.
fn no_overload(name: &str, has_target: bool, given: &[Type]) -> String {
    let given: Vec<_> = given.iter().map(Type::to_string).collect();
    match (operator(name), given.as_slice()) {
        (Some(word), given) => format!("no operator {word} for {}", given.join(" and ")),
        (None, [target, arguments @ ..]) if has_target => {
            format!("no function {target}.{name}({})", arguments.join(", "))
        }
        (None, given) => format!("no function {name}({})", given.join(", ")),
    }
}

/// The operator as it is typed: `==` for `_==_`.
fn operator(name: &str) -> Option<&str> {
    match name {
        "_?_:_" => Some("?:"),
        "_[_]" => Some("[]"),
        "@in" => Some("in"),
        "@not_strictly_false" => Some("all or exists"),
        _ if name.contains('_') => Some(name.trim_matches('_')),
        _ => None,
    }
}
