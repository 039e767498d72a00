//! Mailgun's callbacks, which are signed over a time and a token.
//!
//! <https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/securing-webhooks>

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use courierx_core::clock::Timestamp;
use courierx_core::provider::{Authentic, Callback, CallbackError, EventSource, ProviderEvent, Replay};
use serde_json::{Value, json};

use super::events;
use crate::callback::{Fields, InvalidKey, MacKey, Window, from_hex, no_signature, object};

/// What is not taken is sent again for eight hours. Whether it is signed anew then is not documented.
const WINDOW: Window = Window::new(Duration::from_hours(9));
/// The most fields of a form.
const MOST_FIELDS: usize = 1000;

/// Reads Mailgun's callbacks, by the account's HTTP webhook signing key, which is none of its API keys.
///
/// The signature does not cover the body: whoever has seen one callback can send it again with another body. So the
/// URL has to stay secret, and whoever receives callbacks has to remember their [replay keys](Replay).
#[derive(Debug, Clone)]
pub struct Callbacks {
    keys: Vec<MacKey>,
}

impl Callbacks {
    /// Callbacks of an account with this signing key.
    pub fn new(signing_key: &str) -> Result<Self, InvalidKey> {
        Ok(Self { keys: vec![key(signing_key)?] })
    }

    /// Takes this key as well: that of the parent of a subaccount, of a subaccount, or the next one.
    pub fn or(mut self, signing_key: &str) -> Result<Self, InvalidKey> {
        self.keys.push(key(signing_key)?);
        Ok(self)
    }

    /// The token of a signature that holds.
    fn holds(&self, signature: &Value, now: Timestamp) -> Result<String, CallbackError> {
        let field = |key: &str| signature.text(key).ok_or_else(|| no_signature(key));
        let (time, token) = (field("timestamp")?, field("token")?);
        let given = from_hex(field("signature")?).ok_or_else(|| no_signature("signature in hexadecimal"))?;
        let signed = [time.as_bytes(), token.as_bytes()];
        if !self.keys.iter().any(|key| key.verifies(&signed, &given)) {
            return Err(CallbackError::signature("it does not match"));
        }
        WINDOW.check_seconds(time, now)?;
        // Where time and token meet is not signed: `1` and `23` are as good as `12` and `3`.
        Ok(format!("{time}{token}"))
    }
}

fn key(text: &str) -> Result<MacKey, InvalidKey> {
    if text.is_empty() {
        return Err(InvalidKey("the HTTP webhook signing key is empty"));
    }
    Ok(MacKey::new(text.as_bytes()))
}

/// The signatures in a callback, of which one has to hold, and its body in JSON.
fn read(callback: &Callback) -> Result<(Vec<Value>, Value), CallbackError> {
    let body = callback.bounded_body()?;
    let kind = callback.header_text("content-type").unwrap_or_default();
    if kind.trim_start().to_ascii_lowercase().starts_with("application/x-www-form-urlencoded") {
        let form = form(body)?;
        return Ok((vec![form.clone()], json!({ "form": form })));
    }
    let callback = object(body)?;
    let signatures = ["signature", "parent-signature"].iter().filter_map(|key| callback.get(key)).cloned();
    Ok((signatures.collect(), callback))
}

/// A callback of the older kind: the signature stands between the fields of the event.
fn form(body: &[u8]) -> Result<Value, CallbackError> {
    let mut fields = BTreeMap::new();
    for (name, value) in url::form_urlencoded::parse(body) {
        // What a decision hangs on must not be there twice.
        if fields.len() == MOST_FIELDS || fields.insert(name.into_owned(), value.into_owned()).is_some() {
            return Err(CallbackError::Malformed("a form with a field twice, or with too many".to_owned()));
        }
    }
    Ok(json!(fields))
}

#[async_trait]
impl EventSource for Callbacks {
    async fn verify(&self, callback: &Callback, now: Timestamp) -> Result<Authentic, CallbackError> {
        let (signatures, read) = read(callback)?;
        let mut refused = no_signature("signature");
        for signature in &signatures {
            match self.holds(signature, now) {
                Ok(token) => {
                    let replay = Replay::new(token, &callback.body, WINDOW.memory()).unbound();
                    return Ok(Authentic::messages(read.to_string()).replay(replay));
                }
                Err(error) => refused = error,
            }
        }
        Err(refused)
    }

    fn events(&self, authentic: &Authentic) -> Result<Vec<ProviderEvent>, CallbackError> {
        events::of(authentic)
    }
}
