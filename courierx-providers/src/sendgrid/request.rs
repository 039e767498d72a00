//! Messages as SendGrid wants them.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};

use bytes::Bytes;
use courierx_core::message::{Attachment, Mailbox, Tag};
use courierx_core::provider::{Outgoing, Refusal, RefusalKind};

use super::SendGrid;
use super::parcel::{Envelope, MAX_CUSTOM_ARGS, Parcel};
use super::wire::{Asm, Body, File, MailSettings, Part, Person, Personalization, Switch, TrackingSettings};
use super::words;
use crate::http::json::{self, Base64};
use crate::planted::DELIVERY_KEY;

/// Categories of one message.
const MAX_CATEGORIES: usize = 10;

/// Headers that are SendGrid's own, or orders to it, beyond those that no message can have.
const RESERVED_HEADERS: &[&str] = &["x-sg-id", "x-sg-eid", "x-smtpapi"];

/// Keys that events use themselves, and that would hide a custom argument of the same name.
///
/// <https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event>
const EVENT_KEYS: &[&str] = &[
    "asm_group_id",
    "attempt",
    "bounce_classification",
    "category",
    "cert_err",
    "email",
    "event",
    "ip",
    "marketing_campaign_id",
    "marketing_campaign_name",
    "newsletter",
    "pool",
    "post_type",
    "reason",
    "response",
    "send_at",
    "sg_content_type",
    "sg_event_id",
    "sg_machine_open",
    "sg_message_id",
    "smtp-id",
    "status",
    "template_id",
    "timestamp",
    "tls",
    "type",
    "url",
    "url_offset",
    "useragent",
];

/// Why a message cannot go to SendGrid at all.
pub(super) fn unfit(message: &Outgoing) -> Option<Refusal> {
    let refuse = |detail: String| Some(Refusal::new(RefusalKind::Content, detail));
    let mut names = message.headers().iter().map(|header| header.name.as_str());
    if let Some(name) = names.find(|name| RESERVED_HEADERS.iter().any(|own| own.eq_ignore_ascii_case(name))) {
        return refuse(format!("the header {name} is SendGrid's own"));
    }
    if message.attachments().iter().any(|file| file.content().is_empty()) {
        return refuse("SendGrid takes no empty attachments".to_owned());
    }
    None
}

impl SendGrid {
    /// The body of a request.
    pub(super) fn body(&self, parcel: &Parcel<'_>) -> Bytes {
        let Some(&(_, first)) = parcel.messages.first() else { return Bytes::new() };
        let shared = parcel.messages.iter().all(|(_, message)| message.subject() == first.subject());
        let subject = words::subject(first.subject().as_str());
        let copy = |envelope: &Envelope| copy(parcel.messages[envelope.message].1, envelope, !shared);
        let mut reply_to = reply_to(first);
        let body = Body {
            personalizations: parcel.envelopes.iter().map(copy).collect(),
            from: person(first.from(), words::sender_name),
            reply_to: if reply_to.len() == 1 { reply_to.pop() } else { None },
            reply_to_list: reply_to,
            subject: shared.then_some(subject),
            content: content(first),
            attachments: first.attachments().iter().map(file).collect(),
            categories: first
                .tags()
                .iter()
                .map(Tag::as_str)
                .filter(|tag| tag.is_ascii())
                .take(MAX_CATEGORIES)
                .collect(),
            asm: self.unsubscribe_group.map(|group_id| Asm { group_id }),
            ip_pool_name: self.ip_pool.as_deref(),
            mail_settings: self
                .sandbox
                .then_some(MailSettings { sandbox_mode: Switch { enable: true, enable_text: None } }),
            tracking_settings: tracking(first),
        };
        json::body(&body, first.estimated_bytes() + parcel.envelopes.len() * 500)
    }
}

fn copy<'a>(message: &'a Outgoing, envelope: &Envelope, with_subject: bool) -> Personalization<'a> {
    let people = |positions: &[usize]| {
        let recipients = positions.iter().map(|&position| &message.recipients()[position].mailbox);
        recipients.map(|mailbox| person(mailbox, words::recipient_name)).collect()
    };
    Personalization {
        to: people(&envelope.to),
        cc: people(&envelope.cc),
        bcc: people(&envelope.bcc),
        subject: with_subject.then(|| words::subject(message.subject().as_str())),
        headers: headers(message),
        custom_args: custom_args(message),
    }
}

fn person<'a>(mailbox: &'a Mailbox, write: impl Fn(&'a str) -> Cow<'a, str>) -> Person<'a> {
    Person { email: mailbox.address().as_str(), name: mailbox.name().map(|name| write(name.as_str())) }
}

/// Where answers go, each address once.
fn reply_to(message: &Outgoing) -> Vec<Person<'_>> {
    let mut seen = HashSet::new();
    let each = message.reply_to().iter().filter(|mailbox| seen.insert(mailbox.address().key()));
    each.map(|mailbox| person(mailbox, words::reply_name)).collect()
}

/// Plain text before HTML, and no empty part, for which SendGrid has no use.
fn content(message: &Outgoing) -> Vec<Part<'_>> {
    let parts = [("text/plain", message.text()), ("text/html", message.html())];
    let given = parts.into_iter().filter_map(|(kind, value)| Some(Part { kind, value: value? }));
    let (mut full, empty): (Vec<_>, Vec<_>) = given.partition(|part| !part.value.is_empty());
    if full.is_empty() {
        full.extend(empty.into_iter().take(1).map(|part| Part { value: " ", ..part }));
    }
    full
}

/// The application's headers, and the `Message-ID`, which SendGrid keeps.
fn headers(message: &Outgoing) -> BTreeMap<&str, Cow<'_, str>> {
    let own = message.headers().iter();
    let mut headers: BTreeMap<_, _> =
        own.map(|header| (header.name.as_str(), words::header_value(header.value.as_str()))).collect();
    headers.insert("Message-ID", message.header_message_id().into());
    headers
}

/// The delivery id, and as much of the metadata as fits beside it.
fn custom_args(message: &Outgoing) -> BTreeMap<&str, Cow<'_, str>> {
    let delivery = message.delivery_id().to_string();
    // Two braces; quotes, colon and comma of each entry.
    let length = |key: &str, value: &str| {
        key.len() + value.len() + value.bytes().filter(|byte| matches!(byte, b'"' | b'\\')).count() + 6
    };
    let mut left = MAX_CUSTOM_ARGS - 2 - length(DELIVERY_KEY, &delivery);
    let mut args = BTreeMap::from([(DELIVERY_KEY, Cow::Owned(delivery))]);
    for (key, value) in message.metadata() {
        let (key, length) = (key.as_str(), length(key.as_str(), value));
        if length <= left && key != DELIVERY_KEY && !EVENT_KEYS.contains(&key) {
            left -= length;
            args.insert(key, value.into());
        }
    }
    args
}

fn file(attachment: &Attachment) -> File<'_> {
    let content_id = attachment.content_id();
    File {
        content: Base64(attachment.content()),
        filename: attachment.file_name().as_str(),
        kind: attachment.content_type().essence(),
        disposition: if content_id.is_some() { "inline" } else { "attachment" },
        content_id: content_id.map(AsRef::as_ref),
    }
}

fn tracking(message: &Outgoing) -> Option<TrackingSettings> {
    let tracking = message.tracking();
    let open_tracking = tracking.opens.map(|enable| Switch { enable, enable_text: None });
    let click_tracking = tracking.clicks.map(|enable| Switch { enable, enable_text: Some(enable) });
    (!tracking.is_default()).then_some(TrackingSettings { click_tracking, open_tracking })
}
