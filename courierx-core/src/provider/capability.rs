//! What a provider can do, so that the router skips it with a reason instead of losing something silently.

use std::time::Duration;

use crate::message::Tracking;

/// What a provider can do, and up to which size.
///
/// Start from [`Capability::full`] and take away what the provider cannot carry, then say what it offers
/// beyond carrying messages ([`idempotency`](Self::idempotency), [`reports_delivery`](Self::reports_delivery),
/// [`unknown_wait`](Self::unknown_wait), [`max_batch`](Self::max_batch)). What a message needs and its
/// provider lacks is never dropped silently: the router passes the connection over, with the reason.
/// Tags and metadata may be dropped; they are for the provider's own statistics.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Capability {
    /// Most recipients (to, cc and bcc together) of one message.
    pub max_recipients: usize,
    /// Most bytes of one message, attachments in base64 included.
    pub max_message_bytes: usize,
    /// Most messages of one [`send_batch`](super::EmailProvider::send_batch); 1 if it has no batch call.
    ///
    /// Informational: the engine and the router do not read it.
    pub max_batch: usize,
    /// Whether the recipients can differ from what the header shows: needed to send to those left after a
    /// partial acceptance without changing the header.
    ///
    /// Informational: the engine and the router do not read it.
    pub separate_envelope: bool,
    /// Whether HTML is carried. Without it, messages with HTML and no plain text are passed over, and of
    /// those with both the plain text is sent.
    pub html: bool,
    /// Whether answers can be sent to another address than the author's.
    pub reply_to: bool,
    /// Whether bounces go to an address of the application's choice (the envelope sender, RFC 5321 §3.3).
    pub return_path: bool,
    /// Whether headers of the application's own are kept.
    pub custom_headers: bool,
    /// Whether attachments are carried.
    pub attachments: bool,
    /// Whether inline images (referenced by content id) are carried.
    pub inline_attachments: bool,
    /// Whether addresses with a non-ASCII local part are carried (RFC 6531).
    pub smtputf8: bool,
    /// Whether it can be asked to count openings and clicks of one message, or not to.
    pub tracking: TracksReaders,
    /// How long the provider remembers an idempotency key, if it de-duplicates by one: within that time
    /// repeating an unknown hand-over is safe.
    pub idempotency: Option<Duration>,
    /// Whether the provider ever reports what became of an accepted message. If it does not, `sent` is the
    /// end of what can be known.
    ///
    /// Informational: the engine and the router do not read it.
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
    /// Whether it is the same as another one, but for how much is under way at once: that makes no difference to what
    /// is carried.
    pub(crate) fn carries_the_same_as(&self, other: &Self) -> bool {
        let alike = Self { max_in_flight: other.max_in_flight, ..self.clone() };
        alike == *other
    }

    /// Carries everything, without a limit but 32 hand-overs at once, and offers nothing beyond: no batch call,
    /// no idempotency keys, no reports, nothing to wait for after an unknown outcome, no sandbox.
    pub const fn full() -> Self {
        Self {
            max_recipients: usize::MAX,
            max_message_bytes: usize::MAX,
            max_batch: 1,
            separate_envelope: true,
            html: true,
            reply_to: true,
            return_path: true,
            custom_headers: true,
            attachments: true,
            inline_attachments: true,
            smtputf8: true,
            tracking: TracksReaders::Never,
            idempotency: None,
            reports_delivery: false,
            unknown_wait: None,
            max_in_flight: 32,
            sandbox: false,
        }
    }
}

/// Whether a provider watches what readers do with a message, and who decides that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TracksReaders {
    /// It carries messages as they are: it cannot be asked to count, and need not be asked not to.
    Never,
    /// Each message can say.
    AsAsked,
    /// The account or the domain is set up to, or not: a message that says anything is passed over.
    AsConfigured,
}

impl TracksReaders {
    /// Whether what a message asks for is what will happen.
    pub const fn allows(self, tracking: Tracking) -> bool {
        match self {
            Self::Never => !tracking.is_wanted(),
            Self::AsAsked => true,
            Self::AsConfigured => tracking.is_default(),
        }
    }
}
