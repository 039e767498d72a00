//! What a peer has read, in words that fit every protocol.

use std::collections::BTreeMap;
use std::fmt;

/// A name and an address, as the peer understood them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Person {
    /// The name; none if there is none or an empty one.
    pub name: Option<String>,
    /// The address.
    pub address: String,
}

impl Person {
    /// Somebody without a name.
    pub fn new(address: impl Into<String>) -> Self {
        Self { name: None, address: address.into() }
    }

    /// Gives a name; an empty one is none.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into()).filter(|name| !name.is_empty());
        self
    }
}

/// A file, as the peer understood it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct ReceivedFile {
    /// Its name.
    pub name: String,
    /// Its type, in lower case and without parameters; empty if the protocol carries none.
    pub content_type: String,
    /// What the HTML calls it, without angle brackets; none for an attachment that is listed.
    pub content_id: Option<String>,
    /// Its bytes, decoded.
    pub content: Vec<u8>,
}

impl fmt::Debug for ReceivedFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReceivedFile")
            .field("name", &self.name)
            .field("content_type", &self.content_type)
            .field("content_id", &self.content_id)
            .field("bytes", &self.content.len())
            .finish()
    }
}

/// A message as the peer read it and took it, decoded by the peer's own means. What a protocol cannot carry stays
/// at its default.
///
/// A request that makes several messages, one for each of its recipients, is several of these.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Received {
    /// Who it is from.
    pub from: Person,
    /// What its readers see in To.
    pub to: Vec<Person>,
    /// What its readers see in Cc.
    pub cc: Vec<Person>,
    /// Who else gets it. For a protocol with an envelope: those of the envelope who stand in neither To nor Cc.
    pub bcc: Vec<Person>,
    /// Where answers go.
    pub reply_to: Vec<Person>,
    /// The subject.
    pub subject: String,
    /// The plain text, with `\n` at the end of lines.
    pub text: Option<String>,
    /// The HTML, with `\n` at the end of lines.
    pub html: Option<String>,
    /// Headers of the application's own, with those an adapter adds for itself (`Message-ID`,
    /// `X-Courierx-Delivery`), names as they came.
    pub headers: Vec<(String, String)>,
    /// Attachments and inline images.
    pub files: Vec<ReceivedFile>,
    /// Labels.
    pub tags: Vec<String>,
    /// Metadata, with what an adapter adds for itself.
    pub metadata: BTreeMap<String, String>,
    /// Whether openings are to be counted, if the message says.
    pub track_opens: Option<bool>,
    /// Whether clicks are to be counted, if the message says.
    pub track_clicks: Option<bool>,
    /// The delivery id, wherever it was planted.
    pub delivery: Option<String>,
    /// The key under which the peer would not take it twice.
    pub idempotency_key: Option<String>,
}

impl Received {
    /// The value of a header, in any letter case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let header = self.headers.iter().find(|(have, _)| have.eq_ignore_ascii_case(name))?;
        Some(&header.1)
    }

    /// Every address that gets it, sorted.
    pub fn recipients(&self) -> Vec<&str> {
        let mut all: Vec<_> =
            [&self.to, &self.cc, &self.bcc].into_iter().flatten().map(|one| one.address.as_str()).collect();
        all.sort_unstable();
        all
    }
}
