//! Messages of which Mailgun makes the MIME message.

use std::collections::BTreeMap;

use courierx_core::provider::conformance::{Person, Received, ReceivedFile};
use serde_json::{Map, Value};

use super::super::FAULT_DOMAIN;
use super::super::mailboxes::mailboxes;
use super::form::{File, Form};
use super::{Mistake, Taken, mistake};

const MAX_RECIPIENTS: usize = 1000;
/// Bytes of one message.
const MAX_MESSAGE: usize = 25 * 1024 * 1024;

type Variables = BTreeMap<String, Map<String, Value>>;

/// Checks a form as Mailgun does, and tells what readers see.
pub(super) fn accept(form: Form, id: String) -> Result<Taken, Mistake> {
    let [to, cc, bcc] = [people(&form, "to")?, people(&form, "cc")?, people(&form, "bcc")?];
    let from = people(&form, "from")?.into_iter().next();
    let Some(from) = from else { return mistake("from parameter is missing") };
    if to.is_empty() {
        return mistake("to parameter is missing");
    }
    if to.len() + cc.len() + bcc.len() > MAX_RECIPIENTS {
        return mistake("Too many recipients, max is 1000");
    }
    if form.get("subject").is_none() {
        return mistake("subject parameter is missing");
    }
    if !["text", "html", "amp-html", "template"].iter().any(|&name| form.get(name).is_some()) {
        return mistake("Need at least one of text, html, amp-html or template");
    }
    let bytes = form.fields.iter().map(|(_, value)| value.len()).sum::<usize>()
        + form.files.iter().map(|file| file.content.len()).sum::<usize>();
    if bytes > MAX_MESSAGE {
        return Err(Mistake(413, "the message is larger than 25 MB".to_owned()));
    }
    let variables = variables(&form)?;
    let planted = form.family("h:").find(|(name, _)| name.eq_ignore_ascii_case("message-id"));
    let id = planted.map_or(id, |(_, value)| value.to_owned());
    let mut message = options(&form)?;
    message.from = from;
    message.cc = cc;
    message.bcc = bcc;
    form.get("subject").unwrap_or_default().clone_into(&mut message.subject);
    message.text = form.get("text").map(lines);
    message.html = form.get("html").map(lines);
    message.headers = form.family("h:").map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    if let Some(at) = message.headers.iter().position(|(name, _)| name.eq_ignore_ascii_case("reply-to")) {
        let Some(list) = mailboxes(&message.headers.remove(at).1) else {
            return mistake("h:Reply-To parameter is not a valid address");
        };
        message.reply_to = list;
    }
    let test_mode = form.switch("o:testmode")? == Some(true);
    message.files = form.files.into_iter().map(file).collect::<Result<_, _>>()?;
    let messages = match variables {
        None => {
            message.to = to;
            vec![message]
        }
        Some(variables) => to.into_iter().map(|one| alone(&message, one, &variables)).collect(),
    };
    Ok(Taken { id, messages, envelope: None, test_mode })
}

/// What is said to Mailgun itself: the same for both kinds of requests.
pub(super) fn options(form: &Form) -> Result<Received, Mistake> {
    let mut message = Received::default();
    // Further ones are ignored.
    message.tags = form.all("o:tag").take(3).map(str::to_owned).collect();
    message.metadata = form.family("v:").map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    message.delivery = message.metadata.get("courierx_delivery").cloned();
    message.track_opens = form.switch("o:tracking-opens")?;
    message.track_clicks = form.switch("o:tracking-clicks")?;
    Ok(message)
}

/// The mailboxes of a field, which may stand there several times, and hold several each time.
pub(super) fn people(form: &Form, field: &str) -> Result<Vec<Person>, Mistake> {
    let mut people = Vec::new();
    for value in form.all(field) {
        let valid = |one: &Person| one.address.is_ascii() && one.address != format!("invalid@{FAULT_DOMAIN}");
        match mailboxes(value).filter(|list| !list.is_empty() && list.iter().all(valid)) {
            Some(list) => people.extend(list),
            None => {
                return mistake(format!(
                    "{field} parameter is not a valid address. please check documentation"
                ));
            }
        }
    }
    Ok(people)
}

fn variables(form: &Form) -> Result<Option<Variables>, Mistake> {
    let Some(json) = form.get("recipient-variables").filter(|json| !json.is_empty()) else { return Ok(None) };
    match serde_json::from_str(json) {
        Ok(variables) => Ok(Some(variables)),
        Err(_) => mistake("recipient-variables parameter is not a valid JSON object of objects"),
    }
}

/// The message as one of several recipients sees it, with his variables filled in wherever they stand.
fn alone(message: &Received, to: Person, variables: &Variables) -> Received {
    let own = variables.iter().find(|(address, _)| address.eq_ignore_ascii_case(&to.address));
    let fill = |text: &str| filled(text, own.map(|(_, own)| own));
    let mut message = message.clone();
    message.to = vec![Person { name: to.name.as_deref().map(fill), ..to }];
    message.subject = fill(&message.subject);
    message.text = message.text.as_deref().map(fill);
    message.html = message.html.as_deref().map(fill);
    message.headers.iter_mut().for_each(|(_, value)| *value = fill(value));
    message.metadata.values_mut().for_each(|value| *value = fill(value));
    message.delivery = message.metadata.get("courierx_delivery").cloned();
    message
}

/// Fills in `%recipient.key%`; of what nobody knows, nothing is left.
fn filled(text: &str, variables: Option<&Map<String, Value>>) -> String {
    let (mut out, mut rest) = (String::new(), text);
    while let Some(at) = rest.find("%recipient") {
        let Some(end) = rest[at + 1..].find('%') else { break };
        let key = rest[at + 1..at + 1 + end].trim_start_matches("recipient").trim_start_matches('.');
        out.push_str(&rest[..at]);
        match variables.and_then(|variables| variables.get(key)) {
            Some(Value::String(value)) => out.push_str(value),
            Some(value) => out.push_str(&value.to_string()),
            None => {}
        }
        rest = &rest[at + end + 2..];
    }
    out + rest
}

/// The lines of a body.
pub(super) fn lines(text: &str) -> String {
    text.replace("\r\n", "\n")
}

fn file(file: File) -> Result<ReceivedFile, Mistake> {
    if file.field == "message" {
        return mistake("message is no parameter");
    }
    let kind = file.content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let content_id = (file.field == "inline").then(|| file.name.clone());
    Ok(ReceivedFile { name: file.name, content_type: kind, content_id, content: file.content.to_vec() })
}
