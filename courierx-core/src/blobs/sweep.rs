//! Removing blobs that nothing refers to any more.

use std::time::Duration;

use super::{BlobError, BlobKey, Blobs, Day, OWNER, owner, within};
use crate::id::TenantId;
use crate::store::{Expected, PageRequest, StateEntry, StateKey, Store, StoreError, StoreResult, Swap};

/// How old a blob is at least before it goes because there is no message of its name: its row may still be on
/// the way, in a transaction of the application's own.
const YOUNG: Duration = Duration::from_hours(24);
/// How long one call may take.
pub(super) const LONGEST: Duration = Duration::from_mins(1);
/// Where a sweep has got to. It is remembered for so long; afterwards the next one begins anew.
const POSITION: &str = "blobs/swept";
const REMEMBERED: Duration = Duration::from_hours(7 * 24);

/// What a step of a sweep did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Swept {
    /// How many blobs were looked at.
    pub looked_at: usize,
    /// How many of them were removed.
    pub removed: usize,
    /// Whether there are more to look at; if not, the next step begins anew.
    pub more: bool,
}

/// Why a sweep did not go on. What it removed before was right to be removed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SweepError {
    /// The store failed.
    #[error("the store failed during a sweep of large contents")]
    Store(#[from] StoreError),
    /// The place for blobs failed.
    #[error("large contents could not be swept")]
    Blobs(#[from] BlobError),
    /// The blobs are marked as those of another database: nothing is removed.
    #[error(
        "these large contents belong to another database, so none are removed; give each database a folder or a \
         prefix of its own, or remove {OWNER} there if it was this one's before it was restored"
    )]
    NotOurs,
}

/// Looks at the next `limit` blobs, 1000 at most, and removes those whose content was purged, and those older
/// than a day whose message was never kept, or is not any more.
///
/// Where it has got to is remembered in the store, so that steps may be taken by any process, at any time.
/// Nothing is removed by itself: call it until there is no [`more`](Swept::more), as often as you purge. Several
/// processes may sweep at once, though one is enough.
pub async fn sweep(store: &dyn Store, blobs: &dyn Blobs, limit: usize) -> Result<Swept, SweepError> {
    owner::check(store, blobs).await?;
    let limit = limit.clamp(1, PageRequest::MAX);
    let now = store.clock().now();
    let position = Position::read(store).await?;
    let days = Day::FIRST..Day::of(now).next();
    let keys = within(LONGEST, blobs.list(days, position.after.as_ref(), limit)).await?;
    // Of a day whose every moment is that long ago.
    let old = Day::of(now.before(YOUNG));
    let gone = gone(store, &keys, old).await?;
    if !gone.is_empty() {
        within(LONGEST, blobs.delete(&gone)).await?;
    }
    let more = keys.len() >= limit;
    position.move_to(store, keys.last().filter(|_| more)).await?;
    Ok(Swept { looked_at: keys.len(), removed: gone.len(), more })
}

/// Those of the blobs that are not needed.
async fn gone(store: &dyn Store, keys: &[BlobKey], old: Day) -> StoreResult<Vec<BlobKey>> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let places: Vec<_> = keys.iter().map(|key| (key.tenant(), key.message())).collect();
    let kept = store.has_content(&places).await?;
    let is_gone = |key: &BlobKey, kept: Option<bool>| match kept {
        // A message is written with its content, so one without is one whose content was purged.
        Some(has_content) => !has_content,
        None => key.day() < old && *key != OWNER,
    };
    Ok(keys.iter().zip(kept).filter(|(key, kept)| is_gone(key, *kept)).map(|(key, _)| *key).collect())
}

/// Where the sweep has got to.
struct Position {
    after: Option<BlobKey>,
    entry: Option<StateEntry>,
}

impl Position {
    fn key() -> StateKey {
        // As the turn of work for all, it belongs to no tenant.
        StateKey::new(TenantId::DEFAULT, POSITION)
    }

    async fn read(store: &dyn Store) -> StoreResult<Self> {
        let entry = store.get_state(&Self::key()).await?;
        let text = entry.as_ref().and_then(|entry| std::str::from_utf8(&entry.value).ok());
        Ok(Self { after: text.and_then(|text| text.parse().ok()), entry })
    }

    async fn move_to(&self, store: &dyn Store, after: Option<&BlobKey>) -> StoreResult<()> {
        let expected = self.entry.as_ref().map_or(Expected::Absent, |entry| Expected::Version(entry.version));
        let value = after.map_or_else(Vec::new, |key| key.to_string().into_bytes());
        match store.swap_state(&Self::key(), expected, value, REMEMBERED).await? {
            // Somebody else sweeps as well, and goes on from where they are.
            Swap::Stored { .. } | Swap::Conflict { .. } => Ok(()),
        }
    }
}
