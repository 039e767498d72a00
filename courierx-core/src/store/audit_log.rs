//! The audit log: who changed what of a tenant's configuration, and when.

use async_trait::async_trait;

use super::StoreResult;
use crate::clock::Timestamp;
use crate::id::{RecordId, TenantId};

/// What changed, per tenant.
///
/// Entries are written by [`Change::Note`](super::Change::Note), in the commit of what they tell of. Nothing changes
/// one afterwards; they go when they are old.
#[async_trait]
pub trait AuditLog: Send + Sync {
    /// Lists the tenant's entries that match, the newest first, after passing over `skip` of them.
    ///
    /// However many there are, at most the [`AuditPage::LOOKED_AT`] newest of the filter's time are looked at.
    async fn list_audit(
        &self,
        tenant: TenantId,
        filter: &AuditFilter,
        skip: usize,
        limit: usize,
    ) -> StoreResult<AuditPage>;

    /// Removes entries of all tenants from before a moment, at most `limit` of them; answers how many.
    async fn purge_audit(&self, before: Timestamp, limit: usize) -> StoreResult<usize>;
}

/// That somebody changed something. It names what changed, and never what it was or is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuditEntry {
    /// Its identifier.
    pub id: RecordId,
    /// When; a store sets it.
    pub at: Timestamp,
    /// What acts: `user`, `api_key`, …
    pub actor: String,
    /// Which one; none for whoever operates the program.
    pub actor_id: Option<RecordId>,
    /// What was done: `created`, `updated`, `deleted`, …
    pub action: String,
    /// With what kind of thing.
    pub kind: String,
    /// With which one; none if it was many.
    pub subject: Option<RecordId>,
    /// By which request.
    pub request: Option<String>,
    /// The names of the fields that changed.
    pub fields: Vec<String>,
}

impl AuditEntry {
    /// That something of this kind was done something to.
    pub fn new(actor: impl Into<String>, action: impl Into<String>, kind: impl Into<String>) -> Self {
        Self {
            id: RecordId::new(),
            at: Timestamp::EPOCH,
            actor: actor.into(),
            actor_id: None,
            action: action.into(),
            kind: kind.into(),
            subject: None,
            request: None,
            fields: Vec::new(),
        }
    }
}

/// Which entries to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuditFilter {
    /// By this actor.
    pub actor_id: Option<RecordId>,
    /// With this action.
    pub action: Option<String>,
    /// With this kind of thing.
    pub kind: Option<String>,
    /// With this one.
    pub subject: Option<RecordId>,
    /// From this moment on.
    pub from: Option<Timestamp>,
    /// Before this moment.
    pub to: Option<Timestamp>,
}

impl AuditFilter {
    /// Whether an entry matches.
    pub fn matches(&self, entry: &AuditEntry) -> bool {
        self.is_in_time(entry)
            && self.actor_id.is_none_or(|id| entry.actor_id == Some(id))
            && self.action.as_ref().is_none_or(|action| entry.action == *action)
            && self.kind.as_ref().is_none_or(|kind| entry.kind == *kind)
            && self.subject.is_none_or(|id| entry.subject == Some(id))
    }

    /// Whether an entry is of the time that is asked for.
    pub fn is_in_time(&self, entry: &AuditEntry) -> bool {
        self.from.is_none_or(|from| entry.at >= from) && self.to.is_none_or(|to| entry.at < to)
    }
}

/// Some of the entries that match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditPage {
    /// The entries, the newest first.
    pub items: Vec<AuditEntry>,
    /// How many match in all, of those that were looked at.
    pub count: u64,
    /// Whether all of that time were looked at.
    pub exact: bool,
}

impl AuditPage {
    /// How many entries one list looks at.
    pub const LOOKED_AT: usize = 10_000;
}
