//! What the plan of a tenant lets it do.

use courierx_core::clock::Timestamp;
use courierx_core::id::TenantId;
use courierx_core::message::Mode;
use courierx_core::store::{Allowance, CounterQuery, Resolution, Statistic};

use crate::App;
use crate::ctx::{Ctx, Scope};
use crate::error::{ServiceError, ServiceResult};
use crate::model::plans::{Account, Feature, Limit};

/// How much of an allowance is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Use {
    /// In which period.
    pub each: Resolution,
    /// How much there is; any number if none.
    pub limit: Option<u64>,
    /// How much is used.
    pub used: u64,
    /// When the next period begins.
    pub resets_at: Timestamp,
}

/// What the tenant may do, and how much mail it had accepted.
pub async fn show(ctx: &Ctx, app: &App) -> ServiceResult<(Account, Vec<Use>)> {
    ctx.require(Scope::AnalyticsRead)?;
    let account = app.directory.account(ctx.tenant).await?.ok_or(ServiceError::NotFound)?;
    let used = used(app, ctx.tenant, &account).await?;
    Ok(((*account).clone(), used))
}

/// What may be accepted of this request's mail: mail for tests is not counted.
pub(super) fn allowances(ctx: &Ctx, account: &Account) -> Vec<Allowance> {
    if ctx.mode == Mode::Test { Vec::new() } else { account.allowances() }
}

/// Refuses what the plan does not include.
pub(super) fn require(account: &Account, feature: Feature) -> ServiceResult<()> {
    if account.may(feature) {
        return Ok(());
    }
    Err(ServiceError::PlanLimit(format!("the plan {} does not include {feature}", account.plan.name)))
}

/// How much mail a tenant had accepted in this day and this month.
pub(super) async fn used(app: &App, tenant: TenantId, account: &Account) -> ServiceResult<Vec<Use>> {
    let now = app.now();
    let mut all = Vec::new();
    for (each, limit) in
        [(Resolution::Day, Limit::MessagesPerDay), (Resolution::Month, Limit::MessagesPerMonth)]
    {
        let accepted = Statistic::Accepted.counter(Mode::Live);
        let names = vec![accepted.clone(), Statistic::Returned.counter(Mode::Live)];
        let query = CounterQuery { names, resolution: each, from: each.start(now), until: each.end(now) };
        let values = app.store.read_counters(tenant, &query).await?;
        let signed = values.iter().map(|one| if one.name == accepted { one.value } else { -one.value });
        let used = u64::try_from(signed.sum::<i64>()).unwrap_or(0);
        all.push(Use { each, limit: account.limit(limit), used, resets_at: each.end(now) });
    }
    Ok(all)
}
