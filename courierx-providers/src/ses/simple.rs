//! Messages that SES makes of their parts, and which those are.

use courierx_core::message::{Attachment, Header, Mailbox, RecipientField};
use courierx_core::provider::Outgoing;
use serde::Serialize;

use super::request::NameValue;
use crate::http::json::Base64;
use crate::mime::DELIVERY_HEADER;

/// Headers of a message that SES makes, and the characters of one.
const MAX_HEADERS: usize = 15;
const MAX_HEADER_VALUE: usize = 995;
const MAX_HEADER: usize = 996;

/// Characters that describe an attachment of such a message.
const MAX_CONTENT_TYPE: usize = 78;
const MAX_CONTENT_ID: usize = 78;

/// Characters of a mailbox with its name. The API names no limit for it; this is that of an address.
const MAX_MAILBOX: usize = 320;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Simple<'a> {
    subject: Text<'a>,
    body: Bodies<'a>,
    headers: Vec<NameValue<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attachments: Vec<File<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Bodies<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    html: Option<Text<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Text<'a> {
    data: &'a str,
    charset: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct File<'a> {
    #[serde(rename = "FileName")]
    name: &'a str,
    content_type: &'a str,
    content_disposition: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_id: Option<&'a str>,
    raw_content: Base64<'a>,
}

impl<'a> Simple<'a> {
    /// The parts of a message.
    pub(super) fn new(message: &'a Outgoing, delivery: &'a str) -> Self {
        let text = |data: &'a str| Text { data, charset: "UTF-8" };
        let planted = NameValue { name: DELIVERY_HEADER, value: delivery };
        let own = message
            .headers()
            .iter()
            .map(|Header { name, value }| NameValue { name: name.as_str(), value: value.as_str() });
        Self {
            subject: text(message.subject().as_str()),
            body: Bodies { text: message.text().map(text), html: message.html().map(text) },
            headers: own.chain([planted]).collect(),
            attachments: message.attachments().iter().map(file).collect(),
        }
    }
}

fn file(attachment: &Attachment) -> File<'_> {
    let listed = attachment.disposition().is_attached();
    File {
        name: attachment.file_name().as_str(),
        content_type: attachment.content_type().as_str(),
        content_disposition: if listed { "ATTACHMENT" } else { "INLINE" },
        content_id: attachment.content_id().map(AsRef::as_ref),
        raw_content: Base64(attachment.content()),
    }
}

/// Whether SES can make this message of its parts, so that every reader sees what was asked for.
///
/// It writes headers as they stand, so what needs encoding does not fit; nor does what it says nothing about, such as
/// file names beyond ASCII, parameters of content types, and empty files; nor a header that names more people than
/// the message is for.
pub(super) fn is_simple(message: &Outgoing) -> bool {
    let shown = message.recipients().iter().filter(|one| one.field != RecipientField::Bcc).count();
    let people = message.recipients().iter().map(|one| &one.mailbox).chain(message.reply_to());
    shown == message.to().len() + message.cc().len()
        && people.chain([message.from()]).all(fits_one_line)
        && is_whole(message.subject().as_str())
        && message.headers().len() < MAX_HEADERS
        && message.headers().iter().all(stands_as_is)
        && message.attachments().iter().all(is_plain)
}

fn fits_one_line(mailbox: &Mailbox) -> bool {
    let name = mailbox.name().map_or(0, |name| name.as_str().len());
    // Quoting doubles a character at most; encoding adds less than that, and its marks.
    name * 2 + 30 + mailbox.address().as_str().len() <= MAX_MAILBOX
}

fn stands_as_is(header: &Header) -> bool {
    let (name, value) = (header.name.as_str(), header.value.as_str());
    value.len() <= MAX_HEADER_VALUE
        && name.len() + value.len() <= MAX_HEADER
        && value.bytes().all(|byte| matches!(byte, b' '..=b'~'))
        && is_whole(value)
        // These are SES's own, for raw messages.
        && !name.get(..6).is_some_and(|start| start.eq_ignore_ascii_case("x-ses-"))
}

/// Whether readers show a header's text as it is: without blanks around it, nor what looks like an encoded word.
fn is_whole(text: &str) -> bool {
    text.trim().len() == text.len() && !text.contains("=?")
}

fn is_plain(attachment: &Attachment) -> bool {
    let content_type = attachment.content_type().as_str();
    attachment.file_name().as_str().bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'"')
        && content_type.len() <= MAX_CONTENT_TYPE
        && !content_type.contains(';')
        && attachment.content_id().is_none_or(|id| id.as_str().len() <= MAX_CONTENT_ID)
        && !attachment.content().is_empty()
}
