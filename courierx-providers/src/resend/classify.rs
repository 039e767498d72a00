//! What Resend's answers mean.

use std::time::Duration;

use courierx_core::message::RecipientField;
use courierx_core::provider::{
    Acceptance, Outcome, OutgoingRecipient, Phase, Refusal, RefusalKind, Uncertainty,
};
use serde::Deserialize;

use super::Resend;
use crate::http::{Answer, Rule, Status, VendorError, blame, refusal, refused};

/// Resend's errors, by their name. A conflict (409) is not among them: it is about an earlier request with the same
/// idempotency key, and makes the outcome unknown.
///
/// <https://resend.com/docs/api-reference/errors>
pub(crate) const RULES: &[Rule] = &[
    Rule::status(401, RefusalKind::Auth),
    Rule::codes(
        &[
            "missing_api_key",
            "restricted_api_key",
            "invalid_api_key",
            "suspended_api_key",
            "invalid_permission",
        ],
        RefusalKind::Auth,
    ),
    Rule::codes(&["not_found", "method_not_allowed"], RefusalKind::Auth),
    // The domain is not verified, or there is none yet and only the account's own address is written to.
    Rule { status: Status::Is(403), codes: &["validation_error"], says: &[], kind: RefusalKind::Sender },
    Rule::codes(&["validation_error", "invalid_parameter"], RefusalKind::Recipient).saying(&[
        "invalid `to`",
        "invalid `cc`",
        "invalid `bcc`",
        "invalid 'to'",
        "invalid 'cc'",
        "invalid 'bcc'",
    ]),
    Rule::codes(
        &[
            "validation_error",
            "missing_required_field",
            "missing_required_parameter",
            "invalid_parameter",
            "invalid_attachment",
            "invalid_from_address",
            "invalid_access",
            "invalid_region",
            "invalid_idempotency_key",
            "security_error",
        ],
        RefusalKind::Content,
    ),
    Rule::codes(&["rate_limit_exceeded"], RefusalKind::Throttled),
    Rule::codes(&["daily_quota_exceeded", "monthly_quota_exceeded", "email_above_quota"], RefusalKind::Quota),
    Rule::codes(
        &["application_error", "internal_server_error", "service_unavailable"],
        RefusalKind::Unavailable,
    ),
];

/// An error as Resend writes it.
#[derive(Deserialize)]
struct Problem {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    message: String,
}

#[derive(Deserialize)]
struct Sent {
    id: String,
}

impl Resend {
    /// What became of one message, handed over for these recipients.
    pub(super) fn outcome(&self, answer: &Answer, recipients: &[OutgoingRecipient]) -> Outcome {
        if answer.status.is_success() {
            // A complete success that cannot be read is one nevertheless.
            let id = answer.json::<Sent>().map(|sent| sent.id);
            return Outcome::Accepted(id.map(Acceptance::with_id).unwrap_or_default());
        }
        self.failure(answer, recipients)
    }

    /// What an answer means that is no success.
    pub(super) fn failure(&self, answer: &Answer, recipients: &[OutgoingRecipient]) -> Outcome {
        let error = error(answer);
        if answer.status.as_u16() == 409 {
            return earlier(error);
        }
        match refused(RULES, answer, error.as_ref(), &[&self.key]) {
            Outcome::Refused(reason) => {
                let text = error.map(|error| error.message).unwrap_or_default();
                accuse(wait(reason, answer), recipients, &text)
            }
            other => other,
        }
    }

    /// What an error in a batch means, which has no name and belongs to one message.
    pub(super) fn item_failure(
        &self,
        answer: &Answer,
        text: &str,
        recipients: &[OutgoingRecipient],
    ) -> Outcome {
        // The same words have this name, or the status of the whole answer, where a message is sent alone.
        let code = Some("validation_error".to_owned());
        let error = VendorError { code, message: text.to_owned() };
        let mut reason = refusal(RULES, answer, &error, &[&self.key]);
        reason.code = None;
        if text.contains("not verified") || text.contains("testing emails") {
            reason.kind = RefusalKind::Sender;
        }
        accuse(reason, recipients, text)
    }

    /// The reason of an answer that is no success, where nothing was to be sent.
    pub(super) fn reason(&self, answer: &Answer) -> Refusal {
        let error = error(answer).unwrap_or_default();
        wait(refusal(RULES, answer, &error, &[&self.key]), answer)
    }
}

/// The vendor's error in an answer that is no success, if it is the vendor's. What stands before Resend writes JSON
/// too, but no names.
pub(super) fn error(answer: &Answer) -> Option<VendorError> {
    let problem = answer.json::<Problem>()?;
    let code = problem.name.filter(|name| !name.is_empty());
    let is_theirs = code.is_some() || !answer.status.is_server_error();
    is_theirs.then_some(VendorError { code, message: problem.message })
}

/// A conflict: an earlier request had the same key, and either is still being handled, or had another payload.
///
/// This request certainly had no effect, and yet nobody can say that the message was not sent: the earlier one may
/// have sent it. It must not go elsewhere as if nothing had happened, nor here under another key.
fn earlier(error: Option<VendorError>) -> Outcome {
    let message = error.map(|error| error.message).filter(|message| !message.is_empty());
    let detail = message.unwrap_or_else(|| "409 Conflict".to_owned());
    let detail = format!("an earlier request has the same idempotency key: {detail}");
    Outcome::Unknown(Uncertainty::new(Phase::Answer, detail))
}

/// Adds how long the limit on requests lasts, where the usual header does not say. Of quotas nothing is told: the
/// headers that there are count what was used.
fn wait(mut reason: Refusal, answer: &Answer) -> Refusal {
    if reason.kind == RefusalKind::Throttled && reason.retry_after.is_none() {
        let seconds = answer.header("ratelimit-reset").and_then(|value| value.trim().parse::<u32>().ok());
        // A window of hours is none of these: it would be a moment, or a mistake.
        reason.retry_after =
            seconds.filter(|&seconds| seconds <= 3600).map(|seconds| Duration::from_secs(seconds.into()));
    }
    reason
}

/// Says whom a refusal is about, by the field that the text names.
fn accuse(reason: Refusal, recipients: &[OutgoingRecipient], text: &str) -> Outcome {
    let lower = text.to_lowercase();
    let names =
        |field: &str| ["`", "'"].iter().any(|quote| lower.contains(&format!("{quote}{field}{quote}")));
    // Somebody stands in To for those who have nobody there.
    let shifted = !recipients.iter().any(|one| one.field == RecipientField::To);
    blame(reason, recipients, text, |one| match one.field {
        _ if shifted => true,
        RecipientField::To => names("to"),
        RecipientField::Cc => names("cc"),
        RecipientField::Bcc => names("bcc"),
    })
}
