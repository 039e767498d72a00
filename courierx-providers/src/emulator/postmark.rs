//! Postmark, emulated.

use std::collections::BTreeMap;

use axum::http::Method;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use courierx_core::provider::conformance::{Person, Received, ReceivedFile};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::mailboxes::mailboxes;
use super::vendor::{ApiAnswer, ApiRequest, Vendor};
use super::{Emulator, EmulatorBuilder, FAULT_DOMAIN, Fault};

/// Recipients of one message, messages of one batch, and their bytes.
const MAX_RECIPIENTS: usize = 50;
const MAX_BATCH: usize = 500;
const MAX_BYTES: usize = 10 * 1024 * 1024;
const MAX_BATCH_BYTES: usize = 50 * 1024 * 1024;

impl Emulator {
    /// Postmark, with one server that has this token.
    pub fn postmark(server_token: impl Into<String>) -> EmulatorBuilder {
        EmulatorBuilder::new(Postmark { token: server_token.into() })
    }
}

struct Postmark {
    token: String,
}

/// A message as a client sends it. Whatever else it has is a mistake.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Message {
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
    message_stream: Option<String>,
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

/// An error: the vendor's code and words. Nearly all have the status 422.
struct Mistake(i64, String);

fn mistake<T>(code: i64, message: impl Into<String>) -> Result<T, Mistake> {
    Err(Mistake(code, message.into()))
}

fn error(status: u16, code: i64, message: &str) -> ApiAnswer {
    ApiAnswer::json(status, &json!({ "ErrorCode": code, "Message": message }))
}

impl Vendor for Postmark {
    fn answer(&self, request: &ApiRequest) -> ApiAnswer {
        match request.header("x-postmark-server-token") {
            Some(token) if token == self.token => {}
            _ => return error(401, 10, "No Account or Server API tokens were supplied in the HTTP headers."),
        }
        match (&request.method, request.path.as_str()) {
            (&Method::POST, "/email") => self.send(request),
            (&Method::POST, "/email/batch") => self.send_batch(request),
            (&Method::GET, "/server") => server(),
            (&Method::GET, "/messages/outbound") => {
                ApiAnswer::json(200, &json!({ "TotalCount": 0, "Messages": [] }))
            }
            _ => error(404, 404, "Not found"),
        }
    }

    fn fault(&self, fault: Fault) -> Option<ApiAnswer> {
        Some(match fault {
            Fault::Throttled | Fault::ThrottledWithoutTime => error(429, 429, "Rate limit exceeded"),
            Fault::Quota => error(422, 405, "Not allowed to send: you ran out of credits"),
            Fault::Suspended => error(422, 413, "Account may not send"),
            Fault::Unverified => {
                error(422, 400, "The 'From' address is not a Sender Signature on your account")
            }
            Fault::Unauthorized => error(401, 10, "Request does not contain a valid Server token."),
            Fault::Typed500 => error(500, 500, "Internal error"),
            Fault::Typed503 => error(503, 100, "Maintenance"),
            _ => return None,
        })
    }
}

impl Postmark {
    fn send(&self, request: &ApiRequest) -> ApiAnswer {
        let message = match parse::<Message>(request) {
            Ok(message) => message,
            Err(answer) => return answer,
        };
        match accept(message, request.body.len()) {
            Ok((reply, received)) => ApiAnswer::json(200, &reply).taking([received]),
            Err(Mistake(code, message)) => error(422, code, &message),
        }
    }

    fn send_batch(&self, request: &ApiRequest) -> ApiAnswer {
        let messages = match parse::<Vec<Message>>(request) {
            Ok(messages) => messages,
            Err(answer) => return answer,
        };
        if messages.len() > MAX_BATCH {
            return error(422, 410, "Too many batch messages");
        }
        if request.body.len() > MAX_BATCH_BYTES {
            return error(413, 0, "Payload too large");
        }
        let mut taken = Vec::new();
        let replies: Vec<Value> = messages
            .into_iter()
            .map(|message| match accept(message, 0) {
                Ok((reply, received)) => {
                    taken.push(received);
                    reply
                }
                Err(Mistake(code, message)) => json!({ "ErrorCode": code, "Message": message }),
            })
            .collect();
        ApiAnswer::json(200, &Value::Array(replies)).taking(taken)
    }
}

fn server() -> ApiAnswer {
    ApiAnswer::json(200, &json!({ "ID": 1, "Name": "Emulator", "DeliveryType": "Live" }))
}

fn parse<T: serde::de::DeserializeOwned>(request: &ApiRequest) -> Result<T, ApiAnswer> {
    if !request.header("content-type").is_some_and(|kind| kind.starts_with("application/json")) {
        return Err(error(415, 0, "Unsupported Media Type"));
    }
    serde_json::from_slice(&request.body).map_err(|problem| {
        let code = if problem.is_data() { 403 } else { 402 };
        error(422, code, &format!("Invalid JSON: {problem}"))
    })
}

/// Checks a message as the vendor does, and tells what it answers and what readers see.
fn accept(message: Message, bytes: usize) -> Result<(Value, Received), Mistake> {
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
    if message.message_stream.as_deref().is_some_and(str::is_empty) {
        return mistake(1221, "Invalid message stream");
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
    Ok((reply, received))
}

/// The answer, and whom it leaves out: recipients that are made inactive at `suppressed@emulator.test`.
fn reply(all: &[&Person], message: &Message) -> Result<(Value, Vec<String>), Mistake> {
    let suppressed = Fault::Suppressed.address();
    let inactive: Vec<String> = all
        .iter()
        .map(|one| one.address.clone())
        .filter(|one| one.eq_ignore_ascii_case(&suppressed))
        .collect();
    if all.iter().any(|one| one.address == format!("invalid@{FAULT_DOMAIN}")) {
        return mistake(300, "Invalid 'To' address: 'invalid'.");
    }
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
    let content_id = file.content_id.map(|id| id.trim_start_matches("cid:").to_owned());
    Ok(ReceivedFile { name: file.name, content_type: kind, content_id, content })
}
