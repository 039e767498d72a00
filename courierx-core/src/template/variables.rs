//! Which variables a template names.

use std::collections::BTreeSet;

use super::program::{Expression, Node, Path, Scoped, Start};

/// The variables that a template names: `customer` for `{{customer.name}}`. What it reads of the items of a loop
/// belongs to the list that it loops over.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Variables {
    names: BTreeSet<Box<str>>,
    all: bool,
}

impl Variables {
    /// Their names, in the order of the alphabet.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(|name| &**name)
    }

    /// Whether a variable of this name may matter.
    pub fn uses(&self, name: &str) -> bool {
        self.all || self.names.contains(name)
    }

    /// Adds those of another template.
    pub fn extend(&mut self, other: Self) {
        self.names.extend(other.names);
        self.all |= other.all;
    }

    pub(super) fn of(nodes: &[Node]) -> Self {
        let mut search = Search { found: Self::default(), blocks: Vec::new() };
        search.nodes(nodes);
        search.found
    }
}

/// A walk over a template. It is as deep as a rendering, which the limits of compiling bound.
struct Search<'t> {
    found: Variables,
    /// The blocks around, with the names that they give.
    blocks: Vec<&'t Scoped>,
}

impl<'t> Search<'t> {
    fn nodes(&mut self, nodes: &'t [Node]) {
        for node in nodes {
            match node {
                Node::Text(_) => {}
                Node::Print { value, .. } => self.expression(value),
                Node::If { condition, then, otherwise } => {
                    self.expression(condition);
                    self.nodes(then);
                    self.nodes(otherwise);
                }
                Node::Each(block) | Node::With(block) => {
                    self.expression(&block.subject);
                    self.blocks.push(block);
                    self.nodes(&block.body);
                    self.blocks.pop();
                    self.nodes(&block.otherwise);
                }
            }
        }
    }

    fn expression(&mut self, expression: &'t Expression) {
        match expression {
            Expression::Literal(_) => {}
            Expression::Path(path) => self.path(path),
            Expression::Call(_, arguments) => arguments.iter().for_each(|one| self.expression(one)),
        }
    }

    fn path(&mut self, path: &Path) {
        let first = path.segments.first();
        let is_of_variables = match path.start {
            Start::Root => true,
            Start::Local(..) => false,
            // As in rendering: the name that a block gave goes first, and too many `../` stay in the block.
            Start::Scope(_) if first.is_some_and(|name| self.is_given_by_a_block(name)) => false,
            Start::Scope(out) => self.blocks.is_empty() || out == self.blocks.len(),
        };
        match first {
            _ if !is_of_variables => {}
            Some(name) if !self.found.names.contains(name) => drop(self.found.names.insert(name.clone())),
            Some(_) => {}
            // All of them are looked at, by whatever names.
            None => self.found.all = true,
        }
    }

    fn is_given_by_a_block(&self, name: &str) -> bool {
        let mut given = self.blocks.iter().flat_map(|block| [&block.value_name, &block.key_name]);
        given.any(|one| one.as_deref() == Some(name))
    }
}
