//! Messages that are sent as they are, read as a mail reader reads them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use courierx_core::provider::conformance::{Person, Received, ReceivedFile};
use mail_parser::{
    Address, Encoding, HeaderForm, HeaderName, Message, MessageParser, MessagePart, MimeHeaders as _,
    PartType,
};

use super::message::{MAX_BYTES, People};
use super::{Mistake, bad};

/// Bytes of a line with its end.
const LONGEST_LINE: usize = 1000;

/// Fields that are told apart from the others, and those that SES writes itself.
const KNOWN: [&str; 9] =
    ["From", "To", "Cc", "Bcc", "Reply-To", "Subject", "Date", "Message-ID", "MIME-Version"];

/// Reads a message. `from` takes the place of the one in the header, and `people` are who gets it; without them,
/// everybody whom the header names.
pub(super) fn read(data: &str, from: Option<Person>, people: Option<People>) -> Result<Received, Mistake> {
    let Ok(bytes) = STANDARD.decode(data) else {
        return Err(Mistake(400, "SerializationException", "The message is not in base64".to_owned()));
    };
    if bytes.len() > MAX_BYTES
        || bytes.split_inclusive(|&byte| byte == b'\n').any(|line| line.len() > LONGEST_LINE)
    {
        return bad("The message, or a line of it, is too long");
    }
    let Some(message) = MessageParser::default().parse(&bytes) else {
        return bad("The message cannot be read");
    };
    let Some(from) = from.or_else(|| persons(message.from()).into_iter().next()) else {
        return bad("Missing required header 'From'.");
    };
    let mut received = Received::default();
    received.from = from;
    (received.to, received.cc) = (persons(message.to()), persons(message.cc()));
    received.bcc = match people {
        Some(People { to, cc, bcc }) => {
            let shown = |person: &Person| {
                received.to.iter().chain(&received.cc).any(|one| one.address == person.address)
            };
            [to, cc, bcc].into_iter().flatten().filter(|person| !shown(person)).collect()
        }
        None => persons(message.bcc()),
    };
    received.reply_to = persons(message.reply_to());
    received.subject = field(&message, HeaderName::Subject).unwrap_or_default();
    (received.headers, received.metadata) = fields(&message);
    let body = |of: fn(&PartType<'_>) -> bool| {
        let part = message.parts.iter().find(|part| of(&part.body) && part.content_disposition().is_none());
        part.map(|part| text(&message, part))
    };
    received.text = body(|part| matches!(part, PartType::Text(_)));
    received.html = body(|part| matches!(part, PartType::Html(_)));
    let files = message.parts.iter().filter(|part| part.content_disposition().is_some());
    received.files = files.map(|part| file(&message, part)).collect();
    Ok(received)
}

fn persons(address: Option<&Address<'_>>) -> Vec<Person> {
    let all = address.into_iter().flat_map(Address::iter);
    all.filter_map(|one| Some(Person::new(one.address()?).named(one.name().unwrap_or_default()))).collect()
}

/// The application's own fields, and the tags of the one that SES reads and takes out.
fn fields(message: &Message<'_>) -> (Vec<(String, String)>, std::collections::BTreeMap<String, String>) {
    let mut tags = std::collections::BTreeMap::new();
    let mut others = Vec::new();
    for header in message.headers() {
        let start = header.offset_field() as usize;
        let name =
            String::from_utf8_lossy(&message.raw_message[start..start + header.name().len()]).into_owned();
        let lower = name.to_ascii_lowercase();
        if lower.starts_with("content-") || KNOWN.iter().any(|known| known.eq_ignore_ascii_case(&name)) {
            continue;
        }
        let value = field(message, header.name.clone()).unwrap_or_default();
        if lower == "x-ses-message-tags" {
            let pairs = value.split(',').filter_map(|pair| pair.trim().split_once('='));
            tags.extend(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())));
        } else if !lower.starts_with("x-ses-") {
            others.push((name, value));
        }
    }
    (others, tags)
}

/// A field's text, unfolded and with its encoded words decoded.
fn field<'x>(message: &Message<'x>, name: HeaderName<'x>) -> Option<String> {
    let raw = message.header_raw(name.clone())?;
    if !raw.contains("=?") {
        // The parser would make one blank of several.
        return Some(raw.replace("\r\n", "").trim().to_owned());
    }
    let decoded = message.header_as(name, HeaderForm::Text).into_iter().next()?;
    decoded.as_text().map(str::to_owned)
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
            let digits: Vec<u8> = raw.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
            STANDARD.decode(digits).unwrap_or_default()
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
