//! Configuration: typed, versioned records that belong to a tenant.
//!
//! For what people set up (users, keys, connections, rules, templates, endpoints), at most some ten
//! thousand of a kind per tenant; never for what grows with mail. A store keeps [`ConfigRecord`]s without
//! knowing their kinds, so a new kind adds no SQL; [`ConfigsExt`] gives them their types.

use std::fmt;

use async_trait::async_trait;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{AuditEntry, Page, PageRequest, StoreError, StoreResult};
use crate::clock::Timestamp;
use crate::event::Sequence;
use crate::id::{RecordId, TenantId};

/// Configuration records of every kind.
#[async_trait]
pub trait Configs: Send + Sync {
    /// Reads a record.
    async fn get_config(
        &self,
        tenant: TenantId,
        kind: &str,
        id: RecordId,
    ) -> StoreResult<Option<ConfigRecord>>;

    /// Finds the tenant's record with this unique key.
    async fn find_config(
        &self,
        tenant: TenantId,
        kind: &str,
        key: &KeyValue,
    ) -> StoreResult<Option<ConfigRecord>>;

    /// Finds the record with this global key, whosever it is: the only look-up without a tenant, for hashed
    /// keys, login addresses and callback tokens.
    async fn find_global(&self, kind: &str, key: &KeyValue) -> StoreResult<Option<ConfigRecord>>;

    /// Lists the records of all tenants that have a global key of this name, in the order of its values: for the
    /// operator's own work, such as removing what is old.
    async fn list_global(
        &self,
        kind: &str,
        key_name: &str,
        page: &PageRequest,
    ) -> StoreResult<Page<ConfigRecord>>;

    /// Lists the tenant's records of a kind, of one parent if given, in the order of their identifiers.
    async fn list_configs(
        &self,
        tenant: TenantId,
        kind: &str,
        parent: Option<RecordId>,
        page: &PageRequest,
    ) -> StoreResult<Page<ConfigRecord>>;

    /// Applies several changes of one tenant in their order, each on top of those before it, all or none.
    ///
    /// Versions are compared change by change, keys and references once all are applied: one commit may swap two names,
    /// or write a record before the one that it refers to.
    ///
    /// Removing a record removes what refers to it with [`OnDelete::Cascade`], and what refers to that. A
    /// record of another tenant is [`StoreError::Invalid`].
    async fn commit_configs(
        &self,
        tenant: TenantId,
        changes: Vec<Change>,
    ) -> StoreResult<Result<(), CommitError>>;

    /// Reads which records of any tenant changed after a position, in order, for caches.
    ///
    /// A store keeps the last change of each record and no earlier one, so that the log does not grow with how often
    /// records are written. That a record was removed is kept, too: a reader may begin anywhere, and misses nothing.
    async fn config_changes(&self, after: Sequence, limit: usize) -> StoreResult<Vec<ConfigChange>>;

    /// Where the changes end at the moment, [`Sequence::START`] where nothing ever changed: for who begins to follow
    /// them, and to see that they go on from an earlier copy of the database.
    async fn last_config_change(&self) -> StoreResult<Sequence>;
}

/// A key of a record: the name of the key and its value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct KeyValue {
    /// Which key: `name`, `digest`, …
    pub name: String,
    /// Its value.
    pub value: String,
}

impl KeyValue {
    /// This value of this key.
    pub fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self { name: name.into(), value: value.into() }
    }
}

/// What happens to a record when what it refers to is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnDelete {
    /// The removal is refused.
    Restrict,
    /// It is removed too.
    Cascade,
}

/// A record's reference to another record of the same tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reference {
    /// The other's kind.
    pub kind: String,
    /// The other's identifier.
    pub id: RecordId,
    /// What happens to this record when the other is removed.
    pub on_delete: OnDelete,
}

/// A record as a store keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConfigRecord {
    /// Whose it is.
    pub tenant: TenantId,
    /// What it is.
    pub kind: String,
    /// Its identifier.
    pub id: RecordId,
    /// Which version it has, from 1.
    pub version: u64,
    /// By which version of its type it was written.
    pub schema: u32,
    /// Under which record it is listed.
    pub parent: Option<RecordId>,
    /// Keys that are unique within the tenant and kind.
    pub unique: Vec<KeyValue>,
    /// Keys that are unique within the kind over all tenants.
    pub global: Vec<KeyValue>,
    /// What it refers to.
    pub references: Vec<Reference>,
    /// When it was written.
    pub updated_at: Timestamp,
    /// Its content.
    pub body: serde_json::Value,
}

