//! The operator's plans.

use std::collections::BTreeSet;

use courierx_core::id::RecordId;
use courierx_core::store::{Change, ConfigsExt, PageRequest, Resource, Versioned};

use super::{TRIES, tenants};
use crate::App;
use crate::config::MAX_RATE_LIMIT;
use crate::ctx::Operator;
use crate::error::{FieldError, ServiceError, ServiceResult};
use crate::model::plans::{Feature, Limits, Plan};
use crate::services::auth::check_name;
use crate::services::provider_connections::Given;

/// Most plans.
const MAX_PLANS: usize = 100;
/// Bytes of a plan's name for programs.
const MAX_ID: usize = 64;
/// Counters go no further.
const MAX_LIMIT: u64 = i64::MAX.unsigned_abs();

/// What is said of a plan: everything of a new one, and what changes of an old one.
#[derive(Debug, Clone, Default)]
pub struct PlanInput {
    /// What tenants refer to it by.
    pub id: Option<String>,
    /// What people call it.
    pub name: Option<String>,
    /// How much there may be of what, in place of what was said before.
    pub limits: Given<Limits>,
    /// How many requests a minute keys may make.
    pub rate_limit_per_minute: Given<u32>,
    /// What tenants may do of what not everybody may.
    pub features: Given<BTreeSet<Feature>>,
}

/// Every plan, in the order of their names for programs.
pub async fn list(_: &Operator, app: &App) -> ServiceResult<Vec<Plan>> {
    let mut all: Vec<_> = stored(app).await?.into_iter().map(|one| one.value).collect();
    if all.iter().all(|one| one.plan_id != Plan::USUAL) {
        all.push(Plan::usual());
    }
    all.sort_by(|one, other| one.plan_id.cmp(&other.plan_id));
    Ok(all)
}

/// One plan.
pub async fn get(_: &Operator, app: &App, id: &str) -> ServiceResult<Plan> {
    Ok(find(app, id).await?.0)
}

/// Adds a plan.
pub async fn create(operator: &Operator, app: &App, input: PlanInput) -> ServiceResult<Plan> {
    let id = input.id.clone().unwrap_or_default();
    let mut wrong = check_id(&id);
    let mut plan = Plan { plan_id: id, name: String::new(), created_at: app.now(), ..Plan::usual() };
    apply(input, &mut plan, &mut wrong);
    if !wrong.is_empty() {
        return Err(ServiceError::Invalid(wrong));
    }
    let all = stored(app).await?;
    if plan.plan_id == Plan::USUAL || all.iter().any(|one| one.value.plan_id == plan.plan_id) {
        return Err(taken());
    }
    if all.len() >= MAX_PLANS {
        return Err(ServiceError::Conflict(format!("there are {MAX_PLANS} plans already; delete one first")));
    }
    let change = Change::create(Plan::OPERATOR, RecordId::new(), &plan)?;
    match app.commit(Plan::OPERATOR, vec![change]).await {
        Err(ServiceError::Invalid(_)) => return Err(taken()),
        committed => committed?,
    }
    tracing::info!(plan = plan.plan_id, request_id = %operator.request_id, "the operator added a plan");
    Ok(plan)
}

/// Changes a plan, for everybody who has it, at once.
pub async fn update(operator: &Operator, app: &App, id: &str, input: &PlanInput) -> ServiceResult<Plan> {
    for _ in 0..TRIES {
        let (mut plan, stored) = find(app, id).await?;
        let mut wrong = Vec::new();
        if input.id.as_ref().is_some_and(|other| *other != plan.plan_id) {
            wrong.push(FieldError::new("id", "cannot be changed: tenants refer to it"));
        }
        apply(input.clone(), &mut plan, &mut wrong);
        if !wrong.is_empty() {
            return Err(ServiceError::Invalid(wrong));
        }
        let change = if let Some((id, version)) = stored {
            Change::update(Plan::OPERATOR, id, version, &plan)?
        } else {
            plan.created_at = app.now();
            Change::create(Plan::OPERATOR, RecordId::new(), &plan)?
        };
        match app.commit(Plan::OPERATOR, vec![change]).await {
            Err(ServiceError::Conflict(_) | ServiceError::Invalid(_)) => {}
            committed => {
                committed?;
                tracing::info!(plan = id, request_id = %operator.request_id, "the operator changed a plan");
                return Ok(plan);
            }
        }
    }
    Err(ServiceError::Conflict("it was changed by somebody else meanwhile; read it again".to_owned()))
}

