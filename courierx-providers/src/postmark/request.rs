//! A message as Postmark wants it.

use std::collections::BTreeMap;

use bytes::Bytes;
use courierx_core::message::{Attachment, RecipientField, Tag, Tracking};
use courierx_core::provider::Outgoing;
use serde::Serialize;

use super::Postmark;
use crate::http::json::{self, Base64};
use crate::planted::DELIVERY_KEY;

/// Messages of one batch.
pub(super) const MAX_BATCH: usize = 500;
/// Bytes of one batch, as they are estimated: 50 MB are allowed, and JSON escapes quotes and line ends.
pub(super) const MAX_BATCH_BYTES: usize = 40_000_000;

/// Entries of metadata, the delivery id among them, and their lengths.
const MAX_METADATA: usize = 10;
const MAX_METADATA_KEY: usize = 20;
const MAX_METADATA_VALUE: usize = 80;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Message<'a> {
    from: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    to: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    cc: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    bcc: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    reply_to: String,
    subject: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    html_body: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text_body: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tag: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    track_opens: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    track_links: Option<&'static str>,
    headers: Vec<Header<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attachments: Vec<File<'a>>,
    metadata: BTreeMap<&'a str, &'a str>,
    #[serde(rename = "MessageStream", skip_serializing_if = "Option::is_none")]
    stream: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Header<'a> {
    name: &'a str,
    value: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct File<'a> {
    name: &'a str,
    content: Base64<'a>,
    content_type: &'a str,
    #[serde(rename = "ContentID", skip_serializing_if = "Option::is_none")]
    content_id: Option<String>,
}

impl Postmark {
    /// The body of a request for one message.
    pub(super) fn one(&self, message: &Outgoing) -> Bytes {
        let delivery = message.delivery_id().to_string();
        json::body(&self.message(message, &delivery), message.estimated_bytes())
    }

    /// The body of a request for several.
    pub(super) fn several(&self, messages: &[Outgoing]) -> Bytes {
        let deliveries: Vec<_> = messages.iter().map(|message| message.delivery_id().to_string()).collect();
        let all: Vec<_> = messages
            .iter()
            .zip(&deliveries)
            .map(|(message, delivery)| self.message(message, delivery))
            .collect();
        json::body(&all, messages.iter().map(Outgoing::estimated_bytes).sum())
    }

    fn message<'a>(&'a self, message: &'a Outgoing, delivery: &'a str) -> Message<'a> {
        let Tracking { opens, clicks } = message.tracking();
        Message {
            from: message.from().to_string(),
            to: list(message, RecipientField::To),
            cc: list(message, RecipientField::Cc),
            bcc: list(message, RecipientField::Bcc),
            reply_to: join(message.reply_to().iter().map(ToString::to_string)),
            subject: message.subject().as_str(),
            html_body: message.html(),
            text_body: message.text(),
            tag: message.tags().first().map(Tag::as_str),
            track_opens: opens,
            track_links: clicks.map(|clicks| if clicks { "HtmlAndText" } else { "None" }),
            headers: headers(message),
            attachments: message.attachments().iter().map(file).collect(),
            metadata: metadata(message, delivery),
            stream: self.message_stream.as_deref(),
        }
    }
}

/// The recipients of this hand-over in one header.
fn list(message: &Outgoing, field: RecipientField) -> String {
    join(message.recipients().iter().filter(|one| one.field == field).map(|one| one.mailbox.to_string()))
}

fn join(mailboxes: impl Iterator<Item = String>) -> String {
    mailboxes.collect::<Vec<_>>().join(", ")
}

/// The application's headers, and the `Message-ID` that Postmark is asked to keep.
fn headers(message: &Outgoing) -> Vec<Header<'_>> {
    let planted = [("Message-ID", message.header_message_id()), ("X-PM-KeepID", "true")];
    let own = message.headers().iter().map(|header| (header.name.as_str(), header.value.as_str()));
    own.chain(planted).map(|(name, value)| Header { name, value }).collect()
}

fn metadata<'a>(message: &'a Outgoing, delivery: &'a str) -> BTreeMap<&'a str, &'a str> {
    let fits = |key: &str, value: &str| {
        key.len() <= MAX_METADATA_KEY && value.chars().count() <= MAX_METADATA_VALUE && key != DELIVERY_KEY
    };
    let all = message.metadata().iter().map(|(key, value)| (key.as_str(), value.as_str()));
    let mut metadata: BTreeMap<_, _> =
        all.filter(|(key, value)| fits(key, value)).take(MAX_METADATA - 1).collect();
    metadata.insert(DELIVERY_KEY, delivery);
    metadata
}

fn file(attachment: &Attachment) -> File<'_> {
    File {
        name: attachment.file_name().as_str(),
        content: Base64(attachment.content()),
        content_type: attachment.content_type().as_str(),
        content_id: attachment.content_id().map(|id| format!("cid:{}", id.as_str())),
    }
}
