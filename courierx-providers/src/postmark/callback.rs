//! Postmark's callbacks. It signs nothing: a callback shows that it knows what the webhook was set up with.
//!
//! <https://postmarkapp.com/developer/webhooks/webhooks-overview>

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use courierx_core::clock::Timestamp;
use courierx_core::provider::{Authentic, Callback, CallbackError, EventSource, ProviderEvent};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::events;
use crate::callback::{InvalidKey, no_signature};

/// The shortest secret that is one.
const LEAST_SECRET: usize = 16;

/// Reads Postmark's callbacks, by the credentials that its webhooks were set up with.
///
/// Postmark takes an answer of 403 for the wish never to be repeated, and goes on after any other refusal.
#[derive(Clone)]
pub struct Callbacks {
    /// What may be shown, each as headers and what stands for their values. All headers of one have to be there.
    wanted: Vec<Vec<(String, [u8; 32])>>,
}

impl Callbacks {
    /// Callbacks with this user and password, of at least 16 bytes: the webhook's `HttpAuth`.
    pub fn basic(user: &str, password: &str) -> Result<Self, InvalidKey> {
        let value = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
        Self { wanted: vec![Vec::new()] }.and("authorization", password, &value)
    }

    /// Callbacks with this header and secret, of at least 16 bytes: one of the webhook's `HttpHeaders`.
    pub fn header(name: &str, secret: &str) -> Result<Self, InvalidKey> {
        Self { wanted: vec![Vec::new()] }.and(name, secret, secret)
    }

    /// Wants this header as well, beside whichever of the credentials are shown.
    pub fn and_header(self, name: &str, secret: &str) -> Result<Self, InvalidKey> {
        self.and(name, secret, secret)
    }

    /// Takes what these take as well: the credentials of another webhook, or the next ones.
    #[must_use]
    pub fn or(mut self, other: Self) -> Self {
        self.wanted.extend(other.wanted);
        self
    }

    fn and(mut self, name: &str, secret: &str, value: &str) -> Result<Self, InvalidKey> {
        if secret.len() < LEAST_SECRET {
            return Err(InvalidKey("the password or header of a webhook has at least 16 bytes"));
        }
        let digest: [u8; 32] = Sha256::digest(value).into();
        for one in &mut self.wanted {
            one.push((name.to_ascii_lowercase(), digest));
        }
        Ok(self)
    }
}

impl std::fmt::Debug for Callbacks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Callbacks").field("credentials", &self.wanted.len()).finish()
    }
}

/// Whether a callback has all of these headers.
fn shows(callback: &Callback, wanted: &[(String, [u8; 32])]) -> Result<(), CallbackError> {
    for (name, digest) in wanted {
        let value = callback.sole_header(name).ok_or_else(|| no_signature(name))?;
        let given: [u8; 32] = Sha256::digest(value).into();
        if !bool::from(given.ct_eq(digest)) {
            return Err(CallbackError::signature("the credentials are wrong"));
        }
    }
    Ok(())
}

#[async_trait]
impl EventSource for Callbacks {
    async fn verify(&self, callback: &Callback, _: Timestamp) -> Result<Authentic, CallbackError> {
        let body = callback.bounded_body()?;
        let mut refused = Ok(());
        for one in &self.wanted {
            refused = shows(callback, one);
            if refused.is_ok() {
                break;
            }
        }
        refused.map(|()| Authentic::messages(body))
    }

    fn events(&self, authentic: &Authentic) -> Result<Vec<ProviderEvent>, CallbackError> {
        events::of(authentic)
    }
}
