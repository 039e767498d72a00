//! From the bytes of a message (RFC 5322) to an [`Email`], which every provider can carry.

use std::collections::HashSet;

use lettre::address::Envelope;
use mail_parser::{
    Address as Addresses, HeaderForm, HeaderName, HeaderValue, Message, MessageParser, MessagePart,
    MimeHeaders, PartType,
};

use crate::message::{self, limits};
use crate::{Address, Attachment, Email, EmailBuilder, InvalidEmail, Mailbox, Problem};

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

/// Reads a message and its envelope. Whoever the envelope names and no header does is a blind copy; whoever
/// a header names and the envelope does not is left out.
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
///
/// The envelope alone says who gets the message: whoever makes one copy for each recipient shows the same
/// header on all of them.
fn recipients(mut email: EmailBuilder, message: &Message<'_>, envelope: &Envelope) -> EmailBuilder {
    let mut unnamed: HashSet<String> = envelope.to().iter().map(|one| key(one.as_ref())).collect();
    let invited = unnamed.clone();
    let mut add = |email: EmailBuilder, one: Shown<'_>, add: fn(EmailBuilder, Shown<'_>) -> EmailBuilder| {
        let key = key(one.address);
        unnamed.remove(&key);
        if invited.contains(&key) { add(email, one) } else { email }
    };
    email = mailboxes(email, message.to(), |email, one| add(email, one, |email, one| email.to(one)));
    email = mailboxes(email, message.cc(), |email, one| add(email, one, |email, one| email.cc(one)));
    for recipient in envelope.to() {
        let address: &str = recipient.as_ref();
        if unnamed.contains(&key(address)) {
            email = email.bcc(address);
        }
    }
    email
}

/// What an address is compared by: a header may spell a domain in Unicode that the envelope has in ASCII.
fn key(address: &str) -> String {
    address.parse::<Address>().map_or_else(|_| address.to_lowercase(), |one| one.key().as_str().to_owned())
}

/// Adds each address of a header, with its name.
fn mailboxes(
    email: EmailBuilder,
    addresses: Option<&Addresses<'_>>,
    mut add: impl FnMut(EmailBuilder, Shown<'_>) -> EmailBuilder,
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

/// Every header that no field of [`Email`] stands for: the application's own, those of threads and lists, …
fn headers(mut email: EmailBuilder, message: &Message<'_>) -> EmailBuilder {
    for header in message.headers() {
        let name = header.name.as_str();
        // What the parser knows and no message may bring along was read above, or is made anew.
        if !matches!(header.name, HeaderName::Other(_)) && message::HeaderName::new(name).is_err() {
            continue;
        }
        let (start, end) = (header.offset_start as usize, header.offset_end as usize);
        let written = unfolded(&String::from_utf8_lossy(&message.raw_message[start..end]));
        let value = match &header.name {
            HeaderName::References => newest(&written, limits::MAX_HEADER_VALUE_BYTES).to_owned(),
            // Encoded words are text, and are encoded again on the way out.
            other if written.contains("=?") => {
                match message.header_as(other.clone(), HeaderForm::Text).first() {
                    Some(HeaderValue::Text(text)) => text.clone().into_owned(),
                    _ => written,
                }
            }
            _ => written,
        };
        if !value.is_empty() {
            email = email.header(name, value);
        }
    }
    email
}

/// A header's value on one line (RFC 5322 §2.2.3).
fn unfolded(value: &str) -> String {
    let line = value.replace(['\r', '\n'], "").replace('\t', " ");
    line.trim().to_owned()
}

/// The last identifiers that fit: a thread has no end, and readers need its newest messages most.
fn newest(identifiers: &str, max: usize) -> &str {
    let over = identifiers.len().saturating_sub(max);
    match over {
        0 => identifiers,
        _ => identifiers[identifiers.ceil_char_boundary(over)..].split_once(' ').map_or("", |(_, rest)| rest),
    }
}
