//! Emails: sent, canceled, moved to another date, listed, looked at.

mod asked;
mod batch;
mod change;
mod check;
mod draft;
mod files;
mod list;
mod making;
mod reconcile;
mod send;
mod template;
mod view;

pub use batch::{BatchItem, MAX_BATCH_BYTES, send_batch};
pub use change::{cancel, reschedule};
pub(super) use check::may_send;
pub use draft::{Draft, FARTHEST, SendAt};
pub use files::{AT_ONCE, MAX_BYTES, MAX_FILE_BYTES, MAX_FILES, PATIENCE, RemoteFile};
pub use list::{EmailFilter, get, list};
pub(super) use list::{arrived_content, bytes_of};
pub(super) use making::Making;
pub use making::Texts;
pub use reconcile::{Stale, reconcile, reconcile_stale};
pub use send::{SentEmail, send};
pub use template::{Filling, TemplateChoice};
pub use view::{AttemptView, EmailView, EventView, Explained, FullEmail, Looked, SkippedView, Waiting};
