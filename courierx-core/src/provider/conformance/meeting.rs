//! What the suite asks of a provider's tests.

use std::fmt;

use async_trait::async_trait;

use crate::provider::EmailProvider;

/// What is to happen to a message.
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
    /// The peer takes the connection and never says a word.
    PeerSilent,
    /// The peer refuses the credentials.
    CredentialsRefused,
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

    /// A text that the provider knows and nobody else may: an API key, a password.
    #[must_use]
    pub fn secret(mut self, secret: impl Into<String>) -> Self {
        self.secrets.push(secret.into());
        self
    }

    /// Counts the complete messages that the peer has read so far, whatever it answered.
    #[must_use]
    pub fn taken(mut self, count: impl Fn() -> usize + Send + Sync + 'static) -> Self {
        self.taken = Some(Box::new(count));
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
