//! Rendering, the part that computes: paths, helpers and comparisons.

use super::TemplateError;
use super::eval::{Locals, MAX_VALUE_DEPTH, Rendering};
use super::program::{Expression, Function, Path, Start};
use super::value::Val;

impl<'v> Rendering<'v, '_> {
    /// The value of an expression; missing is a value, too.
    pub(super) fn value(&mut self, expression: &'v Expression) -> Result<Val<'v>, TemplateError> {
        match expression {
            Expression::Path(path) => self.follow(path),
            Expression::Literal(value) => Ok(value.into()),
            Expression::Call(function, arguments) => self.call(*function, arguments),
        }
    }

    fn follow(&mut self, path: &'v Path) -> Result<Val<'v>, TemplateError> {
        self.spend(path.cost)?;
        let mut segments = &path.segments[..];
        let mut value = match path.start {
            Start::Root => self.scopes.first().map_or(Val::Missing, |root| root.value),
            Start::Local(out, local) => {
                let locals = self.scopes.iter().rev().nth(out).and_then(|scope| scope.locals);
                locals.map_or(Val::Missing, |locals| locals.get(local))
            }
            Start::Scope(out) => {
                if let Some((named, rest)) = self.block_parameter(segments) {
                    segments = rest;
                    named
                } else {
                    // As in Handlebars, more `../` than there are blocks stay in the block.
                    let scope = self.scopes.iter().rev().nth(out).or(self.scopes.last());
                    scope.map_or(Val::Missing, |scope| scope.value)
                }
            }
        };
        for segment in segments {
            value = value.member(segment);
        }
        Ok(value)
    }

    /// The value that a block named `as |…|` like the first of `segments`, and the other segments.
    fn block_parameter<'s>(&self, segments: &'s [Box<str>]) -> Option<(Val<'v>, &'s [Box<str>])> {
        let (first, rest) = segments.split_first()?;
        let named = self.scopes.iter().rev().find_map(|scope| {
            if scope.key_name == Some(first) {
                scope.locals.map(Locals::position)
            } else {
                (scope.value_name == Some(first)).then_some(scope.value)
            }
        })?;
        Some((named, rest))
    }

    fn call(&mut self, function: Function, arguments: &'v [Expression]) -> Result<Val<'v>, TemplateError> {
        use Function as F;

        self.spend(1)?;
        match (function, arguments) {
            (F::Truthy { zero }, [value]) => Ok(Val::Bool(self.value(value)?.is_truthy(zero))),
            (F::Not, [value]) => Ok(Val::Bool(!self.value(value)?.is_truthy(false))),
            (F::And, values) => self.any(values, false).map(|found| Val::Bool(!found)),
            (F::Or, values) => self.any(values, true).map(Val::Bool),
            (F::Lookup, [collection, key]) => {
                let (collection, key) = (self.value(collection)?, self.value(key)?);
                self.spend(key.size() / 64)?;
                Ok(collection.lookup(key))
            }
            (F::Length, [value]) => {
                let value = self.present(value)?;
                self.spend(value.size() / 64)?;
                Ok(Val::Count(value.len()))
            }
            (_, [left, right]) => {
                let (left, right) = (self.present(left)?, self.present(right)?);
                self.compare(function, left, right).map(Val::Bool)
            }
            // Lowering has checked the numbers of arguments.
            _ => Ok(Val::Missing),
        }
    }

    /// Whether one of `values` is `wanted` as a condition.
    fn any(&mut self, values: &'v [Expression], wanted: bool) -> Result<bool, TemplateError> {
        for value in values {
            if self.value(value)?.is_truthy(false) == wanted {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn compare(&mut self, function: Function, left: Val<'v>, right: Val<'v>) -> Result<bool, TemplateError> {
        use Function as F;

        if matches!(function, F::Equal | F::NotEqual) {
            return Ok(self.equal(left, right, 0)? == (function == F::Equal));
        }
        self.spend(left.size().max(right.size()) / 64)?;
        Ok(left.compare(right).is_some_and(|order| match function {
            F::Greater => order.is_gt(),
            F::GreaterOrEqual => order.is_ge(),
            F::Less => order.is_lt(),
            _ => order.is_le(),
        }))
    }

    fn equal(&mut self, left: Val<'v>, right: Val<'v>, depth: usize) -> Result<bool, TemplateError> {
        if depth >= MAX_VALUE_DEPTH {
            return Err(TemplateError::ValueTooDeep { limit: MAX_VALUE_DEPTH });
        }
        self.spend(1 + left.size().min(right.size()) / 64)?;
        match (left, right) {
            (Val::List(left), Val::List(right)) => {
                if left.len() != right.len() {
                    return Ok(false);
                }
                for (left, right) in left.iter().zip(right) {
                    if !self.equal(left.into(), right.into(), depth + 1)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            (Val::Object(left), Val::Object(right)) => {
                if left.len() != right.len() {
                    return Ok(false);
                }
                for (key, value) in left {
                    let other = right.get(key).map_or(Val::Missing, Val::from);
                    if other.is_missing() || !self.equal(value.into(), other, depth + 1)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            _ => Ok(left.equals(right)),
        }
    }

    /// The value of an argument that strict mode wants to exist.
    fn present(&mut self, expression: &'v Expression) -> Result<Val<'v>, TemplateError> {
        let value = self.value(expression)?;
        if value.is_missing() {
            self.lacks(expression)?;
        }
        Ok(value)
    }

    /// What is needed is missing: refuses that in strict mode, and notes it if somebody wants to know.
    pub(super) fn lacks(&mut self, expression: &Expression) -> Result<(), TemplateError> {
        if self.limits.strict {
            return Err(TemplateError::MissingVariable { path: missing(expression).into() });
        }
        if let Some(noted) = &mut self.missing {
            noted.note(expression);
        }
        Ok(())
    }
}

/// Names the variable whose absence made `expression` missing.
pub(super) fn missing(expression: &Expression) -> &str {
    let mut inner = expression;
    while let Expression::Call(_, arguments) = inner
        && let Some(first) = arguments.first()
    {
        inner = first;
    }
    if let Expression::Path(path) = inner { &path.raw } else { "" }
}
