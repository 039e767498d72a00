//! Rendering: a walk over the [`Node`] tree that counts what it does.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::output::Output;
use super::program::{Expression, Local, Node, Scoped};
use super::value::Val;
use super::{Missing, RenderLimits, TemplateError};

/// How deep a value may be nested that is printed or compared as a whole; what JSON parsers allow, too.
pub(super) const MAX_VALUE_DEPTH: usize = 128;

/// Renders `nodes` with `variables` into `output`, and notes what is missing if somebody wants to know.
pub(super) fn render<'v>(
    nodes: &'v [Node],
    variables: &'v Map<String, Value>,
    limits: &RenderLimits,
    missing: Option<&mut Missing>,
    output: &mut Output,
) -> Result<(), TemplateError> {
    let root = Scope { value: Val::Object(variables), locals: None, value_name: None, key_name: None };
    let scopes = vec![root];
    let (iterations, steps) = (limits.max_iterations, limits.max_steps);
    Rendering { limits, iterations, steps, scopes, missing, output }.nodes(nodes)
}

/// What a block looks at.
#[derive(Clone, Copy)]
pub(super) struct Scope<'v> {
    pub(super) value: Val<'v>,
    pub(super) locals: Option<Locals<'v>>,
    pub(super) value_name: Option<&'v str>,
    pub(super) key_name: Option<&'v str>,
}

/// Where a loop is.
#[derive(Clone, Copy)]
pub(super) struct Locals<'v> {
    index: usize,
    last: bool,
    /// In an object.
    key: Option<&'v str>,
}

impl<'v> Locals<'v> {
    pub(super) fn get(self, local: Local) -> Val<'v> {
        match local {
            Local::Index => Val::Count(self.index),
            Local::Key => self.key.map_or(Val::Missing, Val::Text),
            Local::First => Val::Bool(self.index == 0),
            Local::Last => Val::Bool(self.last),
            Local::Unknown => Val::Missing,
        }
    }

    /// What `as |value key|` names.
    pub(super) fn position(self) -> Val<'v> {
        self.key.map_or(Val::Count(self.index), Val::Text)
    }
}

pub(super) struct Rendering<'v, 'r> {
    pub(super) limits: &'r RenderLimits,
    /// How many are left.
    iterations: usize,
    /// How many are left.
    steps: usize,
    /// The root first, the innermost block last; never empty.
    pub(super) scopes: Vec<Scope<'v>>,
    pub(super) missing: Option<&'r mut Missing>,
    output: &'r mut Output,
}

impl<'v> Rendering<'v, '_> {
    fn nodes(&mut self, nodes: &'v [Node]) -> Result<(), TemplateError> {
        for node in nodes {
            self.spend(1)?;
            match node {
                Node::Text(text) => self.output.push(text)?,
                Node::Print { value, escape } => self.print(value, *escape)?,
                Node::If { condition, then, otherwise } => {
                    let branch = if self.value(condition)?.is_truthy(false) { then } else { otherwise };
                    self.nodes(branch)?;
                }
                Node::Each(each) => self.each(each)?,
                Node::With(with) => self.with(with)?,
            }
        }
        Ok(())
    }

    fn print(&mut self, expression: &'v Expression, escape: bool) -> Result<(), TemplateError> {
        let value = self.value(expression)?;
        if value.is_missing() {
            self.lacks(expression)?;
        }
        self.output.set_escape(escape);
        let printed = self.print_value(value, 0);
        self.output.set_escape(false);
        printed
    }

    fn print_value(&mut self, value: Val<'v>, depth: usize) -> Result<(), TemplateError> {
        let fits = match value {
            Val::Missing | Val::Null => return Ok(()),
            Val::Text(text) => return self.output.push(text),
            Val::Object(_) => return self.output.push("[object]"),
            Val::List(list) => return self.print_list(list, depth),
            Val::Bool(bool) => write!(self.output, "{bool}"),
            Val::Count(count) => write!(self.output, "{count}"),
            Val::Number(number) => write!(self.output, "{number}"),
        };
        fits.map_err(|_| self.output.too_long())
    }

    fn print_list(&mut self, list: &'v [Value], depth: usize) -> Result<(), TemplateError> {
        if depth >= MAX_VALUE_DEPTH {
            return Err(TemplateError::ValueTooDeep { limit: MAX_VALUE_DEPTH });
        }
        self.output.push("[")?;
        for (index, value) in list.iter().enumerate() {
            if index > 0 {
                self.output.push(", ")?;
            }
            self.print_value(value.into(), depth + 1)?;
        }
        self.output.push("]")
    }

    fn each(&mut self, each: &'v Scoped) -> Result<(), TemplateError> {
        match self.value(&each.subject)? {
            Val::List(list) if !list.is_empty() => {
                self.repeat(each, list.iter().map(|value| (None, value)), list.len())
            }
            Val::Object(object) if !object.is_empty() => {
                let members = object.iter().map(|(key, value)| (Some(key.as_str()), value));
                self.repeat(each, members, object.len())
            }
            subject => self.otherwise(each, subject),
        }
    }

    fn repeat(
        &mut self,
        each: &'v Scoped,
        items: impl Iterator<Item = (Option<&'v str>, &'v Value)>,
        count: usize,
    ) -> Result<(), TemplateError> {
        for (index, (key, value)) in items.enumerate() {
            let Some(left) = self.iterations.checked_sub(1) else {
                return Err(TemplateError::TooManyIterations { limit: self.limits.max_iterations });
            };
            self.iterations = left;
            let locals = Locals { index, last: index + 1 == count, key };
            self.inside(each, value.into(), Some(locals))?;
        }
        Ok(())
    }

    fn with(&mut self, with: &'v Scoped) -> Result<(), TemplateError> {
        let subject = self.value(&with.subject)?;
        if !subject.is_truthy(false) {
            return self.otherwise(with, subject);
        }
        // The position in an enclosing loop stays visible.
        let locals = self.scopes.last().and_then(|scope| scope.locals);
        self.inside(with, subject, locals)
    }

    fn inside(
        &mut self,
        block: &'v Scoped,
        value: Val<'v>,
        locals: Option<Locals<'v>>,
    ) -> Result<(), TemplateError> {
        self.spend(1)?;
        let (value_name, key_name) = (block.value_name.as_deref(), block.key_name.as_deref());
        self.scopes.push(Scope { value, locals, value_name, key_name });
        self.nodes(&block.body)?;
        self.scopes.pop();
        Ok(())
    }

    fn otherwise(&mut self, block: &'v Scoped, subject: Val<'v>) -> Result<(), TemplateError> {
        if subject.is_missing() && block.otherwise.is_empty() {
            self.lacks(&block.subject)?;
        }
        self.nodes(&block.otherwise)
    }

    pub(super) fn spend(&mut self, steps: usize) -> Result<(), TemplateError> {
        match self.steps.checked_sub(steps) {
            Some(left) => {
                self.steps = left;
                Ok(())
            }
            None => Err(TemplateError::TooManySteps { limit: self.limits.max_steps }),
        }
    }
}
