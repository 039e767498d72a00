//! What a sandbox remembers: as much as it was told to, and the rest is forgotten, oldest first.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::hash::Hash;

use courierx_core::clock::Timestamp;
use courierx_core::id::{DeliveryId, MessageId};
use courierx_core::message::{Address, Attachment, Mailbox, RecipientField};
use courierx_core::provider::{Outgoing, RecipientOutcome};

use super::callback::Report;

/// A message that a sandbox has kept.
///
/// Its `Display` is the message as a reader would see it, for people; its `Debug` shows neither addresses
/// nor content.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Captured {
    /// Which hand-over it came with.
    pub delivery: DeliveryId,
    /// Which message it is.
    pub message: MessageId,
    /// The how-many-eth time this hand-over was tried here, from one.
    pub attempt: u32,
    /// When it was captured.
    pub at: Timestamp,
    /// Who it is from.
    pub from: Mailbox,
    /// For whom it was accepted.
    pub recipients: Vec<Address>,
    /// The rendered subject.
    pub subject: String,
    /// The rendered HTML body.
    pub html: Option<String>,
    /// The rendered text body.
    pub text: Option<String>,
    /// The application's own headers, in order.
    pub headers: Vec<(String, String)>,
    /// Attachments and inline parts.
    pub attachments: Vec<Attachment>,
    /// The whole message, as SMTP would carry it.
    #[cfg(feature = "mime")]
    pub raw: Vec<u8>,
    /// For each of the recipients, where it stands in the header.
    fields: Vec<RecipientField>,
}

impl Captured {
    pub(super) fn new(
        message: &Outgoing,
        results: &[(Address, RecipientOutcome)],
        attempt: u32,
        at: Timestamp,
    ) -> Self {
        let accepted = message.recipients().iter().zip(results);
        let accepted = accepted.filter(|(_, (_, result))| matches!(result, RecipientOutcome::Accepted(_)));
        let (recipients, fields) = accepted.map(|(one, (address, _))| (address.clone(), one.field)).unzip();
        let header = |one: &courierx_core::message::Header| {
            (one.name.as_str().to_owned(), one.value.as_str().to_owned())
        };
        Self {
            delivery: message.delivery_id(),
            message: message.message_id(),
            attempt,
            at,
            from: message.from().clone(),
            recipients,
            subject: message.subject().as_str().to_owned(),
            html: message.html().map(str::to_owned),
            text: message.text().map(str::to_owned),
            headers: message.headers().iter().map(header).collect(),
            attachments: message.attachments().to_vec(),
            #[cfg(feature = "mime")]
            raw: crate::mime::render(message),
            fields,
        }
    }

    /// How much it takes, about: its content, in each form that is kept.
    fn bytes(&self) -> usize {
        #[cfg(feature = "mime")]
        let raw = self.raw.len();
        #[cfg(not(feature = "mime"))]
        let raw = 0;
        let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let headers: usize = self.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        let attachments: usize = self.attachments.iter().map(|one| one.content().len()).sum();
        raw + self.subject.len() + text(&self.html) + text(&self.text) + headers + attachments
    }
}

impl fmt::Debug for Captured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Captured")
            .field("delivery", &self.delivery)
            .field("attempt", &self.attempt)
            .field("recipients", &self.recipients.len())
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Captured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "From: {}", self.from)?;
        for (field, recipient) in self.fields.iter().zip(&self.recipients) {
            let field = match field {
                RecipientField::To => "To",
                RecipientField::Cc => "Cc",
                RecipientField::Bcc => "Bcc",
            };
            writeln!(f, "{field}: {recipient}")?;
        }
        writeln!(f, "Subject: {}", self.subject)?;
        for attachment in &self.attachments {
            writeln!(f, "Attachment: {} ({} bytes)", attachment.file_name(), attachment.content().len())?;
        }
        writeln!(f)?;
        writeln!(f, "{}", self.text.as_ref().or(self.html.as_ref()).map_or("", String::as_str))
    }
}

/// What a captured hand-over was answered, or would have been.
pub(super) struct Handled {
    pub(super) results: Vec<(Address, RecipientOutcome)>,
}

