//! Connections: where they come from, and that none stays away for ever.
//!
//! sqlx's pool asks each connection that comes back whether it still lives, and hands them out in turn. Under load that is
//! a round trip for each call, and as many of the database's processes as there may be do in turn what two could do,
//! which have everything at hand. So whoever is through puts its connection down here, and the next one takes the one
//! that was put down last.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sqlx::pool::PoolConnection;
use sqlx::{Connection, PgConnection, PgPool, PgTransaction, Postgres};
use tokio::runtime::Handle;

/// How long a connection stays out of sqlx's pool at most, which looks how old it is.
const AWAY: Duration = Duration::from_secs(30);
/// After which time without use it goes back.
const UNUSED: Duration = Duration::from_secs(1);

/// Where connections come from. Clones are the same.
#[derive(Clone)]
pub(super) struct Pool {
    all: PgPool,
    at_hand: Arc<Mutex<AtHand>>,
    /// How long a connection has to answer when it is given back to sqlx's pool.
    patience: Duration,
}

#[derive(Default)]
struct AtHand {
    /// The one that was used last stands last.
    put_down: Vec<(Lent, Instant)>,
    /// Who waits for sqlx's pool: nothing is put down then.
    waiting: usize,
}

impl Pool {
    pub(super) fn new(all: PgPool, patience: Duration) -> Self {
        Self { all, at_hand: Arc::default(), patience }
    }

    /// A connection, put down or given back when it is dropped.
    pub(super) async fn acquire(&self) -> sqlx::Result<Pooled> {
        let _waiting = {
            let mut at_hand = self.at_hand();
            if let Some((lent, _)) = at_hand.put_down.pop() {
                return Ok(Pooled { lent, pool: self.clone() });
            }
            at_hand.waiting += 1;
            Waiting(self)
        };
        let connection = self.all.acquire().await?;
        let lent = Lent { connection, since: Instant::now(), patience: self.patience, is_usable: true };
        Ok(Pooled { lent, pool: self.clone() })
    }

    /// Closes every connection once it comes back, and gives out none any more.
    pub(super) async fn close(&self) {
        // From this call on it is closed, and nothing is put down.
        let closing = self.all.close();
        drop(std::mem::take(&mut self.at_hand().put_down));
        closing.await;
    }

    /// Gives back what nobody uses, for ever.
    #[expect(clippy::disallowed_methods, reason = "connections rest in the machine's time")]
    pub(super) async fn tidy(self) {
        loop {
            tokio::time::sleep(UNUSED).await;
            let unused: Vec<_> = {
                let mut at_hand = self.at_hand();
                let used = at_hand.put_down.partition_point(|(_, at)| at.elapsed() >= UNUSED);
                at_hand.put_down.drain(..used).collect()
            };
            drop(unused);
        }
    }

    fn put_down(&self, lent: Lent) {
        let mut at_hand = self.at_hand();
        if at_hand.waiting == 0 && lent.since.elapsed() < AWAY && !self.all.is_closed() {
            at_hand.put_down.push((lent, Instant::now()));
        }
    }

    fn at_hand(&self) -> MutexGuard<'_, AtHand> {
        self.at_hand.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody who waits for sqlx's pool.
struct Waiting<'p>(&'p Pool);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.at_hand().waiting -= 1;
    }
}

/// A connection that is in use. Dropped it goes back to sqlx's pool, which makes sure that nothing is left behind on it.
pub(super) struct Pooled {
    lent: Lent,
    pool: Pool,
}

impl Pooled {
    /// Begins a transaction, which is undone when it is dropped. This stands before sqlx's own on purpose: that one,
    /// given up before the answer came, leaves a transaction open of which it does not know, and the next call would
    /// write into that, and nothing of it would last. So until the answer is here, whoever gives up closes the
    /// connection.
    pub(super) async fn begin(&mut self) -> sqlx::Result<PgTransaction<'_>> {
        let Lent { connection, is_usable, .. } = &mut self.lent;
        *is_usable = false;
        let transaction = Connection::begin(&mut **connection).await?;
        *is_usable = true;
        Ok(transaction)
    }

    /// Puts it down for the next one: everything that was asked was answered, and no transaction is open.
    pub(super) fn put_down(self) {
        self.pool.put_down(self.lent);
    }

    /// Closes it, and asks it nothing more.
    pub(super) fn discard(mut self) {
        self.lent.is_usable = false;
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
        &self.lent.connection
    }
}

impl DerefMut for Pooled {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.lent.connection
    }
}

/// A connection of sqlx's pool that does not stay away for ever.
///
/// The pool asks a connection that comes back whether it still lives, so that a call that was given up leaves no
/// statement behind, and it waits for the answer without end. Where a network loses everything in silence each such
/// connection would keep its place in the pool, and at last there would be none. This one gives it up in time.
struct Lent {
    connection: PoolConnection<Postgres>,
    since: Instant,
    patience: Duration,
    /// Whether sqlx's pool may have it back; if not, it is closed.
    is_usable: bool,
}

impl Drop for Lent {
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
