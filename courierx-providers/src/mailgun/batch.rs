//! Which messages share a request.
//!
//! <https://documentation.mailgun.com/docs/mailgun/user-manual/sending-messages/batch-sending>

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use courierx_core::message::{Address, Attachment, Mailbox, RecipientField};
use courierx_core::provider::Outgoing;

use super::Mailgun;
use super::request::{MAX_RECIPIENTS, needs_mime};
use crate::planted::DELIVERY_KEY;

/// What Mailgun replaces by the delivery id of each recipient.
pub(super) const DELIVERY: &str = "%recipient.courierx_delivery%";

/// Beginnings of what Mailgun replaces where there are variables of recipients, in lower case.
const SYNTAX: [&str; 4] = ["%recipient", "%unsubscribe", "%tag_unsubscribe", "%mailing_list"];

/// The variables of each recipient, in JSON.
pub(super) fn variables(messages: &[&Outgoing]) -> String {
    let each = messages.iter().flat_map(|message| {
        let delivery = message.delivery_id().to_string();
        message.recipients().iter().map(move |one| {
            (one.mailbox.address().as_str(), BTreeMap::from([(DELIVERY_KEY, delivery.clone())]))
        })
    });
    match serde_json::to_string(&each.collect::<BTreeMap<_, _>>()) {
        Ok(json) => json,
        // Without variables everybody would see everybody, so nothing is made up here. Maps of texts never fail.
        Err(error) => unreachable!("{error}"),
    }
}

/// The positions of the messages of each request, in the order of the requests.
pub(super) fn plan(messages: &[Outgoing], mailgun: &Mailgun) -> Vec<Vec<usize>> {
    let mut requests: Vec<Vec<usize>> = Vec::new();
    let mut groups: HashMap<u64, Vec<Group>> = HashMap::new();
    for (at, message) in messages.iter().enumerate() {
        let Some(recipient) = only_recipient(message).filter(|_| may_share(message, mailgun)) else {
            requests.push(vec![at]);
            continue;
        };
        let address = recipient.address().as_str().to_lowercase();
        let alike = groups.entry(digest(message)).or_default();
        let group = alike.iter_mut().find(|group| {
            let (request, room) = (&requests[group.request], group.addresses.len() < MAX_RECIPIENTS);
            room && !group.addresses.contains(&address) && are_equal(&messages[request[0]], message)
        });
        if let Some(group) = group {
            requests[group.request].push(at);
            group.addresses.insert(address);
        } else {
            alike.push(Group { request: requests.len(), addresses: HashSet::from([address]) });
            requests.push(vec![at]);
        }
    }
    requests
}

/// A request that others can join. The variables of recipients are found by address, so each stands there once.
struct Group {
    request: usize,
    addresses: HashSet<String>,
}

fn only_recipient(message: &Outgoing) -> Option<&Mailbox> {
    match message.recipients() {
        [one] if one.field == RecipientField::To && message.is_for_all_recipients() => Some(&one.mailbox),
        _ => None,
    }
}

fn may_share(message: &Outgoing, mailgun: &Mailgun) -> bool {
    !needs_mime(message, mailgun)
        && message.recipients().iter().all(|one| is_usual(one.mailbox.address()))
        && !texts(message).any(|text| has_syntax(text.as_bytes()))
        && !message.attachments().iter().any(|one| has_syntax(one.content()))
        // Those are options, and some replace the variables.
        && !message.headers().iter().any(|one| one.name.as_str().to_lowercase().starts_with("x-mailgun-"))
}

/// Whether nobody could find this address invalid: one that Mailgun does makes it refuse all of a request.
fn is_usual(address: &Address) -> bool {
    address.local().bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._+-".contains(&byte))
}

/// Every text of a message that could have been written by somebody else.
fn texts(message: &Outgoing) -> impl Iterator<Item = &str> {
    let to = message.recipients().iter().map(|one| &one.mailbox);
    let people = std::iter::once(message.from()).chain(message.reply_to()).chain(to);
    let people = people.flat_map(|one| {
        [one.address().as_str()]
            .into_iter()
            .chain(one.name().map(courierx_core::message::DisplayName::as_str))
    });
    let headers = message.headers().iter().flat_map(|one| [one.name.as_str(), one.value.as_str()]);
    let metadata = message.metadata().iter().flat_map(|(key, value)| [key.as_str(), value.as_str()]);
    let files = message.attachments().iter().map(|one| one.file_name().as_str());
    let ids = message.attachments().iter().filter_map(Attachment::content_id).map(AsRef::as_ref);
    std::iter::once(message.subject().as_str())
        .chain(message.text())
        .chain(message.html())
        .chain(message.tags().iter().map(AsRef::as_ref))
        .chain(people)
        .chain(headers)
        .chain(metadata)
        .chain(files)
        .chain(ids)
}

/// Whether Mailgun might replace something in this, in any letter case.
fn has_syntax(text: &[u8]) -> bool {
    let mut rest = text;
    while let Some(at) = rest.iter().position(|&byte| byte == b'%') {
        rest = &rest[at..];
        let begins = |syntax: &&str| {
            rest.get(..syntax.len()).is_some_and(|found| found.eq_ignore_ascii_case(syntax.as_bytes()))
        };
        if SYNTAX.iter().any(begins) {
            return true;
        }
        rest = &rest[1..];
    }
    false
}

/// The same for messages that are equal, and seldom for others.
fn digest(message: &Outgoing) -> u64 {
    let mut hash = DefaultHasher::new();
    message.from().hash(&mut hash);
    message.subject().hash(&mut hash);
    message.text().hash(&mut hash);
    message.html().hash(&mut hash);
    message.metadata().hash(&mut hash);
    message.headers().len().hash(&mut hash);
    message.attachments().iter().for_each(|one| one.content().len().hash(&mut hash));
    hash.finish()
}

/// Whether two messages differ in their recipients alone.
fn are_equal(one: &Outgoing, other: &Outgoing) -> bool {
    one.from() == other.from()
        && one.reply_to() == other.reply_to()
        && one.subject() == other.subject()
        && one.text() == other.text()
        && one.html() == other.html()
        && one.headers() == other.headers()
        && one.tags() == other.tags()
        && one.metadata() == other.metadata()
        && one.tracking() == other.tracking()
        && one.attachments() == other.attachments()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_mailgun_replaces_is_found() {
        for text in [
            "%recipient%",
            "Hi %Recipient.name%",
            "%%recipient_email%",
            "%UNSUBSCRIBE_url%",
            "x%tag_unsubscribe_url%",
        ] {
            assert!(has_syntax(text.as_bytes()), "{text}");
        }
        for text in ["", "%", "100%", "recipient", "%20recipient", "% recipient", "%recipien", "a %RECIPIEN"]
        {
            assert!(!has_syntax(text.as_bytes()), "{text}");
        }
    }
}
