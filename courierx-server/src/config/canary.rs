//! Canaries: whether the keys that are configured are those of this database.

use courierx_core::id::{RecordId, TenantId};
use courierx_core::store::{
    Change, CommitError, ConfigsExt, KeyValue, PageRequest, Resource, Store, StoreError, StoreResult,
};
use courierx_core::vault::{KeyId, Sealed, Vault};
use serde::{Deserialize, Serialize};

/// The kind of the records that canaries are kept in, in the default tenant.
pub const CANARY_KIND: &str = "vault_canary";

/// Why the keys of a vault are not to be used with this database.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CanaryError {
    /// What is stored was sealed with other keys.
    #[error("the database is sealed with another key ({})", names(.stored))]
    WrongKey {
        /// The keys that the database knows.
        stored: Vec<KeyId>,
    },
    /// The store failed.
    #[error("the store failed while its keys were checked")]
    Store(#[from] StoreError),
}

/// A canary as it is kept.
#[derive(Debug, Serialize, Deserialize)]
struct Canary {
    /// The name of its key.
    key: String,
    /// Whether it was the first: of two processes that begin with different keys only one succeeds.
    first: bool,
    sealed: Sealed,
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

/// Checks that the keys of `vault` are those that this database is sealed with, before anything is sealed
/// with them; a new active key is taken only together with an earlier one.
pub async fn check_canary(store: &dyn Store, vault: &Vault) -> Result<(), CanaryError> {
    let canaries = look_at_canary(store, vault).await?;
    if canaries.iter().any(|one| one.key_id() == vault.active_key()) {
        return Ok(());
    }
    let canary = Canary {
        key: vault.active_key().to_string(),
        first: canaries.is_empty(),
        sealed: vault.seal_canary(),
    };
    let change = Change::create(TenantId::DEFAULT, RecordId::new(), &canary)
        .map_err(|error| StoreError::Invalid(error.to_string()))?;
    match store.commit_configs(TenantId::DEFAULT, vec![change]).await? {
        Ok(()) => Ok(()),
        // Another process was faster; if with another key, this one is wrong by now.
        Err(CommitError::DuplicateKey { .. }) => look_at_canary(store, vault).await.map(drop),
        Err(error) => Err(StoreError::Backend(error.into()).into()),
    }
}

/// The same without adding a canary; the canaries that are there.
pub async fn look_at_canary(store: &dyn Store, vault: &Vault) -> Result<Vec<Sealed>, CanaryError> {
    let canaries = read(store).await?;
    let opens = |canary: &Sealed| vault.check_canary(canary).is_ok();
    // A canary of the active key's name that does not open is another key's, or damaged.
    let right = match canaries.iter().find(|one| one.key_id() == vault.active_key()) {
        Some(own) => opens(own),
        None => canaries.is_empty() || canaries.iter().any(opens),
    };
    if right {
        Ok(canaries)
    } else {
        Err(CanaryError::WrongKey { stored: canaries.iter().map(Sealed::key_id).collect() })
    }
}

async fn read(store: &dyn Store) -> StoreResult<Vec<Sealed>> {
    // Keys change once in a year: one page holds more than there will ever be.
    let page = PageRequest::first(PageRequest::MAX);
    let page = store.list_of::<Canary>(TenantId::DEFAULT, None, &page).await?;
    Ok(page.items.into_iter().map(|canary| canary.value.sealed).collect())
}

fn names(keys: &[KeyId]) -> String {
    keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use courierx_core::vault::VaultKey;
    use courierx_store::MemoryStore;

    use super::*;

    #[tokio::test]
    async fn only_keys_of_the_database_are_taken() {
        let store = MemoryStore::new();
        let (first, second, stranger) = (VaultKey::generate(), VaultKey::generate(), VaultKey::generate());
        check_canary(&store, &Vault::new(first.clone())).await.unwrap();
        check_canary(&store, &Vault::new(first.clone())).await.unwrap();
        let error = check_canary(&store, &Vault::new(second.clone())).await.unwrap_err();
        assert!(error.to_string().contains(&first.id().to_string()), "{error}");

        let rotated = Vault::new(second.clone()).with_retired(first);
        check_canary(&store, &rotated).await.unwrap();
        assert_eq!(look_at_canary(&store, &rotated).await.unwrap().len(), 2);
        check_canary(&store, &Vault::new(second)).await.unwrap();
        assert!(check_canary(&store, &Vault::new(stranger)).await.is_err());
    }
}
