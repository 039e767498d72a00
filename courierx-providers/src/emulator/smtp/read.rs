//! A message as a mail reader understands it, by `mail-parser`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use courierx_core::provider::conformance::{Person, Received, ReceivedFile};
use mail_parser::{
    Address, Encoding, HeaderForm, HeaderName, Message, MessageParser, MessagePart, MimeHeaders as _,
    PartType,
};

use crate::mime::DELIVERY_HEADER;

/// Fields that are told apart from the others.
const KNOWN: [&str; 8] = ["From", "To", "Cc", "Bcc", "Reply-To", "Subject", "Date", "MIME-Version"];

/// Reads a message; none if it has no author or no date. Recipients of the envelope that the header does not show
/// are its blind copies.
pub(super) fn message(bytes: &[u8], recipients: &[String]) -> Option<Received> {
    let message = MessageParser::default().parse(bytes)?;
    message.date()?;
    let mut received = Received::default();
    received.from = people(message.from()).into_iter().next()?;
    received.to = people(message.to());
    received.cc = people(message.cc());
    received.reply_to = people(message.reply_to());
    let shown = |address: &String| received.to.iter().chain(&received.cc).any(|one| one.address == *address);
    received.bcc = recipients.iter().filter(|address| !shown(address)).map(Person::new).collect();
    received.headers = headers(&message);
    received.subject = header(&message, HeaderName::Subject).unwrap_or_default();
    let is_text = |part: &&MessagePart<'_>| matches!(part.body, PartType::Text(_)) && !is_file(part);
    let is_html = |part: &&MessagePart<'_>| matches!(part.body, PartType::Html(_)) && !is_file(part);
    received.text = message.parts.iter().find(is_text).map(|part| text(&message, part));
    received.html = message.parts.iter().find(is_html).map(|part| text(&message, part));
    received.files =
        message.parts.iter().filter(|part| is_file(part)).map(|part| file(&message, part)).collect();
    received.delivery = received.header(DELIVERY_HEADER).map(str::to_owned);
    Some(received)
}

fn people(address: Option<&Address<'_>>) -> Vec<Person> {
    let all = address.into_iter().flat_map(Address::iter);
    all.filter_map(|one| {
        let (address, name) = (one.address()?, one.name().unwrap_or_default());
        // The parser takes a local part in quotes for a name.
        if address.starts_with('@') && !name.is_empty() {
            let local = name.replace('\\', "\\\\").replace('"', "\\\"");
            return Some(Person::new(format!("\"{local}\"{address}")));
        }
        Some(Person::new(address).named(name))
    })
    .collect()
}

/// The fields that are neither known nor about the structure of the body.
fn headers(message: &Message<'_>) -> Vec<(String, String)> {
    let others = message.headers().iter().filter(|field| {
        let name = field.name();
        !KNOWN.iter().any(|known| known.eq_ignore_ascii_case(name))
            && !name.get(..8).is_some_and(|start| start.eq_ignore_ascii_case("Content-"))
    });
    let named = others.map(|field| {
        let start = field.offset_field() as usize;
        let name = &message.raw_message[start..start + field.name().len()];
        let value = header(message, field.name.clone()).unwrap_or_default();
        (String::from_utf8_lossy(name).into_owned(), value)
    });
    named.collect()
}

/// A field's text, unfolded and with its encoded words decoded.
fn header<'x>(message: &Message<'x>, name: HeaderName<'x>) -> Option<String> {
    let raw = message.header_raw(name.clone())?;
    if !raw.contains("=?") {
        // The parser would make one blank of several.
        return Some(raw.replace("\r\n", "").trim().to_owned());
    }
    let decoded = message.header_as(name, HeaderForm::Text).into_iter().next()?;
    decoded.as_text().map(str::to_owned)
}

/// Whether a part is listed as a file, or shown inside the HTML, rather than read.
fn is_file(part: &MessagePart<'_>) -> bool {
    match part.body {
        PartType::Multipart(_) => false,
        PartType::Text(_) | PartType::Html(_) => {
            let attached = part.content_disposition().is_some_and(mail_parser::ContentType::is_attachment);
            attached || part.attachment_name().is_some()
        }
        _ => true,
    }
}

/// The text of a part, with `\n` at the end of lines.
fn text(message: &Message<'_>, part: &MessagePart<'_>) -> String {
    let text = part.text_contents().unwrap_or_default().replace("\r\n", "\n");
    // The line end that closes a message is no part of its text; before a boundary, none is there.
    let closes = message.parts.len() == 1 && !matches!(part.encoding, Encoding::Base64);
    text.strip_suffix('\n').filter(|_| closes).map_or_else(|| text.clone(), str::to_owned)
}

fn file(message: &Message<'_>, part: &MessagePart<'_>) -> ReceivedFile {
    let raw = &message.raw_message[part.raw_body_offset() as usize..part.raw_end_offset() as usize];
    let content = match part.encoding {
        Encoding::Base64 => {
            let characters: Vec<u8> =
                raw.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
            STANDARD.decode(characters).unwrap_or_default()
        }
        Encoding::QuotedPrintable => part.contents().to_vec(),
        Encoding::None => raw.to_vec(),
    };
    let kind = part.content_type().map(|kind| match kind.subtype() {
        Some(subtype) => format!("{}/{subtype}", kind.ctype()).to_ascii_lowercase(),
        None => kind.ctype().to_ascii_lowercase(),
    });
    ReceivedFile {
        name: part.attachment_name().unwrap_or_default().to_owned(),
        content_type: kind.unwrap_or_default(),
        content_id: part.content_id().map(|id| id.trim_matches(['<', '>']).to_owned()),
        content,
    }
}
