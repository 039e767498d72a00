//! What readers see of a message.

use courierx_core::provider::Outgoing;
use courierx_core::provider::conformance::Received;
use courierx_providers::Postmark;
use courierx_providers::emulator::Emulator;

use crate::support::api::SECRET;
use crate::support::messages;

/// Postmark carries one tag, nine entries of metadata that are not long, and keeps the message's own id.
fn expected(message: &Outgoing) -> Vec<Received> {
    let mut expected = messages::expected(message);
    expected.tags.truncate(1);
    expected.metadata.retain(|key, value| key.len() <= 20 && value.chars().count() <= 80);
    expected.metadata.insert("courierx_delivery".to_owned(), message.delivery_id().to_string());
    expected.headers.push(("Message-ID".to_owned(), message.header_message_id().to_owned()));
    expected.headers.push(("X-PM-KeepID".to_owned(), "true".to_owned()));
    vec![expected]
}

#[test]
fn random_messages_arrive_as_they_are() {
    let adapter = |url, http| Postmark::new(SECRET).base_url(url).http(http);
    messages::all_arrive(Emulator::postmark(SECRET), adapter, messages::outgoing_with_tracking(), expected);
}
