//! Plans: what a tenant may do, and how much of it.

use std::collections::{BTreeMap, BTreeSet};

use courierx_core::clock::Timestamp;
use courierx_core::id::TenantId;
use courierx_core::names;
use courierx_core::store::{Allowance, KeyValue, Resolution, Resource};
use serde::{Deserialize, Serialize};
use utoipa::openapi::{ObjectBuilder, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::tenants::Tenant;

names! {
    /// Something of which a tenant may have so many.
    Limit, "messages_per_day, messages_per_month, domains, provider_connections, api_keys, team_members",
    /// Recipients of live mail accepted in a day, UTC.
    MessagesPerDay = "messages_per_day",
    /// Recipients of live mail accepted in a month, UTC.
    MessagesPerMonth = "messages_per_month",
    /// Sending domains.
    Domains = "domains",
    /// Provider connections.
    ProviderConnections = "provider_connections",
    /// API keys, without those that are revoked.
    ApiKeys = "api_keys",
    /// People.
    TeamMembers = "team_members",
}

names! {
    /// Something that not everybody may do.
    Feature, "critical_lane",
    /// Sends in the critical lane.
    CriticalLane = "critical_lane",
}

/// How much there may be of what: null is any number.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Limits(BTreeMap<Limit, Option<u64>>);

impl PartialSchema for Limits {
    fn schema() -> RefOr<Schema> {
        let number = || Option::<u64>::schema();
        let object = Limit::ALL
            .iter()
            .fold(ObjectBuilder::new(), |object, limit| object.property(limit.as_str(), number()));
        object.into()
    }
}

impl ToSchema for Limits {
    fn name() -> std::borrow::Cow<'static, str> {
        "PlanLimits".into()
    }
}

impl Limits {
    /// How many: any number if none.
    fn get(&self, limit: Limit) -> Option<u64> {
        self.0.get(&limit).copied().flatten()
    }

    /// Each with what it says.
    pub fn each(&self) -> impl Iterator<Item = (Limit, Option<u64>)> {
        self.0.iter().map(|(limit, most)| (*limit, *most))
    }
}

impl FromIterator<(Limit, Option<u64>)> for Limits {
    fn from_iter<I: IntoIterator<Item = (Limit, Option<u64>)>>(limits: I) -> Self {
        Self(limits.into_iter().collect())
    }
}

/// A plan: the operator's, and the same for every tenant that has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// What tenants refer to it by.
    pub plan_id: String,
    /// What people call it.
    pub name: String,
    /// How much there may be of what; any number of what it does not name.
    #[serde(default)]
    pub limits: Limits,
    /// How many requests a minute keys may make; as the server says if none, and any number if 0.
    #[serde(default)]
    pub rate_limit_per_minute: Option<u32>,
    /// What tenants may do of what not everybody may; everything if none.
    #[serde(default)]
    pub features: Option<BTreeSet<Feature>>,
    /// When it was created.
    pub created_at: Timestamp,
}

impl Plan {
    /// Whose record every plan is.
    pub const OPERATOR: TenantId = TenantId::DEFAULT;
    /// The plan of whoever registers, and of those whose plan is gone. It is always there.
    pub const USUAL: &'static str = "free";

    /// What the usual plan is until the operator says otherwise: whoever runs a server for themselves is not limited.
    pub fn usual() -> Self {
        Self {
            plan_id: Self::USUAL.to_owned(),
            name: "Free".to_owned(),
            limits: Limits::default(),
            rate_limit_per_minute: None,
            features: None,
            created_at: Timestamp::EPOCH,
        }
    }

    /// The key by which it is found.
    pub fn by_id(id: &str) -> KeyValue {
        KeyValue::new("plan_id", id)
    }
}

impl Resource for Plan {
    const KIND: &'static str = "plan";

    fn unique_keys(&self) -> Vec<KeyValue> {
        vec![Self::by_id(&self.plan_id)]
    }
}

/// A tenant and its plan: what the tenant may do.
#[derive(Debug, Clone)]
pub struct Account {
    /// The tenant, of which the operator may have said otherwise than its plan does.
    pub tenant: Tenant,
    /// Its plan.
    pub plan: Plan,
}

impl Account {
    /// How many there may be of this; any number if none.
    pub fn limit(&self, limit: Limit) -> Option<u64> {
        let own = &self.tenant.limits;
        let limits = if own.0.contains_key(&limit) { own } else { &self.plan.limits };
        limits.get(limit)
    }

    /// Every limit, as it holds.
    pub fn limits(&self) -> Limits {
        Limit::ALL.iter().map(|limit| (*limit, self.limit(*limit))).collect()
    }

    /// What it may do of what not everybody may.
    pub fn features(&self) -> impl Iterator<Item = Feature> {
        Feature::ALL.iter().copied().filter(|feature| self.may(*feature))
    }

    /// Whether it may do this.
    pub fn may(&self, feature: Feature) -> bool {
        let named = self.tenant.features.as_ref().or(self.plan.features.as_ref());
        named.is_none_or(|features| features.contains(&feature))
    }

    /// How many requests a minute its keys may make; as the server says if none, and any number if 0.
    pub fn rate_limit_per_minute(&self) -> Option<u32> {
        self.tenant.rate_limit_per_minute.or(self.plan.rate_limit_per_minute)
    }

    /// How much live mail may be accepted.
    pub fn allowances(&self) -> Vec<Allowance> {
        let periods =
            [(Limit::MessagesPerDay, Resolution::Day), (Limit::MessagesPerMonth, Resolution::Month)];
        let limited = periods.into_iter().filter_map(|(limit, each)| Some((self.limit(limit)?, each)));
        limited.map(|(cap, each)| Allowance { each, cap }).collect()
    }
}
