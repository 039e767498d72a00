//! Messages: what an application hands over, in types that cannot hold what cannot be sent.
//!
//! Every text that ends up in a header line, an SMTP command or a request to a provider is a type of its own,
//! and none of them can hold a line break or another control character, however it is made: by hand, by
//! [`EmailBuilder`], or by serde. Header injection therefore has no place to happen.

mod address;
mod address_syntax;
mod attachment;
mod builder;
mod check;
mod email;
mod error;
mod field;
mod header;
mod lane;
pub mod limits;
mod mailbox;
mod media;
mod parts;
mod problems;
mod recipient;
mod retry;
mod text;
mod tracking;
mod unsubscribe;

#[cfg(test)]
mod tests;

pub use address::{Address, AddressKey};
pub use address_syntax::InvalidAddress;
pub use attachment::{Attachment, Disposition};
pub use builder::EmailBuilder;
pub use email::Email;
pub use error::{FieldProblem, InvalidEmail, Problem};
pub use field::Field;
pub use header::{Header, HeaderName, HeaderValue, Headers};
pub use lane::{DuplicatePolicy, Lane, Mode};
pub use mailbox::{DisplayName, Mailbox};
pub use media::{ContentId, ContentType, FileName};
pub use recipient::{Recipient, RecipientField};
pub use retry::RetryPreset;
pub use text::{IdempotencyKey, MetadataKey, Subject, Tag, Topic};
pub use tracking::{TrackedBy, Tracking};
pub use unsubscribe::Unsubscribe;
