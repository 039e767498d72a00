//! What a receiver knows a request by.

use std::fmt;

use aes_gcm::aead::Generate as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

/// How a secret begins, as Standard Webhooks has it.
const PREFIX: &str = "whsec_";

/// The secret of an endpoint: `whsec_` and 256 random bits in base64, so that it is one for every
/// [scheme](super::SignatureScheme). `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookSecret(Zeroizing<String>);

/// A text that is no secret. It does not repeat the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be whsec_ followed by 24 to 64 bytes in base64")]
pub struct InvalidWebhookSecret;

impl WebhookSecret {
    /// A new one.
    ///
    /// # Panics
    ///
    /// If the operating system has no randomness to give.
    #[must_use]
    pub fn generate() -> Self {
        let bytes = Zeroizing::new(<[u8; 32]>::generate());
        Self(Zeroizing::new(format!(
            "{PREFIX}{}",
            Zeroizing::new(STANDARD.encode(bytes.as_slice())).as_str()
        )))
    }

    /// One that is there already, of 24 to 64 bytes as Standard Webhooks asks for.
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidWebhookSecret> {
        let text = Zeroizing::new(text.into());
        let bytes = decode(&text).ok_or(InvalidWebhookSecret)?;
        if (24..=64).contains(&bytes.len()) { Ok(Self(text)) } else { Err(InvalidWebhookSecret) }
    }

    /// The text, to be shown once.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The key as Standard Webhooks has it: what the base64 stands for.
    pub(super) fn decoded(&self) -> Zeroizing<Vec<u8>> {
        decode(&self.0).unwrap_or_default()
    }
}

fn decode(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    STANDARD.decode(text.strip_prefix(PREFIX)?).ok().map(Zeroizing::new)
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_long_random_and_not_shown() {
        let (one, other) = (WebhookSecret::generate(), WebhookSecret::generate());
        assert_ne!(one, other);
        assert_eq!(one.decoded().len(), 32);
        assert_eq!(WebhookSecret::new(one.expose()), Ok(one.clone()));
        assert!(!format!("{one:?}").contains(&one.expose()[6..]));
        for bad in ["", "whsec_", "whsec_c2hvcnQ=", "secret", "whsec_not base64 at all, is it"] {
            assert_eq!(WebhookSecret::new(bad), Err(InvalidWebhookSecret), "{bad}");
        }
    }
}
