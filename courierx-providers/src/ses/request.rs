//! A message as SES wants it: its parts where SES can make a message of them, else the message as it is.

use std::collections::BTreeSet;

use bytes::Bytes;
use courierx_core::message::{Mailbox, RecipientField, Tag, Tracking};
use courierx_core::provider::Outgoing;
use serde::Serialize;

use super::Ses;
use super::simple::{Simple, is_simple};
use crate::http::json::{self, Base64};
use crate::mime::{self, mailbox_line};
use crate::planted::DELIVERY_KEY;

/// Message tags, the delivery id among them. The API names no limit, and this is the one of the tags that it has for
/// other things.
const MAX_TAGS: usize = 50;
const MAX_TAG: usize = 256;

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
pub(super) struct NameValue<'a> {
    pub(super) name: &'a str,
    pub(super) value: &'a str,
}

type EmailTag<'a> = NameValue<'a>;

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
            ..self.around(message, delivery, destination, Content::Simple(Simple::new(message, delivery)))
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
