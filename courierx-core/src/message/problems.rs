//! Collecting problems, so that all are reported at once.

use super::error::{FieldProblem, InvalidEmail, Problem};
use super::field::Field;
use super::limits::MAX_PROBLEMS;

/// Problems as they are collected.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Problems {
    pub(super) list: Vec<FieldProblem>,
    /// How many more there were.
    pub(super) omitted: usize,
}

impl Problems {
    pub(super) fn push(&mut self, field: Field, problem: impl Into<Problem>) {
        if self.list.len() < MAX_PROBLEMS {
            self.list.push(FieldProblem { field, problem: problem.into() });
        } else {
            self.omitted += 1;
        }
    }

    /// The value, or nothing and one more problem.
    pub(super) fn take<T, E: Into<Problem>>(&mut self, field: Field, value: Result<T, E>) -> Option<T> {
        value.map_err(|problem| self.push(field, problem)).ok()
    }

    /// Adds the value to the list, or a problem with the item that it would have been.
    pub(super) fn add<T, E: Into<Problem>>(
        &mut self,
        field: &'static str,
        list: &mut Vec<T>,
        value: Result<T, E>,
    ) {
        let index = list.len() + self.items(field);
        list.extend(self.take(Field::at(field, index), value));
    }

    /// Adds what is wrong with a value that is the item `index` of the list `field`.
    pub(super) fn extend_inside(&mut self, field: &'static str, index: usize, invalid: InvalidEmail) {
        for FieldProblem { field: part, problem } in invalid.0.list {
            self.push(part.inside(field, index), problem);
        }
    }

    /// Adds the problem that more than `max` items are given, if they are.
    pub(super) fn limit_items(&mut self, field: &'static str, actual: usize, max: usize) {
        if actual > max {
            self.push(Field::new(field), Problem::TooMany { max, actual });
        }
    }

    /// Adds the problem that more than `max` bytes are given, if they are.
    pub(super) fn limit_bytes(&mut self, field: &'static str, actual: usize, max: usize) {
        if actual > max {
            self.push(Field::new(field), Problem::TooLong { max, actual });
        }
    }

    /// Whether any problem concerns this field or an item of it.
    pub(super) fn concern(&self, field: &str) -> bool {
        self.list.iter().any(|problem| problem.field.name() == field)
    }

    /// How many different items of this field have a problem.
    pub(super) fn items(&self, field: &str) -> usize {
        let mut items: Vec<&Field> = Vec::new();
        for problem in &self.list {
            let known = items.last().is_some_and(|last| last.same_item(&problem.field));
            if problem.field.name() == field && !known {
                items.push(&problem.field);
            }
        }
        items.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The problems as an error; there must be some.
    pub(super) fn into_error(self) -> InvalidEmail {
        debug_assert!(!self.is_empty());
        InvalidEmail(self)
    }

    pub(super) fn finish(self) -> Result<(), InvalidEmail> {
        if self.is_empty() { Ok(()) } else { Err(self.into_error()) }
    }
}
