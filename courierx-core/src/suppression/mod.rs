//! Suppression: who gets no mail, why, and until when.
//!
//! Checked when a message is accepted and again before each hand-over, for every header it names somebody
//! in. Addresses are compared by [`AddressKey`]: the local part in lower case, the domain as an A-label.

mod leaving;
mod policy;

pub(crate) use leaving::BY_LINK;
pub use policy::{Consequence, Lasting, Policy, Report};

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::id::{MessageId, RecordId};
use crate::message::{Address, AddressKey};
use crate::names::names;

/// What an entry matches: one address, or every address of a domain.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Pattern(String);

impl Pattern {
    /// One address.
    pub fn address(address: &AddressKey) -> Self {
        Self(address.as_str().to_owned())
    }

    /// Every address of the domain that `address` is in.
    pub fn domain_of(address: &AddressKey) -> Self {
        // With the `@` before it. A domain has none itself.
        let text = address.as_str();
        Self(text.rfind('@').map_or_else(|| format!("@{text}"), |at| text[at..].to_owned()))
    }

    /// The text: `ada@example.com`, or `@example.com` for a domain.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Pattern {
    type Err = InvalidPattern;

    /// Reads `ada@example.com`, `@example.com` or `*@example.com`.
    fn from_str(text: &str) -> Result<Self, InvalidPattern> {
        let text = text.trim();
        let domain = text.strip_prefix('*').unwrap_or(text).strip_prefix('@');
        let probe = domain.map_or_else(|| text.to_owned(), |domain| format!("any@{domain}"));
        let key = probe.parse::<Address>().map_err(|_| InvalidPattern)?.key();
        Ok(if domain.is_some() { Self::domain_of(&key) } else { Self::address(&key) })
    }
}

impl TryFrom<String> for Pattern {
    type Error = InvalidPattern;

    fn try_from(text: String) -> Result<Self, InvalidPattern> {
        text.parse()
    }
}

impl From<Pattern> for String {
    fn from(pattern: Pattern) -> Self {
        pattern.0
    }
}

/// A text that is neither an address nor a domain behind an `@`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("neither an address (ada@example.com) nor a domain (@example.com)")]
pub struct InvalidPattern;

/// Which mail an entry holds back.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Scope(String);

impl Scope {
    /// All mail of the tenant.
    pub const ALL: Self = Self(String::new());

    /// Mail of one stream, topic or list. An empty name means all mail.
    pub fn named(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// The name; empty for all mail.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

names! {
    /// Why somebody gets no mail; later ones are stronger: what people want outlives what is wrong with a mailbox.
    #[non_exhaustive]
    Reason, "bounce, manual, unsubscribe, complaint",
    /// Mail to the address bounced for good.
    Bounce = "bounce",
    /// Somebody decided so.
    Manual = "manual",
    /// The recipient unsubscribed.
    Unsubscribe = "unsubscribe",
    /// The recipient marked mail as spam.
    Complaint = "complaint",
}

/// The longest note on an entry, in bytes.
pub const MAX_NOTE_BYTES: usize = 1000;

/// A note on an entry is longer than [`MAX_NOTE_BYTES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the note has {bytes} bytes; at most {MAX_NOTE_BYTES} are kept")]
pub struct NoteTooLong {
    /// How many bytes it has.
    pub bytes: usize,
}

/// An entry to add.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NewSuppression {
    /// Whom it matches.
    pub pattern: Pattern,
    /// Which mail it holds back.
    pub scope: Scope,
    /// Why.
    pub reason: Reason,
    /// Where it came from: a connection's name, `api`, `import`, …
    pub source: String,
    /// When it ends; never if none.
    pub expires_at: Option<Timestamp>,
    /// What somebody remarked on it; set by [`note`](Self::note), which checks its length.
    pub note: Option<String>,
    /// The message that was the cause.
    pub source_message: Option<MessageId>,
}

impl NewSuppression {
    /// Holds all mail back, for ever.
    pub fn new(pattern: Pattern, reason: Reason, source: impl Into<String>) -> Self {
        let source = source.into();
        Self {
            pattern,
            scope: Scope::ALL,
            reason,
            source,
            expires_at: None,
            note: None,
            source_message: None,
        }
    }

    /// Holds only mail of this scope back.
    #[must_use]
    pub fn scope(mut self, scope: Scope) -> Self {
        self.scope = scope;
        self
    }

    /// Ends at this moment.
    #[must_use]
    pub fn expires_at(mut self, end: Timestamp) -> Self {
        self.expires_at = Some(end);
        self
    }

    /// Remarks this on it, in at most [`MAX_NOTE_BYTES`].
    pub fn note(mut self, note: impl Into<String>) -> Result<Self, NoteTooLong> {
        let note = note.into();
        if note.len() > MAX_NOTE_BYTES {
            return Err(NoteTooLong { bytes: note.len() });
        }
        self.note = Some(note);
        Ok(self)
    }

    /// This message was the cause.
    #[must_use]
    pub fn source_message(mut self, message: MessageId) -> Self {
        self.source_message = Some(message);
        self
    }
}

/// An entry as a store keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Suppression {
    /// Its identifier, given by the store when it was added; it stays while others are added over it.
    pub id: RecordId,
    /// Whom it matches.
    pub pattern: Pattern,
    /// Which mail it holds back.
    pub scope: Scope,
    /// Why.
    pub reason: Reason,
    /// Where it came from; if its recipient left by a link of ours and it is there for something else as well, where
    /// that came from.
    pub source: String,
    /// When it was added.
    pub created_at: Timestamp,
    /// When it ends; never if none.
    pub expires_at: Option<Timestamp>,
    /// What somebody remarked on it.
    pub note: Option<String>,
    /// The message that was the cause. It may be purged by now.
    pub source_message: Option<MessageId>,
}

impl Suppression {
    /// The entry that `new` becomes, under this identifier.
    pub fn stored(id: RecordId, new: NewSuppression, created_at: Timestamp) -> Self {
        let NewSuppression { pattern, scope, reason, source, expires_at, note, source_message } = new;
        Self { id, pattern, scope, reason, source, created_at, expires_at, note, source_message }
    }

    /// This entry after `new` was added over it: the stronger reason counts, with its source and its message;
    /// the later end; and the later note, if there is one. The source of a link of ours gives way to any other: what
    /// somebody else wants too, a recipient does not [take back](Self::ends_by_coming_back).
    pub fn merge(&mut self, new: NewSuppression) {
        let is_stronger = new.reason > self.reason;
        if new.source != BY_LINK && (is_stronger || self.source == BY_LINK) {
            self.source = new.source;
        }
        if is_stronger {
            self.reason = new.reason;
            self.source_message = new.source_message;
        }
        if new.note.is_some() {
            self.note = new.note;
        }
        self.expires_at = match (self.expires_at, new.expires_at) {
            (Some(have), Some(given)) => Some(have.max(given)),
            _ => None,
        };
    }

    /// Whether it still holds at `now`.
    pub fn holds_at(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|end| end > now)
    }
}
