//! Which messages to list or count.

use super::MessageRecord;
use crate::clock::Timestamp;
use crate::event::MessageStatus;
use crate::message::{AddressKey, Mode};

/// Which messages to list or count: those that everything given here holds for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MessageFilter {
    /// In this status.
    pub status: Option<MessageStatus>,
    /// In this mode.
    pub mode: Option<Mode>,
    /// To this address, in any header.
    pub recipient: Option<AddressKey>,
    /// To an address with this text in its [key](crate::message::Address::key), in any header; upper and
    /// lower case are the same.
    pub recipient_contains: Option<String>,
    /// With this tag.
    pub tag: Option<String>,
    /// Accepted at or after this moment.
    pub from: Option<Timestamp>,
    /// Accepted before this moment.
    pub until: Option<Timestamp>,
}

impl MessageFilter {
    /// Whether every message matches.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether the recipients of a message decide: if not, a store need not read them to tell.
    pub const fn looks_at_recipients(&self) -> bool {
        self.recipient.is_some() || self.recipient_contains.is_some()
    }

    /// Whether this message matches.
    pub fn matches(&self, record: &MessageRecord) -> bool {
        self.status.is_none_or(|status| record.status == status)
            && self.mode.is_none_or(|mode| record.mode == mode)
            && self.from.is_none_or(|from| record.created_at >= from)
            && self.until.is_none_or(|until| record.created_at < until)
            && self.tag.as_ref().is_none_or(|tag| record.tags.contains(tag))
            && (!self.looks_at_recipients() || self.matches_recipients(record))
    }

    fn matches_recipients(&self, record: &MessageRecord) -> bool {
        let part = self.recipient_contains.as_ref().map(|part| part.to_lowercase());
        let keys: Vec<AddressKey> = record.recipients.iter().map(|one| one.address.key()).collect();
        self.recipient.as_ref().is_none_or(|wanted| keys.contains(wanted))
            && part.is_none_or(|part| keys.iter().any(|key| key.as_str().contains(&part)))
    }
}
