//! A message as Resend wants it.
//!
//! <https://resend.com/docs/api-reference/emails/send-email>

use std::fmt::Write as _;

use bytes::Bytes;
use courierx_core::message::{Attachment, Mailbox, RecipientField};
use courierx_core::provider::{Outgoing, OutgoingRecipient};
use serde::ser::{Serialize, SerializeMap as _, Serializer};
use sha2::{Digest as _, Sha256};

use crate::http::json::{self, Base64};
use crate::planted::{DELIVERY_HEADER, DELIVERY_KEY};

/// Messages of one batch.
pub(super) const MAX_BATCH: usize = 100;
/// Bytes of one batch: none are documented, and those of one message are certainly taken.
pub(super) const MAX_BATCH_BYTES: usize = 40_000_000;

/// Characters of the name of a tag, and of its value.
const MAX_TAG: usize = 256;
/// What the names of tags begin with that carry the tags of a message; a number follows.
const NUMBERED: &str = "tag_";

#[derive(serde::Serialize)]
struct Message<'a> {
    from: String,
    to: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cc: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    bcc: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reply_to: Vec<String>,
    subject: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    html: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    headers: Headers<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attachments: Vec<File<'a>>,
    tags: Vec<Tag<'a>>,
}

#[derive(serde::Serialize)]
struct File<'a> {
    filename: &'a str,
    content: Base64<'a>,
    content_type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_id: Option<&'a str>,
}

#[derive(serde::Serialize)]
struct Tag<'a> {
    name: String,
    value: &'a str,
}

/// Headers as an object, in their order: the same bytes every time.
struct Headers<'a>(Vec<(&'a str, &'a str)>);

impl Serialize for Headers<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

/// The body of a request for one message, to these of its recipients.
pub(super) fn one(message: &Outgoing, recipients: &[OutgoingRecipient]) -> Bytes {
    let delivery = message.delivery_id().to_string();
    json::body(&build(message, recipients, &delivery), message.estimated_bytes())
}

/// The body of a request for several messages.
pub(super) fn several(messages: &[Outgoing]) -> Bytes {
    let deliveries: Vec<_> = messages.iter().map(|message| message.delivery_id().to_string()).collect();
    let pairs = messages.iter().zip(&deliveries);
    let all: Vec<_> =
        pairs.map(|(message, delivery)| build(message, message.recipients(), delivery)).collect();
    json::body(&all, messages.iter().map(Outgoing::estimated_bytes).sum())
}

/// The idempotency key of a batch: of these messages, in this order.
pub(super) fn batch_key(messages: &[Outgoing]) -> String {
    let mut hash = Sha256::new();
    for message in messages {
        hash.update(message.delivery_id().to_string());
        hash.update("\n");
    }
    hash.finalize().iter().fold(String::with_capacity(64), |mut hex, byte| {
        // Writing to a text never fails.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// Whether a message can stand in a batch: attachments cannot, and what makes several messages is a batch itself.
pub(super) fn fits_a_batch(message: &Outgoing) -> bool {
    message.attachments().is_empty() && !is_hidden_from_each_other(message)
}

/// Whether there are several recipients and none may see the others: whoever stood in To would be seen.
pub(super) fn is_hidden_from_each_other(message: &Outgoing) -> bool {
    let recipients = message.recipients();
    recipients.len() > 1 && recipients.iter().all(|one| one.field == RecipientField::Bcc)
}

fn build<'a>(message: &'a Outgoing, recipients: &[OutgoingRecipient], delivery: &'a str) -> Message<'a> {
    let [to, cc, bcc] = lists(recipients);
    Message {
        from: message.from().to_string(),
        to,
        cc,
        bcc,
        reply_to: message.reply_to().iter().map(Mailbox::to_string).collect(),
        subject: message.subject().as_str(),
        html: message.html(),
        text: message.text(),
        headers: headers(message, delivery),
        attachments: message.attachments().iter().map(file).collect(),
        tags: tags(message, delivery),
    }
}

/// To, Cc and Bcc. Somebody has to be in the first.
fn lists(recipients: &[OutgoingRecipient]) -> [Vec<String>; 3] {
    let list = |field| {
        let these = recipients.iter().filter(|one| one.field == field);
        these.map(|one| one.mailbox.to_string()).collect::<Vec<_>>()
    };
    let [to, cc, bcc] = [RecipientField::To, RecipientField::Cc, RecipientField::Bcc].map(list);
    match (to.is_empty(), cc.is_empty()) {
        (false, _) => [to, cc, bcc],
        (true, false) => [cc, Vec::new(), bcc],
        (true, true) => [bcc, Vec::new(), Vec::new()],
    }
}

/// The application's headers, and ours. Resend may write a `Message-ID` of its own instead.
fn headers<'a>(message: &'a Outgoing, delivery: &'a str) -> Headers<'a> {
    let own = message.headers().iter().map(|header| (header.name.as_str(), header.value.as_str()));
    let planted = [("Message-ID", message.header_message_id()), (DELIVERY_HEADER, delivery)];
    Headers(own.chain(planted).collect())
}

fn tags<'a>(message: &'a Outgoing, delivery: &'a str) -> Vec<Tag<'a>> {
    let mut tags = vec![Tag { name: DELIVERY_KEY.to_owned(), value: delivery }];
    let labels = message.tags().iter().map(courierx_core::message::Tag::as_str).filter(|tag| fits(tag));
    tags.extend((1..).zip(labels).map(|(number, value)| Tag { name: format!("{NUMBERED}{number}"), value }));
    let metadata = message.metadata().iter().map(|(key, value)| (key.as_str(), value.as_str()));
    let metadata = metadata.filter(|(key, value)| fits(key) && fits(value) && !is_taken(key));
    tags.extend(metadata.map(|(key, value)| Tag { name: key.to_owned(), value }));
    tags
}

fn fits(text: &str) -> bool {
    (1..=MAX_TAG).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

/// Whether a name means something else than metadata.
fn is_taken(name: &str) -> bool {
    let numbered = name.strip_prefix(NUMBERED);
    name == DELIVERY_KEY || numbered.is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
}

fn file(attachment: &Attachment) -> File<'_> {
    File {
        filename: attachment.file_name().as_str(),
        content: Base64(attachment.content()),
        content_type: attachment.content_type().as_str(),
        content_id: attachment.content_id().map(AsRef::as_ref),
    }
}
