//! Counting what a tenant has, to see whether one more fits. Of two who find the same room, one has to count again.

use courierx_core::id::TenantId;
use courierx_core::store::{Change, ConfigsExt};
use tokio::sync::Semaphore;

use super::audit_log::Author;
use super::places::{AtOnce, Place};
use crate::App;
use crate::error::{ServiceError, ServiceResult};
use crate::model::plans::{Account, Limit};
use crate::model::tenants::Tenant;

/// Whoever writes a tenant's record takes turns in this process: only who does so in another one comes in between.
pub const AT_ONCE: AtOnce = AtOnce { of_one: 1, of_all: Semaphore::MAX_PERMITS };
/// How often it is counted again, or the tenant changed again, since somebody came in between.
pub(super) const TRIES: usize = 10;

/// A tenant as it was before its things were counted.
#[derive(Debug)]
#[must_use]
pub(super) struct Count(Room);

/// Room for one more, which what is committed with it takes: whoever counted meanwhile is refused with a conflict,
/// and has to count again.
#[derive(Debug)]
#[must_use = "there is room for what is committed with it, and for nothing else"]
pub(super) struct Room {
    id: TenantId,
    version: u64,
    account: Box<Account>,
    _turn: Place,
}

impl Count {
    /// To be called before anything is counted.
    pub(super) async fn begin(app: &App, id: TenantId) -> ServiceResult<Self> {
        let turn = app.tenant_turns.take(id).await?;
        let tenant = app.store.get::<Tenant>(id, Tenant::record(id)).await?;
        let tenant = tenant.filter(|tenant| tenant.value.deleted_at.is_none());
        let tenant = tenant.ok_or(ServiceError::NotFound)?;
        let plan = app.directory.plan(&tenant.value.plan_id).await?;
        let (version, account) = (tenant.version, Box::new(Account { tenant: tenant.value, plan }));
        Ok(Self(Room { id, version, account, _turn: turn }))
    }

    /// For what takes no room.
    pub(super) fn none(self) -> Room {
        self.0
    }

    /// Refuses one more of something of which there are so many, and may be no more of any tenant's.
    pub(super) fn at_most(self, most: usize, what: &str, present: usize) -> ServiceResult<Room> {
        if present < most {
            return Ok(self.0);
        }
        Err(ServiceError::Conflict(format!("there are {most} {what} already; delete one first")))
    }
}

impl Room {
    /// Refuses one more of something of which there are so many, if the plan includes no more.
    pub(super) fn within(self, what: Limit, present: usize) -> ServiceResult<Self> {
        match self.account.limit(what) {
            Some(most) if present as u64 >= most => Err(ServiceError::PlanLimit(format!(
                "the plan {} includes no more than {most} {}",
                self.account.plan.name,
                what.as_str().replace('_', " ")
            ))),
            _ => Ok(self),
        }
    }

    /// The tenant, as it is to be afterwards.
    pub(super) fn tenant(&mut self) -> &mut Tenant {
        &mut self.account.tenant
    }

    /// Commits what takes the room.
    pub(super) async fn commit(
        self,
        app: &App,
        author: &Author,
        mut changes: Vec<Change>,
    ) -> ServiceResult<()> {
        let tenant = &self.account.tenant;
        changes.push(Change::update(self.id, Tenant::record(self.id), self.version, tenant)?);
        app.commit_as(author, self.id, changes).await
    }
}

/// What is answered after so many tries.
pub(super) fn changed_meanwhile() -> ServiceError {
    ServiceError::Conflict("it was changed by somebody else meanwhile; read it again".to_owned())
}
