//! What is wrong with a request. SendGrid lists every mistake that it finds.

use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::super::FAULT_DOMAIN;
use super::message::{File, Mailbox, Message, Pairs, Part, Personalization};
use super::read;

/// Personalizations of one request, and recipients.
const MAX_COPIES: usize = 1000;
/// Bytes of the custom arguments of one personalization, as JSON.
const MAX_CUSTOM_ARGS: usize = 9_999;
/// How far ahead a message can be scheduled.
const MAX_AHEAD: Duration = Duration::from_hours(72);

const RESERVED: &[&str] = &[
    "x-sg-id",
    "x-sg-eid",
    "received",
    "dkim-signature",
    "content-type",
    "content-transfer-encoding",
    "to",
    "from",
    "subject",
    "reply-to",
    "cc",
    "bcc",
];

/// One mistake.
pub(super) struct Mistake {
    pub(super) field: Option<String>,
    pub(super) message: String,
}

#[derive(Default)]
struct Mistakes(Vec<Mistake>);

impl Mistakes {
    fn unless(&mut self, right: bool, field: impl Into<String>, message: &str) {
        if !right {
            self.0.push(Mistake { field: Some(field.into()), message: message.to_owned() });
        }
    }
}

/// Everything that is wrong with a request.
pub(super) fn mistakes(message: &Message) -> Vec<Mistake> {
    let mut found = Mistakes::default();
    personalizations(message, &mut found);
    sender(message, &mut found);
    content(&message.content, message.template_id.is_some(), &mut found);
    for (at, file) in message.attachments.iter().enumerate() {
        attachment(file, &format!("attachments.{at}"), &mut found);
    }
    headers(&message.headers, "headers", &mut found);
    options(message, &mut found);
    found.0
}

fn personalizations(message: &Message, found: &mut Mistakes) {
    let all = &message.personalizations;
    found.unless(!all.is_empty(), "personalizations", "at least one is required");
    let total: usize = all.iter().map(|one| one.to.len() + one.cc.len() + one.bcc.len()).sum();
    found.unless(all.len() <= MAX_COPIES, "personalizations", "more than 1000 personalizations");
    found.unless(total <= MAX_COPIES, "personalizations", "more than 1000 recipients");
    let mut seen = HashSet::new();
    for (at, one) in all.iter().enumerate() {
        let path = format!("personalizations.{at}");
        recipients(one, &path, &mut seen, found);
        headers(&one.headers, &format!("{path}.headers"), found);
        let subject = one.subject.as_ref().or(message.subject.as_ref());
        let subject = message.template_id.is_some() || subject.is_some_and(|subject| !subject.is_empty());
        found.unless(subject, format!("{path}.subject"), "a subject of one character at least is required");
        scheduled(one.send_at, &format!("{path}.send_at"), found);
        let given = [&one.custom_args, &message.custom_args];
        let full = given.into_iter().flatten().all(|args| !args.0.is_empty());
        found.unless(full, format!("{path}.custom_args"), "custom arguments cannot be empty");
        let args: BTreeMap<_, _> = read::custom_args(one, message).collect();
        let bytes = serde_json::to_string(&args).map_or(0, |json| json.len());
        found.unless(bytes <= MAX_CUSTOM_ARGS, format!("{path}.custom_args"), "too many custom arguments");
    }
}

fn recipients(one: &Personalization, path: &str, seen: &mut HashSet<String>, found: &mut Mistakes) {
    found.unless(!one.to.is_empty(), format!("{path}.to"), "somebody in to is required");
    for (list, mailboxes) in [("to", &one.to), ("cc", &one.cc), ("bcc", &one.bcc)] {
        for (at, mailbox) in mailboxes.iter().enumerate() {
            let path = format!("{path}.{list}.{at}");
            found.unless(
                is_address(&mailbox.email),
                format!("{path}.email"),
                "Does not contain a valid address.",
            );
            found.unless(
                seen.insert(mailbox.email.to_lowercase()),
                "personalizations",
                "an address stands twice",
            );
            found.unless(
                read::recipient(mailbox).is_some(),
                format!("{path}.name"),
                "the name splits the list",
            );
        }
    }
}

