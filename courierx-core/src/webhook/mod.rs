//! Telling an application what happened: which events there are, how a request is signed, and when it is repeated.
//!
//! Nothing here connects anywhere: [`SignatureScheme::headers`] makes the headers of a request, [`WebhookEvent::of`]
//! names what a [kind of event](crate::event::EventKind) is called outside, [`Schedule`] says when the next try is.

mod event;
mod schedule;
mod secret;
mod signature;

pub use event::WebhookEvent;
pub use schedule::Schedule;
pub use secret::{InvalidWebhookSecret, WebhookSecret};
pub use signature::{SignatureScheme, ToSign};
