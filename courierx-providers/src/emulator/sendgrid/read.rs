//! What readers get of a request that SendGrid took.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use courierx_core::provider::conformance::{Person, Received, ReceivedFile};
use mail_parser::MessageParser;

use super::super::mailboxes::mailboxes;
use super::message::{File, Mailbox, Message, Personalization, Switch};

/// One message for each personalization.
pub(super) fn messages(message: &Message) -> Vec<Received> {
    message.personalizations.iter().map(|one| received(one, message)).collect()
}

fn received(one: &Personalization, message: &Message) -> Received {
    let recipients = |list: &[Mailbox]| list.iter().filter_map(recipient).collect();
    let body = |kind: &str| {
        let part = message.content.iter().find(|part| part.kind == kind)?;
        Some(part.value.replace("\r\n", "\n"))
    };
    let list = message.reply_to_list.as_deref().unwrap_or_default();
    let subject = one.subject.as_deref().or(message.subject.as_deref()).unwrap_or_default();
    let mut received = Received::default();
    received.from = message.from.as_ref().map(quoted).unwrap_or_default();
    received.to = recipients(&one.to);
    received.cc = recipients(&one.cc);
    received.bcc = recipients(&one.bcc);
    received.reply_to = message.reply_to.iter().chain(list).map(quoted).collect();
    received.subject = decoded(subject);
    received.text = body("text/plain");
    received.html = body("text/html");
    received.headers =
        one.headers.over(&message.headers).into_iter().map(|(name, value)| (name, decoded(&value))).collect();
    received.files = message.attachments.iter().map(file).collect();
    received.tags.clone_from(&message.categories);
    received.metadata = custom_args(one, message).collect();
    received.delivery = received.metadata.get("courierx_delivery").cloned();
    received.track_opens = message.tracking_settings.open_tracking.as_ref().map(|Switch { enable }| *enable);
    received.track_clicks = message.tracking_settings.click_tracking.as_ref().map(|clicks| clicks.enable);
    received
}

/// The custom arguments of one copy: its own win over the general ones.
pub(super) fn custom_args(
    one: &Personalization,
    message: &Message,
) -> impl Iterator<Item = (String, String)> {
    let [own, general] =
        [&one.custom_args, &message.custom_args].map(|args| args.clone().unwrap_or_default());
    own.over(&general).into_iter()
}

/// A recipient as readers see it, whose name SendGrid puts before the address as it comes. None if that is not one
/// mailbox any more.
pub(super) fn recipient(mailbox: &Mailbox) -> Option<Person> {
    let Some(name) = mailbox.name.as_deref().filter(|name| !name.is_empty()) else {
        return Some(Person::new(&mailbox.email));
    };
    let mut read = mailboxes(&format!("{name} <{}>", mailbox.email))?;
    let only = read.pop()?;
    (read.is_empty() && only.address == mailbox.email).then_some(only)
}

/// The sender, or somebody whom answers go to: SendGrid quotes their names as they need.
fn quoted(mailbox: &Mailbox) -> Person {
    Person::new(&mailbox.email).named(decoded(mailbox.name.as_deref().unwrap_or_default()))
}

/// A header's text as readers see it, its encoded words decoded.
fn decoded(text: &str) -> String {
    if !text.contains("=?") {
        // Blanks at the ends are not seen.
        return text.trim().to_owned();
    }
    let header = format!("Subject: {text}\r\n\r\n");
    let parsed = MessageParser::default().parse(header.as_bytes());
    parsed.and_then(|message| message.subject().map(ToOwned::to_owned)).unwrap_or_default()
}

fn file(file: &File) -> ReceivedFile {
    let inline = file.disposition.as_deref() == Some("inline");
    ReceivedFile {
        name: file.filename.clone(),
        content_type: file.kind.as_deref().unwrap_or("application/octet-stream").to_ascii_lowercase(),
        content_id: file.content_id.clone().filter(|_| inline),
        content: STANDARD.decode(&file.content).unwrap_or_default(),
    }
}
