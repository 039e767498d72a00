//! What a tenant configured of its routing, read so that it fits together.

use courierx_core::id::TenantId;
use courierx_core::router::{InvalidConnectionId, Member, Rule};
use courierx_core::store::{ConfigsExt, Page, PageRequest, Resource, Store, StoreResult, Versioned};

use crate::model::provider_connections::ProviderConnection;
use crate::model::routing_rules::RoutingRule;

/// How often it is read again that a connection came or went in between.
const TRIES: usize = 4;

/// A tenant's connections, and its rules that are used, in their order.
#[derive(Debug, Default)]
pub(super) struct Setup {
    pub(super) connections: Vec<Versioned<ProviderConnection>>,
    rules: Vec<Versioned<RoutingRule>>,
}

impl Setup {
    /// Reads it. Each rule names only connections that are there.
    pub(super) async fn read(store: &dyn Store, tenant: TenantId) -> StoreResult<Self> {
        let mut setup = Self::default();
        for _ in 0..TRIES {
            setup.rules = all(store, tenant).await?;
            setup.connections = all(store, tenant).await?;
            // The store lets no connection go that a rule names: those that are not there came or went just now.
            if setup.fits() {
                break;
            }
        }
        setup.rules.retain(|rule| rule.value.is_active);
        setup.rules.sort_by_key(|rule| (rule.value.order(), rule.id));
        Ok(setup)
    }

    fn fits(&self) -> bool {
        let mut named = self.rules.iter().flat_map(|rule| &rule.value.connections);
        named.all(|part| self.connections.iter().any(|one| one.id == part.connection))
    }

    /// The rules as the router has them.
    pub(super) fn rules(&self) -> Result<Vec<Rule>, InvalidConnectionId> {
        self.rules.iter().map(|rule| self.rule(rule)).collect()
    }

    fn rule(&self, record: &Versioned<RoutingRule>) -> Result<Rule, InvalidConnectionId> {
        let rule = record.value.to_rule(record.id)?;
        if !record.value.connections.is_empty() {
            return Ok(rule);
        }
        // Every real one. A sandbox among them would be given turns and shares, and none of them to use.
        let real = self.connections.iter().filter(|one| one.value.is_real());
        real.map(|one| Ok(Member::new(one.id.to_string().parse()?)))
            .try_fold(rule, |rule, member| Ok(rule.via(member?)))
    }
}

/// Every record of this type that the tenant has.
async fn all<R: Resource>(store: &dyn Store, tenant: TenantId) -> StoreResult<Vec<Versioned<R>>> {
    let mut all = Vec::new();
    let mut page = PageRequest::first(PageRequest::MAX);
    loop {
        let Page { items, next } = store.list_of(tenant, None, &page).await?;
        all.extend(items);
        match next {
            Some(cursor) => page = PageRequest::after(cursor, PageRequest::MAX),
            None => return Ok(all),
        }
    }
}
