//! `/api/v1/routing`: where a message would go.

use std::sync::Arc;

use axum::extract::State;
use courierx_core::clock::Timestamp;
use courierx_core::id::RecordId;
use courierx_core::message::Mode;
use courierx_core::router::{
    BreakerState, ConnectionHealth, ConnectionId, Considered, Decision, NotBefore, Strategy,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::emails::{RenderedSkip, SendEmail, as_the_client_calls_it, skip};
use crate::App;
use crate::ctx::Ctx;
use crate::delivery::Named;
use crate::error::{ServiceError, ServiceResult};
use crate::http::{Answer, ApiResult, New};
use crate::services::routing::{self, ExplainedRoute};

/// What would be done with a message.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RouteExplanation)]
pub struct RenderedRoute<'a> {
    mode: Mode,
    rule: Option<RenderedRule<'a>>,
    strategy: Strategy,
    tiers: Vec<Vec<Candidate<'a>>>,
    decision: RenderedDecision<'a>,
    /// Whom it is not sent to, because they are on the suppression list.
    /// None if the caller may not know.
    suppressed: Option<Vec<&'a str>>,
    /// Why it would not be accepted at all.
    refused: Option<Refused>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ExplainedRule)]
pub struct RenderedRule<'a> {
    id: RecordId,
    name: &'a str,
    is_default: bool,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RouteCandidate)]
pub struct Candidate<'a> {
    #[serde(flatten)]
    connection: RenderedConnection,
    priority: Option<u32>,
    weight: u32,
    breaker: Breaker,
    health: Health,
    score: f64,
    skipped: Option<RenderedSkip<'a>>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = NamedConnection)]
pub struct RenderedConnection {
    provider_connection_id: String,
    provider: Option<String>,
    display_name: Option<String>,
}

/// A connection, which need not be there.
#[derive(ToSchema)]
#[schema(as = MaybeConnection)]
#[expect(dead_code, reason = "the schema of a connection or nothing")]
struct Nowhere {
    provider_connection_id: Option<String>,
    provider: Option<String>,
    display_name: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RouteBreaker)]
pub struct Breaker {
    state: &'static str,
    until: Option<Timestamp>,
    /// The share of its messages that it gets, while it comes back.
    share: Option<f64>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RouteHealth)]
pub struct Health {
    success_rate: f64,
    latency_ms: Option<u64>,
    in_flight: usize,
    in_flight_limit: usize,
    not_before: Option<NotBefore>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RouteDecision)]
pub struct RenderedDecision<'a> {
    action: &'static str,
    #[serde(flatten)]
    #[schema(value_type = Nowhere)]
    connection: Option<RenderedConnection>,
    /// Who is sent to first, or waits.
    recipients: Vec<&'a str>,
    /// Whether it goes to a failing connection ahead of its time.
    ahead: bool,
    until: Option<Timestamp>,
    given_up: Vec<&'a str>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RouteRefusal)]
pub struct Refused {
    code: &'static str,
    message: String,
}

/// What would be done with a message, as it is answered.
fn render(route: &ExplainedRoute) -> RenderedRoute<'_> {
    let outlook = &route.outlook;
    let explanation = &outlook.explanation;
    let rule = route.rule.as_ref();
    RenderedRoute {
        mode: route.email.mode(),
        rule: rule.map(|one| RenderedRule {
            id: one.id,
            name: &one.value.name,
            is_default: one.value.is_default,
        }),
        strategy: explanation.strategy,
        tiers: explanation
            .tiers
            .iter()
            .map(|tier| tier.iter().map(|one| candidate(route, one)).collect())
            .collect(),
        decision: decision(route),
        suppressed: route.tells_suppressed.then(|| route.addresses(&outlook.suppressed)),
        refused: route.refusal.as_ref().map(refused),
    }
}

fn connection(route: &ExplainedRoute, id: &ConnectionId) -> RenderedConnection {
    let Named { id, provider, display_name } = route.name(id);
    RenderedConnection { provider_connection_id: id.as_str().to_owned(), provider, display_name }
}

fn candidate<'a>(route: &ExplainedRoute, one: &'a Considered) -> Candidate<'a> {
    let ConnectionHealth { breaker, success_rate, latency, in_flight, in_flight_limit, not_before, .. } =
        &one.health;
    let latency_ms = latency.map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
    Candidate {
        connection: connection(route, &one.connection),
        priority: route.priority(&one.connection),
        weight: one.weight,
        breaker: Breaker {
            state: breaker.as_str(),
            until: match breaker {
                BreakerState::Open { until } => Some(*until),
                _ => None,
            },
            share: match breaker {
                BreakerState::SlowStart { share } => Some(*share),
                _ => None,
            },
        },
        health: Health {
            success_rate: *success_rate,
            latency_ms,
            in_flight: *in_flight,
            in_flight_limit: *in_flight_limit,
            not_before: *not_before,
        },
        score: one.score,
        skipped: one.objection.as_ref().map(skip),
    }
}

fn decision(route: &ExplainedRoute) -> RenderedDecision<'_> {
    let mut rendered = RenderedDecision {
        action: "send",
        connection: None,
        recipients: Vec::new(),
        ahead: false,
        until: route.outlook.next,
        given_up: Vec::new(),
    };
    match &route.outlook.explanation.decision {
        Decision::Send { connection: id, recipients, ahead, .. } => {
            rendered.connection = Some(connection(route, id));
            rendered.recipients = route.addresses(recipients);
            rendered.ahead = *ahead;
        }
        Decision::Rest { scheduled, waiting, given_up, .. } => {
            let waits = waiting.iter().flat_map(|(_, recipients)| recipients).chain(scheduled);
            let given_up: Vec<u32> = given_up.iter().map(|one| one.recipient).collect();
            rendered.recipients = route.addresses(&waits.copied().collect::<Vec<_>>());
            rendered.given_up = route.addresses(&given_up);
            rendered.action = if !rendered.recipients.is_empty() {
                "wait"
            } else if given_up.is_empty() {
                "suppress"
            } else {
                "fail"
            };
        }
    }
    rendered
}

fn refused(error: &ServiceError) -> Refused {
    let code = match error {
        ServiceError::Refused { code, .. } => code,
        _ => "forbidden",
    };
    Refused { code, message: error.to_string() }
}

/// `POST /api/v1/routing/explain`
pub async fn explain(
    State(app): State<Arc<App>>,
    ctx: Ctx,
    New(input): New<SendEmail>,
) -> ApiResult<Answer<RenderedRoute<'static>>> {
    Ok(Answer::like(&explained(&ctx, &app, input).await?))
}

/// What is answered to this question.
pub(crate) async fn explained(ctx: &Ctx, app: &App, input: SendEmail) -> ServiceResult<serde_json::Value> {
    let email = input.or_stand_ins().into_draft(None)?.outline(app.now())?;
    let route = Box::pin(routing::explain(ctx, app, email)).await.map_err(as_the_client_calls_it)?;
    Ok(serde_json::to_value(render(&route))?)
}
