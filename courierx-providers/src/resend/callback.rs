//! Resend's callbacks, which are signed by Svix's scheme.
//!
//! <https://resend.com/docs/webhooks/verify-webhooks-requests>

use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use courierx_core::clock::Timestamp;
use courierx_core::provider::{Authentic, Callback, CallbackError, EventSource, ProviderEvent, Replay};

use super::events;
use crate::callback::{InvalidKey, MacKey, Window, no_signature};

/// Every delivery is signed anew, so a signature is young.
const WINDOW: Window = Window::new(Duration::from_mins(5));
/// Signatures that are looked at: one for each secret while they are changed.
const MOST_SIGNATURES: usize = 16;

/// Reads Resend's callbacks, by the signing secrets of its webhooks.
///
/// ```
/// use courierx_providers::{Resend, resend};
///
/// let callbacks = resend::Callbacks::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")?;
/// let resend = Resend::new("re_key").callbacks(callbacks);
/// # drop(resend);
/// # Ok::<(), courierx_providers::callback::InvalidKey>(())
/// ```
#[derive(Debug, Clone)]
pub struct Callbacks {
    keys: Vec<MacKey>,
}

impl Callbacks {
    /// Callbacks of a webhook with this signing secret: `whsec_…`.
    pub fn new(signing_secret: &str) -> Result<Self, InvalidKey> {
        Ok(Self { keys: vec![key(signing_secret)?] })
    }

    /// Takes this secret as well: that of another webhook, or the next one.
    pub fn or(mut self, signing_secret: &str) -> Result<Self, InvalidKey> {
        self.keys.push(key(signing_secret)?);
        Ok(self)
    }
}

fn key(secret: &str) -> Result<MacKey, InvalidKey> {
    let secret = secret.trim();
    let bytes = STANDARD.decode(secret.strip_prefix("whsec_").unwrap_or(secret));
    let bytes = bytes.ok().filter(|bytes| bytes.len() >= 16);
    Ok(MacKey::new(&bytes.ok_or(InvalidKey("a signing secret is whsec_ and at least 16 bytes in base64"))?))
}

#[async_trait]
impl EventSource for Callbacks {
    async fn verify(&self, callback: &Callback, now: Timestamp) -> Result<Authentic, CallbackError> {
        let body = callback.bounded_body()?;
        // The scheme has names of its own besides Svix's.
        let header = |what: &str| {
            let header = |brand: &str| callback.sole_header(&format!("{brand}-{what}"));
            header("svix").or_else(|| header("webhook")).ok_or_else(|| no_signature(&format!("svix-{what}")))
        };
        let (id, time, signatures) = (header("id")?, header("timestamp")?, header("signature")?);
        let signed: [&[u8]; 5] = [id.as_bytes(), b".", time.as_bytes(), b".", body];
        let holds = |signature: &Vec<u8>| self.keys.iter().any(|key| key.verifies(&signed, signature));
        let mut ours = signatures.split(' ').take(MOST_SIGNATURES).filter_map(|one| one.strip_prefix("v1,"));
        if !ours.any(|one| STANDARD.decode(one).is_ok_and(|signature| holds(&signature))) {
            return Err(CallbackError::signature("it does not match"));
        }
        WINDOW.check_seconds(time, now)?;
        let mut authentic = Authentic::messages(body).replay(Replay::new(id, body, WINDOW.memory()));
        authentic.id = Some(id.to_owned());
        Ok(authentic)
    }

    fn events(&self, authentic: &Authentic) -> Result<Vec<ProviderEvent>, CallbackError> {
        events::of(authentic)
    }
}
