//! A message as SES wants it: its parts where SES can make a message of them, else the message as it is.

use std::collections::BTreeSet;

use bytes::Bytes;
use courierx_core::message::{Attachment, Header, Mailbox, RecipientField, Tag, Tracking};
use courierx_core::provider::Outgoing;
use serde::Serialize;

use super::Ses;
use crate::http::json::{self, Base64};
use crate::mime::{self, DELIVERY_HEADER, mailbox_line};
use crate::planted::DELIVERY_KEY;

/// Message tags, the delivery id among them. The API names no limit, and this is the one of the tags that it has for
/// other things.
const MAX_TAGS: usize = 50;
const MAX_TAG: usize = 256;

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
struct Body<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    from_email_address: Option<String>,
    destination: Destination,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reply_to_addresses: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    feedback_forwarding_email_address: Option<&'a str>,
    content: Content<'a>,
    email_tags: Vec<EmailTag<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    configuration_set_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    configuration_overrides: Option<Overrides>,
}

#[derive(Default, Serialize)]
struct Destination {
    #[serde(rename = "ToAddresses", skip_serializing_if = "Vec::is_empty")]
    to: Vec<String>,
    #[serde(rename = "CcAddresses", skip_serializing_if = "Vec::is_empty")]
    cc: Vec<String>,
    #[serde(rename = "BccAddresses", skip_serializing_if = "Vec::is_empty")]
    bcc: Vec<String>,
}

#[derive(Serialize)]
enum Content<'a> {
    Simple(Simple<'a>),
    #[serde(rename_all = "PascalCase")]
    Raw {
        data: Base64<'a>,
    },
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Simple<'a> {
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
struct NameValue<'a> {
    name: &'a str,
    value: &'a str,
}

type EmailTag<'a> = NameValue<'a>;

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

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Overrides {
    tracking: TrackingOverrides,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct TrackingOverrides {
    #[serde(skip_serializing_if = "Option::is_none")]
    open_tracking_enabled: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    click_tracking_enabled: Option<&'static str>,
}

impl Ses {
    /// The body of a request for one message.
    pub(super) fn body(&self, message: &Outgoing) -> Bytes {
        let delivery = message.delivery_id().to_string();
        let about = message.estimated_bytes() + 1000;
        if is_simple(message) {
            return json::body(&self.simple(message, &delivery), about);
        }
        let raw = mime::render(message);
        json::body(&self.raw(message, &delivery, &raw), raw.len() / 3 * 4 + 1000)
    }

    /// A message that SES makes.
    fn simple<'a>(&'a self, message: &'a Outgoing, delivery: &'a str) -> Body<'a> {
        let text = |data: &'a str| Text { data, charset: "UTF-8" };
        let planted = NameValue { name: DELIVERY_HEADER, value: delivery };
        let own = message
            .headers()
            .iter()
            .map(|Header { name, value }| NameValue { name: name.as_str(), value: value.as_str() });
        let simple = Simple {
            subject: text(message.subject().as_str()),
            body: Bodies { text: message.text().map(text), html: message.html().map(text) },
            headers: own.chain([planted]).collect(),
            attachments: message.attachments().iter().map(file).collect(),
        };
        let list = |field| {
            let of = message.recipients().iter().filter(move |one| one.field == field);
            of.map(|one| mailbox_line(&one.mailbox)).collect()
        };
        let destination = Destination {
            to: list(RecipientField::To),
            cc: list(RecipientField::Cc),
            bcc: list(RecipientField::Bcc),
        };
        Body {
            from_email_address: Some(mailbox_line(message.from())),
            reply_to_addresses: message.reply_to().iter().map(mailbox_line).collect(),
            ..self.around(message, delivery, destination, Content::Simple(simple))
        }
    }

    /// A message that is sent as it is. Its header says who it is from and what readers see: the parameter for
    /// the sender would replace what stands there. As blind copies the recipients change nothing in it either.
    fn raw<'a>(&'a self, message: &'a Outgoing, delivery: &'a str, raw: &'a [u8]) -> Body<'a> {
        let address = |one: &Mailbox| one.address().to_string();
        let bcc = message.recipients().iter().map(|one| address(&one.mailbox)).collect();
        let destination = Destination { bcc, ..Destination::default() };
        self.around(message, delivery, destination, Content::Raw { data: Base64(raw) })
    }

    /// What both have.
    fn around<'a>(
        &'a self,
        message: &'a Outgoing,
        delivery: &'a str,
        destination: Destination,
        content: Content<'a>,
    ) -> Body<'a> {
        let return_path = message.envelope_from();
        Body {
            from_email_address: None,
            destination,
            reply_to_addresses: Vec::new(),
            feedback_forwarding_email_address: (return_path != message.from().address())
                .then(|| return_path.as_str()),
            content,
            email_tags: tags(message, delivery),
            configuration_set_name: self.configuration_set.as_deref(),
            configuration_overrides: overrides(message.tracking()),
        }
    }
}

/// Whether SES can make this message of its parts, so that every reader sees what was asked for.
///
/// It writes headers as they stand, so what needs encoding does not fit; nor does what it says nothing about, such as
/// file names beyond ASCII, parameters of content types, and empty files; nor a header that names more people than
/// the message is for.
fn is_simple(message: &Outgoing) -> bool {
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
    // Quoting doubles a character at most, and encoding needs less than that and two marks.
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

/// The delivery id, the metadata that fit, and the tags whose names are left.
fn tags<'a>(message: &'a Outgoing, delivery: &'a str) -> Vec<EmailTag<'a>> {
    let metadata = message.metadata().iter().map(|(key, value)| (key.as_str(), value.as_str()));
    let labels = message.tags().iter().map(|tag| (Tag::as_str(tag), "true"));
    let mut names = BTreeSet::new();
    [(DELIVERY_KEY, delivery)]
        .into_iter()
        .chain(metadata)
        .chain(labels)
        .filter(|&(name, value)| fits_a_tag(name) && fits_a_tag(value) && names.insert(name))
        .take(MAX_TAGS)
        .map(|(name, value)| EmailTag { name, value })
        .collect()
}

fn fits_a_tag(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    !text.is_empty() && text.len() <= MAX_TAG && text.bytes().all(allowed)
}

/// What the message says of tracking, in place of what the account is set up for.
///
/// <https://docs.aws.amazon.com/ses/latest/dg/configuration-overrides.html>
fn overrides(tracking: Tracking) -> Option<Overrides> {
    let word = |on| if on { "ENABLED" } else { "DISABLED" };
    let tracking = TrackingOverrides {
        open_tracking_enabled: tracking.opens.map(word),
        click_tracking_enabled: tracking.clicks.map(word),
    };
    let says = tracking.open_tracking_enabled.or(tracking.click_tracking_enabled).is_some();
    says.then_some(Overrides { tracking })
}
