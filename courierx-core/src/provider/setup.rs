//! Telling a provider where to call back.

use std::fmt;

use async_trait::async_trait;

use super::{Refusal, SendOptions};

/// Sets up a provider's callbacks by its API, each found again by its URL.
///
/// Nothing here touches what was set up for another URL.
#[async_trait]
pub trait CallbackSetup: fmt::Debug + Send + Sync {
    /// Sees to it that the provider calls back at `url` and tells there of all it can: makes what is missing and mends
    /// what is not as it should be. It may be repeated.
    ///
    /// A provider that signs nothing shows `secret` instead, with the user `courierx`; others have a key of their own.
    async fn ensure(&self, url: &str, secret: &str, options: &SendOptions) -> Result<CallbackState, Refusal>;

    /// What is set up for this URL; none if nothing is.
    async fn status(&self, url: &str, options: &SendOptions) -> Result<Option<CallbackState>, Refusal>;

    /// Removes what is set up for this URL; answers whether there was anything.
    async fn remove(&self, url: &str, options: &SendOptions) -> Result<bool, Refusal>;

    /// Asks the provider to call back at this URL once, of nothing that happened: what arrives there is signed, and has
    /// no events that mean anything. Answers false if it cannot be asked for that.
    async fn try_out(&self, _url: &str, _options: &SendOptions) -> Result<bool, Refusal> {
        Ok(false)
    }
}

/// What is set up at a provider for one URL.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CallbackState {
    /// What the provider calls it.
    pub id: String,
    /// Whether the provider calls back.
    pub enabled: bool,
    /// The events that it does not tell of though it could.
    pub missing: Vec<String>,
    /// By what its callbacks are verified, if the provider tells.
    pub key: Option<CallbackKey>,
    /// The topic that its callbacks come from, where they come through one: callbacks of others are not the provider's.
    pub topic: Option<String>,
    /// The configuration set that messages have to name to be told of, where it takes one.
    pub configuration_set: Option<String>,
    /// Whether the URL still has to agree to being called back, by what is called there first.
    pub awaits_agreement: bool,
}

impl CallbackState {
    /// Callbacks under this identifier.
    pub fn new(id: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            enabled: true,
            missing: Vec::new(),
            key: None,
            topic: None,
            configuration_set: None,
            awaits_agreement: false,
        }
    }

    /// Whether everything is as [`CallbackSetup::ensure`] leaves it: all but an agreement, which is the URL's.
    pub fn is_complete(&self) -> bool {
        self.enabled && self.missing.is_empty()
    }
}

/// By what callbacks are verified: a signing secret, a public key, a password. It is not shown.
#[derive(Clone, PartialEq, Eq)]
pub struct CallbackKey(String);

impl CallbackKey {
    /// A key.
    pub fn new(key: impl Into<String>) -> Self {
        Self(key.into())
    }

    /// The key itself, to be sealed or used, and not to be logged.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for CallbackKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}
