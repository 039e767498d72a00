//! A connection of the pool that does not stay away for ever.

use std::ops::{Deref, DerefMut};
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::{PgConnection, PgPool, Postgres};
use tokio::runtime::Handle;

/// A connection of the pool, given back when it is dropped.
///
/// The pool asks a connection that comes back whether it still lives, so that a call that was given up leaves no
/// statement behind, and it waits for the answer without end. Where a network loses everything in silence each such
/// connection would keep its place in the pool, and at last there would be none. This one gives it up in time.
pub(super) struct Pooled {
    connection: PoolConnection<Postgres>,
    patience: Duration,
    is_usable: bool,
}

impl Pooled {
    /// A connection, which has so long to answer when it is given back.
    pub(super) async fn acquire(pool: &PgPool, patience: Duration) -> sqlx::Result<Self> {
        Ok(Self { connection: pool.acquire().await?, patience, is_usable: true })
    }

    /// Closes it, and asks it nothing more.
    pub(super) fn discard(mut self) {
        self.is_usable = false;
    }
}

/// What comes of it within this time.
pub(super) async fn within<T>(
    patience: Duration,
    work: impl Future<Output = sqlx::Result<T>>,
) -> sqlx::Result<T> {
    match tokio::time::timeout(patience, work).await {
        Ok(result) => result,
        Err(late) => Err(sqlx::Error::Io(late.into())),
    }
}

impl Deref for Pooled {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.connection
    }
}

impl DerefMut for Pooled {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.connection
    }
}

impl Drop for Pooled {
    fn drop(&mut self) {
        // It has the connection from now on: whoever drops it closes that, and frees its place.
        let returning = self.connection.return_to_pool();
        if self.is_usable
            && let Ok(runtime) = Handle::try_current()
        {
            runtime.spawn(tokio::time::timeout(self.patience, returning));
        }
    }
}
