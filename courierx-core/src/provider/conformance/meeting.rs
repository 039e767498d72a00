//! What the suite asks of a provider's tests.

use std::fmt;

use async_trait::async_trait;

use super::received::Received;
use crate::provider::EmailProvider;

/// What is to happen to a message.
///
/// A case whose fate cannot be brought about is passed over, and says so on standard error. A provider that
/// is worth trusting brings about at least [`Accepted`](Self::Accepted),
/// [`RecipientRefused`](Self::RecipientRefused), [`AnswerLost`](Self::AnswerLost) and
/// [`PeerUnreachable`](Self::PeerUnreachable).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fate {
    /// The peer accepts it.
    Accepted,
    /// The peer refuses the meeting's recipient for good, and accepts the bystander.
    RecipientRefused,
    /// The peer takes the whole message, and its answer is lost.
    AnswerLost,
    /// Nobody is where the peer should be.
    PeerUnreachable,
    /// The peer takes the connection and never says a word. Only for protocols in which the peer speaks before
    /// the body (a greeting, a TLS handshake): elsewhere a small body is on its way before anybody notices,
    /// the outcome is unknown, and [`AnswerLost`](Self::AnswerLost) is the fate to test.
    PeerSilent,
    /// The peer refuses the credentials, of a message and of [`verify`](crate::provider::EmailProvider::verify).
    /// Only for peers that can check them without sending.
    CredentialsRefused,
    /// The peer is handed messages too fast, and asks to be left alone for seven seconds if it can say so.
    Throttled,
    /// What the account may send is used up.
    QuotaUsedUp,
    /// The account is suspended.
    AccountSuspended,
    /// The sender's domain is not verified with the peer.
    SenderUnverified,
    /// The peer's own suppression list holds the meeting's recipient, and the peer says so at once.
    RecipientSuppressed,
    /// The peer is out of order and says so in its own words.
    OutOfOrder,
    /// Something in front of the peer answers in its place, with a 502, say.
    GatewayError,
    /// The peer takes the message, and its answer ends in the middle.
    AnswerTruncated,
    /// The peer takes the message, and its answer is complete, positive, and not to be understood.
    AnswerUnreadable,
}

/// Brings providers and peers together.
#[async_trait]
pub trait Harness: Send + Sync {
    /// A provider, and a recipient whose message meets this fate; none if it cannot be brought about.
    ///
    /// Each call gives a peer that has seen nothing yet.
    async fn meet(&self, fate: Fate) -> Option<Meeting>;
}

/// A provider, its peer, and whom to write to.
pub struct Meeting {
    pub(super) provider: Box<dyn EmailProvider>,
    pub(super) recipient: String,
    pub(super) bystander: String,
    pub(super) secrets: Vec<String>,
    pub(super) taken: Option<Box<dyn Fn() -> usize + Send + Sync>>,
    pub(super) received: Option<Box<dyn Fn() -> Vec<Received> + Send + Sync>>,
    pub(super) raw: Option<Box<dyn Fn() -> Vec<Vec<u8>> + Send + Sync>>,
}

impl Meeting {
    /// A meeting with this provider; the recipients are at `example.com`.
    pub fn new(provider: impl EmailProvider) -> Self {
        Self {
            provider: Box::new(provider),
            recipient: "ada@example.com".to_owned(),
            bystander: "bystander@example.com".to_owned(),
            secrets: Vec::new(),
            taken: None,
            received: None,
            raw: None,
        }
    }

    /// Whose message meets the fate.
    #[must_use]
    pub fn recipient(mut self, address: impl Into<String>) -> Self {
        self.recipient = address.into();
        self
    }

    /// Somebody whose message the same provider hands over.
    #[must_use]
    pub fn bystander(mut self, address: impl Into<String>) -> Self {
        self.bystander = address.into();
        self
    }

    /// A text that the provider knows and nobody else may: an API key, a password. It must stand in no
    /// outcome and no `Debug`.
    #[must_use]
    pub fn secret(mut self, secret: impl Into<String>) -> Self {
        self.secrets.push(secret.into());
        self
    }

    /// Counts the complete messages that the peer has read so far and not turned away for their credentials.
    /// Without it the suite cannot tell whether a provider sent something that it says it did not.
    #[must_use]
    pub fn taken(mut self, count: impl Fn() -> usize + Send + Sync + 'static) -> Self {
        self.taken = Some(Box::new(count));
        self
    }

    /// Tells what the peer has read and taken, message by message, in order. Without it the suite cannot tell
    /// whether anything was lost or changed on the way.
    #[must_use]
    pub fn received(mut self, messages: impl Fn() -> Vec<Received> + Send + Sync + 'static) -> Self {
        self.received = Some(Box::new(messages));
        self
    }

    /// Tells the bytes of each request or message, as they came over the wire. Without it the suite cannot tell
    /// whether a repeated hand-over repeats its bytes.
    #[must_use]
    pub fn raw(mut self, requests: impl Fn() -> Vec<Vec<u8>> + Send + Sync + 'static) -> Self {
        self.raw = Some(Box::new(requests));
        self
    }

    /// Asserts that the peer has read so many messages, if that can be told.
    #[track_caller]
    pub(super) fn assert_taken(&self, expected: usize) {
        if let Some(taken) = &self.taken {
            assert_eq!(taken(), expected, "messages that the peer has read");
        }
    }
}

impl fmt::Debug for Meeting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Meeting").field("provider", &self.provider).finish_non_exhaustive()
    }
}
