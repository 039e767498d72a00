//! How a connection does at the moment, as clients read it.

use courierx_core::clock::Timestamp;
use courierx_core::provider::RefusalKind;
use courierx_core::router::{BreakerState, ConnectionHealth, LastError, NotBefore};
use courierx_core::store::Window;
use serde::Serialize;
use utoipa::ToSchema;

use crate::services::provider_connections::{QuotaUse, Shown};

/// Refused domains that are shown: those who have more have another problem.
const MOST_SENDERS: usize = 100;

/// How a connection does at the moment: everything but the quotas as this process knows it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AtPresent<'a> {
    breaker: Option<Breaker>,
    health: Option<Health>,
    in_flight: Option<usize>,
    in_flight_limit: Option<usize>,
    not_before: Option<Rest>,
    refused_senders: Vec<Sender<'a>>,
    quotas: Vec<OneQuota>,
    last_error: Option<Error<'a>>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ConnectionBreaker)]
struct Breaker {
    state: &'static str,
    /// While it is open.
    until: Option<Timestamp>,
    /// Of its messages, the part that it gets.
    share: f64,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ConnectionHealth)]
struct Health {
    success_rate: f64,
    latency_ms: Option<f64>,
    score: Option<f64>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ConnectionRest)]
struct Rest {
    until: Timestamp,
    reason: RefusalKind,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RefusedSender)]
struct Sender<'a> {
    domain: &'a str,
    until: Timestamp,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ConnectionQuota)]
struct OneQuota {
    window: Window,
    cap: u64,
    used: u64,
    left: u64,
    resets_at: Timestamp,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ConnectionError)]
struct Error<'a> {
    at: Timestamp,
    message: &'a str,
}

pub(super) fn at_present(shown: &Shown) -> AtPresent<'_> {
    let known = shown.health.as_ref();
    let senders = known.into_iter().flat_map(|known| &known.refused_senders);
    AtPresent {
        breaker: known.map(|known| breaker(known.breaker)),
        health: known.map(|known| health(known, shown.score)),
        in_flight: known.map(|known| known.in_flight),
        in_flight_limit: known.map(|known| known.in_flight_limit),
        not_before: known
            .and_then(|known| known.not_before)
            .map(|NotBefore { until, kind }| Rest { until, reason: kind }),
        refused_senders: senders
            .take(MOST_SENDERS)
            .map(|(domain, until)| Sender { domain, until: *until })
            .collect(),
        quotas: shown.quotas.iter().map(quota).collect(),
        last_error: known
            .and_then(|known| known.last_error.as_ref())
            .map(|LastError { at, text }| Error { at: *at, message: text }),
    }
}

fn breaker(state: BreakerState) -> Breaker {
    let (until, share) = match state {
        BreakerState::Closed => (None, 1.0),
        BreakerState::SlowStart { share } => (None, share),
        BreakerState::Open { until } => (Some(until), 0.0),
        BreakerState::HalfOpen => (None, 0.0),
    };
    Breaker { state: state.as_str(), until, share }
}

fn health(known: &ConnectionHealth, score: Option<f64>) -> Health {
    let latency_ms = known.latency.map(|latency| round(latency.as_secs_f64() * 1000.0, 10.0));
    Health {
        success_rate: round(known.success_rate, 1e4),
        latency_ms,
        score: score.map(|one| round(one, 1e4)),
    }
}

/// Not more digits than it means anything for.
fn round(number: f64, steps: f64) -> f64 {
    (number * steps).round() / steps
}

fn quota(quota: &QuotaUse) -> OneQuota {
    let QuotaUse { window, cap, used, resets_at } = *quota;
    OneQuota { window, cap, used, left: cap.saturating_sub(used), resets_at }
}
