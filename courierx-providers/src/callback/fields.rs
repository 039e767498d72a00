//! Bodies, whose fields may be missing or of another type than documented: what cannot be read is not there.

use courierx_core::clock::Timestamp;
use courierx_core::id::DeliveryId;
use courierx_core::message::{Address, Mailbox};
use courierx_core::provider::{CallbackError, MAX_CALLBACK_EVENTS};
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::mac::to_hex;

/// The most values of one event, with those inside of others. Once it is read, a value takes a hundred times its
/// bytes and more, and some are read before it is known who says them. The largest events, which name all recipients
/// of a message and its headers, have a few thousand.
const MOST_OF_ONE: usize = 20_000;
/// The most values of a list of events: twice what SendGrid tells of one.
const MOST_OF_ALL: usize = 40 * MAX_CALLBACK_EVENTS;

/// Reading the fields of an object.
pub(crate) trait Fields {
    /// A text that is there and not empty.
    fn text(&self, key: &str) -> Option<&str>;

    /// A text, or an empty one.
    fn or_empty(&self, key: &str) -> &str {
        self.text(key).unwrap_or_default()
    }

    /// A number, or a text that is one, as text.
    fn number(&self, key: &str) -> Option<String>;

    /// Our delivery id.
    fn delivery(&self, key: &str) -> Option<DeliveryId>;

    /// A moment (RFC 3339).
    fn moment(&self, key: &str) -> Option<Timestamp>;

    /// An address, with or without a name.
    fn address(&self, key: &str) -> Option<Address>;
}

impl Fields for Value {
    fn text(&self, key: &str) -> Option<&str> {
        self.get(key)?.as_str().filter(|text| !text.is_empty())
    }

    fn number(&self, key: &str) -> Option<String> {
        match self.get(key)? {
            Self::Number(number) => Some(number.to_string()),
            Self::String(text) if !text.is_empty() => Some(text.clone()),
            _ => None,
        }
    }

    fn delivery(&self, key: &str) -> Option<DeliveryId> {
        // Amazon's tags have lists of values.
        let value = self.get(key)?;
        let text = value.as_str().or_else(|| value.get(0)?.as_str())?;
        text.parse().ok()
    }

    fn moment(&self, key: &str) -> Option<Timestamp> {
        self.text(key)?.parse().ok()
    }

    fn address(&self, key: &str) -> Option<Address> {
        mailbox(self.text(key)?)
    }
}

/// The address in `ada@example.com`, `<ada@example.com>` or `Ada <ada@example.com>`.
pub(crate) fn mailbox(text: &str) -> Option<Address> {
    let text = text.trim();
    text.parse().ok().or_else(|| text.parse::<Mailbox>().ok().map(|mailbox| mailbox.address().clone()))
}

/// The only address of a list; none if there are several, as nobody knows which of them is meant.
pub(crate) fn sole_address(list: &Value) -> Option<Address> {
    match list.as_array()?.as_slice() {
        [one] => mailbox(one.as_str()?),
        _ => None,
    }
}

/// The texts of a list.
pub(crate) fn strings(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str)
}

/// A moment in seconds since 1970, with or without a fraction, as a number or as text.
pub(crate) fn seconds(value: &Value) -> Option<Timestamp> {
    moment(value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())?)
}

/// The moment so many seconds after the beginning of 1970.
pub(super) fn moment(seconds: f64) -> Option<Timestamp> {
    // Years 1970 to 9999: within, microseconds fit.
    if !(0.0..253_402_300_800.0).contains(&seconds) {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "it was compared")]
    Some(Timestamp::from_micros((seconds * 1e6).round() as i64))
}

/// Whether a body in JSON may have more values than this: each but the outermost stands behind a comma or an opening
/// bracket that is in no text.
fn has_more_values(body: &[u8], most: usize) -> bool {
    // Each takes a byte and more, so most bodies need no count.
    if body.len() < most {
        return false;
    }
    let mut values = 1;
    let (mut in_text, mut escaped) = (false, false);
    for byte in body {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b',' | b'[' | b'{' if !in_text => {
                values += 1;
                if values > most {
                    return true;
                }
            }
            _ => {}
        }
    }
    false
}

/// Refuses a body that has more values than one event does. It looks at nothing else.
pub(crate) fn bounded(body: &[u8]) -> Result<(), CallbackError> {
    if has_more_values(body, MOST_OF_ONE) { Err(CallbackError::TooLarge) } else { Ok(()) }
}

/// A body in JSON, which may be a list of events.
pub(crate) fn parsed<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, CallbackError> {
    if has_more_values(body, MOST_OF_ALL) {
        return Err(CallbackError::TooLarge);
    }
    serde_json::from_slice(body).map_err(|error| CallbackError::Malformed(format!("not JSON: {error}")))
}

/// A body that is one JSON object: one event.
pub(crate) fn object(body: &[u8]) -> Result<Value, CallbackError> {
    bounded(body)?;
    let value: Value = parsed(body)?;
    if !value.is_object() {
        return Err(CallbackError::Malformed("not a JSON object".to_owned()));
    }
    Ok(value)
}

/// What stands for an event that has no identifier of its own: the same when it is repeated as it was.
pub(crate) fn digest_of(event: &Value) -> String {
    to_hex(&Sha256::digest(event.to_string()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn moments_are_read_however_they_are_written() {
        let micros = |value| seconds(&value).map(Timestamp::as_micros);
        assert_eq!(micros(json!(1_513_299_569)), Some(1_513_299_569_000_000));
        assert_eq!(micros(json!(1_377_075_564.094_891)), Some(1_377_075_564_094_891));
        assert_eq!(micros(json!("1534108637")), Some(1_534_108_637_000_000));
        for other in [json!(-1), json!(1e300), json!("NaN"), json!("inf"), json!(null), json!([]), json!("")]
        {
            assert_eq!(micros(other.clone()), None, "{other}");
        }
        let moment = json!({ "at": "2016-04-27T16:28:50.3963933-04:00" });
        let moment = moment.moment("at").map(|moment| moment.to_string());
        assert_eq!(moment.as_deref(), Some("2016-04-27T20:28:50.396393Z"));
    }

    #[test]
    fn values_are_counted_outside_of_texts() {
        for (body, values) in [
            ("[1,2,3]", 4),
            (r#"{"a":{"b":[1]},"c":null}"#, 5),
            (r#"["a,b[{","\"c,d\\",",,,,,"]"#, 4),
            ("                    {}", 2),
        ] {
            assert!(!has_more_values(body.as_bytes(), values), "{body}");
            assert!(has_more_values(body.as_bytes(), values - 1), "{body}");
        }
    }

    #[test]
    fn addresses_may_have_names() {
        for text in ["to@example.org", "Recipient <to@example.org>", "<to@example.org>", " to@example.org "] {
            assert_eq!(mailbox(text).map(|address| address.to_string()).as_deref(), Some("to@example.org"));
        }
        assert_eq!(mailbox("nobody"), None);
        assert_eq!(sole_address(&json!(["a@example.org", "b@example.org"])), None);
    }
}
