//! Whose blobs these are.
//!
//! A sweep removes what its database does not refer to. Led to the blobs of another database, by a slip in a
//! setting, it would remove them all; so the first sweep leaves a mark, and no other database's sweep goes on.

use serde::{Deserialize, Serialize};

use super::sweep::{LONGEST, SweepError};
use super::{BlobKey, Blobs, Day, within};
use crate::id::{MessageId, RecordId, TenantId};
use crate::store::{
    Change, CommitError, ConfigsExt, KeyValue, PageRequest, Resource, Store, StoreError, StoreResult,
};

/// Where the mark is: under a name that no message has.
pub const OWNER: BlobKey =
    BlobKey::new(Day::FIRST, TenantId::from_bytes([0; 16]), MessageId::from_bytes([0; 16]));

/// What a database remembers of its blobs; its identifier is what the mark says.
#[derive(Serialize, Deserialize)]
struct BlobsOwner {}

impl Resource for BlobsOwner {
    const KIND: &'static str = "blobs_owner";

    fn unique_keys(&self) -> Vec<KeyValue> {
        // There is one in a database.
        vec![KeyValue::new("only", "")]
    }
}

/// Makes sure that the blobs are those of this database, and marks them if nobody has.
pub(super) async fn check(store: &dyn Store, blobs: &dyn Blobs) -> Result<(), SweepError> {
    let ours = identity(store).await?.to_string();
    if let Some(mark) = within(LONGEST, blobs.get(&OWNER)).await? {
        return if mark == ours.as_bytes() { Ok(()) } else { Err(SweepError::NotOurs) };
    }
    Ok(within(LONGEST, blobs.put(&OWNER, ours.into_bytes())).await?)
}

async fn identity(store: &dyn Store) -> StoreResult<RecordId> {
    if let Some(id) = read(store).await? {
        return Ok(id);
    }
    let id = RecordId::new();
    let change = Change::create(TenantId::DEFAULT, id, &BlobsOwner {})
        .map_err(|error| StoreError::Invalid(error.to_string()))?;
    match store.commit_configs(TenantId::DEFAULT, vec![change]).await? {
        Ok(()) => Ok(id),
        // Another process was faster.
        Err(error @ CommitError::DuplicateKey { .. }) => {
            read(store).await?.ok_or_else(|| StoreError::Busy(error.into()))
        }
        Err(error) => Err(StoreError::Backend(error.into())),
    }
}

async fn read(store: &dyn Store) -> StoreResult<Option<RecordId>> {
    let page = store.list_of::<BlobsOwner>(TenantId::DEFAULT, None, &PageRequest::first(1)).await?;
    Ok(page.items.first().map(|one| one.id))
}
