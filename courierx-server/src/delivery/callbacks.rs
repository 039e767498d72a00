//! What reads the callbacks of a connection's provider, of the keys that it has.

use std::sync::Arc;

use courierx_core::id::{RecordId, TenantId};
use courierx_core::vault::Vault;
use courierx_providers::callback::InvalidKey;
use courierx_providers::http::Http;
use courierx_providers::{mailgun, postmark, resend, sendgrid, ses};

use super::Sns;
use crate::model::provider_connections::{ProviderConnection, ProviderKind};
use crate::secret::Secret;

/// The user that providers show together with a password of ours.
pub const USER: &str = "courierx";

/// By what it is known that a callback is the provider's.
#[derive(Debug, Clone, Default)]
pub struct Keys {
    /// The newest first.
    pub keys: Vec<Secret>,
    /// The topics of SNS.
    pub topics: Vec<String>,
}

impl Keys {
    /// Those of a connection. If they cannot be read, callbacks are refused, and mail goes on.
    pub(super) fn of(
        vault: &Vault,
        tenant: TenantId,
        id: &RecordId,
        connection: &ProviderConnection,
    ) -> Self {
        let secrets = connection.callbacks.open(vault, tenant, id).unwrap_or_else(|error| {
            let error = &error as &dyn std::error::Error;
            tracing::error!(%tenant, connection = %id, error, "the keys of callbacks cannot be read");
            None
        });
        let keys = secrets.map(|secrets| secrets.keys).unwrap_or_default();
        Self { keys, topics: connection.callbacks.topics.clone() }
    }

    /// What is wrong with them for a provider of this kind, if anything is.
    pub fn check(&self, kind: ProviderKind, http: &Http) -> Result<(), InvalidKey> {
        match kind {
            ProviderKind::SendGrid => self.try_send_grid().map(drop),
            ProviderKind::AwsSes => self.try_ses(Sns::in_aws(http)).map(drop),
            ProviderKind::Mailgun => self.try_mailgun().map(drop),
            ProviderKind::Postmark => self.try_postmark().map(drop),
            ProviderKind::Resend => self.try_resend().map(drop),
            ProviderKind::Smtp | ProviderKind::Sandbox => Ok(()),
        }
    }

    fn texts(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().map(Secret::expose)
    }

    pub(super) fn send_grid(&self) -> Option<sendgrid::Callbacks> {
        usable(self.try_send_grid())
    }

    pub(super) fn mailgun(&self) -> Option<mailgun::Callbacks> {
        usable(self.try_mailgun())
    }

    pub(super) fn postmark(&self) -> Option<postmark::Callbacks> {
        usable(self.try_postmark())
    }

    pub(super) fn resend(&self) -> Option<resend::Callbacks> {
        usable(self.try_resend())
    }

    pub(super) fn ses(&self, sns: Sns) -> Option<ses::Callbacks> {
        usable(self.try_ses(sns))
    }

    fn try_send_grid(&self) -> Result<Option<sendgrid::Callbacks>, InvalidKey> {
        any_of(self.texts(), sendgrid::Callbacks::new, sendgrid::Callbacks::or)
    }

    fn try_mailgun(&self) -> Result<Option<mailgun::Callbacks>, InvalidKey> {
        any_of(self.texts(), mailgun::Callbacks::new, mailgun::Callbacks::or)
    }

    fn try_resend(&self) -> Result<Option<resend::Callbacks>, InvalidKey> {
        any_of(self.texts(), resend::Callbacks::new, resend::Callbacks::or)
    }

    /// Postmark shows a password.
    fn try_postmark(&self) -> Result<Option<postmark::Callbacks>, InvalidKey> {
        let shown = |password: &str| postmark::Callbacks::basic(USER, password);
        any_of(self.texts(), shown, |callbacks, password| Ok(callbacks.or(shown(password)?)))
    }

    /// Certificates are fetched by the guarded client; a topic that delivers raw messages shows a password.
    fn try_ses(&self, sns: Sns) -> Result<Option<ses::Callbacks>, InvalidKey> {
        if self.topics.is_empty() {
            return Ok(None);
        }
        let callbacks = ses::Callbacks::new(self.topics.iter().map(String::as_str))?;
        let callbacks = callbacks.certificates(Arc::new(sns));
        self.texts()
            .try_fold(callbacks, |callbacks, password| callbacks.raw_delivery(USER, password))
            .map(Some)
    }
}

/// What takes any of the keys; none if there are none.
fn any_of<'a, C>(
    mut keys: impl Iterator<Item = &'a str>,
    first: impl FnOnce(&str) -> Result<C, InvalidKey>,
    or: impl Fn(C, &str) -> Result<C, InvalidKey>,
) -> Result<Option<C>, InvalidKey> {
    let Some(key) = keys.next() else { return Ok(None) };
    keys.try_fold(first(key)?, or).map(Some)
}

/// Keys were checked when they were given; what cannot be used all the same refuses callbacks, and nothing else.
fn usable<C>(callbacks: Result<Option<C>, InvalidKey>) -> Option<C> {
    callbacks.unwrap_or_else(|error| {
        tracing::error!(error = &error as &dyn std::error::Error, "a key of callbacks cannot be used");
        None
    })
}
