//! How calls run: on a connection of the pool, again if that is gone or if they collide with others.

use std::time::Duration;

use courierx_core::clock::Timestamp;
use courierx_core::store::StoreResult;
use sqlx::{Connection, PgConnection};
use tokio::time::error::Elapsed;

use super::Shared;
use super::effects::Pending;
use super::error::{Fault, Remedy, Run};
use super::pooled::Pooled;

/// How often a call is tried at most: a deadlock, or a connection that broke, rarely comes twice.
const TRIES: u32 = 6;
/// How long to wait before the second try; twice as long before each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(5);

/// Does something on a connection, which reads or is one statement. It may be done more than once.
///
/// Macros, because the compiler cannot tell of a function that takes such a piece of work that its future may go
/// from thread to thread.
macro_rules! on_connection {
    ($shared:expr, |$connection:ident| $work:expr) => {
        $crate::postgres::transaction::on_connection!($shared, |$connection: &mut sqlx::PgConnection| $work)
    };
    ($shared:expr, |$connection:ident: $type:ty| $work:expr) => {{
        let shared: &$crate::postgres::Shared = $shared;
        let mut tries = $crate::postgres::transaction::Tries::new(shared);
        loop {
            let mut pooled = match tries.connect().await {
                Ok(pooled) => pooled,
                Err(fault) => match tries.failed(fault).await {
                    Ok(()) => continue,
                    Err(error) => break Err(error),
                },
            };
            let work = async {
                let $connection: $type = &mut pooled;
                $work.await
            };
            let result = tokio::time::timeout(shared.patience, work).await;
            match tries.end(pooled, result).await {
                Ok(Some(answer)) => break Ok(answer),
                Ok(None) => {}
                Err(error) => break Err(error),
            }
        }
    }};
}

/// Does something in a transaction; durable when this is over. It may be done more than once, the last time counts.
///
/// What needs the positions of its events says in the end what it makes of the one before the first.
macro_rules! in_transaction {
    ($shared:expr, |$tx:ident| $work:expr) => {
        $crate::postgres::transaction::in_transaction!($shared, |$tx| $work, |answer, _before| answer)
    };
    ($shared:expr, |$tx:ident| $work:expr, |$answer:ident, $before:ident| $made:expr) => {{
        let shared: &$crate::postgres::Shared = $shared;
        $crate::postgres::transaction::on_connection!(
            shared,
            |pooled: &mut $crate::postgres::pooled::Pooled| async {
                let mut transaction = pooled.begin().await?;
                let mut open = $crate::postgres::transaction::Tx::new(shared, &mut transaction);
                let $tx = &mut open;
                let $answer = $work.await?;
                open.flush().await?;
                let pending = open.pending;
                let $before = $crate::postgres::conclude::commit(transaction, &pending).await?;
                if pending.jobs_changed {
                    shared.signal.jobs_changed();
                }
                Ok($made)
            }
        )
    }};
}

pub(super) use {in_transaction, on_connection};

/// An open transaction, and what is put off to its end.
pub(super) struct Tx<'t> {
    pub(super) connection: &'t mut PgConnection,
    pub(super) shared: &'t Shared,
    pub(super) now: Timestamp,
    pub(super) pending: Pending,
}

impl<'t> Tx<'t> {
    pub(super) fn new(shared: &'t Shared, connection: &'t mut PgConnection) -> Self {
        Self { connection, shared, now: shared.now(), pending: Pending::default() }
    }
}

/// The tries of one call.
pub(super) struct Tries<'s> {
    shared: &'s Shared,
    left: u32,
    pause: Duration,
    /// Whether a connection was lost: then the others may be gone, too.
    was_lost: bool,
}

impl<'s> Tries<'s> {
    pub(super) fn new(shared: &'s Shared) -> Self {
        Self { shared, left: TRIES, pause: FIRST_PAUSE, was_lost: false }
    }

    /// A connection.
    pub(super) async fn connect(&mut self) -> Run<Pooled> {
        loop {
            let mut connection = self.shared.pool.acquire().await?;
            if !self.was_lost {
                return Ok(connection);
            }
            match tokio::time::timeout(self.shared.patience, connection.ping()).await {
                Ok(Ok(())) => return Ok(connection),
                _ => connection.discard(),
            }
        }
    }

    /// What comes of a try: an answer, or none if another try may help.
    pub(super) async fn end<T>(
        &mut self,
        connection: Pooled,
        result: Result<Run<T>, Elapsed>,
    ) -> StoreResult<Option<T>> {
        let fault = match result {
            Ok(Ok(answer)) => {
                connection.put_down();
                return Ok(Some(answer));
            }
            Ok(Err(fault)) => fault,
            Err(_) => Fault::silent(self.shared.patience),
        };
        if matches!(fault.remedy, Remedy::Reconnect | Remedy::Drop) {
            // The pool would try it first.
            connection.discard();
        }
        self.failed(fault).await.map(|()| None)
    }

    /// Waits before the next try, if there is to be one.
    pub(super) async fn failed(&mut self, fault: Fault) -> StoreResult<()> {
        self.left -= 1;
        if matches!(fault.remedy, Remedy::None | Remedy::Drop) || self.left == 0 {
            return Err(fault.into());
        }
        self.was_lost |= fault.remedy == Remedy::Reconnect;
        rest(self.pause).await;
        self.pause *= 2;
        Ok(())
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "others go on in the machine's time, whatever the store's clock shows"
)]
async fn rest(pause: Duration) {
    tokio::time::sleep(pause).await;
}
