//! The sandbox's callbacks: one JSON object each, signed with HMAC-SHA256 over `timestamp.body`.

use std::time::Duration;

use courierx_core::clock::Timestamp;
use courierx_core::event::EventKind;
use courierx_core::id::DeliveryId;
use courierx_core::message::Address;
use courierx_core::provider::{Callback, CallbackError, Outgoing, OutgoingRecipient, ProviderEvent};
use serde::{Deserialize, Serialize};

use crate::callback::{MacKey, from_hex, to_hex};

/// The header with the time of signing, in seconds since 1970.
pub const TIMESTAMP_HEADER: &str = "x-courierx-sandbox-timestamp";
/// The header with the signature, in hexadecimal.
pub const SIGNATURE_HEADER: &str = "x-courierx-sandbox-signature";

/// How far from now a signed time may be, in both directions: a callback that was recorded is of no use later.
const WINDOW: Duration = Duration::from_mins(5);
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
#[derive(Debug, Clone)]
pub(super) struct Signer(MacKey);

impl Signer {
    pub(super) fn new(secret: &[u8]) -> Self {
        Self(MacKey::new(secret))
    }

    pub(super) fn callback(&self, report: &Report, now: Timestamp) -> Callback {
        // Strings and times always have a JSON form.
        let body = serde_json::to_vec(report).unwrap_or_default();
        let time = now.as_secs().to_string();
        let signature = to_hex(&self.0.sign(&[time.as_bytes(), b".", &body]));
        Callback::new(body).header(TIMESTAMP_HEADER, time).header(SIGNATURE_HEADER, signature)
    }

    pub(super) fn verify(&self, callback: &Callback, now: Timestamp) -> Result<(), CallbackError> {
        callback.bounded_body()?;
        let refused = |why: &str| CallbackError::Signature(why.to_owned());
        let time = callback.header_text(TIMESTAMP_HEADER).ok_or_else(|| refused("there is no timestamp"))?;
        let signature = callback.header_text(SIGNATURE_HEADER).and_then(from_hex);
        let signature = signature.ok_or_else(|| refused("there is no signature in hexadecimal"))?;
        if !self.0.verifies(&[time.as_bytes(), b".", &callback.body], &signature) {
            return Err(refused("it does not match"));
        }
        let signed =
            time.parse().map(Timestamp::from_secs).map_err(|_| refused("its timestamp is no number"))?;
        if now.since(signed) > WINDOW || signed.since(now) > WINDOW {
            return Err(refused("it is not of this time"));
        }
        Ok(())
    }
}

/// What a signed body reports.
pub(super) fn events(body: &[u8]) -> Result<Vec<ProviderEvent>, CallbackError> {
    let report: Report = serde_json::from_slice(body)
        .map_err(|error| CallbackError::Malformed(format!("not a report of the sandbox: {error}")))?;
    let kind = report.event.parse().unwrap_or(EventKind::Other);
    let mut event = ProviderEvent::new(kind, report.at, report.id);
    event.name = report.event;
    event.delivery = Some(report.delivery);
    event.provider_message_id = Some(report.provider_message_id);
    event.recipient = Some(report.recipient);
    Ok(vec![event])
}
