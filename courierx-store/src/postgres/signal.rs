//! Telling whoever waits that there are jobs: in this process at once, in others by a notification.
//!
//! A notification is sent on its own, not with the transaction that added the jobs: committing one waits for a
//! lock of the whole server. It may be lost, and so may the connection that listens, so waiters look by themselves
//! now and then (`queue/wait.rs`).

use std::sync::Arc;
use std::time::Duration;

use courierx_core::id::RecordId;
use sqlx::postgres::PgListener;
use sqlx::{AssertSqlSafe, PgPool};
use tokio::sync::{Notify, watch};

use super::pooled::{Pool, within};
use super::presence;

const CHANNEL: &str = "courierx_jobs";
/// A process tells others no more often than this.
const TELL_EVERY: Duration = Duration::from_millis(50);
/// How long to wait before listening again after that failed.
const LISTEN_AGAIN: Duration = Duration::from_secs(1);

/// Tells of jobs. Clones are the same.
#[derive(Clone)]
pub(super) struct Signal {
    changed: watch::Sender<u64>,
    to_tell: Arc<Notify>,
    schema: Arc<str>,
    /// Which process this is, so that it does not listen to itself.
    process: RecordId,
}

impl Signal {
    pub(super) fn new(schema: &str) -> Self {
        Self {
            changed: watch::Sender::new(0),
            to_tell: Arc::new(Notify::new()),
            schema: schema.into(),
            process: RecordId::new(),
        }
    }

    /// Jobs were added or freed.
    pub(super) fn jobs_changed(&self) {
        self.wake_here();
        self.to_tell.notify_one();
    }

    /// Changes with every signal from now on.
    pub(super) fn subscribe(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    fn wake_here(&self) {
        self.changed.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Whether a notification comes from another process on the same schema.
    fn concerns_us(&self, payload: &str) -> bool {
        let (schema, process) = payload.split_once('/').unwrap_or((payload, ""));
        schema == &*self.schema && process != self.process.to_string()
    }
}

/// Tells other processes, for ever.
pub(super) async fn tell(signal: Signal, pool: Pool, patience: Duration) {
    // Lost by a crash it would be of no use anyway, so its commit need not wait for the disk.
    let notify = format!(
        "BEGIN; SET LOCAL synchronous_commit = off; NOTIFY {CHANNEL}, '{}/{}'; COMMIT",
        signal.schema, signal.process
    );
    loop {
        signal.to_tell.notified().await;
        let telling = async {
            let mut connection = pool.acquire().await?;
            let telling = sqlx::raw_sql(AssertSqlSafe(notify.clone())).execute(&mut *connection);
            let told = within(patience, telling).await;
            match &told {
                Ok(_) => connection.put_down(),
                Err(_) => connection.discard(),
            }
            told
        };
        if let Err(error) = telling.await {
            tracing::debug!(%error, "other processes were not told of new jobs; they look by themselves");
        }
        rest(TELL_EVERY).await;
    }
}

/// Listens to other processes, for ever: by this connection first, if there is one, and by new ones later. Each of
/// those has a pool of its own, in which it may keep its place when it is given up.
pub(super) async fn listen(
    signal: Signal,
    mut first: Option<PgListener>,
    pool: impl Fn() -> PgPool,
    patience: Duration,
) {
    let mut told = false;
    loop {
        let begun = match first.take() {
            Some(listener) => Ok(Some(listener)),
            None => begin(&pool(), patience).await,
        };
        let heard = match begun {
            Ok(Some(listener)) => {
                told = false;
                hear(&signal, listener).await
            }
            Ok(None) if std::mem::replace(&mut told, true) => Ok(()),
            Ok(None) => {
                tracing::error!("somebody has the database for itself, as to move it: stop this process");
                Ok(())
            }
            Err(error) => Err(error),
        };
        if let Err(error) = heard {
            tracing::debug!(%error, "not listening for new jobs at the moment");
        }
        rest(LISTEN_AGAIN).await;
    }
}

/// A connection that listens, and tells that the database is open; none if somebody has it for itself.
pub(super) async fn begin(pool: &PgPool, patience: Duration) -> sqlx::Result<Option<PgListener>> {
    let listening = async {
        let mut listener = PgListener::connect_with(pool).await?;
        listener.listen(CHANNEL).await?;
        let free = presence::announce(&mut listener).await?;
        // It would listen again by itself, and wait for that without end.
        listener.eager_reconnect(false);
        sqlx::Result::Ok(free.then_some(listener))
    };
    within(patience, listening).await
}

async fn hear(signal: &Signal, mut listener: PgListener) -> sqlx::Result<()> {
    // What was said before we listened is lost.
    signal.wake_here();
    while let Some(notification) = listener.try_recv().await? {
        if signal.concerns_us(notification.payload()) {
            signal.wake_here();
        }
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "other processes live in the machine's time")]
async fn rest(pause: Duration) {
    tokio::time::sleep(pause).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_listens_to_others_on_its_schema() {
        let [here, there] = [(); 2].map(|()| Signal::new("courierx"));
        let of = |signal: &Signal| format!("{}/{}", signal.schema, signal.process);
        assert!(here.concerns_us(&of(&there)));
        assert!(!here.concerns_us(&of(&here)));
        assert!(!here.concerns_us(&of(&Signal::new("another"))));
        assert!(!here.concerns_us(""));
    }
}
