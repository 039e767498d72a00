//! Emails: sent, listed, looked at.

mod check;
mod list;
mod send;
mod template;
mod view;

pub(super) use check::may_send;
pub(super) use list::content;
pub use list::{EmailFilter, get, list};
pub use send::{SentEmail, send};
pub use template::{Filling, TemplateChoice, send_filled};
pub use view::{AttemptView, EmailView, EventView, Explained, FullEmail, SkippedView, Waiting};
