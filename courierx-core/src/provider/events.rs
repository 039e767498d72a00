//! What providers tell afterwards: events ([`ProviderEvent`]) and answers to questions ([`StatusLookup`]).

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use super::{Bounce, RecipientOutcome, Refusal, SendOptions};
use crate::clock::Timestamp;
use crate::event::EventKind;
use crate::id::DeliveryId;
use crate::message::Address;
use crate::suppression::Reason;

/// What is kept of a provider's words, in bytes.
const MAX_DETAIL_BYTES: usize = 1000;
/// What is kept of a program's name, in bytes.
const MAX_AGENT_BYTES: usize = 500;
/// What is kept of a link, in bytes.
const MAX_URL_BYTES: usize = 2048;
/// The longest key of an event, in bytes.
const MAX_KEY_BYTES: usize = 255;

/// One event as a provider reports it, in our words.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProviderEvent {
    /// What happened.
    pub kind: EventKind,
    /// What the provider calls it.
    pub name: String,
    /// When the provider says it happened.
    pub at: Timestamp,
    /// What is the same whenever the provider repeats this event, and differs between events.
    pub deduplication: String,
    /// Our delivery id, if the provider echoed it.
    pub delivery: Option<DeliveryId>,
    /// The provider's own message id.
    pub provider_message_id: Option<String>,
    /// Whose event it is; none if the provider does not tell.
    pub recipient: Option<Address>,
    /// What the provider said, bounded.
    pub detail: Option<String>,
    /// Why it bounced, if it did.
    pub bounce: Option<Bounce>,
    /// Which of the provider's lists kept it from the recipient, or holds the recipient from now on.
    pub listed: Option<Reason>,
    /// Which of the sender's lists the recipient left or joined: a group, a topic; none if it is all mail.
    pub list: Option<String>,
    /// Whether a machine opened or clicked: a mail program that fetches everything beforehand, a scanner.
    pub machine: bool,
    /// The link that was followed.
    pub url: Option<String>,
    /// What opened or clicked.
    pub user_agent: Option<String>,
    /// From where it opened or clicked.
    pub ip: Option<IpAddr>,
}

impl ProviderEvent {
    /// An event of this kind, repeated under the same `deduplication` only.
    pub fn new(kind: EventKind, at: Timestamp, deduplication: impl Into<String>) -> Self {
        Self {
            kind,
            name: kind.to_string(),
            at,
            deduplication: shortened(deduplication.into()),
            delivery: None,
            provider_message_id: None,
            recipient: None,
            detail: None,
            bounce: None,
            listed: None,
            list: None,
            machine: false,
            url: None,
            user_agent: None,
            ip: None,
        }
    }

    /// Says that it bounced, and so which kind it is.
    pub fn bounced(&mut self, bounce: Bounce) {
        self.kind = bounce.kind();
        self.bounce = Some(bounce);
    }

    /// Keeps what the provider said, as much of it as is kept. Nothing said is nothing kept.
    pub fn say(&mut self, detail: &str) {
        self.detail = Some(bounded(detail, MAX_DETAIL_BYTES)).filter(|text| !text.is_empty());
    }

    /// Keeps what the recipient's program says of itself, as much of it as is kept.
    pub fn by(&mut self, user_agent: Option<&str>, ip: Option<&str>) {
        self.user_agent =
            user_agent.map(|text| bounded(text, MAX_AGENT_BYTES)).filter(|text| !text.is_empty());
        self.ip = ip.and_then(|text| text.trim().parse().ok());
    }

    /// Keeps which link was followed, as much of it as is kept.
    pub fn followed(&mut self, url: Option<&str>) {
        self.url = url.map(|text| bounded(text, MAX_URL_BYTES)).filter(|text| !text.is_empty());
    }
}

/// The start of a text, of at most so many bytes, on one line.
fn bounded(text: &str, max: usize) -> String {
    let mut end = text.len().min(max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].trim().replace(|c: char| c.is_control(), " ")
}

/// A key that a store can index: the text itself, or what stands for it if that is too long.
fn shortened(key: String) -> String {
    if key.len() <= MAX_KEY_BYTES {
        return key;
    }
    let digest: [u8; 32] = Sha256::digest(key.as_bytes()).into();
    format!("sha256:{}", URL_SAFE_NO_PAD.encode(digest))
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

    /// What the provider knows has happened to a hand-over since, as its callbacks would have told: for whoever missed
    /// them. An event that a callback tells as well has the same key, where the provider gives it one.
    ///
    /// Unless an adapter overrides it there is nothing: then callbacks alone tell.
    async fn history(
        &self,
        _key: &LookupKey,
        _options: &SendOptions,
    ) -> Result<Vec<ProviderEvent>, LookupError> {
        Ok(Vec::new())
    }
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
    pub recipients: Vec<Address>,
    /// Whether the hand-over was to nobody else than the one recipient: then what a provider tells of its message as a
    /// whole is about that one.
    pub alone: bool,
}

impl LookupKey {
    /// Asks about the hand-over under this delivery id.
    pub fn new(delivery: DeliveryId, started_at: Timestamp, recipients: Vec<Address>) -> Self {
        Self { delivery, provider_message_id: None, started_at, recipients, alone: false }
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
