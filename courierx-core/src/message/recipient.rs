//! Recipients: everyone whom one message goes to, in one order.

use super::mailbox::Mailbox;
use crate::names::names;

names! {
    /// The header that names a recipient.
    RecipientField, "to, cc, bcc",
    /// `To`.
    To = "to",
    /// `Cc`.
    Cc = "cc",
    /// None: nobody else learns of this recipient.
    Bcc = "bcc",
}

/// One recipient of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recipient<'a> {
    /// The position among all recipients, from zero: to, then cc, then bcc. It never changes and is the
    /// recipient's identity everywhere else.
    pub index: u32,
    /// The header that names them.
    pub field: RecipientField,
    /// Who it is.
    pub mailbox: &'a Mailbox,
}
