//! `/api/v1/routing_rules`.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use courierx_core::clock::Timestamp;
use courierx_core::id::RecordId;
use courierx_core::message::Lane;
use courierx_core::router::Strategy;
use serde::Serialize;
use utoipa::ToSchema;

use crate::App;
use crate::ctx::Ctx;
use crate::http::{Answer, ApiResult, Created, Id, Input, Json, New, NoContent, Page, Paged, Pages, Params};
use crate::model::provider_connections::{ConnectionStatus, ProviderConnection, ProviderKind};
use crate::model::routing_rules::RuleConnection;
use crate::services::pages::Total;
use crate::services::provider_connections::Connection;
use crate::services::routing_rules::{self, RuleInput, RuleView};

impl Input for RuleInput {
    const NEEDED: &'static [&'static str] = &["name", "strategy"];
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RoutingRule)]
pub struct Rendered<'a> {
    id: RecordId,
    name: &'a str,
    strategy: Strategy,
    is_default: bool,
    is_active: bool,
    position: u32,
    match_from_domain: OneOrMany<'a, String>,
    match_recipient_domain: OneOrMany<'a, String>,
    match_tag: OneOrMany<'a, String>,
    match_lane: OneOrMany<'a, Lane>,
    match_metadata: Option<BTreeMap<&'a str, &'a str>>,
    connections: Vec<Part<'a>>,
    connection_count: usize,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// The values of a condition: a single one as the first version shows it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
enum OneOrMany<'a, T> {
    None,
    One(&'a T),
    Many(&'a [T]),
}

impl<'a, T> From<&'a Vec<T>> for OneOrMany<'a, T> {
    fn from(values: &'a Vec<T>) -> Self {
        match &**values {
            [] => Self::None,
            [one] => Self::One(one),
            many => Self::Many(many),
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RoutingRulePart)]
pub struct Part<'a> {
    routing_rule_provider_id: RecordId,
    provider_connection_id: RecordId,
    provider: Option<ProviderKind>,
    display_name: Option<&'a str>,
    priority: Option<u32>,
    weight: Option<u32>,
    failover_only: bool,
    status: Option<ConnectionStatus>,
}

fn render(RuleView { rule, connections }: &RuleView) -> Rendered<'_> {
    let (value, conditions) = (&rule.value, &rule.value.conditions);
    let metadata = || conditions.metadata.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    Rendered {
        id: rule.id,
        name: &value.name,
        strategy: value.strategy,
        is_default: value.is_default,
        is_active: value.is_active,
        position: value.position,
        match_from_domain: (&conditions.from_domains).into(),
        match_recipient_domain: (&conditions.recipient_domains).into(),
        match_tag: (&conditions.tags).into(),
        match_lane: (&conditions.lanes).into(),
        match_metadata: (!conditions.metadata.is_empty()).then(metadata),
        connections: value.connections.iter().map(|one| part(one, connections)).collect(),
        connection_count: value.connections.len(),
        created_at: value.created_at,
        updated_at: rule.updated_at,
    }
}

fn part<'a>(part: &RuleConnection, connections: &'a [Connection]) -> Part<'a> {
    let connection = connections.iter().find(|one| one.id == part.connection).map(|one| &one.value);
    Part {
        routing_rule_provider_id: part.id,
        provider_connection_id: part.connection,
        provider: connection.map(ProviderConnection::kind),
        display_name: connection.map(|one| one.display_name.as_str()),
        priority: part.priority,
        weight: part.weight,
        failover_only: part.failover_only,
        status: connection.map(|one| one.status),
    }
}

/// `GET /api/v1/routing_rules`
pub async fn list(
    State(app): State<Arc<App>>,
    ctx: Ctx,
    mut params: Params<Pages>,
) -> ApiResult<Page<Rendered<'static>>> {
    let paging = params.paging();
    params.finish()?;
    let skip = paging.skip()?;
    let rules = routing_rules::list(&ctx, &app).await?;
    let total = Total { count: rules.len() as u64, exact: true };
    let items = rules.iter().skip(skip).take(paging.per_page() as usize).map(render).collect();
    Ok(Paged { items, total, paging }.answer())
}

/// `GET /api/v1/routing_rules/{id}`
pub async fn get(
    State(app): State<Arc<App>>,
    ctx: Ctx,
    Id(id): Id<RecordId>,
) -> ApiResult<Answer<Rendered<'static>>> {
    let rule = routing_rules::get(&ctx, &app, id).await?;
    Ok(Answer::of(&render(&rule)))
}

/// `POST /api/v1/routing_rules`
pub async fn create(
    State(app): State<Arc<App>>,
    ctx: Ctx,
    New(input): New<RuleInput>,
) -> ApiResult<Created<Rendered<'static>>> {
    let rule = routing_rules::create(&ctx, &app, &input).await?;
    Ok(Created::of(&render(&rule)))
}

/// `PATCH /api/v1/routing_rules/{id}`
pub async fn update(
    State(app): State<Arc<App>>,
    ctx: Ctx,
    Id(id): Id<RecordId>,
    Json(input): Json<RuleInput>,
) -> ApiResult<Answer<Rendered<'static>>> {
    let rule = routing_rules::update(&ctx, &app, id, &input).await?;
    Ok(Answer::of(&render(&rule)))
}

/// `DELETE /api/v1/routing_rules/{id}`
pub async fn delete(State(app): State<Arc<App>>, ctx: Ctx, Id(id): Id<RecordId>) -> ApiResult<NoContent> {
    routing_rules::delete(&ctx, &app, id).await?;
    Ok(NoContent)
}
