//! Large contents in a folder, or in a bucket of whatever speaks S3.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let directory = tempfile::tempdir()?;
//! # let path = directory.path().join("large");
//! use courierx_store::blobs::ObjectBlobs;
//!
//! let in_a_folder = ObjectBlobs::folder(path)?;
//! let in_a_bucket = ObjectBlobs::s3("acme-mail")
//!     .prefix("courierx")
//!     .endpoint("https://minio.acme.example")
//!     .credentials("an access key", "its secret")
//!     .open()?;
//! # Ok(())
//! # }
//! ```

mod error;
mod folder;
mod http;
mod list;
mod s3;
#[cfg(test)]
mod tests;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use courierx_core::blobs::{BlobError, BlobKey, BlobResult, Blobs, Day};
use futures_util::{StreamExt, stream};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _, PutPayload};

use self::error::{Fault, told};
use self::list::Listing;
pub use self::s3::{OpenError, S3Options};

/// No blob is larger: that is more than the largest message makes of itself, each byte of it as an escape in JSON.
const MOST_BYTES: u64 = 512 * 1024 * 1024;

/// Large contents in a folder of this machine, or in a bucket: [`folder`](Self::folder), [`s3`](Self::s3).
///
/// One folder, or one prefix in a bucket, is for one database, and any number of processes on it. Cheap to clone;
/// clones are the same place.
#[derive(Clone)]
pub struct ObjectBlobs(Arc<Inner>);

struct Inner {
    objects: Arc<dyn ObjectStore>,
    /// What all names begin with.
    prefix: Path,
    listing: Listing,
    /// An object that is there as long as the place is, if nothing else tells that it is.
    mark: Option<Path>,
    /// Where it is, for people.
    place: String,
}

impl ObjectBlobs {
    fn new(
        objects: impl ObjectStore,
        prefix: Path,
        listing: Listing,
        mark: Option<Path>,
        place: String,
    ) -> Self {
        Self(Arc::new(Inner { objects: Arc::new(objects), prefix, listing, mark, place }))
    }

    /// Where it is, for people: a path, or a bucket and a prefix.
    pub fn place(&self) -> &str {
        &self.0.place
    }
}

impl Inner {
    fn path(&self, key: &BlobKey) -> Path {
        let parts = [key.day().to_string(), key.tenant().to_string(), key.message().to_string()];
        parts.into_iter().fold(self.prefix.clone(), Path::join)
    }

    /// Fails if the place is not there: a disk that is not mounted, a folder that was removed. It would look like one
    /// that has nothing, and would take what is lost once the disk is back.
    async fn check(&self) -> BlobResult<()> {
        let Some(mark) = &self.mark else { return Ok(()) };
        match self.objects.head(mark).await {
            Ok(_) => Ok(()),
            Err(object_store::Error::NotFound { source, .. }) => Err(BlobError::Unavailable(
                Fault::new(
                    format!("{} is not there, or not what it was: is a disk missing?", self.place),
                    source,
                )
                .into(),
            )),
            Err(error) => Err(told(error, &self.place)),
        }
    }
}

#[async_trait]
impl Blobs for ObjectBlobs {
    async fn put(&self, key: &BlobKey, content: Vec<u8>) -> BlobResult<()> {
        if content.len() as u64 > MOST_BYTES {
            let reason = format!("the blob {key} has {} bytes, and could not be read again", content.len());
            return Err(BlobError::Refused { reason, source: None });
        }
        self.0.check().await?;
        let put = self.0.objects.put(&self.0.path(key), PutPayload::from(content)).await;
        put.map(|_| ()).map_err(|error| told(error, &self.0.place))
    }

    async fn get(&self, key: &BlobKey) -> BlobResult<Option<Vec<u8>>> {
        let found = match self.0.objects.get(&self.0.path(key)).await {
            Ok(found) => found,
            Err(error) if error::is_absent(&error) => {
                self.0.check().await?;
                return Ok(None);
            }
            Err(error) => return Err(told(error, &self.0.place)),
        };
        if found.meta.size > MOST_BYTES {
            let reason = format!("the blob {key} has {} bytes, which nobody put there", found.meta.size);
            return Err(BlobError::Refused { reason, source: None });
        }
        let bytes = found.bytes().await.map_err(|error| told(error, &self.0.place))?;
        Ok(Some(bytes.into()))
    }

    async fn delete(&self, keys: &[BlobKey]) -> BlobResult<()> {
        self.0.check().await?;
        let paths: Vec<_> = keys.iter().map(|key| Ok(self.0.path(key))).collect();
        let mut deleted = self.0.objects.delete_stream(stream::iter(paths).boxed());
        let mut first = None;
        // Each for itself: one that cannot be removed keeps none of the others.
        while let Some(result) = deleted.next().await {
            match result {
                Err(error) if !error::is_absent(&error) => first = first.or(Some(error)),
                _ => {}
            }
        }
        first.map_or(Ok(()), |error| Err(told(error, &self.0.place)))
    }

    async fn list(
        &self,
        days: Range<Day>,
        after: Option<&BlobKey>,
        limit: usize,
    ) -> BlobResult<Vec<BlobKey>> {
        self.0.check().await?;
        let Inner { objects, prefix, listing, place, .. } = &*self.0;
        let keys = listing.list(&**objects, prefix, days, after, limit).await;
        keys.map_err(|error| told(error, place))
    }
}

impl fmt::Debug for ObjectBlobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObjectBlobs").field("place", &self.0.place).finish_non_exhaustive()
    }
}
