//! Who may do what, remembered: a request must not cost a query to find out who asks.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use courierx_core::clock::Timestamp;
use courierx_core::id::{RecordId, TenantId};
use courierx_core::message::Mode;
use courierx_core::store::{ConfigsExt, PageRequest, Store, StoreResult, Versioned};
use uuid::Uuid;

use super::key::hex;
use super::rate::{Meter, RateLimits};
use super::remembered::{Changes, Remembered};
use super::token::Claims;
use super::used::Used;
use crate::ctx::{FromDomains, Role, Scopes};
use crate::model::api_keys::{ApiKey, ApiKeyStatus};
use crate::model::domains::{Domain, DomainStatus};
use crate::model::memberships::Membership;
use crate::model::plans::{Account, Plan};
use crate::model::tenants::Tenant;
use crate::model::users::User;

/// A use of a key within so many seconds of the last is not noted.
const USE_NOTED: i64 = 60;

/// What the store knows of keys, users and tenants, with caches in front.
///
/// A change goes through [`App::commit`](crate::App::commit), which [forgets](Self::forget) what was
/// remembered of the tenant.
pub struct Directory {
    store: Arc<dyn Store>,
    limits: RateLimits,
    keys: Remembered<[u8; 32], Arc<KeyEntry>>,
    sessions: Remembered<(TenantId, RecordId), Session>,
    accounts: Remembered<TenantId, Arc<Account>>,
    /// Those that are verified, with the hosts that their links have.
    domains: Remembered<TenantId, Arc<HashMap<String, Option<String>>>>,
    changes: Changes,
    used: Used,
}

/// An API key, as far as a request needs it.
#[derive(Debug)]
pub struct KeyEntry {
    /// The key.
    pub id: RecordId,
    /// Whose it is.
    pub tenant: TenantId,
    /// Whether its mail is real.
    pub mode: Mode,
    /// What it may do.
    pub scopes: Scopes,
    /// What may stand in From of what it sends.
    pub from_domains: FromDomains,
    /// How often it may ask.
    pub meter: Meter,
    /// Whether its tenant is suspended.
    pub suspended: bool,
    status: ApiKeyStatus,
    ends_at: Option<Timestamp>,
    /// When a use was noted last, in seconds.
    noted: AtomicI64,
}

impl KeyEntry {
    fn new(key: Versioned<ApiKey>, digest: &str, meter: Meter, suspended: bool) -> Self {
        let Versioned { tenant, id, value, .. } = key;
        let ends_at = value.end_of(digest);
        let ApiKey { mode, scopes, from_domains, status, .. } = value;
        Self {
            id,
            tenant,
            mode,
            scopes,
            from_domains,
            meter,
            suspended,
            status,
            ends_at,
            noted: AtomicI64::new(0),
        }
    }

    /// Whether it works at this moment.
    pub fn works_at(&self, now: Timestamp) -> bool {
        self.status == ApiKeyStatus::Active && self.ends_at.is_none_or(|end| end > now)
    }
}

/// What a user may do in a tenant.
#[derive(Debug, Clone)]
pub struct Session {
    /// The role there.
    pub role: Role,
    /// How often the user may ask.
    pub meter: Arc<Meter>,
    /// Whether the tenant is suspended.
    pub suspended: bool,
    /// Whose user it is.
    home: TenantId,
    epoch: u64,
    /// Tokens that the user has ended.
    ended: Arc<[Uuid]>,
}

impl Directory {
    /// Looks things up in this store, and lets everybody ask as often as these limits say.
    pub fn new(store: Arc<dyn Store>, limits: RateLimits) -> Self {
        Self {
            store,
            limits,
            keys: Remembered::new(|_| None),
            // A user's home may be another tenant than the one of the session.
            sessions: Remembered::new(|session| Some(session.home)),
            accounts: Remembered::new(|_| None),
            domains: Remembered::new(|_| None),
            changes: Changes::default(),
            used: Used::default(),
        }
    }

    /// How often whoever may ask.
    pub fn limits(&self) -> &RateLimits {
        &self.limits
    }

    /// Finds an API key by its digest.
    pub async fn key(&self, digest: [u8; 32]) -> StoreResult<Option<Arc<KeyEntry>>> {
        let find = async {
            let digest = hex(&digest);
            let found = self.store.find_anywhere::<ApiKey>(&ApiKey::by_digest(&digest)).await?;
            let Some(key) = found else { return Ok(None) };
            let Some(account) = self.account(key.tenant).await? else { return Ok(None) };
            let (shared, own) = (account.rate_limit_per_minute(), key.value.rate_limit_per_minute);
            let now = self.store.clock().now();
            let meter = self.limits.of_key((key.tenant, shared), (key.id, own), now);
            Ok(Some((
                key.tenant,
                Arc::new(KeyEntry::new(key, &digest, meter, account.tenant.is_suspended())),
            )))
        };
        self.keys.get(digest, &self.changes, find).await
    }