fn sender(message: &Message, found: &mut Mistakes) {
    let valid = |mailbox: &Mailbox| is_address(&mailbox.email);
    found.unless(
        message.from.as_ref().is_some_and(valid),
        "from.email",
        "a sender with an address is required",
    );
    let name = message.from.as_ref().and_then(|from| from.name.as_deref()).unwrap_or_default();
    found.unless(name.is_ascii(), "from.name", "the sender's name is not ASCII");
    found.unless(message.reply_to.as_ref().is_none_or(valid), "reply_to.email", "no valid address");
    let Some(list) = &message.reply_to_list else { return };
    found.unless(message.reply_to.is_none(), "reply_to_list", "either reply_to or reply_to_list");
    found.unless((1..=MAX_COPIES).contains(&list.len()), "reply_to_list", "1 to 1000 addresses");
    found.unless(list.iter().all(valid), "reply_to_list", "no valid address");
    let mut seen = HashSet::new();
    let once = list.iter().all(|mailbox| seen.insert(mailbox.email.to_lowercase()));
    found.unless(once, "reply_to_list", "an address stands twice");
}

fn content(parts: &[Part], has_template: bool, found: &mut Mistakes) {
    found.unless(has_template || !parts.is_empty(), "content", "a part is required");
    for (at, part) in parts.iter().enumerate() {
        let kind = !part.kind.is_empty() && !part.kind.contains([';', '\r', '\n']);
        found.unless(kind, format!("content.{at}.type"), "no valid type");
        found.unless(
            !part.value.is_empty(),
            format!("content.{at}.value"),
            "one character at least is required",
        );
    }
    let rank = |part: &Part| match part.kind.as_str() {
        "text/plain" => 0,
        "text/html" => 1,
        _ => 2,
    };
    found.unless(parts.is_sorted_by_key(rank), "content", "plain text comes first, HTML second");
}

fn attachment(file: &File, path: &str, found: &mut Mistakes) {
    let content = STANDARD.decode(&file.content).is_ok_and(|content| !content.is_empty());
    found.unless(content, format!("{path}.content"), "one byte at least in base64 is required");
    let kind = |kind: &str| !kind.is_empty() && !kind.contains([';', '\r', '\n']);
    found.unless(file.kind.as_deref().is_none_or(kind), format!("{path}.type"), "no valid type");
    let name = !file.filename.is_empty() && !file.filename.contains(['\r', '\n']);
    found.unless(name, format!("{path}.filename"), "no valid file name");
    let disposition = matches!(file.disposition.as_deref(), None | Some("inline" | "attachment"));
    found.unless(disposition, format!("{path}.disposition"), "neither inline nor attachment");
    let id = file.content_id.as_deref().is_none_or(|id| !id.is_empty() && !id.contains(['\r', '\n']));
    found.unless(id, format!("{path}.content_id"), "no valid content id");
}

fn headers(headers: &Pairs, path: &str, found: &mut Mistakes) {
    for (name, value) in &headers.0 {
        let valid = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':');
        found.unless(valid, path, "a header's name has other characters than ASCII, or blanks");
        let reserved = RESERVED.iter().any(|reserved| reserved.eq_ignore_ascii_case(name));
        found.unless(!reserved, path, "a header is reserved");
        let plain = value.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
        found.unless(plain, path, "a header's value is not ASCII");
    }
}

fn options(message: &Message, found: &mut Mistakes) {
    let categories = &message.categories;
    found.unless(categories.len() <= 10, "categories", "more than 10 categories");
    let fits = |one: &String| one.is_ascii() && !one.is_empty() && one.len() <= 255;
    found.unless(categories.iter().all(fits), "categories", "a category is not ASCII or too long");
    let unique: HashSet<_> = categories.iter().collect();
    found.unless(unique.len() == categories.len(), "categories", "a category stands twice");
    scheduled(message.send_at, "send_at", found);
    let shown = message.asm.as_ref().map_or(0, |asm| asm.groups_to_display.len());
    found.unless(shown <= 25, "asm.groups_to_display", "more than 25 groups");
    let pool = message.ip_pool_name.as_deref().is_none_or(|name| (2..=64).contains(&name.chars().count()));
    found.unless(pool, "ip_pool_name", "a pool's name has 2 to 64 characters");
}

fn scheduled(send_at: Option<i64>, path: &str, found: &mut Mistakes) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let latest = i64::try_from((now + MAX_AHEAD).as_secs()).unwrap_or(i64::MAX);
    found.unless(send_at.is_none_or(|at| at <= latest), path, "more than 72 hours ahead");
}

/// Whether SendGrid takes it for an address. The one at `invalid@emulator.test` it never does.
fn is_address(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let plain = text.is_ascii() && !text.contains(['\r', '\n', '\0', '<', '>']);
    plain
        && !local.is_empty()
        && !domain.is_empty()
        && !domain.contains(' ')
        && text != format!("invalid@{FAULT_DOMAIN}")
}