pub(super) struct Inbox {
    capacity: usize,
    /// Most bytes of all messages together.
    max_bytes: usize,
    bytes: usize,
    messages: VecDeque<Captured>,
    reports: VecDeque<Report>,
    handled: Recent<DeliveryId, Handled>,
    attempts: Recent<DeliveryId, u32>,
    greylisted: Recent<(MessageId, u32), ()>,
}

impl Inbox {
    pub(super) fn new(capacity: usize, max_bytes: usize) -> Self {
        Self {
            capacity,
            max_bytes,
            bytes: 0,
            messages: VecDeque::new(),
            reports: VecDeque::new(),
            handled: Recent::new(capacity),
            attempts: Recent::new(capacity),
            greylisted: Recent::new(capacity),
        }
    }

    pub(super) fn clear(&mut self) {
        *self = Self::new(self.capacity, self.max_bytes);
    }

    /// How many messages, and how many bytes of them, are kept.
    pub(super) fn limits(&self) -> (usize, usize) {
        (self.capacity, self.max_bytes)
    }

    /// Whether any message is kept at all.
    pub(super) fn keeps_messages(&self) -> bool {
        self.max_bytes > 0
    }

    pub(super) fn messages(&self) -> Vec<Captured> {
        self.messages.iter().cloned().collect()
    }

    pub(super) fn take_reports(&mut self) -> VecDeque<Report> {
        std::mem::take(&mut self.reports)
    }

    /// Counts this attempt; the first is one.
    pub(super) fn count_attempt(&mut self, delivery: DeliveryId) -> u32 {
        let attempt = self.attempts.get(&delivery).copied().unwrap_or(0).saturating_add(1);
        self.attempts.insert(delivery, attempt);
        attempt
    }

    /// Whether this recipient of this message is here for the first time.
    pub(super) fn greylists(&mut self, message: MessageId, recipient: u32) -> bool {
        self.greylisted.insert((message, recipient), ())
    }

    /// Keeps a message, and drops the oldest until all are within the limits: itself too, if it alone is not.
    pub(super) fn capture(&mut self, captured: Captured) {
        self.bytes += captured.bytes();
        self.messages.push_back(captured);
        while self.messages.len() > self.capacity || self.bytes > self.max_bytes {
            let Some(oldest) = self.messages.pop_front() else { return };
            self.bytes = self.bytes.saturating_sub(oldest.bytes());
        }
    }

    /// Keeps what is to be called back.
    pub(super) fn report(&mut self, reports: Vec<Report>) {
        self.reports.extend(reports);
        // Nobody may ever ask for them.
        let excess = self.reports.len().saturating_sub(self.capacity.saturating_mul(4));
        self.reports.drain(..excess);
    }

    pub(super) fn remember(&mut self, delivery: DeliveryId, handled: Handled) {
        self.handled.insert(delivery, handled);
    }

    pub(super) fn handled(&self, delivery: DeliveryId) -> Option<&Handled> {
        self.handled.get(&delivery)
    }

    /// Whether a hand-over that is not known may have been.
    pub(super) fn has_forgotten(&self) -> bool {
        self.handled.has_forgotten
    }
}

impl fmt::Debug for Inbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inbox").field("messages", &self.messages.len()).finish_non_exhaustive()
    }
}

/// A map of the entries that were added last.
struct Recent<K, V> {
    capacity: usize,
    entries: HashMap<K, V>,
    order: VecDeque<K>,
    has_forgotten: bool,
}

impl<K: Clone + Eq + Hash, V> Recent<K, V> {
    fn new(capacity: usize) -> Self {
        Self { capacity, entries: HashMap::new(), order: VecDeque::new(), has_forgotten: false }
    }

    fn get(&self, key: &K) -> Option<&V> {
        self.entries.get(key)
    }

    /// Adds or replaces an entry; says whether it is new.
    fn insert(&mut self, key: K, value: V) -> bool {
        let new = self.entries.insert(key.clone(), value).is_none();
        if new {
            self.order.push_back(key);
            if self.order.len() > self.capacity
                && let Some(oldest) = self.order.pop_front()
            {
                self.entries.remove(&oldest);
                self.has_forgotten = true;
            }
        }
        new
    }
}