impl ConfigRecord {
    /// A record without keys; a store sets its version and its date.
    pub fn new(tenant: TenantId, kind: impl Into<String>, id: RecordId, body: serde_json::Value) -> Self {
        Self {
            tenant,
            kind: kind.into(),
            id,
            version: 0,
            schema: 1,
            parent: None,
            unique: Vec::new(),
            global: Vec::new(),
            references: Vec::new(),
            updated_at: Timestamp::EPOCH,
            body,
        }
    }
}

/// A change of configuration.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// Writes a record: a new one if `expected` is none, else over exactly that version.
    Put {
        /// The record; its version and date are the store's.
        record: Box<ConfigRecord>,
        /// The version it replaces.
        expected: Option<u64>,
    },
    /// Removes a record, if it has this version; if none is given any, and an absent one stays absent.
    Delete {
        /// What it is.
        kind: String,
        /// Its identifier.
        id: RecordId,
        /// The version it must have.
        expected: Option<u64>,
    },
    /// Writes an entry of the audit log; its date is the store's.
    Note(Box<AuditEntry>),
}

/// Why changes were not applied: none of them was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CommitError {
    /// Somebody else changed or removed the record meanwhile, or created it. Read it again.
    #[error("{kind} {id} was changed by somebody else")]
    VersionConflict {
        /// What it is.
        kind: String,
        /// Its identifier.
        id: RecordId,
    },
    /// Another record has the same key.
    #[error("another {kind} has the same {key}")]
    DuplicateKey {
        /// What it is.
        kind: String,
        /// The name of the key.
        key: String,
    },
    /// Another record refers to the one to remove.
    #[error("{kind} {id} is in use by a {by}")]
    InUse {
        /// What was to be removed.
        kind: String,
        /// Its identifier.
        id: RecordId,
        /// What refers to it.
        by: String,
    },
    /// A reference points to nothing.
    #[error("there is no {kind} {id} to refer to")]
    BrokenReference {
        /// What is referred to.
        kind: String,
        /// Its identifier.
        id: RecordId,
    },
}

/// That a record changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigChange {
    /// The position of the change.
    pub sequence: Sequence,
    /// Whose record it is.
    pub tenant: TenantId,
    /// What it is.
    pub kind: String,
    /// Its identifier.
    pub id: RecordId,
    /// Whether it was removed.
    pub removed: bool,
}

/// A type of configuration record.
pub trait Resource: Serialize + DeserializeOwned + Send + Sync + Sized + 'static {
    /// What it is called: `routing_rule`.
    const KIND: &'static str;
    /// The version of this type's fields; raise it when [`upcast`](Self::upcast) has something to do.
    const SCHEMA: u32 = 1;

    /// Under which record it is listed.
    fn parent(&self) -> Option<RecordId> {
        None
    }

    /// Keys that are unique within the tenant.
    fn unique_keys(&self) -> Vec<KeyValue> {
        Vec::new()
    }

    /// Keys that are unique over all tenants.
    fn global_keys(&self) -> Vec<KeyValue> {
        Vec::new()
    }

    /// What it refers to.
    fn references(&self) -> Vec<Reference> {
        Vec::new()
    }

    /// Turns the fields of an earlier version into those of this one.
    fn upcast(_schema: u32, body: serde_json::Value) -> serde_json::Value {
        body
    }
}

/// A typed record and the version it was read at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Versioned<R> {
    /// Whose it is.
    pub tenant: TenantId,
    /// Its identifier.
    pub id: RecordId,
    /// Its version, to be expected when it is changed.
    pub version: u64,
    /// When it was written.
    pub updated_at: Timestamp,
    /// The record.
    pub value: R,
}

/// A record could not be read as its type.
#[derive(Debug, thiserror::Error)]
#[error("{kind} {id} cannot be read")]
pub struct ResourceError {
    kind: &'static str,
    id: RecordId,
    #[source]
    source: serde_json::Error,
}

