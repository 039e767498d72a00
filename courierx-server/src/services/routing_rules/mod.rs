//! Routing rules: which connections a tenant's messages may take, and how these share the work.

mod check;
mod input;

use std::sync::Arc;

use courierx_core::id::{RecordId, TenantId};
use courierx_core::router::{Conditions, Strategy};
use courierx_core::store::{Change, ConfigsExt, PageRequest, Versioned};

pub use input::{PartInput, RuleInput, Texts};

use check::Applied;

use crate::App;
use crate::ctx::{Ctx, Scope};
use crate::error::{ServiceError, ServiceResult};
use crate::model::provider_connections::ProviderConnection;
use crate::model::routing_rules::RoutingRule;
use crate::services::audit_log::Author;
use crate::services::count::{self, Count};
use crate::services::provider_connections::Connection;

/// Most rules of one tenant.
const MAX_RULES: usize = 100;
/// How often a change is made again that somebody else's came in between.
const TRIES: usize = 3;

/// A rule, as it is kept.
pub type RoutingRuleRecord = Versioned<RoutingRule>;

/// A rule, and the connections that it names.
#[derive(Debug)]
pub struct RuleView {
    /// The rule.
    pub rule: RoutingRuleRecord,
    /// Those that it names, and perhaps others.
    pub connections: Arc<[Connection]>,
}

/// Every rule of the tenant, in the order in which they are looked at: the default one last.
pub async fn list(ctx: &Ctx, app: &App) -> ServiceResult<Vec<RuleView>> {
    ctx.require(Scope::RoutingRulesRead)?;
    let rules = all(app, ctx.tenant).await?;
    let connections: Arc<[_]> = connections(app, ctx.tenant).await?.into();
    let view = |rule| RuleView { rule, connections: Arc::clone(&connections) };
    Ok(rules.into_iter().map(view).collect())
}

/// One rule.
pub async fn get(ctx: &Ctx, app: &App, id: RecordId) -> ServiceResult<RuleView> {
    ctx.require(Scope::RoutingRulesRead)?;
    view(app, ctx.tenant, id).await
}

/// Makes a rule. The next message goes by it.
pub async fn create(ctx: &Ctx, app: &App, input: &RuleInput) -> ServiceResult<RuleView> {
    ctx.require(Scope::RoutingRulesWrite)?;
    let id = RecordId::new();
    for _ in 0..count::TRIES {
        let count = Count::begin(app, ctx.tenant).await?;
        let all = all(app, ctx.tenant).await?;
        let room = count.at_most(MAX_RULES, "routing rules", all.len())?;
        let rule = made(ctx, app, id, &all, input.clone()).await?;
        match room.commit(app, &Author::of(ctx), vec![Change::create(ctx.tenant, id, &rule)?]).await {
            Err(ServiceError::Conflict(_)) => {}
            Err(error) => return Err(error),
            Ok(()) => return view(app, ctx.tenant, id).await,
        }
    }
    Err(count::changed_meanwhile())
}

/// The rule that the client wants, beside those that there are.
async fn made(
    ctx: &Ctx,
    app: &App,
    id: RecordId,
    all: &[RoutingRuleRecord],
    input: RuleInput,
) -> ServiceResult<RoutingRule> {
    let connections = connections(app, ctx.tenant).await?;
    let last = all.iter().map(|one| one.value.position).max().unwrap_or(0);
    let mut rule = RoutingRule {
        name: String::new(),
        strategy: Strategy::default(),
        is_default: false,
        is_active: true,
        position: last.saturating_add(1),
        conditions: Conditions::any(),
        connections: Vec::new(),
        created_at: app.now(),
    };
    let mut applied = Applied { id, all, connections: &connections, wrong: Vec::new() };
    if input.strategy.is_none() {
        let text = "can't be blank; it is one of priority, weighted, round_robin, failover_only";
        applied.is_wrong("strategy", text);
    }
    applied.apply(input, &mut rule);
    if !applied.wrong.is_empty() {
        return Err(ServiceError::Invalid(applied.wrong));
    }
    Ok(rule)
}

/// Changes a rule. The next message goes by it.
pub async fn update(ctx: &Ctx, app: &App, id: RecordId, input: &RuleInput) -> ServiceResult<RuleView> {
    ctx.require(Scope::RoutingRulesWrite)?;
    for _ in 0..TRIES {
        let all = all(app, ctx.tenant).await?;
        let current = all.iter().find(|one| one.id == id).ok_or(ServiceError::NotFound)?;
        let connections = connections(app, ctx.tenant).await?;
        let mut rule = current.value.clone();
        let mut applied = Applied { id, all: &all, connections: &connections, wrong: Vec::new() };
        applied.apply(input.clone(), &mut rule);
        if !applied.wrong.is_empty() {
            return Err(ServiceError::Invalid(applied.wrong));
        }
        let change = Change::update(ctx.tenant, id, current.version, &rule)?;
        match app.commit_by(ctx, ctx.tenant, vec![change]).await {
            Err(ServiceError::Conflict(_)) => {}
            Err(error) => return Err(error),
            Ok(()) => return view(app, ctx.tenant, id).await,
        }
    }
    Err(ServiceError::Conflict("it was changed by somebody else meanwhile; read it again".to_owned()))
}

/// Removes a rule. What it was for goes by the next one that fits.
pub async fn delete(ctx: &Ctx, app: &App, id: RecordId) -> ServiceResult<()> {
    ctx.require(Scope::RoutingRulesWrite)?;
    find(app, ctx.tenant, id).await?;
    app.commit_by(ctx, ctx.tenant, vec![Change::delete::<RoutingRule>(id)]).await
}

/// Refuses to remove a connection that rules name: without it, one that names no other would let its messages go
/// anywhere.
pub(super) async fn let_go(app: &App, tenant: TenantId, connection: RecordId) -> ServiceResult<()> {
    let is_in =
        |rule: &RoutingRuleRecord| rule.value.connections.iter().any(|one| one.connection == connection);
    let rules = all(app, tenant).await?;
    let named: Vec<_> =
        rules.iter().filter(|rule| is_in(rule)).map(|rule| rule.value.name.as_str()).collect();
    if named.is_empty() {
        return Ok(());
    }
    Err(ServiceError::Conflict(format!(
        "routing rules name it: {}. Take it out of their connections or delete them first; to stop using it at once, \
         set its status to inactive",
        named.join(", ")
    )))
}

pub(super) async fn all(app: &App, tenant: TenantId) -> ServiceResult<Vec<RoutingRuleRecord>> {
    let page = PageRequest::first(PageRequest::MAX);
    let mut all = app.store.list_of::<RoutingRule>(tenant, None, &page).await?.items;
    all.sort_by_key(|one| (one.value.order(), one.id));
    Ok(all)
}

async fn connections(app: &App, tenant: TenantId) -> ServiceResult<Vec<Connection>> {
    let page = PageRequest::first(PageRequest::MAX);
    Ok(app.store.list_of::<ProviderConnection>(tenant, None, &page).await?.items)
}

async fn find(app: &App, tenant: TenantId, id: RecordId) -> ServiceResult<RoutingRuleRecord> {
    app.store.get::<RoutingRule>(tenant, id).await?.ok_or(ServiceError::NotFound)
}

async fn view(app: &App, tenant: TenantId, id: RecordId) -> ServiceResult<RuleView> {
    let rule = find(app, tenant, id).await?;
    Ok(RuleView { rule, connections: connections(app, tenant).await?.into() })
}
