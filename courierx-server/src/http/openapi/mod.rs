//! The document of the API, in `OpenAPI` 3.1: made of the one table of routes, and of what the signatures of
//! handlers say.
//!
//! A handler's arguments are [`Takes`], what it returns is [`Answers`], and so it is [`Described`]: one that is not
//! cannot be put into the table. What may go wrong follows from the route's [`Access`](super::Access) and from what
//! the handler takes.

mod arguments;
mod document;
mod errors;
mod operation;

pub use document::document;
pub(super) use errors::ErrorSchema;
pub use operation::{Answers, Described, Operation, Takes};
