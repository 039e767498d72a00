//! A message as Mailgun wants it.

use std::borrow::Cow;
use std::fmt::Write as _;

use bytes::Bytes;
use courierx_core::message::{Attachment, Mailbox, RecipientField, Tag, Tracking};
use courierx_core::provider::Outgoing;

use super::form::{Part, encode, is_plain_name};
use super::{Mailgun, batch};
use crate::http::Request;
use crate::mime;
use crate::planted::DELIVERY_KEY;

/// Recipients of one request.
pub(super) const MAX_RECIPIENTS: usize = 1000;
/// Bytes of all headers, variables and options together, names included: less than the 16 kB of the
/// documentation, which does not say how they are counted.
const MAX_OPTIONS: usize = 16_000;
/// Tags of one message: further ones are ignored on some plans.
const MAX_TAGS: usize = 3;
const MESSAGE_ID: &str = "h:Message-Id";
/// Bytes of a delivery id.
const DELIVERY_ID_BYTES: usize = 36;

impl Mailgun {
    /// The request for one message.
    pub(super) fn one(&self, message: &Outgoing) -> Request {
        let delivery = message.delivery_id().to_string();
        if needs_mime(message, self) {
            return self.raw(message, &delivery);
        }
        let mut parts = addresses(message);
        parts.extend(content(message));
        let mut options = headers(message);
        options.push(Part::field(MESSAGE_ID, message.header_message_id()));
        options.extend(self.options(message, &delivery));
        self.form(parts, options, message, &delivery)
    }

    /// The request for several messages of equal content: [`batch::plan`] says which those are.
    pub(super) fn several(&self, messages: &[&Outgoing]) -> Request {
        let Some(first) = messages.first() else { unreachable!("a request for no message") };
        let delivery = first.delivery_id().to_string();
        let mut parts = vec![Part::field("from", mime::mailboxes([first.from()]))];
        let recipients = messages.iter().flat_map(|message| message.recipients());
        parts.extend(recipients.map(|one| Part::field("to", mime::mailboxes([&one.mailbox]))));
        parts.push(Part::field("recipient-variables", batch::variables(messages)));
        parts.extend(content(first));
        let mut options = headers(first);
        // No Message-ID: whether Mailgun fills it in before it uses it is not documented.
        options.extend(self.options(first, batch::DELIVERY));
        self.form(parts, options, first, &delivery)
    }

    /// The request that Mailgun refuses for what is missing in it, whatever it is asked by: for a key that can
    /// do nothing else than send.
    pub(super) fn nothing(&self) -> Request {
        let (content_type, body) = encode(&[Part::field("o:testmode", "yes")], "nothing");
        self.post(&["v3", &self.domain, "messages"]).body(&content_type, body)
    }

    fn form<'a>(
        &self,
        mut parts: Vec<Part<'a>>,
        mut options: Vec<Part<'a>>,
        message: &'a Outgoing,
        seed: &str,
    ) -> Request {
        add_metadata(&mut options, message);
        parts.extend(options);
        parts.extend(message.attachments().iter().map(file));
        self.submit("messages", encode(&parts, seed))
    }

    /// The request for a finished MIME message.
    fn raw(&self, message: &Outgoing, delivery: &str) -> Request {
        let to = message.recipients().iter().map(|one| Part::field("to", one.mailbox.address().as_str()));
        let mut parts: Vec<_> = to.collect();
        let mut options = self.options(message, delivery);
        add_metadata(&mut options, message);
        parts.extend(options);
        parts.push(Part::file("message", "message.eml", "message/rfc822", mime::render(message)));
        self.submit("messages.mime", encode(&parts, delivery))
    }

    fn submit(&self, endpoint: &str, (content_type, body): (String, Bytes)) -> Request {
        self.post(&["v3", &self.domain, endpoint]).body(&content_type, body)
    }

    /// What is said to Mailgun itself, without metadata.
    fn options<'a>(&'a self, message: &'a Outgoing, delivery: &str) -> Vec<Part<'a>> {
        let Tracking { opens, clicks } = message.tracking();
        let asked = |name: &'static str, wanted: Option<bool>| {
            wanted.map(|wanted| Part::field(name, if wanted { "yes" } else { "no" }))
        };
        let mut options = vec![Part::field(format!("v:{DELIVERY_KEY}"), delivery.to_owned())];
        let tags = message.tags().iter().map(Tag::as_str).filter(|tag| tag.is_ascii());
        options.extend(tags.take(MAX_TAGS).map(|tag| Part::field("o:tag", tag)));
        options.extend(asked("o:tracking-opens", opens));
        options.extend(asked("o:tracking-clicks", clicks));
        options.extend(self.ip_pool.as_deref().map(|id| Part::field("o:sending-ip-pool", id)));
        options.extend(self.test_mode.then(|| Part::field("o:testmode", "yes")));
        options
    }
}

