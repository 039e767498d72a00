//! From the frozen message to what recipients read.

use std::borrow::Cow;
use std::sync::Arc;

use super::parts::{FilledParts, TemplateParts};
use crate::message::{Email, Field, Problem};
use crate::provider::Content;
use crate::template::TemplateError;
use crate::tracking::{Marker, UNSUBSCRIBE_URL};

/// Renders a message: fills its templates if it has variables, and takes it as it stands otherwise.
///
/// The same message always renders to the same content, so a repeated hand-over repeats its bytes.
///
/// What a [`Tracker`](crate::tracking::Tracker) would make of it, this leaves out: [`Outbox::rendered`] shows that.
///
/// [`Outbox::rendered`]: super::Outbox::rendered
pub fn render(email: &Email) -> Result<Content, RenderError> {
    render_with(email, None)
}

/// Renders a message with links of ours.
pub(super) fn render_marked(email: &Email, marker: Option<&Marker>) -> Result<Content, RenderError> {
    let content = render_with(email, marker.and_then(Marker::unsubscribe_url))?;
    Ok(match marker {
        Some(marker) => marker.mark(content),
        None => content,
    })
}

fn render_with(email: &Email, unsubscribe_url: Option<String>) -> Result<Content, RenderError> {
    let Some(variables) = email.variables() else {
        return Ok(Content::literal(email.clone()));
    };
    let mut variables = Cow::Borrowed(variables);
    if let Some(url) = unsubscribe_url {
        variables.to_mut().insert(UNSUBSCRIBE_URL.to_owned(), url.into());
    }
    let compiled = TemplateParts::of(email).compile()?;
    let FilledParts { subject, html, text, .. } = compiled.fill(&variables)?;
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
    /// The message asks for links of ours, and there is no tracker to make them.
    #[error(
        "the message asks for what CourierX does itself (tracking by courierx, unsubscribe), and no address for its \
         links is configured"
    )]
    NoTracker,
}
