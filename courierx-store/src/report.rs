//! Whom a reported event is about: the same for every database.

use courierx_core::id::AttemptId;
use courierx_core::message::AddressKey;
use courierx_core::store::{AttemptRecord, StoredMessage};

/// Where the same hand-over was repeated, the latest attempt that may have been sent.
pub(crate) fn latest_sent(message: &StoredMessage, last: AttemptId) -> AttemptId {
    let Some(found) = message.attempts.iter().find(|one| one.id == last) else { return last };
    let sent = |one: &&AttemptRecord| {
        let same = one.delivery == found.delivery && one.connection == found.connection;
        same && one.number <= found.number && one.recipients.iter().any(|one| one.status.may_have_been_sent())
    };
    message.attempts.iter().rev().find(sent).map_or(last, |one| one.id)
}

/// Whose event it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whom {
    /// The recipient's at this position.
    Recipient(u32),
    /// Everybody's whom the attempt was for.
    Everybody,
    /// Of somebody the message was not sent to, such as the target of a redirection.
    Stranger,
}

impl Whom {
    /// The position of the recipient whose event it is.
    pub(crate) fn recipient(self) -> Option<u32> {
        match self {
            Self::Recipient(index) => Some(index),
            Self::Everybody | Self::Stranger => None,
        }
    }
}

/// Whose event it is that was reported for this address, or for none.
pub(crate) fn whom(message: &StoredMessage, attempt: AttemptId, address: Option<AddressKey>) -> Whom {
    let recipients = &message.record.recipients;
    match address {
        None => {
            let attempt = message.attempts.iter().find(|one| one.id == attempt);
            match attempt.map(|one| one.recipients.as_slice()) {
                Some([only]) => Whom::Recipient(only.index),
                _ => Whom::Everybody,
            }
        }
        Some(key) => {
            let tried = |index: u32| {
                let mut attempts = message.attempts.iter().filter(|one| one.id == attempt);
                attempts.any(|one| one.recipients.iter().any(|result| result.index == index))
            };
            // The same address may stand in two headers: the one that was tried is meant.
            let mut same = recipients.iter().filter(|one| one.address.key() == key).map(|one| one.index);
            let first = same.next();
            match first {
                None => Whom::Stranger,
                Some(first) if tried(first) => Whom::Recipient(first),
                Some(first) => Whom::Recipient(same.find(|index| tried(*index)).unwrap_or(first)),
            }
        }
    }
}
