//! What is known of the type parameters of an expression, and which type may stand where another is
//! wanted. The rules are those of cel-go's checker, so that both accept the same expressions.

use super::types::Type;

/// The types found so far for the parameters of one expression.
#[derive(Clone, Debug, Default)]
pub(super) struct Bindings(Vec<Option<Type>>);

impl Bindings {
    /// A new parameter, not bound to anything.
    pub(super) fn fresh(&mut self) -> Type {
        self.0.push(None);
        Type::Param(self.0.len() - 1)
    }

    /// Whether each of `given` may stand for the one of `wanted` in its place. What that binds
    /// stays bound; where it may not, nothing is.
    pub(super) fn assign(&mut self, given: &[Type], wanted: &[Type]) -> bool {
        let before = self.clone();
        let fits = given.len() == wanted.len()
            && given.iter().zip(wanted).all(|(given, wanted)| self.fits(given, wanted));
        if !fits {
            *self = before;
        }
        fits
    }

    /// `of` with its bound parameters replaced.
    pub(super) fn resolve(&self, of: &Type) -> Type {
        match of {
            Type::Param(index) => match self.bound(*index) {
                Some(bound) => self.resolve(bound),
                None => of.clone(),
            },
            Type::List(item) => Type::list(self.resolve(item)),
            Type::Map(key, value) => Type::map(self.resolve(key), self.resolve(value)),
            Type::Meta(inner) => Type::type_of(self.resolve(inner)),
            _ => of.clone(),
        }
    }

    fn bound(&self, index: usize) -> Option<&Type> {
        self.0.get(index).and_then(Option::as_ref)
    }

    fn fits(&mut self, given: &Type, wanted: &Type) -> bool {
        match (given, wanted) {
            (_, Type::Param(index)) => match self.substitute(given, *index) {
                Substitution::Fits => true,
                Substitution::BoundElsewhere => false,
                Substitution::Circular => self.given_fits(given, wanted),
            },
            _ => self.given_fits(given, wanted),
        }
    }

    fn given_fits(&mut self, given: &Type, wanted: &Type) -> bool {
        match (given, wanted) {
            (Type::Param(index), _) => self.substitute(wanted, *index) == Substitution::Fits,
            (Type::Dyn, _) | (_, Type::Dyn) => true,
            (Type::Null, _) => wanted.is_nullable(),
            (Type::List(given), Type::List(wanted)) => self.fits(given, wanted),
            (Type::Map(key, value), Type::Map(wanted_key, wanted_value)) => {
                self.fits(key, wanted_key) && self.fits(value, wanted_value)
            }
            (Type::Meta(_), Type::Meta(_)) => true,
            _ => given == wanted,
        }
    }

    /// Binds the parameter `index` to `with`, or widens what it is bound to.
    fn substitute(&mut self, with: &Type, index: usize) -> Substitution {
        if *with == Type::Param(index) {
            return Substitution::Fits;
        }
        let Some(bound) = self.bound(index).cloned() else {
            return self.bind(with, index);
        };
        if *with == bound {
            return Substitution::Fits;
        }
        if !self.fits(with, &bound) {
            return Substitution::BoundElsewhere;
        }
        if is_as_general(with, &bound) {
            self.bind(with, index);
        }
        Substitution::Fits
    }

    fn bind(&mut self, with: &Type, index: usize) -> Substitution {
        if self.mentions(with, index) {
            return Substitution::Circular;
        }
        if let Some(place) = self.0.get_mut(index) {
            *place = Some(with.clone());
        }
        Substitution::Fits
    }

    fn mentions(&self, within: &Type, index: usize) -> bool {
        match within {
            Type::Param(other) => {
                *other == index
                    || self.bound(*other).is_some_and(|bound| self.mentions(bound, index))
            }
            Type::List(inner) | Type::Meta(inner) => self.mentions(inner, index),
            Type::Map(key, value) => self.mentions(key, index) || self.mentions(value, index),
            _ => false,
        }
    }
}

#[derive(PartialEq)]
enum Substitution {
    Fits,
    /// The parameter is bound to a type that does not fit.
    BoundElsewhere,
    /// The parameter is a part of the type it would be bound to.
    Circular,
}

/// The more general of two types that fit each other.
pub(super) fn most_general(left: Type, right: Type) -> Type {
    if is_as_general(&left, &right) { left } else { right }
}

/// Whether `left` is the same as `right`, or says less.
fn is_as_general(left: &Type, right: &Type) -> bool {
    match (left, right) {
        (Type::Dyn | Type::Param(_), _) => true,
        (_, Type::Dyn | Type::Param(_)) => false,
        (Type::List(left), Type::List(right)) => is_as_general(left, right),
        (Type::Map(left_key, left_value), Type::Map(right_key, right_value)) => {
            is_as_general(left_key, right_key) && is_as_general(left_value, right_value)
        }
        (Type::Meta(_), Type::Meta(_)) => true,
        _ => left == right,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_assignment_binds_nothing() {
        let mut bindings = Bindings::default();
        let param = bindings.fresh();
        let wanted = [param.clone(), param.clone()];
        assert!(!bindings.assign(&[Type::Int, Type::String], &wanted));
        assert_eq!(bindings.resolve(&param), param);
        assert!(bindings.assign(&[Type::String, Type::String], &wanted));
        assert_eq!(bindings.resolve(&param), Type::String);
    }

    #[test]
    fn a_parameter_is_never_bound_to_itself() {
        let mut bindings = Bindings::default();
        let param = [bindings.fresh()];
        assert!(!bindings.assign(&[Type::list(param[0].clone())], &param));
        assert!(bindings.assign(&param, &param));
        assert!(bindings.assign(&[Type::Int], &param));
        assert!(bindings.assign(&param, &param));
        assert_eq!(bindings.resolve(&param[0]), Type::Int);
    }

    #[test]
    fn dyn_widens_what_a_parameter_is_bound_to() {
        let mut bindings = Bindings::default();
        let param = bindings.fresh();
        assert!(bindings.assign(&[Type::Int, Type::Dyn], &[param.clone(), param.clone()]));
        assert_eq!(bindings.resolve(&param), Type::Dyn);
    }
}
