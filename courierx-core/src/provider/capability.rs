//! What a provider can do, so that the router skips it with a reason instead of losing something silently.

use std::time::Duration;

/// What a provider can do, and up to which size.
///
/// Start from [`Capability::full`] and take away; a field added later then defaults to "can".
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Capability {
    /// Most recipients (to, cc and bcc together) of one message.
    pub max_recipients: usize,
    /// Most bytes of one message, attachments in base64 included.
    pub max_message_bytes: usize,
    /// Most messages of one [`send_batch`](super::EmailProvider::send_batch); 1 if it has no batch call.
    pub max_batch: usize,
    /// Whether the recipients can differ from what the header shows: needed to send to those left after a
    /// partial acceptance without changing the header.
    pub separate_envelope: bool,
    /// Whether headers of the application's own are kept.
    pub custom_headers: bool,
    /// Whether attachments are carried.
    pub attachments: bool,
    /// Whether inline images (referenced by content id) are carried.
    pub inline_attachments: bool,
    /// Whether addresses with a non-ASCII local part are carried (RFC 6531).
    pub smtputf8: bool,
    /// How long the provider remembers an idempotency key, if it de-duplicates by one: within that time
    /// repeating an unknown hand-over is safe.
    pub idempotency: Option<Duration>,
    /// Whether the provider ever reports what became of an accepted message. If it does not, `sent` is the
    /// end of what can be known.
    pub reports_delivery: bool,
    /// How long after an unknown hand-over it makes sense to wait for a callback or to ask, if at all.
    pub unknown_wait: Option<Duration>,
    /// Most hand-overs at once that this connection should see.
    pub max_in_flight: usize,
    /// Whether nothing ever leaves: the only place for messages in test mode, and never one beside a real
    /// connection.
    pub sandbox: bool,
}

impl Capability {
    /// Everything, without a limit but 32 hand-overs at once.
    pub const fn full() -> Self {
        Self {
            max_recipients: usize::MAX,
            max_message_bytes: usize::MAX,
            max_batch: 1,
            separate_envelope: true,
            custom_headers: true,
            attachments: true,
            inline_attachments: true,
            smtputf8: true,
            idempotency: None,
            reports_delivery: false,
            unknown_wait: None,
            max_in_flight: 32,
            sandbox: false,
        }
    }
}
