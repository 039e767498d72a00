//! Callbacks: requests by which a provider tells what became of messages. First whether it is the provider
//! ([`EventSource::verify`]), then what it says, in our words ([`EventSource::events`]).

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;

use super::ProviderEvent;
use crate::clock::Timestamp;

/// The largest body of a callback that is looked at, in bytes: several times what any provider sends.
pub const MAX_CALLBACK_BYTES: usize = 5_000_000;

/// The most events that one callback may have.
pub const MAX_CALLBACK_EVENTS: usize = 10_000;

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

    /// The only header of this name (in lower case), if it is text: what a decision hangs on must not be there twice,
    /// as whoever stands in between may have looked at the other one.
    pub fn sole_header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(have, _)| have == name);
        let (_, value) = values.next()?;
        if values.next().is_some() { None } else { std::str::from_utf8(value).ok() }
    }

    /// The body, if it is not larger than [`MAX_CALLBACK_BYTES`].
    pub fn bounded_body(&self) -> Result<&[u8], CallbackError> {
        if self.body.len() > MAX_CALLBACK_BYTES {
            return Err(CallbackError::TooLarge);
        }
        Ok(&self.body)
    }
}

impl fmt::Debug for Callback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Callback").field("body_bytes", &self.body.len()).finish_non_exhaustive()
    }
}

/// Reads a provider's callbacks: first the signature, then what they say, in our words.
///
/// Neither panics, whatever the bytes are.
#[async_trait]
pub trait EventSource: fmt::Debug + Send + Sync {
    /// Verifies that the callback is the provider's, over its raw body.
    ///
    /// `now` bounds the age of signed timestamps. It waits only where a key has to be fetched first.
    async fn verify(&self, callback: &Callback, now: Timestamp) -> Result<Authentic, CallbackError>;

    /// What an authentic callback tells, in its order. It depends on nothing else, so it may be asked again later.
    ///
    /// What is not known to us is an event of the kind [`Other`](crate::event::EventKind::Other), never an error:
    /// the provider would send it again for days.
    fn events(&self, authentic: &Authentic) -> Result<Vec<ProviderEvent>, CallbackError>;

    /// Verifies the callback and returns its events; none for one that is about the callbacks themselves.
    async fn read(&self, callback: &Callback, now: Timestamp) -> Result<Vec<ProviderEvent>, CallbackError> {
        let authentic = self.verify(callback, now).await?;
        self.events(&authentic)
    }
}

/// A callback that is certainly the provider's.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Authentic {
    /// What it is about.
    pub subject: Subject,
    /// What the provider calls it, the same when it is repeated, if it tells that apart from the body.
    pub id: Option<String>,
    /// What tells that it came before.
    pub replay: Option<Replay>,
}

/// What an authentic callback is about.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Subject {
    /// Messages: this body, for [`EventSource::events`].
    Messages(Vec<u8>),
    /// The provider asks whether it may call back here. Whoever wants that fetches the URL.
    Subscribe(Confirmation),
    /// The provider was told not to call back here any more. Whoever did not want that fetches the URL.
    Unsubscribed(Confirmation),
}

/// How to agree to being called back.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Confirmation {
    /// What is subscribed to.
    pub topic: String,
    /// What to fetch, once. Its host is the provider's; fetch it by a client that follows no redirect.
    pub url: String,
}

impl Confirmation {
    /// Agrees to this topic by fetching that URL.
    pub fn new(topic: impl Into<String>, url: impl Into<String>) -> Self {
        Self { topic: topic.into(), url: url.into() }
    }
}

impl fmt::Debug for Confirmation {
    /// Without the URL: it has a token in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Confirmation").field("topic", &self.topic).finish_non_exhaustive()
    }
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Messages(body) => f.debug_struct("Messages").field("bytes", &body.len()).finish(),
            Self::Subscribe(confirmation) => f.debug_tuple("Subscribe").field(confirmation).finish(),
            Self::Unsubscribed(confirmation) => f.debug_tuple("Unsubscribed").field(confirmation).finish(),
        }
    }
}

/// What tells a callback from one that somebody recorded and sends again.
///
/// Remember `key` with `content` for as long as it says, for the connection. The same key with the same content is a
/// repetition: take it, its events are recognised. The same key with another content is a forgery where
/// [`binds`](Self::binds) is `false`: refuse it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Replay {
    /// What the provider never uses for another callback.
    pub key: String,
    /// A digest of the body.
    pub content: [u8; 32],
    /// For how long the signature is taken.
    pub lives_for: Duration,
    /// Whether the signature covers the body. If it does, nothing can be done with a recorded callback but repeat it.
    pub binds: bool,
}

impl Replay {
    /// A callback of this key and with this body, whose signature covers its body and is taken for so long.
    pub fn new(key: impl Into<String>, body: &[u8], lives_for: Duration) -> Self {
        use sha2::Digest as _;
        let content = sha2::Sha256::digest(body).into();
        Self { key: key.into(), content, lives_for, binds: true }
    }

    /// The signature does not cover the body.
    #[must_use]
    pub fn unbound(mut self) -> Self {
        self.binds = false;
        self
    }
}

impl Authentic {
    /// A callback about messages.
    pub fn messages(body: impl Into<Vec<u8>>) -> Self {
        Self { subject: Subject::Messages(body.into()), id: None, replay: None }
    }

    /// A callback about the callbacks themselves.
    pub fn about(subject: Subject) -> Self {
        Self { subject, id: None, replay: None }
    }

    /// Says what tells that it came before.
    #[must_use]
    pub fn replay(mut self, replay: Replay) -> Self {
        self.replay = Some(replay);
        self
    }

    /// The body, if it is about messages.
    pub fn body(&self) -> Option<&[u8]> {
        match &self.subject {
            Subject::Messages(body) => Some(body),
            Subject::Subscribe(_) | Subject::Unsubscribed(_) => None,
        }
    }
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
    /// There is more of it than any provider sends. Answer 413.
    #[error(
        "the callback is too large: at most {MAX_CALLBACK_BYTES} bytes with {MAX_CALLBACK_EVENTS} events are read"
    )]
    TooLarge,
    /// What is needed to verify it could not be fetched. Answer 503: the provider will call again.
    #[error("the callback cannot be verified now: {0}")]
    Unavailable(String),
}

impl CallbackError {
    /// A signature that does not hold.
    pub fn signature(why: impl Into<String>) -> Self {
        Self::Signature(why.into())
    }
}