/// Whether a form cannot say what this message says.
pub(super) fn needs_mime(message: &Outgoing, mailgun: &Mailgun) -> bool {
    // A form's header shows whom it goes to, and it must have a To.
    !message.is_for_all_recipients()
        || message.to().is_empty()
        || message.headers().iter().any(|header| !is_plain_name(header.name.as_str()))
        || message.attachments().iter().any(|one| !has_plain_name(one))
        || required(message, mailgun) > MAX_OPTIONS
}

/// Bytes of what a form cannot leave out, of all that is bounded together.
fn required(message: &Outgoing, mailgun: &Mailgun) -> usize {
    let message_id = MESSAGE_ID.len() + message.header_message_id().len();
    size(&headers(message))
        + size(&mailgun.options(message, batch::DELIVERY))
        + message_id
        + DELIVERY_ID_BYTES
}

/// A content id becomes a file name and a content id again; slashes and escapes would not survive that.
fn has_plain_name(attachment: &Attachment) -> bool {
    match attachment.content_id() {
        Some(id) => id.as_str().chars().all(|c| c.is_ascii_alphanumeric() || "._-+=@".contains(c)),
        None => is_plain_name(attachment.file_name().as_str()),
    }
}

fn addresses(message: &Outgoing) -> Vec<Part<'_>> {
    let mut parts = vec![Part::field("from", mime::mailboxes([message.from()]))];
    parts.extend(message.recipients().iter().map(|one| {
        let field = match one.field {
            RecipientField::To => "to",
            RecipientField::Cc => "cc",
            RecipientField::Bcc => "bcc",
        };
        Part::field(field, mime::mailboxes([&one.mailbox]))
    }));
    parts
}

fn content(message: &Outgoing) -> impl Iterator<Item = Part<'_>> {
    let subject = Part::field("subject", message.subject().as_str());
    let text = message.text().map(|text| Part::field("text", text));
    let html = message.html().map(|html| Part::field("html", html));
    std::iter::once(subject).chain(text).chain(html)
}

/// The application's headers, and where answers go.
fn headers(message: &Outgoing) -> Vec<Part<'_>> {
    let own = message.headers().iter().map(|header| {
        let mut name = String::with_capacity(header.name.as_str().len() + 2);
        // Writing to a text does not fail.
        let _ = write!(name, "h:{}", header.name);
        Part::field(name, header.value.as_str())
    });
    let mut headers: Vec<_> = own.collect();
    let reply_to: &[Mailbox] = message.reply_to();
    if !reply_to.is_empty() {
        headers.push(Part::field("h:Reply-To", mime::mailboxes(reply_to)));
    }
    headers
}

/// Adds of the metadata what there is room for.
fn add_metadata<'a>(options: &mut Vec<Part<'a>>, message: &'a Outgoing) {
    let mut room = MAX_OPTIONS.saturating_sub(size(options));
    for (key, value) in message.metadata().iter().filter(|(key, _)| key.as_str() != DELIVERY_KEY) {
        let part = Part::field(Cow::from(format!("v:{key}")), value.as_str());
        if let Some(left) = room.checked_sub(part.len()) {
            room = left;
            options.push(part);
        }
    }
}

fn size(parts: &[Part<'_>]) -> usize {
    parts.iter().map(Part::len).sum()
}

fn file(attachment: &Attachment) -> Part<'_> {
    let (field, name) = match attachment.content_id() {
        Some(id) => ("inline", id.as_str()),
        None => ("attachment", attachment.file_name().as_str()),
    };
    Part::file(field, name, attachment.content_type().as_str(), attachment.content())
}