/// Removes a plan that no tenant has. The usual one becomes again what it was before anybody changed it.
pub async fn delete(operator: &Operator, app: &App, id: &str) -> ServiceResult<()> {
    let (_, stored) = find(app, id).await?;
    if id != Plan::USUAL && tenants::have_plan(app, id).await? {
        return Err(ServiceError::Conflict("tenants have this plan; give them another one first".to_owned()));
    }
    if let Some((record, _)) = stored {
        app.commit(Plan::OPERATOR, vec![Change::delete::<Plan>(record)]).await?;
        tracing::info!(plan = id, request_id = %operator.request_id, "the operator removed a plan");
    }
    Ok(())
}

/// Refuses the name of a plan that is not there.
pub(super) async fn exists(app: &App, id: &str) -> ServiceResult<Option<FieldError>> {
    match find(app, id).await {
        Ok(_) => Ok(None),
        Err(ServiceError::NotFound) => Ok(Some(FieldError::new("plan_id", "is the name of no plan"))),
        Err(error) => Err(error),
    }
}

/// A plan, and its record if there is one.
async fn find(app: &App, id: &str) -> ServiceResult<(Plan, Option<(RecordId, u64)>)> {
    let found = app.store.find::<Plan>(Plan::OPERATOR, &Plan::by_id(id)).await?;
    match found {
        Some(Versioned { id, version, value, .. }) => Ok((value, Some((id, version)))),
        None if id == Plan::USUAL => Ok((Plan::usual(), None)),
        None => Err(ServiceError::NotFound),
    }
}

async fn stored(app: &App) -> ServiceResult<Vec<Versioned<Plan>>> {
    let page = PageRequest::first(PageRequest::MAX);
    Ok(app.store.list_of::<Plan>(Plan::OPERATOR, None, &page).await?.items)
}

fn check_id(id: &str) -> Vec<FieldError> {
    let plain = |one: u8| one.is_ascii_lowercase() || one.is_ascii_digit() || b"-_".contains(&one);
    if (1..=MAX_ID).contains(&id.len()) && id.bytes().all(plain) {
        return Vec::new();
    }
    vec![FieldError::new("id", format!("must be 1 to {MAX_ID} of a-z, 0-9, - and _"))]
}

fn apply(input: PlanInput, plan: &mut Plan, wrong: &mut Vec<FieldError>) {
    if let Some(name) = input.name {
        name.trim().clone_into(&mut plan.name);
    }
    wrong.extend(check_name(&plan.name));
    plan.limits = input.limits.or(Some(plan.limits.clone())).unwrap_or_default();
    plan.rate_limit_per_minute = input.rate_limit_per_minute.or(plan.rate_limit_per_minute);
    plan.features = input.features.or(plan.features.take());
    check(&plan.limits, plan.rate_limit_per_minute, wrong);
}

/// Takes note of what is wrong with limits.
pub(super) fn check(limits: &Limits, rate: Option<u32>, wrong: &mut Vec<FieldError>) {
    for (limit, _) in limits.each().filter(|(_, most)| most.is_some_and(|most| most > MAX_LIMIT)) {
        wrong.push(FieldError::new(format!("limits.{limit}"), format!("must be at most {MAX_LIMIT}")));
    }
    if rate.is_some_and(|rate| rate > MAX_RATE_LIMIT) {
        wrong.push(FieldError::new("rate_limit_per_minute", format!("must be from 0 to {MAX_RATE_LIMIT}")));
    }
}

fn taken() -> ServiceError {
    ServiceError::Taken(FieldError::new("id", format!("is that of another {}", Plan::KIND)))
}
