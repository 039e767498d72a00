//! How a provider calls back, as clients read it.

use courierx_core::clock::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::services::provider_connections::{Shown, ShownWebhook, WebhookStatus};

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ConnectionWebhook)]
pub(super) struct RenderedWebhook<'a> {
    status: WebhookStatus,
    /// Whether this server sets it up.
    auto_managed: bool,
    /// Where the provider is to call back.
    url: Option<&'a str>,
    /// What the provider calls what is set up there.
    external_id: Option<&'a str>,
    /// Why it does not work, with `[config]` or `[credentials]` before it where somebody has to do something.
    last_error: Option<&'a str>,
    /// When it was last found or made to be as it should be.
    last_synced_at: Option<Timestamp>,
    /// Whether there is a key that callbacks are verified by.
    secret_present: bool,
    supports_auto: bool,
    /// When the provider last called back and proved to be it, to a minute.
    last_received_at: Option<Timestamp>,
    /// Whether it ever did.
    proven: bool,
    /// Whether it was asked to be set up, in the answer to that.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    queued: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    message: Option<&'static str>,
}

impl<'a> RenderedWebhook<'a> {
    pub(super) fn of(shown: &'a Shown, webhook: &'a ShownWebhook) -> Self {
        let kept = &shown.connection.value.webhook;
        Self {
            status: webhook.status,
            auto_managed: kept.auto_managed,
            url: shown.callback_url.as_deref(),
            external_id: kept.registration.as_ref().map(|one| one.id.as_str()),
            last_error: webhook.error.as_deref(),
            last_synced_at: kept.synced_at,
            secret_present: shown.has_callback_key,
            supports_auto: true,
            last_received_at: webhook.received_at,
            proven: webhook.received_at.is_some(),
            queued: None,
            message: None,
        }
    }

    pub(super) fn queued(&mut self, message: &'static str) {
        (self.queued, self.message) = (Some(true), Some(message));
    }
}
