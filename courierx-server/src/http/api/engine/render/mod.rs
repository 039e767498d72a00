//! What the engine answers.

mod batch;

use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use courierx_core::id::MessageId;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::openapi::{Answers, Operation};
use crate::model::provider_connections::ProviderKind;
use crate::services::engine::{Attempt, PassedOver, RecipientReport, Report, Verdict, Verification};

pub(super) use batch::{RenderedBatch, batch};

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = EngineReport)]
struct Rendered<'a> {
    success: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// As the first version called the kinds of failures.
    #[serde(skip_serializing_if = "Option::is_none")]
    classification: Option<&'static str>,
    #[serde(skip_serializing_if = "is_false")]
    unknown: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_id: Option<String>,
    /// The identifier that the message has in its own header.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<MessageId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    provider: Option<ProviderKind>,
    #[serde(skip_serializing_if = "Option::is_none")]
    connection_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email_id: Option<&'a str>,
    #[serde(skip_serializing_if = "is_false")]
    idempotent: bool,
    duration_ms: u64,
    attempts: Vec<RenderedAttempt<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    skipped: Vec<RenderedSkip<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    recipients: Vec<RenderedRecipient<'a>>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    suppressed: &'a [String],
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = EngineAttempt)]
struct RenderedAttempt<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    provider: Option<ProviderKind>,
    #[serde(skip_serializing_if = "Option::is_none")]
    connection_id: Option<&'a str>,
    recipients: usize,
    outcome: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_id: Option<&'a str>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = EngineSkip)]
struct RenderedSkip<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    provider: Option<ProviderKind>,
    #[serde(skip_serializing_if = "Option::is_none")]
    connection_id: Option<&'a str>,
    reason: &'a str,
}

#[derive(Serialize, ToSchema)]
#[schema(as = EngineRecipientReport)]
struct RenderedRecipient<'a> {
    email: &'a str,
    outcome: &'a str,
    reason: &'a str,
    detail: &'a str,
}

/// Whether an account works.
#[derive(Serialize, ToSchema)]
#[schema(as = EngineVerification)]
pub struct RenderedVerification<'a> {
    verified: bool,
    provider: Option<&'a str>,
    error: Option<&'a str>,
    message: &'a str,
    sandbox: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_false(value: &bool) -> bool {
    !*value
}

/// The status of an answer, which says whether the message may be sent again.
fn status(verdict: Verdict) -> StatusCode {
    match verdict {
        Verdict::Sent => StatusCode::OK,
        Verdict::PartlySent => StatusCode::MULTI_STATUS,
        // What a 202 tells is that it may or may not happen, and nobody repeats a request because of it.
        Verdict::UnknownOutcome => StatusCode::ACCEPTED,
        Verdict::RecipientRefused | Verdict::Suppressed | Verdict::ProviderRefused => {
            StatusCode::UNPROCESSABLE_ENTITY
        }
        Verdict::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        Verdict::ProvidersFailed => StatusCode::BAD_GATEWAY,
        Verdict::NoProviderAvailable => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// What the first version called it; none for what it did not know.
fn classification(verdict: Verdict) -> Option<&'static str> {
    match verdict {
        Verdict::Sent | Verdict::PartlySent | Verdict::UnknownOutcome => None,
        Verdict::RecipientRefused | Verdict::Suppressed => Some("recipient_permanent"),
        Verdict::ProviderRefused => Some("provider_permanent"),
        Verdict::RateLimited => Some("rate_limit"),
        Verdict::ProvidersFailed | Verdict::NoProviderAvailable => Some("transient"),
    }
}

/// What became of a message, with the status of its verdict.
#[derive(Debug)]
pub struct Reported(Response);

impl IntoResponse for Reported {
    fn into_response(self) -> Response {
        self.0
    }
}

impl Answers for Reported {
    fn tell(operation: &mut Operation) {
        let schema = operation.schema::<Rendered<'_>>();
        for verdict in Verdict::ALL {
            let description = "What became of the message";
            let content = Some(("application/json", schema.clone()));
            operation.answer(status(*verdict).as_u16(), description, content);
        }
        // Of errors, too, whose statuses a verdict has.
        operation.errors([422, 429, 503]);
    }
}

/// The answer to one message.
pub(super) fn report(report: &Report, email_id: Option<&str>) -> Reported {
    let mut response = (status(report.verdict), axum::Json(render(report, email_id))).into_response();
    let again = matches!(
        report.verdict,
        Verdict::RateLimited | Verdict::ProvidersFailed | Verdict::NoProviderAvailable
    );
    if let Some(wait) = report.retry_after.filter(|_| again) {
        // Never earlier than they want.
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)));
    }
    Reported(response)
}

fn render<'a>(report: &'a Report, email_id: Option<&'a str>) -> Rendered<'a> {
    let success = report.verdict == Verdict::Sent;
    let own = || report.message.filter(|_| success).map(|id| id.to_string());
    Rendered {
        success,
        code: (!success).then(|| report.verdict.as_str()),
        error: (!success).then(|| report.tell()),
        classification: classification(report.verdict),
        unknown: report.verdict == Verdict::UnknownOutcome,
        message_id: report.provider_message_id.clone().or_else(own),
        id: report.message,
        provider: report.provider,
        connection_id: report.connection_id.as_deref(),
        email_id,
        idempotent: report.repeated,
        duration_ms: millis(report.took),
        attempts: report.attempts.iter().map(render_attempt).collect(),
        skipped: report.skipped.iter().map(render_skip).collect(),
        recipients: report.not_sent.iter().map(render_recipient).collect(),
        suppressed: &report.suppressed,
    }
}

fn render_attempt(attempt: &Attempt) -> RenderedAttempt<'_> {
    RenderedAttempt {
        provider: attempt.provider,
        connection_id: attempt.connection_id.as_deref(),
        recipients: attempt.recipients,
        outcome: &attempt.outcome,
        reason: attempt.reason.as_deref(),
        detail: attempt.detail.as_deref(),
        status: attempt.status,
        code: attempt.code.as_deref(),
        message_id: attempt.message_id.as_deref(),
    }
}

fn render_skip(skip: &PassedOver) -> RenderedSkip<'_> {
    RenderedSkip {
        provider: skip.provider,
        connection_id: skip.connection_id.as_deref(),
        reason: &skip.reason,
    }
}

fn render_recipient(recipient: &RecipientReport) -> RenderedRecipient<'_> {
    let RecipientReport { email, outcome, reason, detail } = recipient;
    RenderedRecipient { email, outcome, reason, detail }
}

/// Whether an account works.
pub(super) fn verification<'a>(
    verification: &'a Verification,
    provider: Option<&'a str>,
) -> RenderedVerification<'a> {
    let Verification { verified, sandbox, message } = verification;
    let error = (!verified).then_some(message.as_str());
    RenderedVerification { verified: *verified, provider, error, message, sandbox: *sandbox }
}

fn millis(took: Duration) -> u64 {
    u64::try_from(took.as_millis()).unwrap_or(u64::MAX)
}
