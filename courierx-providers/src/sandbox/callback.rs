//! The sandbox's callbacks: one JSON object each, signed with HMAC-SHA256 over `timestamp.body`.

use std::fmt;
use std::time::Duration;

use courierx_core::clock::Timestamp;
use courierx_core::event::EventKind;
use courierx_core::id::DeliveryId;
use courierx_core::message::Address;
use courierx_core::provider::{Callback, CallbackError, Outgoing, OutgoingRecipient, ProviderEvent};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// The header with the time of signing, in seconds since 1970.
pub const TIMESTAMP_HEADER: &str = "x-courierx-sandbox-timestamp";
/// The header with the signature, in hexadecimal.
pub const SIGNATURE_HEADER: &str = "x-courierx-sandbox-signature";

/// How far from now a signed time may be, in both directions: a callback that was recorded is of no use later.
const WINDOW: Duration = Duration::from_mins(5);
/// The block of SHA-256, to which HMAC fills up its key (RFC 2104 §2).
const BLOCK: usize = 64;

/// What is said about one recipient.
#[derive(Serialize, Deserialize)]
pub(super) struct Report {
    id: String,
    event: String,
    at: Timestamp,
    delivery: DeliveryId,
    provider_message_id: String,
    recipient: Address,
}

impl Report {
    pub(super) fn new(
        event: EventKind,
        message: &Outgoing,
        recipient: &OutgoingRecipient,
        provider_message_id: &str,
        at: Timestamp,
    ) -> Self {
        Self {
            id: format!("{provider_message_id}-{}-{event}", recipient.index),
            event: event.to_string(),
            at,
            delivery: message.delivery_id(),
            provider_message_id: provider_message_id.to_owned(),
            recipient: recipient.mailbox.address().clone(),
        }
    }
}

/// Signs callbacks, and knows its own signatures.
#[derive(Clone)]
pub(super) struct Signer {
    key: [u8; BLOCK],
}

impl Signer {
    pub(super) fn new(secret: &[u8]) -> Self {
        let mut key = [0; BLOCK];
        match key.get_mut(..secret.len()) {
            Some(start) => start.copy_from_slice(secret),
            None => key[..32].copy_from_slice(&Sha256::digest(secret)),
        }
        Self { key }
    }

    pub(super) fn callback(&self, report: &Report, now: Timestamp) -> Callback {
        // Strings and times always have a JSON form.
        let body = serde_json::to_vec(report).unwrap_or_default();
        let time = now.as_secs().to_string();
        let signature = to_hex(&self.mac(&time, &body).finalize().into_bytes());
        Callback::new(body).header(TIMESTAMP_HEADER, time).header(SIGNATURE_HEADER, signature)
    }

    pub(super) fn read(
        &self,
        callback: &Callback,
        now: Timestamp,
    ) -> Result<Vec<ProviderEvent>, CallbackError> {
        self.verify(callback, now)?;
        let report: Report = serde_json::from_slice(&callback.body)
            .map_err(|error| CallbackError::Malformed(format!("not a report of the sandbox: {error}")))?;
        let Ok(kind) = report.event.parse() else {
            return Ok(Vec::new());
        };
        let mut event = ProviderEvent::new(kind, report.at, report.id);
        event.delivery = Some(report.delivery);
        event.provider_message_id = Some(report.provider_message_id);
        event.recipient = Some(report.recipient);
        Ok(vec![event])
    }

    fn verify(&self, callback: &Callback, now: Timestamp) -> Result<(), CallbackError> {
        let refused = |why: &str| CallbackError::Signature(why.to_owned());
        let time = callback.header_text(TIMESTAMP_HEADER).ok_or_else(|| refused("there is no timestamp"))?;
        let signature = callback.header_text(SIGNATURE_HEADER).and_then(from_hex);
        let signature = signature.ok_or_else(|| refused("there is no signature in hexadecimal"))?;
        // In constant time.
        self.mac(time, &callback.body).verify_slice(&signature).map_err(|_| refused("it does not match"))?;
        let signed =
            time.parse().map(Timestamp::from_secs).map_err(|_| refused("its timestamp is no number"))?;
        if now.since(signed) > WINDOW || signed.since(now) > WINDOW {
            return Err(refused("it is not of this time"));
        }
        Ok(())
    }

    fn mac(&self, time: &str, body: &[u8]) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new(&self.key.into());
        for part in [time.as_bytes(), b".", body] {
            mac.update(part);
        }
        mac
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signer(***)")
    }
}

fn to_hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.filter_map(|digit| char::from_digit(u32::from(digit), 16)).collect()
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs.iter().map(|&[high, low]| Some(digit(high)? << 4 | digit(low)?)).collect()
}
