//! Batches, as large as one call may be.

use courierx_core::provider::Outgoing;

/// Cuts messages into batches of at most so many messages and about so many bytes, in order.
pub(crate) fn batches(messages: &[Outgoing], most: usize, most_bytes: usize) -> Vec<&[Outgoing]> {
    let mut batches = Vec::new();
    let (mut start, mut bytes) = (0, 0_usize);
    for (at, message) in messages.iter().enumerate() {
        let size = message.estimated_bytes();
        if at > start && (at - start == most || bytes.saturating_add(size) > most_bytes) {
            batches.push(&messages[start..at]);
            (start, bytes) = (at, 0);
        }
        bytes = bytes.saturating_add(size);
    }
    if start < messages.len() {
        batches.push(&messages[start..]);
    }
    batches
}
