//! A message as Postmark reads it.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use courierx_core::provider::conformance::{Person, Received, ReceivedFile};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::super::mailboxes::mailboxes;
use super::super::{FAULT_DOMAIN, Fault};
use super::{Mistake, mistake};

/// Recipients of one message, and its bytes.
const MAX_RECIPIENTS: usize = 50;
const MAX_BYTES: usize = 10 * 1024 * 1024;
/// Bytes of each body, and characters of a tag.
const MAX_BODY: usize = 5 * 1024 * 1024;
const MAX_TAG: usize = 1000;

/// A message as a client sends it. Whatever else it has is a mistake.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Message {
    from: String,
    #[serde(default)]
    to: String,
    #[serde(default)]
    cc: String,
    #[serde(default)]
    bcc: String,
    #[serde(default)]
    reply_to: String,
    #[serde(default)]
    subject: String,
    html_body: Option<String>,
    text_body: Option<String>,
    tag: Option<String>,
    track_opens: Option<bool>,
    track_links: Option<String>,
    #[serde(default)]
    headers: Vec<Header>,
    #[serde(default)]
    attachments: Vec<File>,
    #[serde(default)]
    metadata: BTreeMap<String, String>,
    #[serde(rename = "MessageStream")]
    stream: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Header {
    name: String,
    value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct File {
    name: String,
    content: String,
    content_type: String,
    #[serde(rename = "ContentID")]
    content_id: Option<String>,
}

/// The stream of a message that names none.
pub(super) const ORDINARY_STREAM: &str = "outbound";

/// A message that was taken.
pub(super) struct Taken {
    /// What is answered.
    pub(super) reply: Value,
    /// What readers see.
    pub(super) received: Received,
    /// The stream that it goes through.
    pub(super) stream: String,
}

/// Checks a message as the vendor does, and tells what it answers and what readers see.
pub(super) fn accept(message: Message, bytes: usize) -> Result<Taken, Mistake> {
    let list = |name: &str, text: &str| match mailboxes(text) {
        _ if text.is_empty() => Ok(Vec::new()),
        Some(list) if !list.is_empty() => Ok(list),
        _ => mistake(300, format!("Error parsing '{name}': Illegal email address '{text}'.")),
    };
    let [to, cc, bcc] = [list("To", &message.to)?, list("Cc", &message.cc)?, list("Bcc", &message.bcc)?];
    let from = list("From", &message.from)?.into_iter().next();
    let Some(from) = from else { return mistake(300, "Invalid 'From' address") };
    let recipients = to.len() + cc.len() + bcc.len();
    if recipients == 0 {
        return mistake(300, "Zero recipients specified");
    }
    if recipients > MAX_RECIPIENTS {
        return mistake(300, "Too many recipients: the limit is 50");
    }
    if message.html_body.is_none() && message.text_body.is_none() {
        return mistake(300, "Provide either email TextBody or HtmlBody or both.");
    }
    if bytes > MAX_BYTES {
        return mistake(300, "The message is too large");
    }
    check_metadata(&message.metadata)?;
    let clicks = match message.track_links.as_deref() {
        None => None,
        Some("None") => Some(false),
        Some("HtmlAndText" | "HtmlOnly" | "TextOnly") => Some(true),
        Some(other) => return mistake(300, format!("Invalid TrackLinks '{other}'")),
    };
    let is_stream = |id: &str| {
        (1..=30).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    if message.stream.as_deref().is_some_and(|id| !is_stream(id)) {
        return mistake(1235, "The 'MessageStream' provided does not exist on this server.");
    }
    let long = |body: &Option<String>| body.as_ref().is_some_and(|body| body.len() > MAX_BODY);
    if long(&message.html_body) || long(&message.text_body) {
        return mistake(300, "A body is too large: the limit is 5 MB");
    }
    if message.tag.as_ref().is_some_and(|tag| tag.chars().count() > MAX_TAG) {
        return mistake(300, "Invalid 'Tag': the limit is 1000 characters");
    }
    let refused = format!("invalid@{FAULT_DOMAIN}");
    for (name, list) in [("To", &to), ("Cc", &cc), ("Bcc", &bcc)] {
        if list.iter().any(|one| one.address == refused) {
            return mistake(300, format!("Invalid '{name}' address: '{refused}'."));
        }
    }
    let all: Vec<&Person> = to.iter().chain(&cc).chain(&bcc).collect();
    let (reply, dropped) = reply(&all, &message)?;
    let still =
        |people: Vec<Person>| people.into_iter().filter(|one| !dropped.contains(&one.address)).collect();
    let mut received = Received::default();
    received.delivery = message.metadata.get("courierx_delivery").cloned();
    received.from = from;
    received.reply_to = list("ReplyTo", &message.reply_to)?;
    received.to = still(to);
    received.cc = still(cc);
    received.bcc = still(bcc);
    received.subject = message.subject;
    received.text = message.text_body;
    received.html = message.html_body;
    received.headers = headers(message.headers)?;
    received.files = message.attachments.into_iter().map(file).collect::<Result<_, _>>()?;
    received.tags = message.tag.into_iter().collect();
    received.metadata = message.metadata;
    received.track_opens = message.track_opens;
    received.track_clicks = clicks;
    let stream = message.stream.unwrap_or_else(|| ORDINARY_STREAM.to_owned());
    Ok(Taken { reply, received, stream })
}

/// The answer, and whom it leaves out: recipients that are made inactive at `suppressed@emulator.test`.
fn reply(all: &[&Person], message: &Message) -> Result<(Value, Vec<String>), Mistake> {
    let suppressed = Fault::Suppressed.address();
    let inactive: Vec<String> = all
        .iter()
        .map(|one| one.address.clone())
        .filter(|one| one.eq_ignore_ascii_case(&suppressed))
        .collect();
    if inactive.len() == all.len() {
        let found = inactive.join(", ").to_lowercase();
        return mistake(
            406,
            format!(
                "You tried to send to recipient(s) that have been marked as inactive. Found inactive addresses: \
                 {found}. Inactive recipients are ones that have generated a hard bounce, a spam complaint, or a \
                 manual suppression."
            ),
        );
    }
    let text = if inactive.is_empty() {
        "OK".to_owned()
    } else {
        format!(
            "Message OK, but will not deliver to these inactive addresses: {}. Inactive recipients are ones that \
             have generated a hard bounce, a spam complaint, or a manual suppression.",
            inactive.join(", ").to_lowercase()
        )
    };
    let mut reply = json!({
        "SubmittedAt": "2026-01-02T03:04:05.0000000Z",
        "MessageID": Uuid::new_v4(),
        "ErrorCode": 0,
        "Message": text,
    });
    if !message.to.is_empty() {
        reply["To"] = message.to.as_str().into();
    }
    Ok((reply, inactive))
}

fn check_metadata(metadata: &BTreeMap<String, String>) -> Result<(), Mistake> {
    let fits = |(key, value): (&String, &String)| key.len() <= 20 && value.chars().count() <= 80;
    if metadata.len() > 10 || !metadata.iter().all(fits) {
        return mistake(300, "Invalid metadata: at most 10 fields, of 20 and 80 characters");
    }
    Ok(())
}

fn headers(headers: Vec<Header>) -> Result<Vec<(String, String)>, Mistake> {
    let valid = |header: &Header| {
        header.name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':')
            && !header.value.contains(['\r', '\n', '\0'])
    };
    if !headers.iter().all(valid) {
        return mistake(300, "Invalid header");
    }
    Ok(headers.into_iter().map(|header| (header.name, header.value)).collect())
}

fn file(file: File) -> Result<ReceivedFile, Mistake> {
    let Ok(content) = STANDARD.decode(&file.content) else {
        return mistake(300, "An attachment is not in base64");
    };
    let extension = file.name.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    if ["exe", "bat", "cmd", "vbs", "js", "scr"].contains(&extension.as_str()) {
        return mistake(411, "Forbidden attachment types");
    }
    let kind = file.content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let content_id = match file.content_id.map(|id| id.strip_prefix("cid:").map(str::to_owned)) {
        Some(None) => return mistake(300, "A content id must begin with cid:"),
        Some(id) => id,
        None => None,
    };
    Ok(ReceivedFile { name: file.name, content_type: kind, content_id, content })
}
