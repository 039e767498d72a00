//! From the frozen message to what recipients read.

use std::sync::Arc;

use crate::message::{Email, Field, Problem, Subject};
use crate::provider::Content;
use crate::template::{Escape, RenderLimits, Template, TemplateError};

/// Renders a message: fills its templates if it has variables, and takes it as it stands otherwise.
///
/// The same message always renders to the same content, so a repeated hand-over repeats its bytes.
pub fn render(email: &Email) -> Result<Content, RenderError> {
    let Some(variables) = email.variables() else {
        return Ok(Content::literal(email.clone()));
    };
    let fill = |field: &'static str, source: &str, escape| {
        Template::compile(source, escape)
            .and_then(|template| template.render(variables, &RenderLimits::default()))
            .map_err(|source| RenderError::Template { field, source })
    };
    let subject = fill("subject", email.subject().as_str(), Escape::Plain)?;
    let subject = Subject::new(subject)
        .map_err(|problem| RenderError::Subject { field: Field::new("subject"), problem })?;
    let part = |field, source: Option<&str>, escape| {
        source.map(|source| fill(field, source, escape).map(Arc::from)).transpose()
    };
    let html = part("html", email.html(), Escape::Html)?;
    let text = part("text", email.text(), Escape::Plain)?;
    Ok(Content::rendered(email.clone(), subject, html, text))
}

/// Why a message could not be rendered. It is the message's own fault and the same at every repetition.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RenderError {
    /// A template is wrong, hostile, or grows beyond its bounds.
    #[error("{field}: {source}")]
    Template {
        /// Which part of the message.
        field: &'static str,
        /// What is wrong with it.
        #[source]
        source: TemplateError,
    },
    /// The variables put something into the subject that a header cannot hold.
    #[error("{field}: {problem}")]
    Subject {
        /// The subject.
        field: Field,
        /// What is wrong with it.
        #[source]
        problem: Problem,
    },
}
