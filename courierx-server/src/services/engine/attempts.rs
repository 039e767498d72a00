//! The hand-overs of a message, and the connections that were passed over.

use courierx_core::engine::Tried;
use courierx_core::provider::{Outcome, RecipientOutcome};
use courierx_core::router::{ConnectionId, Skipped};
use serde::{Deserialize, Serialize};

use super::providers::Way;
use crate::model::provider_connections::ProviderKind;

/// A hand-over.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Attempt {
    /// The kind of provider.
    pub provider: Option<ProviderKind>,
    /// The connection, as the client calls it.
    pub connection_id: Option<String>,
    /// For how many recipients.
    pub recipients: usize,
    /// `accepted`, `refused`, `unknown` or `mixed`.
    pub outcome: String,
    /// The kind of refusal, or how far it came.
    pub reason: Option<String>,
    /// What the provider said.
    pub detail: Option<String>,
    /// The HTTP status or SMTP reply code.
    pub status: Option<u16>,
    /// The vendor's own code.
    pub code: Option<String>,
    /// The identifier that the provider gave.
    pub message_id: Option<String>,
}

/// A connection that was passed over, and why.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PassedOver {
    /// The kind of provider.
    pub provider: Option<ProviderKind>,
    /// The connection, as the client calls it.
    pub connection_id: Option<String>,
    /// Why.
    pub reason: String,
}

/// The last reason against each connection that was never tried.
pub(super) fn passed_over<'a>(skipped: &'a [Skipped], tried: &[Tried]) -> Vec<&'a Skipped> {
    let mut last: Vec<&Skipped> = Vec::new();
    for one in skipped.iter().filter(|one| tried.iter().all(|tried| tried.connection != one.connection)) {
        last.retain(|earlier| earlier.connection != one.connection);
        last.push(one);
    }
    last
}

/// A connection that was passed over, as the client knows it.
pub(super) fn describe(skipped: &Skipped, way: &Way) -> PassedOver {
    let (provider, connection_id) = name(way, &skipped.connection);
    PassedOver { provider, connection_id, reason: skipped.reason.to_string() }
}

fn name(way: &Way, connection: &ConnectionId) -> (Option<ProviderKind>, Option<String>) {
    way.name(connection).map_or((None, None), |name| (Some(name.kind), name.id.clone()))
}

/// A hand-over, as the client knows it.
pub(super) fn attempt(tried: &Tried, way: &Way) -> Attempt {
    let Tried { connection, recipients, outcome } = tried;
    let (provider, connection_id) = name(way, connection);
    let each: Vec<_> = (0..recipients.len()).map(|position| outcome.of(position)).collect();
    let accepted = each.iter().find_map(|one| match one {
        RecipientOutcome::Accepted(acceptance) => Some(acceptance),
        _ => None,
    });
    let mut attempt = Attempt {
        provider,
        connection_id,
        recipients: recipients.len(),
        outcome: called(outcome).to_owned(),
        reason: None,
        detail: None,
        status: None,
        code: None,
        message_id: accepted.and_then(|acceptance| acceptance.provider_message_id().map(str::to_owned)),
    };
    // Of several that fared differently the first that was not accepted, unknown ones before refused ones.
    let unknown = each.iter().find(|one| matches!(one, RecipientOutcome::Unknown(_)));
    let refused = || each.iter().find(|one| matches!(one, RecipientOutcome::Refused(_)));
    match unknown.or_else(refused) {
        Some(RecipientOutcome::Unknown(unknown)) => {
            attempt.reason = Some(unknown.phase.to_string());
            attempt.detail = Some(unknown.detail.clone());
        }
        Some(RecipientOutcome::Refused(refusal)) => {
            attempt.reason = Some(refusal.kind.to_string());
            attempt.detail = Some(refusal.detail.clone());
            attempt.status = refusal.status;
            attempt.code.clone_from(&refusal.code);
        }
        Some(RecipientOutcome::Accepted(_)) | None => {}
    }
    attempt
}

fn called(outcome: &Outcome) -> &'static str {
    match outcome {
        _ if outcome.is_accepted() => "accepted",
        Outcome::Accepted(_) => "accepted",
        Outcome::Refused(_) => "refused",
        Outcome::Unknown(_) => "unknown",
        Outcome::Mixed(_) => "mixed",
    }
}
