//! What providers tell afterwards: callbacks ([`EventSource`]) and answers to questions ([`StatusLookup`]).

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;

use super::{RecipientOutcome, Refusal, SendOptions};
use crate::clock::Timestamp;
use crate::event::EventKind;
use crate::id::DeliveryId;

/// An HTTP request by which a provider reports events, as it arrived.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct Callback {
    /// Header names in lower case, and their values, in the order they came.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The query string, without its question mark.
    pub query: String,
    /// The body, unparsed: signatures are over these bytes.
    pub body: Vec<u8>,
}

impl Callback {
    /// A callback with this body.
    pub fn new(body: impl Into<Vec<u8>>) -> Self {
        Self { headers: Vec::new(), query: String::new(), body: body.into() }
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name.to_ascii_lowercase(), value.into()));
        self
    }

    /// The first header of this name (in lower case), if it is text.
    pub fn header_text(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(have, _)| have == name)?;
        std::str::from_utf8(value).ok()
    }
}

impl fmt::Debug for Callback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Callback").field("body_bytes", &self.body.len()).finish_non_exhaustive()
    }
}

/// Reads a provider's callbacks: first the signature, then what they say, in our words.
pub trait EventSource: fmt::Debug + Send + Sync {
    /// Verifies the callback's signature and returns its events.
    ///
    /// `now` bounds the age of signed timestamps. Events of a kind that is not known are left out, never an
    /// error: the provider would send them again for days.
    fn read(&self, callback: &Callback, now: Timestamp) -> Result<Vec<ProviderEvent>, CallbackError>;
}

/// Why a callback was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CallbackError {
    /// The signature is missing, wrong or too old. Answer 401: it is not from the provider.
    #[error("the callback's signature does not hold: {0}")]
    Signature(String),
    /// The body is not what this provider sends. Answer 400.
    #[error("the callback cannot be read: {0}")]
    Malformed(String),
}

/// One event as a provider reports it, in our words.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProviderEvent {
    /// What happened.
    pub kind: EventKind,
    /// When the provider says it happened.
    pub at: Timestamp,
    /// What is the same whenever the provider repeats this event, and differs between events.
    pub deduplication: String,
    /// Our delivery id, if the provider echoed it.
    pub delivery: Option<DeliveryId>,
    /// The provider's own message id.
    pub provider_message_id: Option<String>,
    /// Whose event it is; none if the provider does not tell.
    pub recipient: Option<crate::message::Address>,
    /// What the provider said, bounded.
    pub detail: Option<String>,
}

impl ProviderEvent {
    /// An event of this kind, repeated under the same `deduplication` only.
    pub fn new(kind: EventKind, at: Timestamp, deduplication: impl Into<String>) -> Self {
        Self {
            kind,
            at,
            deduplication: deduplication.into(),
            delivery: None,
            provider_message_id: None,
            recipient: None,
            detail: None,
        }
    }
}

/// Asks a provider what became of an earlier hand-over.
#[async_trait]
pub trait StatusLookup: fmt::Debug + Send + Sync {
    /// What the provider knows of a hand-over, one answer for each of `key.recipients`, in order.
    ///
    /// [`RecipientOutcome::Unknown`] is the answer while the provider may still come to know more.
    /// [`RecipientOutcome::Refused`] is for a provider that is certain never to have taken it.
    async fn lookup(
        &self,
        key: &LookupKey,
        options: &SendOptions,
    ) -> Result<Vec<RecipientOutcome>, LookupError>;
}

/// Which hand-over is asked about.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct LookupKey {
    /// The delivery id that was planted with it.
    pub delivery: DeliveryId,
    /// The provider's own id, if an answer with it came.
    pub provider_message_id: Option<String>,
    /// When the hand-over began.
    pub started_at: Timestamp,
    /// The recipients, by address.
    pub recipients: Vec<crate::message::Address>,
}

impl LookupKey {
    /// Asks about the hand-over under this delivery id.
    pub fn new(
        delivery: DeliveryId,
        started_at: Timestamp,
        recipients: Vec<crate::message::Address>,
    ) -> Self {
        Self { delivery, provider_message_id: None, started_at, recipients }
    }
}

/// The provider could not be asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the provider could not be asked: {reason}")]
#[non_exhaustive]
pub struct LookupError {
    /// Why.
    pub reason: Refusal,
    /// When it makes sense to ask again.
    pub retry_after: Option<Duration>,
}

impl LookupError {
    /// The provider refused to answer.
    pub fn new(reason: Refusal) -> Self {
        Self { retry_after: reason.retry_after, reason }
    }
}
