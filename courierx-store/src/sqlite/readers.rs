//! The threads that read. In WAL mode they see the last commit and never wait for the writer.
//!
//! What the writer has looked up for it beforehand is read by a thread of its own, which is [patient](Standing::Patient).

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use courierx_core::store::{StoreError, StoreResult};
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::error::Run;

/// How many reads may be queued.
const QUEUE: usize = 256;

type Read = Box<dyn FnOnce(&Connection) + Send>;

/// How a thread stands with the others when there are fewer processors than threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// As everybody.
    Equal,
    /// It lets others go first. The writer, behind whom everybody waits, would otherwise share its processor with reads
    /// of many milliseconds that are made for it.
    Patient,
}

impl Standing {
    fn prefix(self) -> &'static str {
        match self {
            Self::Equal => "courierx-reader",
            Self::Patient => "courierx-finder",
        }
    }

    /// Takes that place. Anybody may step back, and it is a matter of speed alone.
    fn take(self) {
        #[cfg(target_os = "linux")]
        if self == Self::Patient
            && let Err(error) = nicer::become_nicer()
        {
            tracing::debug!(error = &error as &dyn std::error::Error, "a thread cannot step back");
        }
    }
}

/// Linux counts for each thread how nice it is.
#[cfg(target_os = "linux")]
mod nicer {
    use rustix::process::{getpriority_process, setpriority_process};
    use rustix::thread::gettid;

    /// Beside one that is not so nice, this leaves a fourth of a processor.
    const BY: i32 = 5;

    /// How nice this thread is: 19 at most.
    pub(super) fn niceness() -> rustix::io::Result<i32> {
        getpriority_process(Some(gettid()))
    }

    pub(super) fn become_nicer() -> rustix::io::Result<()> {
        setpriority_process(Some(gettid()), niceness()? + BY)
    }
}

/// The way to the reading threads. Dropping it ends them.
#[derive(Debug)]
pub(super) struct Readers {
    reads: Option<mpsc::Sender<Read>>,
    threads: Vec<thread::JoinHandle<()>>,
}

impl Readers {
    /// Starts a thread for each connection.
    pub(super) fn start(connections: Vec<Connection>, standing: Standing) -> std::io::Result<Self> {
        let (sender, reads) = mpsc::channel(QUEUE);
        let reads = Arc::new(Mutex::new(reads));
        // Made first, so that an error halfway ends the threads that run already.
        let mut readers = Self { reads: Some(sender), threads: Vec::with_capacity(connections.len()) };
        for (connection, number) in connections.into_iter().zip(1..) {
            let reads = Arc::clone(&reads);
            let thread =
                thread::Builder::new().name(format!("{}-{number}", standing.prefix())).spawn(move || {
                    standing.take();
                    serve(&connection, &reads);
                })?;
            readers.threads.push(thread);
        }
        Ok(readers)
    }

    /// Runs `work` on one snapshot of the database.
    pub(super) async fn run<F, T>(&self, work: F) -> StoreResult<T>
    where
        F: FnOnce(&Connection) -> Run<T> + Send + 'static,
        T: Send + 'static,
    {
        let (caller, result) = oneshot::channel();
        let reads = self.reads.as_ref().ok_or(StoreError::Closed)?;
        let read: Read = Box::new(move |connection| {
            if !caller.is_closed() {
                // A caller that is gone meanwhile does not want to know.
                let _ = caller.send(snapshot(connection, work));
            }
        });
        reads.send(read).await.map_err(|_| StoreError::Closed)?;
        result.await.map_err(|_| StoreError::Closed)?
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.reads = None;
        for thread in self.threads.drain(..) {
            // It panics only if a read did, whose caller was told.
            let _ = thread.join();
        }
    }
}

/// How many readers there are unless told otherwise.
pub(super) const DEFAULT: NonZeroUsize = NonZeroUsize::MIN.saturating_add(1);

fn serve(connection: &Connection, reads: &Mutex<mpsc::Receiver<Read>>) {
    loop {
        // Whoever holds the lock waits for the next read, the others wait for the lock.
        let read = reads.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv();
        match read {
            Some(read) => read(connection),
            None => return,
        }
    }
}

fn snapshot<T>(connection: &Connection, work: impl FnOnce(&Connection) -> Run<T>) -> StoreResult<T> {
    let read = || -> Run<T> {
        let transaction = Snapshot::begin(connection)?;
        let result = work(connection)?;
        transaction.end()?;
        Ok(result)
    };
    Ok(read()?)
}

/// A transaction that reads. Its statements are prepared once, which rusqlite's own are not: parsing them takes as long as
/// finding a row.
struct Snapshot<'a>(Option<&'a Connection>);

impl<'a> Snapshot<'a> {
    fn begin(connection: &'a Connection) -> rusqlite::Result<Self> {
        connection.prepare_cached("BEGIN")?.execute([])?;
        Ok(Self(Some(connection)))
    }

    fn end(mut self) -> rusqlite::Result<()> {
        self.0.take().map_or(Ok(()), end)
    }
}

/// When the work failed, or panicked.
impl Drop for Snapshot<'_> {
    fn drop(&mut self) {
        // SQLite ends some of them by itself.
        let open = self.0.filter(|connection| !connection.is_autocommit());
        if let Some(Err(error)) = open.map(end) {
            tracing::warn!(error = &error as &dyn std::error::Error, "a read could not be ended");
        }
    }
}

fn end(connection: &Connection) -> rusqlite::Result<()> {
    connection.prepare_cached("COMMIT")?.execute([]).map(drop)
}

#[cfg(test)]
mod tests {
    use courierx_core::store::StoreError;
    use rusqlite::StatementStatus;

    use super::super::SqliteStore;
    use crate::sqlite::error::Fault;

    async fn store() -> (SqliteStore, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        (SqliteStore::open(folder.path().join("mail.db")).await.unwrap(), folder)
    }

    #[tokio::test]
    async fn a_statement_is_prepared_once_whatever_is_asked_for() {
        let (store, _folder) = store().await;
        let prepared_anew = store.read(|connection| {
            let mut select =
                connection.prepare_cached("SELECT seq FROM courierx_messages ORDER BY seq LIMIT ?1")?;
            for limit in [1, 2, 3] {
                select.query([limit])?.next()?;
            }
            Ok(select.get_status(StatementStatus::RePrepare))
        });
        assert_eq!(prepared_anew.await.unwrap(), 0);
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn what_is_looked_up_for_the_writer_lets_others_go_first() {
        let (store, _folder) = store().await;
        let niceness = |_: &rusqlite::Connection| Ok(super::nicer::niceness().unwrap());
        let (equal, patient) = (store.read(niceness).await.unwrap(), store.find(niceness).await.unwrap());
        assert!(patient > equal || equal == 19, "{patient} beside {equal}");
    }

    #[tokio::test]
    async fn a_read_that_fails_ends_its_snapshot() {
        let (store, _folder) = store().await;
        // More often than there are readers: the next one to use the connection would fail to begin.
        for _ in 0..8 {
            let failed = store.read::<_, ()>(|_| Err(Fault::invalid("it was asked for nothing"))).await;
            assert!(matches!(failed, Err(StoreError::Invalid(_))), "{failed:?}");
        }
    }
}