impl From<ResourceError> for StoreError {
    fn from(error: ResourceError) -> Self {
        Self::Corrupt { what: format!("{} {}", error.kind, error.id), source: Some(Box::new(error)) }
    }
}

impl<R: Resource> Versioned<R> {
    fn read(record: ConfigRecord) -> Result<Self, ResourceError> {
        let ConfigRecord { tenant, id, version, schema, updated_at, body, .. } = record;
        let body = if schema < R::SCHEMA { R::upcast(schema, body) } else { body };
        let value =
            serde_json::from_value(body).map_err(|source| ResourceError { kind: R::KIND, id, source })?;
        Ok(Self { tenant, id, version, updated_at, value })
    }
}

impl Change {
    /// Creates a record.
    pub fn create<R: Resource>(tenant: TenantId, id: RecordId, value: &R) -> Result<Self, serde_json::Error> {
        Ok(Self::Put { record: Box::new(to_record(tenant, id, value)?), expected: None })
    }

    /// Replaces a record that was read at `expected`.
    pub fn update<R: Resource>(
        tenant: TenantId,
        id: RecordId,
        expected: u64,
        value: &R,
    ) -> Result<Self, serde_json::Error> {
        Ok(Self::Put { record: Box::new(to_record(tenant, id, value)?), expected: Some(expected) })
    }

    /// Removes a record, whatever its version.
    pub fn delete<R: Resource>(id: RecordId) -> Self {
        Self::Delete { kind: R::KIND.to_owned(), id, expected: None }
    }
}

fn to_record<R: Resource>(
    tenant: TenantId,
    id: RecordId,
    value: &R,
) -> Result<ConfigRecord, serde_json::Error> {
    Ok(ConfigRecord {
        schema: R::SCHEMA,
        parent: value.parent(),
        unique: value.unique_keys(),
        global: value.global_keys(),
        references: value.references(),
        ..ConfigRecord::new(tenant, R::KIND, id, serde_json::to_value(value)?)
    })
}

/// [`Configs`] with types.
#[async_trait]
pub trait ConfigsExt: Configs {
    /// Reads a record of this type.
    async fn get<R: Resource>(&self, tenant: TenantId, id: RecordId) -> StoreResult<Option<Versioned<R>>> {
        Ok(self.get_config(tenant, R::KIND, id).await?.map(Versioned::read).transpose()?)
    }

    /// Finds the tenant's record of this type with this unique key.
    async fn find<R: Resource>(&self, tenant: TenantId, key: &KeyValue) -> StoreResult<Option<Versioned<R>>> {
        Ok(self.find_config(tenant, R::KIND, key).await?.map(Versioned::read).transpose()?)
    }

    /// Finds the record of this type with this global key, whosever it is.
    async fn find_anywhere<R: Resource>(&self, key: &KeyValue) -> StoreResult<Option<Versioned<R>>> {
        Ok(self.find_global(R::KIND, key).await?.map(Versioned::read).transpose()?)
    }

    /// Lists the records of this type of all tenants, by a global key of this name.
    async fn list_everywhere<R: Resource>(
        &self,
        key_name: &str,
        page: &PageRequest,
    ) -> StoreResult<Page<Versioned<R>>> {
        let Page { items, next } = self.list_global(R::KIND, key_name, page).await?;
        let items = items.into_iter().map(Versioned::read).collect::<Result<_, _>>()?;
        Ok(Page { items, next })
    }

    /// Lists the tenant's records of this type.
    async fn list_of<R: Resource>(
        &self,
        tenant: TenantId,
        parent: Option<RecordId>,
        page: &PageRequest,
    ) -> StoreResult<Page<Versioned<R>>> {
        let Page { items, next } = self.list_configs(tenant, R::KIND, parent, page).await?;
        let items = items.into_iter().map(Versioned::read).collect::<Result<_, _>>()?;
        Ok(Page { items, next })
    }
}

impl<T: Configs + ?Sized> ConfigsExt for T {}

impl fmt::Display for KeyValue {
    /// Names the key only: its value may be the digest of a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}
