//! Connections, as clients read them.

use courierx_core::clock::Timestamp;
use courierx_core::id::RecordId;
use serde::Serialize;
use utoipa::ToSchema;

use super::health::{AtPresent, at_present};
use crate::model::provider_connections::{
    Account, ConnectionMode, ConnectionStatus, Details, Limits, ProviderKind, SmtpTarget, SmtpTls,
    Verification,
};
use crate::services::provider_connections::Shown;

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ProviderConnection)]
pub struct Rendered<'a> {
    id: RecordId,
    provider: ProviderKind,
    mode: ConnectionMode,
    status: ConnectionStatus,
    display_name: &'a str,
    weight: u32,
    priority: u32,
    /// What it may be given: `daily_cap` and the others.
    #[serde(flatten)]
    limits: &'a Limits,
    #[serde(flatten)]
    at_present: AtPresent<'a>,
    #[serde(flatten)]
    details: Details<'a>,
    /// As the first version calls the configuration set.
    ses_configuration_set: Option<&'a str>,
    /// The host, and of Mailgun the sending domain, as the first version has it.
    smtp_host: Option<&'a str>,
    smtp_port: Option<u16>,
    tls: Option<SmtpTls>,
    /// The credentials themselves are never shown.
    api_key_present: bool,
    secret_present: bool,
    /// Where the provider is to call back; none if it does not, or if the server does not know how it is reached.
    webhook_url: Option<&'a str>,
    /// Whether there is a key that callbacks are verified by.
    webhook_secret_present: bool,
    /// The SNS topics whose messages are taken.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    #[schema(required = false)]
    sns_topic_arns: &'a [String],
    verification: Option<RenderedVerification<'a>>,
    last_verified_at: Option<Timestamp>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ConnectionVerification)]
struct RenderedVerification<'a> {
    verified: bool,
    status: &'static str,
    /// Whether the account only pretends to deliver.
    sandbox: bool,
    message: String,
    error: Option<&'a str>,
    provider: ProviderKind,
    at: Timestamp,
}

/// A connection.
pub(super) fn render(shown: &Shown) -> Rendered<'_> {
    let connection = &shown.connection;
    let value = &connection.value;
    let (smtp, details) = (value.account.smtp(), value.account.details());
    let has_credentials = value.credentials.is_some();
    // There are all that the kind needs, or none.
    let has_secret = has_credentials && matches!(value.account, Account::Smtp { .. } | Account::AwsSes(_));
    let verification = value.verification.as_ref();
    Rendered {
        id: connection.id,
        provider: value.kind(),
        mode: value.mode,
        status: value.status,
        display_name: &value.display_name,
        weight: value.weight,
        priority: value.priority,
        limits: &value.limits,
        at_present: at_present(shown),
        ses_configuration_set: details.configuration_set,
        smtp_host: smtp.map(|target| target.host.as_str()).or(details.domain),
        details,
        smtp_port: smtp.map(SmtpTarget::effective_port),
        tls: smtp.map(|target| target.tls),
        api_key_present: has_credentials,
        secret_present: has_secret,
        webhook_url: shown.callback_url.as_deref(),
        webhook_secret_present: shown.has_callback_key,
        sns_topic_arns: &value.callbacks.topics,
        verification: verification
            .map(|one| render_verification(one, value.kind(), value.awaits_verification)),
        last_verified_at: value.verified_at,
        created_at: value.created_at,
        updated_at: connection.updated_at,
    }
}

fn render_verification(
    verification: &Verification,
    provider: ProviderKind,
    waits: bool,
) -> RenderedVerification<'_> {
    let Verification { verified, sandbox, message, at } = verification;
    let (status, text) = match (verified, waits) {
        (true, _) => ("verified", message.clone()),
        (false, true) => {
            let next = "it stays inactive until it works: correct it with PATCH, or verify it again";
            ("failed", format!("{message}; {next}"))
        }
        (false, false) => ("failed", format!("{message}; correct it with PATCH, or verify it again")),
    };
    RenderedVerification {
        verified: *verified,
        status,
        sandbox: *sandbox,
        message: text,
        error: (!verified).then_some(message.as_str()),
        provider,
        at: *at,
    }
}
