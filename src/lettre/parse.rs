//! From the bytes of a message (RFC 5322) to an [`Email`], which every provider can carry.

use lettre::address::Envelope;
use mail_parser::{
    Address as Addresses, HeaderName, Message, MessageParser, MessagePart, MimeHeaders, PartType,
};

use crate::{Attachment, Email, EmailBuilder, InvalidEmail, Mailbox, Problem};

/// Why the bytes of a message could not be taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ParseError {
    /// They are no message.
    #[error("the message cannot be read")]
    Unreadable,
    /// What they hold cannot be sent.
    #[error(transparent)]
    Invalid(#[from] InvalidEmail),
}

/// Reads a message and its envelope. Whoever the envelope names and no header does is a blind copy.
///
/// `Date`, `Message-ID` and the MIME structure are not taken over: each hand-over makes its own, the same
/// for every repetition.
pub fn email_from_mime(envelope: &Envelope, mime: &[u8]) -> Result<Email, ParseError> {
    let message = MessageParser::default().parse(mime).ok_or(ParseError::Unreadable)?;
    let mut email = Email::builder();
    email = mailboxes(email, message.from(), |email, one| email.from(one));
    email = mailboxes(email, message.reply_to(), |email, one| email.reply_to(one));
    email = recipients(email, &message, envelope);
    if let Some(sender) = envelope.from() {
        email = email.return_path(AsRef::<str>::as_ref(sender));
    }
    email = email.subject(message.subject().unwrap_or_default());
    email = bodies(email, &message);
    for part in message.attachments() {
        email = email.attach(attachment(part));
    }
    Ok(headers(email, &message).build()?)
}

/// Those of To and Cc whom the envelope names, and the rest of the envelope as blind copies.
fn recipients(mut email: EmailBuilder, message: &Message<'_>, envelope: &Envelope) -> EmailBuilder {
    let named = |addresses: Option<&Addresses<'_>>| -> Vec<String> {
        addresses
            .into_iter()
            .flat_map(Addresses::iter)
            .filter_map(|one| one.address())
            .map(str::to_lowercase)
            .collect()
    };
    let shown = [named(message.to()), named(message.cc())].concat();
    email = mailboxes(email, message.to(), |email, one| email.to(one));
    email = mailboxes(email, message.cc(), |email, one| email.cc(one));
    for recipient in envelope.to() {
        let address: &str = recipient.as_ref();
        if !shown.contains(&address.to_lowercase()) {
            email = email.bcc(address);
        }
    }
    email
}

/// Adds each address of a header, with its name.
fn mailboxes(
    email: EmailBuilder,
    addresses: Option<&Addresses<'_>>,
    add: impl Fn(EmailBuilder, Shown<'_>) -> EmailBuilder,
) -> EmailBuilder {
    let each = addresses.into_iter().flat_map(Addresses::iter);
    each.fold(email, |email, one| {
        let name = one.name().filter(|name| !name.trim().is_empty());
        add(email, Shown { name, address: one.address().unwrap_or_default() })
    })
}

/// A mailbox as a header shows it.
struct Shown<'a> {
    name: Option<&'a str>,
    address: &'a str,
}

impl TryFrom<Shown<'_>> for Mailbox {
    type Error = Problem;

    fn try_from(shown: Shown<'_>) -> Result<Self, Problem> {
        match shown.name {
            Some(name) => (name, shown.address).try_into(),
            None => Ok(Self::new(shown.address.parse()?)),
        }
    }
}

/// The first text and the first HTML that are bodies.
fn bodies(mut email: EmailBuilder, message: &Message<'_>) -> EmailBuilder {
    let text = message.text_bodies().find_map(|part| match &part.body {
        PartType::Text(text) => Some(text.as_ref()),
        _ => None,
    });
    let html = message.html_bodies().find_map(|part| match &part.body {
        PartType::Html(html) => Some(html.as_ref()),
        _ => None,
    });
    if let Some(text) = text {
        email = email.text(text);
    }
    if let Some(html) = html {
        email = email.html(html);
    }
    email
}

fn attachment(part: &MessagePart<'_>) -> Result<Attachment, InvalidEmail> {
    let content_type = part.content_type().map_or_else(
        || "application/octet-stream".to_owned(),
        |kind| match kind.subtype() {
            Some(subtype) => format!("{}/{subtype}", kind.ctype()),
            None => format!("{}/plain", kind.ctype()),
        },
    );
    let name = part.attachment_name().unwrap_or("attachment");
    let content = part.contents().to_vec();
    let inline = part.content_disposition().is_some_and(mail_parser::ContentType::is_inline);
    match part.content_id() {
        Some(id) if inline => Attachment::inline(id, name, content_type, content),
        _ => Attachment::new(name, content_type, content),
    }
}

/// Headers of the application's own.
fn headers(mut email: EmailBuilder, message: &Message<'_>) -> EmailBuilder {
    for header in message.headers() {
        if let HeaderName::Other(name) = &header.name
            && let Some(value) = header.value.as_text()
        {
            email = email.header(name.as_ref(), value);
        }
    }
    email
}