    /// Finds what the user of a token may do; none if the token was revoked or the user is gone.
    pub async fn session(&self, claims: &Claims) -> StoreResult<Option<Session>> {
        let find = async {
            let Some(user) = self.store.get::<User>(claims.home, claims.sub).await? else { return Ok(None) };
            let member = Membership::of(claims.sub);
            let Some(membership) = self.store.find::<Membership>(claims.tenant_id, &member).await? else {
                return Ok(None);
            };
            let Some(account) = self.account(claims.tenant_id).await? else { return Ok(None) };
            let now = self.store.clock().now();
            let meter = Arc::new(self.limits.of_user(account.rate_limit_per_minute(), claims.sub, now));
            let role = membership.value.role;
            let ended = user.value.ended.iter().map(|one| one.token).collect();
            let suspended = account.tenant.is_suspended();
            let session =
                Session { role, meter, suspended, home: claims.home, epoch: user.value.epoch, ended };
            Ok((membership.value.home == claims.home).then_some((claims.tenant_id, session)))
        };
        let session = self.sessions.get((claims.tenant_id, claims.sub), &self.changes, find).await?;
        let works = |session: &Session| session.epoch == claims.epoch && !session.ended.contains(&claims.jti);
        Ok(session.filter(works))
    }

    /// Finds a tenant, with its plan, unless it is deleted.
    pub async fn account(&self, id: TenantId) -> StoreResult<Option<Arc<Account>>> {
        let find = async {
            let tenant = self.store.get::<Tenant>(id, Tenant::record(id)).await?;
            let Some(tenant) = tenant.filter(|tenant| tenant.value.deleted_at.is_none()) else {
                return Ok(None);
            };
            let plan = self.plan(&tenant.value.plan_id).await?;
            Ok(Some((id, Arc::new(Account { tenant: tenant.value, plan }))))
        };
        self.accounts.get(id, &self.changes, find).await
    }

    /// The plan of this name, or the usual one where it is gone.
    pub async fn plan(&self, id: &str) -> StoreResult<Plan> {
        for id in [id, Plan::USUAL] {
            if let Some(plan) = self.store.find::<Plan>(Plan::OPERATOR, &Plan::by_id(id)).await? {
                return Ok(plan.value);
            }
        }
        Ok(Plan::usual())
    }

    /// Whether a domain is verified for a tenant.
    pub async fn has_domain(&self, tenant: TenantId, domain: &str) -> StoreResult<bool> {
        if self.domains(tenant).await?.is_some_and(|known| known.contains_key(domain)) {
            return Ok(true);
        }
        // Another process may have verified it a moment ago, and told its tenant.
        let found = self.store.find::<Domain>(tenant, &Domain::named(domain)).await?;
        Ok(found.is_some_and(|found| found.value.status == DomainStatus::Verified))
    }

    /// The host that links have in a tenant's mail from this domain, if it has its own.
    pub async fn link_host(&self, tenant: TenantId, domain: &str) -> StoreResult<Option<String>> {
        let known = self.domains(tenant).await?;
        Ok(known.and_then(|known| known.get(domain).cloned().flatten()))
    }

    async fn domains(&self, tenant: TenantId) -> StoreResult<Option<Arc<HashMap<String, Option<String>>>>> {
        let read = async {
            let page = PageRequest::first(PageRequest::MAX);
            let all = self.store.list_of::<Domain>(tenant, None, &page).await?.items.into_iter();
            let verified = all.map(|one| one.value).filter(|one| one.status == DomainStatus::Verified);
            let named = verified.map(|one| {
                let host = one.link_host().map(str::to_owned);
                (one.domain, host)
            });
            Ok(Some((tenant, Arc::new(named.collect()))))
        };
        self.domains.get(tenant, &self.changes, read).await
    }

    /// Forgets what is remembered of a tenant, and of its users wherever they act.
    pub fn forget(&self, tenant: TenantId) {
        self.forget_all_of(BTreeSet::from([tenant]));
    }

    /// The same of several tenants, at the cost of one.
    pub fn forget_all_of(&self, tenants: BTreeSet<TenantId>) {
        if tenants.is_empty() {
            return;
        }
        if tenants.contains(&Plan::OPERATOR) {
            // A plan is anybody's.
            return self.forget_all();
        }
        self.changes.note(tenants);
    }

    /// Forgets everything.
    pub fn forget_all(&self) {
        self.changes.note_anything();
    }

    /// Notes that a key was used.
    pub fn used(&self, key: &KeyEntry, now: Timestamp) {
        let noted = key.noted.load(Ordering::Relaxed);
        if now.as_secs() - noted >= USE_NOTED {
            key.noted.store(now.as_secs(), Ordering::Relaxed);
            self.used.note(key.tenant, key.id, now);
        }
    }

    /// Writes down which keys were used. To be called now and then.
    pub async fn write_down_uses(&self) -> StoreResult<()> {
        self.used.write_down(&*self.store).await
    }

    /// When each of the tenant's keys was used last.
    pub async fn uses(&self, tenant: TenantId) -> StoreResult<HashMap<RecordId, Timestamp>> {
        self.used.of(&*self.store, tenant).await
    }
}

impl fmt::Debug for Directory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Directory").field("keys", &self.keys.len()).finish_non_exhaustive()
    }
}
