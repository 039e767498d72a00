//! Messages that come as finished MIME messages.

use std::borrow::Cow;
use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use courierx_core::provider::conformance::{Person, ReceivedFile};
use mail_parser::{Address, Encoding, Message, MessageParser, MessagePart, MimeHeaders as _, PartType};

use super::accept::{lines, options, people};
use super::form::Form;
use super::{Mistake, Taken, mistake};

/// Headers that are told by other fields, or that describe the structure.
const OWN: [&str; 8] = ["from", "to", "cc", "bcc", "reply-to", "subject", "date", "mime-version"];

/// Checks a form with a MIME message as Mailgun does, and tells what readers see.
pub(super) fn accept(form: &Form, id: String) -> Result<Taken, Mistake> {
    let envelope = people(form, "to")?;
    if envelope.is_empty() {
        return mistake("to parameter is missing");
    }
    let other = ["from", "subject", "text", "html", "cc", "bcc", "template"];
    if let Some(name) = other.iter().find(|&&name| form.get(name).is_some()) {
        return mistake(format!("{name} is no parameter of a MIME message"));
    }
    let [file] = form.files.as_slice() else { return mistake("message parameter is missing") };
    if file.field != "message" {
        return mistake("message parameter is missing");
    }
    let Some(parsed) = MessageParser::default().parse(&file.content) else {
        return mistake("the MIME message cannot be read");
    };
    let from = list(parsed.from()).into_iter().next();
    let Some(from) = from else { return mistake("the MIME message has no From") };
    let mut message = options(form)?;
    message.from = from;
    message.to = list(parsed.to());
    message.cc = list(parsed.cc());
    let shown: BTreeSet<_> =
        message.to.iter().chain(&message.cc).map(|one| one.address.to_lowercase()).collect();
    let hidden = |one: &&Person| !shown.contains(&one.address.to_lowercase());
    message.bcc = envelope.iter().filter(hidden).cloned().collect();
    message.reply_to = list(parsed.reply_to());
    parsed.subject().unwrap_or_default().clone_into(&mut message.subject);
    message.text = parsed.text_body.iter().find_map(|&at| match &parsed.part(at)?.body {
        PartType::Text(text) => Some(lines(text)),
        _ => None,
    });
    message.html = parsed.html_body.iter().find_map(|&at| match &parsed.part(at)?.body {
        PartType::Html(html) => Some(lines(html)),
        _ => None,
    });
    message.headers = headers(&parsed);
    message.files = parsed.attachments().map(|part| read_file(part, &file.content)).collect();
    let id = parsed.message_id().map_or(id, |own| format!("<{own}>"));
    let test_mode = form.switch("o:testmode")? == Some(true);
    Ok(Taken { id, messages: vec![message], envelope: Some(envelope), test_mode })
}

fn list(address: Option<&Address<'_>>) -> Vec<Person> {
    let Some(address) = address else { return Vec::new() };
    let people = address
        .iter()
        .filter_map(|one| Some(Person::new(one.address()?).named(one.name().unwrap_or_default())));
    people.collect()
}

fn headers(message: &Message<'_>) -> Vec<(String, String)> {
    let custom = message.headers_raw().filter(|(name, _)| {
        let name = name.to_lowercase();
        !OWN.contains(&name.as_str()) && !name.starts_with("content-")
    });
    custom.map(|(name, value)| (name.to_owned(), decoded(value))).collect()
}

/// The text of a header, whatever its name: read as a subject is.
fn decoded(value: &str) -> String {
    let header = format!("Subject:{value}\r\n\r\n");
    let parsed = MessageParser::default().parse(header.as_bytes());
    parsed.and_then(|parsed| parsed.subject().map(str::to_owned)).unwrap_or_default()
}

fn read_file(part: &MessagePart<'_>, raw: &[u8]) -> ReceivedFile {
    let content_type = part.content_type().map(|kind| match &kind.c_subtype {
        Some(subtype) => format!("{}/{subtype}", kind.c_type).to_lowercase(),
        None => kind.c_type.to_lowercase(),
    });
    let inline = part.content_disposition().is_some_and(mail_parser::ContentType::is_inline);
    ReceivedFile {
        name: part.attachment_name().unwrap_or_default().to_owned(),
        content_type: content_type.unwrap_or_default(),
        content_id: part.content_id().filter(|_| inline).map(str::to_owned),
        content: content(part, raw).into_owned(),
    }
}

/// The bytes of a file; the parser converts those of texts.
fn content<'a>(part: &'a MessagePart<'_>, raw: &[u8]) -> Cow<'a, [u8]> {
    if part.encoding == Encoding::Base64 {
        let encoded = raw.get(part.offset_body as usize..part.offset_end as usize).unwrap_or_default();
        let packed: Vec<u8> = encoded.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
        if let Ok(bytes) = STANDARD.decode(packed) {
            return bytes.into();
        }
    }
    part.contents().into()
}
