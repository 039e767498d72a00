//! Webhook endpoints: where a tenant's application is told what happened.

use courierx_core::clock::Timestamp;
use courierx_core::event::{EventKind, Sequence};
use courierx_core::id::{RecordId, TenantId};
use courierx_core::message::Mode;
use courierx_core::store::Resource;
use courierx_core::vault::{SealContext, Sealed, Vault, VaultError};
use courierx_core::webhook::{SignatureScheme, WebhookEvent, WebhookSecret};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// A tenant's endpoint. Its secrets are sealed; nothing here is one.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct WebhookEndpoint {
    /// Where requests go.
    pub url: String,
    /// What people call it.
    pub description: Option<String>,
    /// What it is told of; of everything if there are none.
    pub events: Vec<WebhookEvent>,
    /// Whether it is told.
    pub is_active: bool,
    /// Of which mail: what is meant to arrive, or tests'.
    pub mode: Mode,
    /// How requests are signed.
    pub scheme: SignatureScheme,
    /// What they are signed with, sealed for this record.
    pub secrets: Sealed,
    /// Until when the secret before the last rotation signs too.
    pub former_until: Option<Timestamp>,
    /// It is told of events after this one: there was none later when it was made.
    pub after: Sequence,
    /// When it was created.
    pub created_at: Timestamp,
}

/// The secrets of an endpoint, the newest first: the second one signs too for a while after a rotation.
#[derive(Debug, Clone)]
pub struct Secrets(pub Vec<WebhookSecret>);

/// Why secrets cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SecretsError {
    /// They cannot be opened.
    #[error("the secrets of a webhook endpoint cannot be opened")]
    Vault(#[from] VaultError),
    /// They are not what was sealed.
    #[error("the secrets of a webhook endpoint cannot be read")]
    Unreadable,
}

impl Secrets {
    /// Seals them for the endpoint of this identifier.
    pub fn seal(&self, vault: &Vault, tenant: TenantId, id: &RecordId) -> Sealed {
        // No secret has a line's end in it.
        let texts: Vec<_> = self.0.iter().map(WebhookSecret::expose).collect();
        let text = Zeroizing::new(texts.join("\n"));
        vault.seal(&WebhookEndpoint::seal_context(tenant, id), text.as_bytes())
    }
}

impl WebhookEndpoint {
    fn seal_context(tenant: TenantId, id: &RecordId) -> SealContext<'_> {
        SealContext { tenant, kind: "webhook_endpoint", record: id.as_bytes() }
    }

    /// What its requests are signed with at this moment.
    pub fn secrets(
        &self,
        vault: &Vault,
        tenant: TenantId,
        id: &RecordId,
        now: Timestamp,
    ) -> Result<Secrets, SecretsError> {
        let bytes = vault.open(&Self::seal_context(tenant, id), &self.secrets)?;
        let text = std::str::from_utf8(&bytes).map_err(|_| SecretsError::Unreadable)?;
        let secrets: Result<Vec<_>, _> = text.split('\n').map(WebhookSecret::new).collect();
        let mut secrets = secrets.map_err(|_| SecretsError::Unreadable)?;
        if self.former_until.is_none_or(|until| until <= now) {
            secrets.truncate(1);
        }
        Ok(Secrets(secrets))
    }

    /// Whether it is told of events of this kind.
    pub fn wants(&self, kind: EventKind) -> bool {
        self.is_active && (self.events.is_empty() || self.events.contains(&WebhookEvent::of(kind)))
    }
}

impl Resource for WebhookEndpoint {
    const KIND: &'static str = "webhook_endpoint";
}
