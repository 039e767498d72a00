//! Removing everything that a tenant has.

use async_trait::async_trait;

use super::StoreResult;
use crate::id::TenantId;

/// Removes tenants.
#[async_trait]
pub trait Erasure: Send + Sync {
    /// Removes some of what the tenant has, about `limit` rows of one kind; answers whether there may be more.
    ///
    /// To be called until it answers `false`: jobs go first, so that nothing of the tenant is handed over any more,
    /// then configuration with its keys, then messages with all that belongs to them, and everything else. Each call
    /// is committed by itself, so whoever is interrupted goes on where it was. No removal of a record is
    /// [announced](super::Configs::config_changes), and what the tenant's records announced before is forgotten.
    ///
    /// Configuration of a `kept` kind stays, with its keys and its changes: by such a record the caller knows
    /// what is still to do. What tells nothing of anybody and ends by itself may stay, too.
    async fn erase(&self, tenant: TenantId, kept: &[&str], limit: usize) -> StoreResult<bool>;
}
