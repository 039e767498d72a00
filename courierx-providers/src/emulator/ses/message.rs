//! A request for a message: what it may have, and what readers see of it.

use std::collections::BTreeMap;

use courierx_core::provider::conformance::{Person, Received};
use serde::Deserialize;
use serde_json::Value;

use super::super::mailboxes::mailboxes;
use super::simple::Simple;
use super::{Mistake, bad, raw};

const MAX_RECIPIENTS: usize = 50;
const MAX_MAILBOX: usize = 320;
const MAX_TAG: usize = 256;
/// Bytes of a message as it travels.
pub(super) const MAX_BYTES: usize = 40 * 1024 * 1024;

/// A request as a client sends it. Whatever else it has is a mistake.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Message {
    from_email_address: Option<String>,
    #[serde(rename = "FromEmailAddressIdentityArn")]
    _from_identity: Option<String>,
    destination: Option<Destination>,
    #[serde(default)]
    reply_to_addresses: Vec<String>,
    feedback_forwarding_email_address: Option<String>,
    #[serde(rename = "FeedbackForwardingEmailAddressIdentityArn")]
    _feedback_identity: Option<String>,
    content: Content,
    #[serde(default)]
    email_tags: Vec<EmailTag>,
    pub(super) configuration_set_name: Option<String>,
    configuration_overrides: Option<Overrides>,
    #[serde(rename = "TenantName")]
    _tenant: Option<String>,
    #[serde(rename = "ListManagementOptions")]
    _list: Option<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Destination {
    #[serde(default, rename = "ToAddresses")]
    to: Vec<String>,
    #[serde(default, rename = "CcAddresses")]
    cc: Vec<String>,
    #[serde(default, rename = "BccAddresses")]
    bcc: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Content {
    simple: Option<Simple>,
    raw: Option<Raw>,
    template: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Raw {
    data: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct EmailTag {
    name: String,
    value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Overrides {
    tracking: Option<Tracking>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Tracking {
    open_tracking_enabled: Option<Switch>,
    click_tracking_enabled: Option<Switch>,
}

#[derive(Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Switch {
    Enabled,
    Disabled,
}

/// Who gets a message, as the request lists them.
pub(super) struct People {
    pub(super) to: Vec<Person>,
    pub(super) cc: Vec<Person>,
    pub(super) bcc: Vec<Person>,
}

/// Checks a message as SES does, and tells what readers see.
pub(super) fn accept(message: Message) -> Result<Received, Mistake> {
    let from = message.from_email_address.as_deref().map(mailbox).transpose()?;
    let people = message.destination.map(Destination::read).transpose()?;
    if let Some(address) = &message.feedback_forwarding_email_address {
        mailbox(address)?;
    }
    if let Some(name) = &message.configuration_set_name
        && !is_word(name, 64)
    {
        let text = format!("Configuration set <{name}> does not exist.");
        return Err(Mistake(404, "NotFoundException", text));
    }
    let metadata = tags(message.email_tags)?;
    let mut received = match (message.content.simple, message.content.raw, message.content.template) {
        (Some(simple), None, None) => simple.read(from, people)?,
        (None, Some(raw), None) => raw::read(&raw.data, from, people)?,
        (None, None, Some(_)) => {
            return Err(Mistake(404, "NotFoundException", "The template does not exist.".to_owned()));
        }
        _ => return bad("Content has to be one of Simple, Raw and Template"),
    };
    let recipients = received.to.len() + received.cc.len() + received.bcc.len();
    if recipients == 0 {
        return bad("There are no recipients specified.");
    }
    let reply_to =
        message.reply_to_addresses.iter().map(|text| mailbox(text)).collect::<Result<Vec<_>, _>>()?;
    if !reply_to.is_empty() {
        received.reply_to = reply_to;
    }
    if !metadata.is_empty() {
        received.metadata = metadata;
    }
    let planted = received.metadata.get("courierx_delivery").map(String::as_str);
    received.delivery = planted.or_else(|| received.header("X-Courierx-Delivery")).map(str::to_owned);
    if let Some(tracking) = message.configuration_overrides.and_then(|overrides| overrides.tracking) {
        let on = |switch: Option<Switch>| switch.map(|switch| switch == Switch::Enabled);
        received.track_opens = on(tracking.open_tracking_enabled);
        received.track_clicks = on(tracking.click_tracking_enabled);
    }
    Ok(received)
}

impl Destination {
    fn read(self) -> Result<People, Mistake> {
        let list = |texts: Vec<String>| texts.iter().map(|text| mailbox(text)).collect::<Result<Vec<_>, _>>();
        if self.to.len() + self.cc.len() + self.bcc.len() > MAX_RECIPIENTS {
            return bad(format!("Recipient count exceeds {MAX_RECIPIENTS}."));
        }
        Ok(People { to: list(self.to)?, cc: list(self.cc)?, bcc: list(self.bcc)? })
    }
}

/// One mailbox, in ASCII.
fn mailbox(text: &str) -> Result<Person, Mistake> {
    if !text.is_ascii() || text.len() > MAX_MAILBOX {
        return bad("A mailbox is longer than 320 characters, or not in ASCII");
    }
    match mailboxes(text).as_deref() {
        Some([one]) => Ok(one.clone()),
        _ => bad("Missing final '@domain'"),
    }
}

/// Tags by their names.
fn tags(tags: Vec<EmailTag>) -> Result<BTreeMap<String, String>, Mistake> {
    let mut all = BTreeMap::new();
    for EmailTag { name, value } in tags {
        for (what, text) in [("name", &name), ("value", &value)] {
            if !is_word(text, MAX_TAG) {
                return bad(format!(
                    "Invalid tag {what} <{text}>: only alphanumeric ASCII characters, '_', and '-' are allowed."
                ));
            }
        }
        if all.insert(name, value).is_some() {
            return bad("Duplicate tag names");
        }
    }
    Ok(all)
}

pub(super) fn is_word(text: &str, most: usize) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
    !text.is_empty() && text.len() <= most && text.bytes().all(allowed)
}
