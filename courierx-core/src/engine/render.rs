//! From the frozen message to what recipients read.

use std::sync::Arc;

use super::parts::{FilledParts, TemplateParts};
use crate::message::{Email, Field, Problem};
use crate::provider::Content;
use crate::template::TemplateError;

/// Renders a message: fills its templates if it has variables, and takes it as it stands otherwise.
///
/// The same message always renders to the same content, so a repeated hand-over repeats its bytes.
pub fn render(email: &Email) -> Result<Content, RenderError> {
    let Some(variables) = email.variables() else {
        return Ok(Content::literal(email.clone()));
    };
    let compiled = TemplateParts::of(email).compile()?;
    let FilledParts { subject, html, text, .. } = compiled.fill(variables)?;
    Ok(Content::rendered(email.clone(), subject, html.map(Arc::from), text.map(Arc::from)))
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
