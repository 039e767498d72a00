//! What connections are called.

use std::collections::HashMap;

use courierx_core::id::TenantId;
use courierx_core::router::ConnectionId;
use courierx_core::store::{ConfigsExt, PageRequest, Store, StoreResult};

use super::SANDBOX;
use crate::model::provider_connections::{ProviderConnection, ProviderKind};

/// A connection, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The connection.
    pub id: ConnectionId,
    /// The kind of provider behind it; none if that is not known any more.
    pub provider: Option<String>,
    /// What the tenant calls it; none if it is gone.
    pub display_name: Option<String>,
}

/// The names of a tenant's connections.
#[derive(Debug, Default)]
pub struct Names(HashMap<String, (String, String)>);

impl Names {
    /// Reads them.
    pub(super) async fn read(store: &dyn Store, tenant: TenantId) -> StoreResult<Self> {
        let page = PageRequest::first(PageRequest::MAX);
        let connections = store.list_of::<ProviderConnection>(tenant, None, &page).await?.items;
        let entry = |one: courierx_core::store::Versioned<ProviderConnection>| {
            (one.id.to_string(), (one.value.kind().to_string(), one.value.display_name))
        };
        Ok(Self(connections.into_iter().map(entry).collect()))
    }

    /// The connection of this identifier.
    pub fn name(&self, id: &ConnectionId) -> Named {
        let known = self.0.get(id.as_str()).cloned();
        let (provider, display_name) = match known {
            Some((provider, name)) => (Some(provider), Some(name)),
            // The one that every tenant has.
            None if id.as_str() == SANDBOX => (Some("sandbox".to_owned()), Some("Sandbox".to_owned())),
            None => (None, None),
        };
        Named { id: id.clone(), provider, display_name }
    }

    /// The connection of an attempt, which knows the kind of provider even where the connection is gone.
    pub fn of_attempt(&self, id: &ConnectionId, provider: &str) -> Named {
        let kind = ProviderKind::named(provider).map_or(provider, |kind| kind.as_str());
        Named { provider: Some(kind.to_owned()), ..self.name(id) }
    }
}
