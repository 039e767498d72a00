//! What goes into one request: messages that differ in nothing but their recipients and what is said of each.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use courierx_core::message::{AddressKey, RecipientField};
use courierx_core::provider::Outgoing;

/// Recipients of one request, and so messages.
pub(super) const MAX_RECIPIENTS: usize = 1000;
/// Bytes of one request: 30 MB, less what JSON adds to a body.
pub(super) const MAX_BYTES: usize = 29_000_000;
/// Bytes of one copy's custom arguments, as JSON: less than 10,000.
pub(super) const MAX_CUSTOM_ARGS: usize = 9_999;

/// The messages of one request.
#[derive(Debug)]
pub(super) struct Parcel<'a> {
    /// Each message, and where it stands in its batch.
    pub(super) messages: Vec<(usize, &'a Outgoing)>,
    /// One for each personalization.
    pub(super) envelopes: Vec<Envelope>,
}

/// The recipients of one copy, by their positions in the hand-over.
#[derive(Debug, Default)]
pub(super) struct Envelope {
    /// Which message of the parcel it is a copy of.
    pub(super) message: usize,
    pub(super) to: Vec<usize>,
    pub(super) cc: Vec<usize>,
    pub(super) bcc: Vec<usize>,
}

/// What an error is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Request,
    /// This message of the parcel.
    Message(usize),
    /// The recipient at this position of this message.
    Recipient(usize, usize),
}

impl<'a> Parcel<'a> {
    pub(super) fn new(messages: Vec<(usize, &'a Outgoing)>) -> Self {
        let envelopes = messages.iter().enumerate().flat_map(|(at, (_, message))| envelopes(at, message));
        Self { envelopes: envelopes.collect(), messages }
    }

    /// What the path of a field is about: `personalizations.3.to.0.email`.
    pub(super) fn place(&self, field: &str) -> Place {
        let field = field.replace('[', ".").replace(']', "");
        let mut parts = field.split('.');
        let mut number = |expected: Option<&str>| {
            let name = parts.next()?;
            let number: usize = parts.next()?.parse().ok()?;
            expected.is_none_or(|expected| expected == name).then_some((name.to_owned(), number))
        };
        let Some(envelope) = number(Some("personalizations")).and_then(|(_, at)| self.envelopes.get(at))
        else {
            return Place::Request;
        };
        let position = number(None).and_then(|(list, at)| match list.as_str() {
            "to" => envelope.to.get(at),
            "cc" => envelope.cc.get(at),
            "bcc" => envelope.bcc.get(at),
            _ => None,
        });
        match position {
            Some(&position) => Place::Recipient(envelope.message, position),
            None => Place::Message(envelope.message),
        }
    }
}

/// The copies that a message needs. SendGrid wants somebody in To, and nobody in Bcc may learn of another.
fn envelopes(message: usize, outgoing: &Outgoing) -> Vec<Envelope> {
    let of = |field| -> Vec<usize> {
        let recipients = outgoing.recipients().iter().enumerate();
        recipients.filter(|(_, one)| one.field == field).map(|(position, _)| position).collect()
    };
    let [to, cc, bcc] = [RecipientField::To, RecipientField::Cc, RecipientField::Bcc].map(of);
    if !to.is_empty() {
        vec![Envelope { message, to, cc, bcc }]
    } else if !cc.is_empty() {
        vec![Envelope { message, to: cc, cc: Vec::new(), bcc }]
    } else {
        let alone = |position| Envelope { message, to: vec![position], ..Envelope::default() };
        bcc.into_iter().map(alone).collect()
    }
}

/// A parcel that still takes messages.
struct Open<'a> {
    messages: Vec<(usize, &'a Outgoing)>,
    /// Whom it has already: one address may stand in a request only once.
    addresses: HashSet<AddressKey>,
    bytes: usize,
}

impl<'a> Open<'a> {
    fn takes(&self, message: &Outgoing, bytes: usize) -> bool {
        let Some((_, first)) = self.messages.first() else { return true };
        self.addresses.len() + message.recipients().len() <= MAX_RECIPIENTS
            && self.bytes + bytes <= MAX_BYTES
            && message.recipients().iter().all(|one| !self.addresses.contains(&one.mailbox.address().key()))
            && is_alike(first, message)
    }

    fn put(&mut self, at: usize, message: &'a Outgoing, bytes: usize) {
        self.bytes += bytes + if self.messages.is_empty() { message.estimated_bytes() } else { 0 };
        self.addresses.extend(message.recipients().iter().map(|one| one.mailbox.address().key()));
        self.messages.push((at, message));
    }
}

/// Puts messages that are alike into the same parcels, in the order of the first of each.
pub(super) fn parcels<'a>(messages: impl Iterator<Item = (usize, &'a Outgoing)>) -> Vec<Parcel<'a>> {
    let mut all: Vec<Open<'a>> = Vec::new();
    // The parcel that was begun last for each content.
    let mut last: HashMap<u64, usize> = HashMap::new();
    for (at, message) in messages {
        let bytes = own_bytes(message);
        let hash = hash(message);
        let found = last.get(&hash).filter(|&&parcel| all[parcel].takes(message, bytes)).copied();
        let parcel = found.unwrap_or_else(|| {
            all.push(Open { messages: Vec::new(), addresses: HashSet::new(), bytes: 0 });
            all.len() - 1
        });
        last.insert(hash, parcel);
        all[parcel].put(at, message, bytes);
    }
    all.into_iter().map(|open| Parcel::new(open.messages)).collect()
}

/// Whether two messages may share a request: everything is the same that cannot differ from copy to copy.
fn is_alike(one: &Outgoing, other: &Outgoing) -> bool {
    one.from() == other.from()
        && one.reply_to() == other.reply_to()
        && one.tags() == other.tags()
        && one.tracking() == other.tracking()
        && one.html() == other.html()
        && one.text() == other.text()
        && one.attachments() == other.attachments()
}

/// The same for messages that are alike. Files go by their sizes: to read them all would cost more than it saves.
fn hash(message: &Outgoing) -> u64 {
    let mut hasher = DefaultHasher::new();
    (message.from(), message.reply_to(), message.tags(), message.tracking()).hash(&mut hasher);
    (message.html(), message.text()).hash(&mut hasher);
    for file in message.attachments() {
        (file.file_name(), file.content().len()).hash(&mut hasher);
    }
    hasher.finish()
}

/// About how many bytes a message adds to a request that has its content already.
fn own_bytes(message: &Outgoing) -> usize {
    const COPY: usize = 300;
    const RECIPIENT: usize = 30;

    let headers: usize =
        message.headers().iter().map(|one| one.name.as_str().len() + one.value.as_str().len() * 2 + 8).sum();
    let metadata: usize =
        message.metadata().iter().map(|(key, value)| key.as_str().len() + value.len() + 8).sum();
    let recipients = message.recipients().iter().map(|one| {
        let name = one.mailbox.name().map_or(0, |name| name.as_str().len() * 2);
        RECIPIENT + name + one.mailbox.address().as_str().len()
    });
    let copies = if message.recipients().iter().all(|one| one.field == RecipientField::Bcc) {
        message.recipients().len()
    } else {
        1
    };
    copies * (COPY + headers + metadata.min(MAX_CUSTOM_ARGS) + message.subject().as_str().len())
        + recipients.sum::<usize>()
}
