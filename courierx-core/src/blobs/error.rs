//! Why a place for blobs could not do what it was asked.

/// The result of a call of [`Blobs`](super::Blobs).
pub type BlobResult<T> = Result<T, BlobError>;

type Source = Box<dyn std::error::Error + Send + Sync>;

/// Why a place for blobs could not do what it was asked, named for what the caller can do.
///
/// A call that failed may have been done all the same; every call may be repeated.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BlobError {
    /// It cannot be reached, is busy, or did not answer in time. Try again later.
    #[error("the place for large contents is unavailable")]
    Unavailable(#[source] Source),
    /// It refuses, and will until an operator acts: wrong credentials, no permission, no bucket, no room.
    #[error("the place for large contents refuses: {reason}")]
    Refused {
        /// What it refuses, and what to do about it.
        reason: String,
        /// Why.
        #[source]
        source: Option<Source>,
    },
    /// Anything else it says.
    #[error("the place for large contents failed")]
    Backend(#[source] Source),
}

impl BlobError {
    /// Whether trying again later may help without anybody acting.
    pub const fn is_temporary(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}
