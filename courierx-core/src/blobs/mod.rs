//! Where large contents are kept besides the store: the [`Blobs`] trait, and the suite that every back-end passes.
//!
//! A store keeps contents of up to [`INLINE`] bytes in its own rows, always. Larger ones it keeps too, unless
//! the application brings [`Blobs`]: then the sealed content is put there first, and the row has a sealed
//! reference to it, with its length and digest. So a row never refers to what is not there, and what a crash
//! leaves between the two is a blob that nothing refers to; [`sweep`] removes those, and the contents that were
//! purged.
//!
//! # Writing a back-end
//!
//! Implement [`Blobs`], and run every case of `courierx_core::blobs::conformance` (feature `conformance`) over it.

#[cfg(feature = "conformance")]
pub mod conformance;
mod error;
mod key;
mod memory;
mod owner;
mod sweep;

use std::fmt;
use std::ops::Range;
use std::time::Duration;

use async_trait::async_trait;

pub use self::error::{BlobError, BlobResult};
pub use self::key::{BlobKey, Day, InvalidBlobKey};
pub use self::memory::MemoryBlobs;
pub use self::owner::OWNER;
pub use self::sweep::{SweepError, Swept, sweep};

/// Sealed contents of up to so many bytes are kept in the store, whether there are [`Blobs`] or not.
pub const INLINE: usize = 64 * 1024;

/// A place for large contents, by key: a folder, a bucket.
///
/// What is put there is sealed already, and checked by its digest when it is read: nobody has to trust the
/// place to keep a secret, but everybody needs it to keep what it took. One database has it for itself, since
/// [`sweep`] removes what the database does not refer to.
#[async_trait]
pub trait Blobs: fmt::Debug + Send + Sync + 'static {
    /// Keeps `content` under this key, instead of what is there. When this returns it survives a crash; if it
    /// fails, or is dropped on the way, either nothing of it can be seen or all of it.
    async fn put(&self, key: &BlobKey, content: Vec<u8>) -> BlobResult<()>;

    /// Reads what is kept under this key; none only if it is certain that nothing is. A place that is not
    /// there at all (no bucket, no mounted disk) is an error.
    async fn get(&self, key: &BlobKey) -> BlobResult<Option<Vec<u8>>>;

    /// Removes what is kept under these keys. One under which nothing is kept is no error.
    async fn delete(&self, keys: &[BlobKey]) -> BlobResult<()>;

    /// Lists the keys of these days in their order, after `after` if it is given, at most `limit`. Fewer than
    /// that means that there are no more.
    async fn list(&self, days: Range<Day>, after: Option<&BlobKey>, limit: usize)
    -> BlobResult<Vec<BlobKey>>;
}

/// Waits for a call no longer than `limit`.
pub(crate) async fn within<T>(limit: Duration, call: impl Future<Output = BlobResult<T>>) -> BlobResult<T> {
    match tokio::time::timeout(limit, call).await {
        Ok(answer) => answer,
        Err(elapsed) => Err(BlobError::Unavailable(Box::new(elapsed))),
    }
}
