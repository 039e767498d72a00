//! How a connection's provider is told where to call back, and whether it does.

use courierx_core::clock::Timestamp;
use courierx_core::id::RecordId;
use courierx_core::names;

use super::{Connection, find};
use crate::App;
use crate::callback_setup;
use crate::ctx::{Ctx, Scope};
use crate::error::{ServiceError, ServiceResult};
use crate::model::provider_connections::{Cause, Former, ProviderConnection, ProviderKind};

/// Accounts of before that are remembered.
const MOST_FORMER: usize = 5;

names! {
    /// How it stands with a provider's callbacks.
    WebhookStatus, "not_configured, auto, manual, failed, needs_signing_key, revoked",
    /// Nothing is set up.
    NotConfigured = "not_configured",
    /// This server set it up.
    Auto = "auto",
    /// The tenant sets it up.
    Manual = "manual",
    /// It could not be set up.
    Failed = "failed",
    /// It is set up, and the provider does not tell by what it signs: the tenant has to.
    NeedsSigningKey = "needs_signing_key",
    /// It was set up, and the provider does not let us in any more.
    Revoked = "revoked",
}

/// How a provider calls back.
#[derive(Debug)]
pub struct ShownWebhook {
    /// How it stands.
    pub status: WebhookStatus,
    /// Why it does not work, for people.
    pub error: Option<String>,
    /// When it last called back.
    pub received_at: Option<Timestamp>,
}

pub(super) fn shown(
    app: &App,
    connection: &ProviderConnection,
    has_key: bool,
    received_at: Option<Timestamp>,
) -> Option<ShownWebhook> {
    let (kind, webhook) = (connection.kind(), &connection.webhook);
    if !kind.calls_back() {
        return None;
    }
    // What Amazon's callbacks are known by are its topics.
    let is_known =
        if kind == ProviderKind::AwsSes { !connection.callbacks.topics.is_empty() } else { has_key };
    let registered = webhook.registration.as_ref();
    let tell = |status, error| Some(ShownWebhook { status, error, received_at });
    // Keys that are there though nothing was ever set up here are the tenant's.
    let is_theirs =
        is_known && registered.is_none() && webhook.problem.is_none() && webhook.former.is_empty();
    if !webhook.auto_managed || is_theirs {
        let status = if is_known { WebhookStatus::Manual } else { WebhookStatus::NotConfigured };
        return tell(status, None);
    }
    if let Err(why) = callback_setup::place(app) {
        return tell(WebhookStatus::NotConfigured, Some(format!("[config] {why}")));
    }
    if let Some(problem) = &webhook.problem {
        let is_revoked = registered.is_some() && problem.cause == Cause::Credentials;
        let status = if is_revoked { WebhookStatus::Revoked } else { WebhookStatus::Failed };
        return tell(status, Some(problem.told()));
    }
    match registered {
        None => tell(WebhookStatus::NotConfigured, None),
        Some(_) if !is_known => {
            let why = format!(
                "[config] {kind} does not tell by what it signs: set webhook_secret to its signing key"
            );
            tell(WebhookStatus::NeedsSigningKey, Some(why))
        }
        Some(registered) => {
            let waits = registered.awaits_agreement && received_at.is_none();
            let why = "Amazon SNS asks whether it may call back, and was not answered yet";
            tell(WebhookStatus::Auto, waits.then(|| why.to_owned()))
        }
    }
}

/// Sets up once more that the provider calls back: soon, on its own. Answers what to tell of it.
pub async fn resync(ctx: &Ctx, app: &App, id: RecordId) -> ServiceResult<(Connection, &'static str)> {
    ctx.require(Scope::ProviderConnectionsWrite)?;
    let connection = find(app, ctx.tenant, id).await?;
    let refuse = |message: String| Err(ServiceError::Refused { code: "webhook_not_supported", message });
    let kind = connection.value.kind();
    if !kind.calls_back() {
        return refuse(format!("{kind} does not call back: what becomes of mail is told in its own answers"));
    }
    if !connection.value.webhook.auto_managed {
        let message =
            "webhook_auto_managed is false: set it to true, or set the webhook up at the provider yourself";
        return refuse(message.to_owned());
    }
    if let Err(message) = callback_setup::place(app) {
        return Err(ServiceError::Refused { code: "public_url_missing", message });
    }
    callback_setup::ask(app, ctx.tenant, id).await?;
    Ok((connection, "it is set up now; read the connection again in a moment"))
}

/// Remembers what was set up at the account that a connection had, when it has another now.
pub(super) fn leave(before: &ProviderConnection, connection: &mut ProviderConnection) {
    let Some(registration) = &before.webhook.registration else { return };
    if connection.is_same_way_as(before) {
        return;
    }
    // Whether there is anything at the account that it has now, is found out once that works.
    connection.webhook.registration = None;
    let former = &mut connection.webhook.former;
    former.push(Former {
        account: before.account.clone(),
        mode: before.mode,
        credentials: before.credentials.clone(),
        registration: registration.clone(),
    });
    let more = former.len().saturating_sub(MOST_FORMER);
    former.drain(..more);
}
