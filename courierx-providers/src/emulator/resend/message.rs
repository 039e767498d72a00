//! A message as Resend reads it.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use courierx_core::provider::conformance::{Person, Received, ReceivedFile};
use serde::Deserialize;

use super::super::FAULT_DOMAIN;
use super::super::mailboxes::mailboxes;
use super::{Mistake, mistake};

/// Recipients in `to`, and characters of a tag's name and value.
const MAX_TO: usize = 50;
const MAX_TAG: usize = 256;

/// A message as a client sends it. Whatever else it has is a mistake.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Message {
    from: Option<String>,
    to: Option<OneOrMore>,
    cc: Option<OneOrMore>,
    bcc: Option<OneOrMore>,
    reply_to: Option<OneOrMore>,
    subject: Option<String>,
    html: Option<String>,
    text: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    attachments: Vec<File>,
    #[serde(default)]
    tags: Vec<Tag>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    filename: Option<String>,
    content: Option<String>,
    content_type: Option<String>,
    content_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tag {
    name: String,
    value: String,
}

/// Checks a message as the vendor does, and tells what readers see.
pub(super) fn accept(message: Message) -> Result<Received, Mistake> {
    let missing = |field: &str| mistake(422, "missing_required_field", format!("Missing `{field}` field."));
    let Some(from) = message.from else { return missing("from") };
    let Some(to) = message.to else { return missing("to") };
    let Some(subject) = message.subject else { return missing("subject") };
    if message.html.is_none() && message.text.is_none() {
        return missing("html` or `text");
    }
    let Some(from) = person(&from) else {
        return mistake(422, "invalid_from_address", "Invalid `from` field.");
    };
    let to = list("to", Some(to))?;
    if !(1..=MAX_TO).contains(&to.len()) {
        return mistake(422, "validation_error", "The `to` field has 1 to 50 addresses.");
    }
    let tags = tags(message.tags)?;
    let mut received = Received::default();
    received.from = from;
    received.to = to;
    received.cc = list("cc", message.cc)?;
    received.bcc = list("bcc", message.bcc)?;
    received.reply_to = list("reply_to", message.reply_to)?;
    received.subject = subject;
    received.text = message.text;
    received.html = message.html;
    received.headers = headers(message.headers)?;
    received.files = message.attachments.into_iter().map(file).collect::<Result<_, _>>()?;
    received.delivery = tags.get("courierx_delivery").cloned();
    // The vendor has names with values alone; the numbered ones stand for labels.
    let label = |number: usize| tags.get(&format!("tag_{number}")).cloned();
    received.tags = (1..).map_while(label).collect();
    let count = received.tags.len();
    let is_label = |name: &String| (1..=count).any(|number| *name == format!("tag_{number}"));
    received.metadata =
        tags.iter().filter(|(name, _)| !is_label(name)).map(|(n, v)| (n.clone(), v.clone())).collect();
    Ok(received)
}

fn list(field: &str, list: Option<OneOrMore>) -> Result<Vec<Person>, Mistake> {
    let list = match list {
        None => Vec::new(),
        Some(OneOrMore::One(one)) => vec![one],
        Some(OneOrMore::More(list)) => list,
    };
    let invalid = format!("invalid@{FAULT_DOMAIN}");
    let people = list.iter().map(|text| {
        person(text).filter(|person| person.address != invalid).ok_or_else(|| {
            let words = format!(
                "Invalid `{field}` field. `{text}` is neither `email@example.com` nor `Name <email@example.com>`."
            );
            Mistake(422, "validation_error", words)
        })
    });
    people.collect()
}

/// One mailbox, if it is exactly one.
fn person(text: &str) -> Option<Person> {
    let mut people = mailboxes(text)?;
    if people.len() == 1 { people.pop() } else { None }
}

fn tags(tags: Vec<Tag>) -> Result<BTreeMap<String, String>, Mistake> {
    let fits = |text: &str| {
        (1..=MAX_TAG).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
    };
    let names: BTreeSet<&str> = tags.iter().map(|tag| tag.name.as_str()).collect();
    if names.len() != tags.len() || !tags.iter().all(|tag| fits(&tag.name) && fits(&tag.value)) {
        return mistake(
            422,
            "validation_error",
            "Tags should only contain ASCII letters, numbers, underscores, or dashes.",
        );
    }
    Ok(tags.into_iter().map(|tag| (tag.name, tag.value)).collect())
}

fn headers(headers: BTreeMap<String, String>) -> Result<Vec<(String, String)>, Mistake> {
    let valid = |(name, value): (&String, &String)| {
        !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':')
            && !value.contains(['\r', '\n', '\0'])
    };
    if !headers.iter().all(valid) {
        return mistake(422, "validation_error", "Invalid `headers` field.");
    }
    Ok(headers.into_iter().collect())
}

fn file(file: File) -> Result<ReceivedFile, Mistake> {
    let Some(content) = file.content else {
        return mistake(422, "invalid_attachment", "Attachment must have either a `content` or `path`.");
    };
    let Ok(content) = STANDARD.decode(&content) else {
        return mistake(422, "invalid_attachment", "The content of an attachment is not in base64.");
    };
    let Some(name) = file.filename.filter(|name| !name.is_empty()) else {
        return mistake(422, "invalid_attachment", "An attachment has no `filename`.");
    };
    let kind = file.content_type.unwrap_or_default();
    let content_type = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    Ok(ReceivedFile { name, content_type, content_id: file.content_id, content })
}
