//! What a rendering needed and was not given.

use std::collections::BTreeSet;

use super::expression::missing;
use super::program::Expression;

/// The variables that a rendering needed and was not given, as the template spells them, each once: what is
/// printed, compared or looped over. A condition needs nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Missing {
    paths: BTreeSet<Box<str>>,
}

impl Missing {
    /// The most that are noted.
    pub const MAX: usize = 100;

    /// Whether nothing is.
    pub fn is_empty(&self) -> bool {
        self.paths.is_empty()
    }

    /// What is missing, in the order of the alphabet; the first [`MAX`](Self::MAX) that the rendering came by.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.paths.iter().map(|path| &**path)
    }

    /// Notes everything that `other` has.
    pub fn extend(&mut self, other: Self) {
        for path in other.paths {
            self.insert(path);
        }
    }

    pub(super) fn note(&mut self, expression: &Expression) {
        let path = missing(expression);
        if !self.paths.contains(path) {
            self.insert(path.into());
        }
    }

    fn insert(&mut self, path: Box<str>) {
        if self.paths.len() < Self::MAX {
            self.paths.insert(path);
        }
    }
}
