//! Addresses that get no mail.

use async_trait::async_trait;

use super::{Page, PageRequest, StoreResult};
use crate::clock::Timestamp;
use crate::id::{RecordId, TenantId};
use crate::message::AddressKey;
use crate::suppression::{NewSuppression, Pattern, Reason, Scope, Suppression};

/// Addresses and domains that get no mail, per tenant and scope.
///
/// An entry that has expired is as good as absent. Import is [`add`](Self::add) in batches, export is
/// [`list_suppressions`](Self::list_suppressions) page by page.
#[async_trait]
pub trait Suppressions: Send + Sync {
    /// Looks many addresses up at once: for each, the entry that keeps mail of `scope` from it, if any.
    ///
    /// An entry of [`Scope::ALL`] holds in every scope, an entry for a domain for every address in it. Of several the
    /// one with the strongest reason is told, and of equally strong ones the one for the address.
    async fn check(
        &self,
        tenant: TenantId,
        scope: &Scope,
        addresses: &[AddressKey],
    ) -> StoreResult<Vec<Option<Suppression>>>;

    /// Adds entries; `false` for each that was there already. A present entry keeps its date, and a
    /// stronger [`Reason`] and a later end replace weaker ones; it keeps its identifier, too (see [`Suppression::merge`]).
    async fn add(&self, tenant: TenantId, entries: Vec<NewSuppression>) -> StoreResult<Vec<bool>>;

    /// Removes entries; `false` for each that was not there.
    async fn remove(&self, tenant: TenantId, entries: &[(Pattern, Scope)]) -> StoreResult<Vec<bool>>;

    /// Reads an entry by its identifier.
    async fn find_suppression(&self, tenant: TenantId, id: RecordId) -> StoreResult<Option<Suppression>>;

    /// Lists entries, ordered by pattern.
    async fn list_suppressions(
        &self,
        tenant: TenantId,
        filter: &SuppressionFilter,
        page: &PageRequest,
    ) -> StoreResult<Page<Suppression>>;

    /// Counts entries, no further than `at_most`.
    async fn count_suppressions(
        &self,
        tenant: TenantId,
        filter: &SuppressionFilter,
        at_most: u64,
    ) -> StoreResult<u64>;
}

/// Which entries to list or count.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SuppressionFilter {
    /// For this reason.
    pub reason: Option<Reason>,
    /// In this scope.
    pub scope: Option<Scope>,
    /// Whose pattern starts with this text.
    pub prefix: Option<String>,
    /// Whose pattern has this text in it.
    pub part: Option<String>,
    /// Added at this moment or later.
    pub from: Option<Timestamp>,
    /// Added before this moment.
    pub to: Option<Timestamp>,
}
