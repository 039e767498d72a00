//! Templates: [Handlebars] for subjects, texts and HTML bodies, safe to take from a stranger.
//!
//! A [`Template`] is compiled once and rendered often. The syntax is parsed by the `handlebars` crate; what
//! it found is translated to a small tree of our own and rendered here, because only then every step can be
//! counted: loops, output, and the work between them. Variables are borrowed, never copied.
//!
//! | Available | |
//! |---|---|
//! | Values | `{{name}}`, `{{a.b.0}}`, `{{this}}`, `{{../a}}`, `{{@root.a}}`, `{{{unescaped}}}`, `{{&unescaped}}` |
//! | Blocks | `{{#if}}`, `{{#unless}}`, `{{#each list as \|item index\|}}`, `{{#with}}`, `{{else}}`, `{{else if}}` |
//! | In loops | `@index`, `@key`, `@first`, `@last`, and `@../index` for the loop around |
//! | Helpers | `eq` `ne` `gt` `gte` `lt` `lte` `and` `or` `not` `len` `lookup`, as in `{{#if (gt n 1)}}` |
//! | Others | comments, `\{{` for literal braces, white-space control with `~` |
//!
//! Partials, decorators, raw blocks and other helpers are refused when the template is compiled. A name
//! without arguments is always a variable: `{{len}}` prints the variable `len`, `{{len list}}` calls the
//! helper. What is missing renders as nothing, or is an error if [`RenderLimits::strict`] is set; conditions
//! may ask for what is missing either way.
//!
//! In [`Escape::Html`], `{{name}}` is escaped for texts and attribute values, and `{{{name}}}` is not: the
//! author of a template can print HTML from a variable, and then answers for it. Escaping does not make a
//! URL harmless: `href="{{url}}"` can still be a `javascript:` one.
//!
//! ```
//! use courierx_core::template::{Escape, RenderLimits, Template};
//! use serde_json::json;
//!
//! let template = Template::compile("Hello {{name}}!", Escape::Html)?;
//! let variables = json!({ "name": "<Ada>" });
//! let text = template.render(variables.as_object().unwrap(), &RenderLimits::default())?;
//! assert_eq!(text, "Hello &lt;Ada&gt;!");
//! # Ok::<(), courierx_core::template::TemplateError>(())
//! ```
//!
//! [Handlebars]: https://handlebarsjs.com/guide/

mod error;
mod eval;
mod expression;
mod limits;
mod lower;
mod missing;
mod output;
mod program;
mod reduce;
#[cfg(test)]
mod tests;
mod value;
mod variables;

use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value};

pub use self::error::TemplateError;
pub use self::limits::RenderLimits;
pub use self::missing::Missing;
use self::output::Output;
use self::program::Node;
pub use self::variables::Variables;

/// What a template makes, and so how it prints variables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Escape {
    /// HTML: `& < > " ' =` and the backtick of a variable become entities.
    Html,
    /// Plain text, such as a subject: variables are printed as they are.
    Plain,
}

/// A compiled template. Cloning it is cheap.
#[derive(Clone)]
pub struct Template {
    nodes: Arc<[Node]>,
    escape: Escape,
    source_bytes: usize,
    depth: usize,
}

impl Template {
    /// Compiles `source`.
    ///
    /// Refuses, whatever the limits of a later rendering, sources longer than
    /// [`RenderLimits::MAX_SOURCE_BYTES`] and nesting deeper than [`RenderLimits::MAX_DEPTH`].
    pub fn compile(source: &str, escape: Escape) -> Result<Self, TemplateError> {
        check_length(source, RenderLimits::MAX_SOURCE_BYTES)?;
        let source_bytes = source.len();
        if !source.contains("{{") {
            let nodes = Arc::new([Node::Text(source.into())]);
            return Ok(Self { nodes, escape, source_bytes, depth: 0 });
        }
        let reduced = reduce::reduce(source)?;
        let parsed = handlebars::Template::compile(&reduced.source).map_err(|error| {
            let place = error.pos().map(|position| reduced.place_of(source, position));
            let (line, column) = place.unwrap_or_default();
            TemplateError::Syntax { line, column, reason: error.reason().to_string().into() }
        })?;
        let nodes = lower::lower(&parsed, &reduced, source)?.into();
        Ok(Self { nodes, escape, source_bytes, depth: reduced.depth })
    }

    /// The variables that the source names, whether a rendering comes by them or not.
    pub fn variables(&self) -> Variables {
        Variables::of(&self.nodes)
    }

    /// Renders the template with `variables`.
    pub fn render(
        &self,
        variables: &Map<String, Value>,
        limits: &RenderLimits,
    ) -> Result<String, TemplateError> {
        self.render_noting(variables, limits, None)
    }

    /// Renders the template with `variables`, and tells which of those that it needs are missing: what
    /// [`RenderLimits::strict`] refuses the first of.
    pub fn render_with_missing(
        &self,
        variables: &Map<String, Value>,
        limits: &RenderLimits,
    ) -> Result<(String, Missing), TemplateError> {
        let mut missing = Missing::default();
        let text = self.render_noting(variables, limits, Some(&mut missing))?;
        Ok((text, missing))
    }

    fn render_noting(
        &self,
        variables: &Map<String, Value>,
        limits: &RenderLimits,
        missing: Option<&mut Missing>,
    ) -> Result<String, TemplateError> {
        if self.source_bytes > limits.max_source_bytes {
            return Err(TemplateError::SourceTooLong {
                bytes: self.source_bytes,
                limit: limits.max_source_bytes,
            });
        }
        if self.depth > limits.max_depth {
            return Err(TemplateError::TooDeep { line: 1, column: 1, limit: limits.max_depth });
        }
        let mut output = Output::new(self.escape, self.source_bytes, limits.max_output_bytes);
        eval::render(&self.nodes, variables, limits, missing, &mut output)?;
        Ok(output.into_text())
    }
}

/// Shows no content: a template may hold personal data.
impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Template")
            .field("escape", &self.escape)
            .field("source_bytes", &self.source_bytes)
            .finish_non_exhaustive()
    }
}

/// Compiles and renders `source` once. What is rendered again is better kept as a [`Template`].
pub fn render(
    source: &str,
    escape: Escape,
    variables: &Map<String, Value>,
    limits: &RenderLimits,
) -> Result<String, TemplateError> {
    check_length(source, limits.max_source_bytes)?;
    Template::compile(source, escape)?.render(variables, limits)
}

fn check_length(source: &str, limit: usize) -> Result<(), TemplateError> {
    if source.len() > limit {
        return Err(TemplateError::SourceTooLong { bytes: source.len(), limit });
    }
    Ok(())
}
