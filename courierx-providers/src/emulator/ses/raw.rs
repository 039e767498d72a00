//! Messages that are sent as they are.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use courierx_core::provider::conformance::{Person, Received};

use super::super::reader;
use super::message::{MAX_BYTES, People};
use super::{Mistake, bad};

/// Bytes of a line with its end.
const LONGEST_LINE: usize = 1000;

/// Reads a message. `from` takes the place of the one in the header, and `people` are who gets it; without them,
/// everybody whom the header names.
pub(super) fn read(data: &str, from: Option<Person>, people: Option<People>) -> Result<Received, Mistake> {
    let Ok(bytes) = STANDARD.decode(data) else {
        return Err(Mistake(400, "SerializationException", "The message is not in base64".to_owned()));
    };
    if bytes.len() > MAX_BYTES
        || bytes.split_inclusive(|&byte| byte == b'\n').any(|line| line.len() > LONGEST_LINE)
    {
        return bad("The message, or a line of it, is too long");
    }
    let Some(mut read) = reader::read(&bytes) else {
        return bad("The message cannot be read");
    };
    if let Some(People { to, cc, bcc }) = people {
        read.hide([to, cc, bcc].into_iter().flatten());
    }
    let mut received = read.received;
    received.from = from.unwrap_or(received.from);
    if received.from.address.is_empty() {
        return bad("Missing required header 'From'.");
    }
    received.metadata = take_orders(&mut received.headers);
    Ok(received)
}

/// Takes out what SES writes itself and what it takes for orders, and tells the tags that were ordered.
fn take_orders(headers: &mut Vec<(String, String)>) -> BTreeMap<String, String> {
    let mut tags = BTreeMap::new();
    headers.retain(|(name, value)| {
        let name = name.to_ascii_lowercase();
        if name == "x-ses-message-tags" {
            let pairs = value.split(',').filter_map(|pair| pair.trim().split_once('='));
            tags.extend(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())));
        }
        name != "message-id" && !name.starts_with("x-ses-")
    });
    tags
}
