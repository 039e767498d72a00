//! Addresses as vendors read them from text, by a parser that is not ours.

use courierx_core::provider::conformance::Person;
use mail_parser::{Address, MessageParser};

/// The mailboxes of a header's value (RFC 5322 §3.4); none if something in it is not one.
pub(super) fn mailboxes(text: &str) -> Option<Vec<Person>> {
    if text.contains(['\r', '\n', '\0']) {
        return None;
    }
    let message = format!("To: {text}\r\n\r\n");
    let parsed = MessageParser::default().parse(message.as_bytes())?;
    let Address::List(list) = parsed.to()? else { return None };
    let people = list.iter().map(|one| {
        let address = one.address()?;
        let (local, domain) = address.rsplit_once('@')?;
        let valid = !local.is_empty() && !domain.is_empty() && !domain.contains(|c: char| c.is_whitespace());
        valid.then(|| Person::new(address).named(one.name().unwrap_or_default()))
    });
    people.collect()
}
