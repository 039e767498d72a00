//! Canaries: whether the keys that an application brings are those of this database.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::{
    Change, CommitError, ConfigsExt, KeyValue, PageRequest, Resource, Store, StoreError, StoreResult,
};
use crate::id::{RecordId, TenantId};
use crate::vault::{KeyId, Sealed, Vault};

/// The kind of the records that canaries are kept in, in the default tenant.
pub const CANARY_KIND: &str = "vault_canary";
/// More often nobody else's change comes in between.
const TRIES: usize = 5;

/// Why the keys of a vault are not to be used with this database.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CanaryError {
    /// Not every key that this database was sealed with is there. What one of the missing keys sealed, a
    /// message that waits or the password of a connection, could not be read.
    #[error(
        "this database is sealed with keys that are missing here ({}); add each as a former key",
        names(missing)
    )]
    WrongKey {
        /// The keys that the database knows and the vault does not hold.
        missing: Vec<KeyId>,
    },
    /// The store failed.
    #[error("the store failed while its keys were checked")]
    Store(#[from] StoreError),
}

/// Checks that the keys of `vault` are those that this database is sealed with, before anything is sealed or
/// opened: for an application that brings keys of its own, at every start.
///
/// The database keeps one sealed canary for each key that was ever active. The first key makes the first
/// canary; from then on the vault has to open every one of them, because anything may still be sealed with any
/// of these keys. So a new active key is taken only together with all earlier ones as retired keys, and then
/// gets a canary, too.
///
/// A key that is not to be kept any longer needs its record of the kind [`CANARY_KIND`] removed, by whoever
/// has made sure that nothing [needs it](Vault::needs_rewrap) any more.
pub async fn check_canary(store: &dyn Store, vault: &Vault) -> Result<(), CanaryError> {
    for _ in 0..TRIES {
        let canaries = look_at_canary(store, vault).await?;
        if canaries.contains(&vault.active_key()) || add(store, vault, canaries.is_empty()).await? {
            return Ok(());
        }
        // Another process added one meanwhile: it counts.
    }
    Err(StoreError::Busy("canaries of other keys kept appearing".into()).into())
}

/// The same check without adding anything: the keys that the database has a canary of.
pub async fn look_at_canary(store: &dyn Store, vault: &Vault) -> Result<Vec<KeyId>, CanaryError> {
    open_all(&read(store).await?, vault)
}

/// Which keys these canaries are of, if the vault opens every one.
pub(super) fn open_all(canaries: &[Sealed], vault: &Vault) -> Result<Vec<KeyId>, CanaryError> {
    // A canary of a key's name that does not open is another key's, or damaged.
    let (open, missing): (Vec<_>, Vec<_>) =
        canaries.iter().partition(|canary| vault.check_canary(canary).is_ok());
    let names = |canaries: Vec<&Sealed>| canaries.into_iter().map(Sealed::key_id).collect();
    if missing.is_empty() { Ok(names(open)) } else { Err(CanaryError::WrongKey { missing: names(missing) }) }
}

/// A canary as it is kept.
#[derive(Serialize, Deserialize)]
struct Canary {
    /// The name of its key.
    key: String,
    /// Whether it was the first: of two processes that begin with different keys only one succeeds.
    first: bool,
    /// In base64.
    sealed: String,
}

impl Canary {
    fn sealed(&self) -> StoreResult<Sealed> {
        let bytes = STANDARD.decode(&self.sealed).map_err(damaged)?;
        Sealed::from_bytes(bytes).map_err(damaged)
    }
}

/// The canary of a record's content.
pub(super) fn parse(body: &str) -> StoreResult<Sealed> {
    serde_json::from_str::<Canary>(body).map_err(damaged)?.sealed()
}

impl Resource for Canary {
    const KIND: &'static str = CANARY_KIND;

    fn unique_keys(&self) -> Vec<KeyValue> {
        let mut keys = vec![KeyValue::new("key", &self.key)];
        if self.first {
            keys.push(KeyValue::new("first", ""));
        }
        keys
    }
}

async fn read(store: &dyn Store) -> StoreResult<Vec<Sealed>> {
    let mut canaries = Vec::new();
    let mut request = PageRequest::default();
    loop {
        let page = store.list_of::<Canary>(TenantId::DEFAULT, None, &request).await?;
        for canary in page.items {
            canaries.push(canary.value.sealed()?);
        }
        match page.next {
            Some(next) => request = PageRequest::after(next, request.limit),
            None => return Ok(canaries),
        }
    }
}

/// Adds the canary of the active key; `false` if somebody else added one first.
async fn add(store: &dyn Store, vault: &Vault, first: bool) -> StoreResult<bool> {
    let canary = Canary {
        key: vault.active_key().to_string(),
        first,
        sealed: STANDARD.encode(vault.seal_canary().as_bytes()),
    };
    let change = Change::create(TenantId::DEFAULT, RecordId::new(), &canary)
        .map_err(|error| StoreError::Invalid(error.to_string()))?;
    match store.commit_configs(TenantId::DEFAULT, vec![change]).await? {
        Ok(()) => Ok(true),
        Err(CommitError::DuplicateKey { .. }) => Ok(false),
        Err(error) => Err(StoreError::Backend(error.into())),
    }
}

fn damaged(error: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError::Corrupt { what: "a canary".to_owned(), source: Some(error.into()) }
}

fn names(keys: &[KeyId]) -> String {
    keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
