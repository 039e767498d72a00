//! SendGrid's callbacks, which are signed with ECDSA.
//!
//! <https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/getting-started-event-webhook-security-features>

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, ParsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use courierx_core::clock::Timestamp;
use courierx_core::provider::{Authentic, Callback, CallbackError, EventSource, ProviderEvent, Replay};

use super::events;
use crate::callback::{InvalidKey, Window, no_signature};

/// What is not taken is sent again for a day. Whether it is signed anew then is not documented.
const WINDOW: Window = Window::new(Duration::from_hours(24));

/// The header with the signature.
const SIGNATURE: &str = "x-twilio-email-event-webhook-signature";
/// The header with the time of signing.
const TIMESTAMP: &str = "x-twilio-email-event-webhook-timestamp";

/// Reads SendGrid's callbacks, by the verification keys of its Event Webhooks.
#[derive(Clone)]
pub struct Callbacks {
    keys: Vec<Arc<ParsedPublicKey>>,
}

impl Callbacks {
    /// Callbacks of a webhook with this verification key: the base64 that SendGrid shows.
    pub fn new(verification_key: &str) -> Result<Self, InvalidKey> {
        Ok(Self { keys: vec![key(verification_key)?] })
    }

    /// Takes this key as well: that of another webhook, or the next one.
    pub fn or(mut self, verification_key: &str) -> Result<Self, InvalidKey> {
        self.keys.push(key(verification_key)?);
        Ok(self)
    }
}

fn key(text: &str) -> Result<Arc<ParsedPublicKey>, InvalidKey> {
    let invalid = InvalidKey("a verification key is a P-256 public key in base64, as SendGrid shows it");
    let der = STANDARD.decode(text.trim()).map_err(|_| invalid)?;
    ParsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, der).map(Arc::new).map_err(|_| invalid)
}

impl fmt::Debug for Callbacks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Callbacks").field("keys", &self.keys.len()).finish()
    }
}

#[async_trait]
impl EventSource for Callbacks {
    async fn verify(&self, callback: &Callback, now: Timestamp) -> Result<Authentic, CallbackError> {
        let body = callback.bounded_body()?;
        let time = callback.sole_header(TIMESTAMP).ok_or_else(|| no_signature("timestamp"))?;
        let encoded = callback.sole_header(SIGNATURE).ok_or_else(|| no_signature("signature"))?;
        let signature = STANDARD.decode(encoded).map_err(|_| no_signature("signature in base64"))?;
        let signed = [time.as_bytes(), body].concat();
        if !self.keys.iter().any(|key| key.verify_sig(&signed, &signature).is_ok()) {
            return Err(CallbackError::signature("it does not match"));
        }
        WINDOW.check_seconds(time, now)?;
        // There is more than one signature of the same bytes: what was signed is the same then.
        let mut replay = Replay::new(time, body, WINDOW.memory());
        replay.key = format!("{time}-{}", crate::callback::to_hex(&replay.content[..16]));
        Ok(Authentic::messages(body).replay(replay))
    }

    fn events(&self, authentic: &Authentic) -> Result<Vec<ProviderEvent>, CallbackError> {
        events::of(authentic)
    }
}
