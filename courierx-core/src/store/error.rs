//! Why a store could not do what it was asked.

/// The result of a store's call.
pub type StoreResult<T> = Result<T, StoreError>;

type Source = Box<dyn std::error::Error + Send + Sync>;

/// Why a store could not do what it was asked, named for what the caller can do.
///
/// Nothing was changed, unless a variant says otherwise. What a call finds out about an item (a duplicate
/// key, a lost lease, a full quota) is not an error: it is in that item's result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Something else holds the database for longer than the store waits. Try again soon.
    #[error("the store is busy")]
    Busy(#[source] Source),
    /// The database cannot be reached, or went away during the call, which may or may not have been
    /// committed. Try again later; the calls of the send path may be repeated as they are.
    #[error("the store is unavailable")]
    Unavailable(#[source] Source),
    /// There is no room left, or the medium cannot be written. An operator has to act.
    #[error("the store cannot be written")]
    Full(#[source] Source),
    /// What is stored cannot be read: damaged, or written by a newer version. An operator has to act.
    #[error("the store holds something that cannot be read: {what}")]
    Corrupt {
        /// What could not be read.
        what: String,
        /// Why.
        #[source]
        source: Option<Source>,
    },
    /// The request itself makes no sense, such as a cursor of another list. A bug in the caller.
    #[error("the store was asked for something impossible: {0}")]
    Invalid(String),
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
    /// Anything else the database says.
    #[error("the store failed")]
    Backend(#[source] Source),
}

impl StoreError {
    /// Whether trying again later may help without anybody acting.
    pub const fn is_temporary(&self) -> bool {
        matches!(self, Self::Busy(_) | Self::Unavailable(_))
    }
}
