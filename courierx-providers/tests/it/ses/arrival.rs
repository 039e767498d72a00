//! What readers see of a message.

use courierx_core::message::{Mailbox, RecipientField};
use courierx_core::provider::Outgoing;
use courierx_core::provider::conformance::{Person, Received};

use crate::support::messages::{self, person};

/// What SES is told to send as it is: it would write other headers than were asked for, or cannot write them.
fn goes_raw(message: &Outgoing) -> bool {
    let shown = message.recipients().iter().filter(|one| one.field != RecipientField::Bcc).count();
    shown < message.to().len() + message.cc().len()
        || message.headers().iter().any(|header| !header.value.as_str().is_ascii())
        || message.attachments().iter().any(|file| {
            let name = file.file_name().as_str();
            !name.is_ascii() || name.contains('"') || file.content_type().as_str().contains(';')
        })
}

/// Tags and metadata become message tags, where they are of letters, digits, `_` and `-`.
fn expected(message: &Outgoing) -> Vec<Received> {
    let mut expected = messages::expected(message);
    let fits = |text: &str| {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        !text.is_empty() && text.len() <= 256 && text.chars().all(allowed)
    };
    expected.metadata.retain(|key, value| fits(key) && fits(value));
    for tag in std::mem::take(&mut expected.tags) {
        if fits(&tag) {
            expected.metadata.entry(tag).or_insert_with(|| "true".to_owned());
        }
    }
    let delivery = message.delivery_id().to_string();
    expected.metadata.insert("courierx_delivery".to_owned(), delivery.clone());
    expected.headers.push(("X-Courierx-Delivery".to_owned(), delivery));
    if goes_raw(message) {
        let people = |list: &[Mailbox]| list.iter().map(person).collect();
        expected.to = people(message.to());
        expected.cc = people(message.cc());
        // Blind copies have no name in the envelope.
        expected.bcc = expected.bcc.iter().map(|one| Person::new(one.address.as_str())).collect();
    }
    vec![expected]
}

#[test]
fn random_messages_arrive_as_they_are() {
    messages::all_arrive(super::emulator(), super::ses, messages::outgoing_with_tracking(), expected);
}
