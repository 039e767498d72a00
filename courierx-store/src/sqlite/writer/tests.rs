//! When the disk is slow, and when it fails. That a flush stands before each answer is seen in the system calls:
//! `tests/it/crash.rs` of the facade.

use std::io;
use std::ops::RangeInclusive;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

use courierx_core::clock::SystemClock;
use futures_util::future::{self, FutureExt, LocalBoxFuture};
use rusqlite::params;
use tempfile::TempDir;

use super::*;

/// A writer on a table of its own. Every flush waits to be told how it ends.
struct Fixture {
    writer: Writer,
    reader: Connection,
    flushes: Sender<io::Result<()>>,
    begun: Arc<AtomicUsize>,
    jobs_changed: watch::Receiver<u64>,
    folder: TempDir,
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let connect = || {
            let connection = Connection::open(folder.path().join("mail.db")).unwrap();
            connection.pragma_update(None, "journal_mode", "WAL").unwrap();
            connection
        };
        let (connection, reader) = (connect(), connect());
        connection
            .execute_batch(
                "CREATE TABLE courierx_suppressions (tenant BLOB, pattern TEXT);
                 CREATE TABLE courierx_soft_bounces (tenant BLOB, address TEXT);
                 CREATE TABLE courierx_counters (tenant, name, day, value);
                 CREATE TABLE kept (number INTEGER PRIMARY KEY);",
            )
            .unwrap();
        let filter = Arc::new(Filter::load(&connection).unwrap());
        let (flushes, told): (_, Receiver<io::Result<()>>) = channel();
        let (begun, told) = (Arc::new(AtomicUsize::new(0)), Mutex::new(told));
        let count = Arc::clone(&begun);
        let flush: Flush = Arc::new(move || {
            count.fetch_add(1, Ordering::SeqCst);
            told.lock().unwrap().recv().unwrap_or(Ok(()))
        });
        let changes = watch::Sender::new(0);
        let jobs_changed = changes.subscribe();
        let told = Told { jobs_changed: changes, generations: Arc::default() };
        let writer =
            Writer::start(connection, connect(), flush, SystemClock::shared(), filter, told).unwrap();
        Self { writer, reader, flushes, begun, jobs_changed, folder }
    }

    /// Keeps a number.
    async fn keep(&self, number: i64) -> StoreResult<()> {
        self.writer
            .run(Touches::Nothing, move |tx| {
                tx.execute("INSERT INTO kept VALUES (?1)", params![number])?;
                Ok(())
            })
            .await
    }

    /// How many numbers there are, as the writing connection sees it.
    async fn count(&self) -> StoreResult<i64> {
        self.writer
            .run(Touches::Nothing, |tx| {
                Ok(tx.sql("SELECT count(*) FROM kept")?.query_row([], |row| row.get(0))?)
            })
            .await
    }

    /// Lets numbers be queued before the writer gets at them: one group, which it does not flush itself.
    ///
    /// A task of tokio's may not send many more than fifty at once.
    fn keep_together(&self, numbers: RangeInclusive<i64>) -> LocalBoxFuture<'_, Vec<StoreResult<()>>> {
        self.reader.execute_batch("BEGIN IMMEDIATE").unwrap();
        let last = *numbers.end();
        let mut calls = future::join_all(numbers.map(|number| self.keep(number))).boxed_local();
        assert!(calls.as_mut().now_or_never().is_none());
        self.reader.execute_batch("ROLLBACK").unwrap();
        self.committed(last);
        calls
    }

    /// Waits until so many are committed.
    fn committed(&self, numbers: i64) {
        let count = || self.reader.query_row("SELECT count(*) FROM kept", [], |row| row.get::<_, i64>(0));
        while count().unwrap() < numbers {
            thread::yield_now();
        }
    }

    fn flushes_begun(&self, count: usize) {
        while self.begun.load(Ordering::SeqCst) < count {
            thread::yield_now();
        }
    }
}

fn failure() -> io::Result<()> {
    Err(io::Error::other("the disk is gone"))
}

#[tokio::test]
async fn nobody_is_answered_before_a_flush_that_began_after_the_commit() {
    let fixture = Fixture::new();
    let first = fixture.keep_together(1..=2);
    fixture.flushes_begun(1);
    // Enough to be committed while the first flush is under way.
    let mut second = fixture.keep_together(3..=3 + i64::try_from(ENOUGH).unwrap());
    fixture.flushes.send(Ok(())).unwrap();
    assert!(first.await.iter().all(Result::is_ok));
    fixture.flushes_begun(2);
    assert!(second.as_mut().now_or_never().is_none(), "answered by a flush that began before");
    for _ in 0..50 {
        fixture.flushes.send(Ok(())).unwrap();
    }
    assert!(second.await.iter().all(Result::is_ok));
}

#[tokio::test]
async fn what_changes_nothing_waits_for_the_flush_of_what_it_saw() {
    let fixture = Fixture::new();
    let mut kept = fixture.keep_together(1..=2);
    let mut seen = Box::pin(fixture.count());
    assert!(seen.as_mut().now_or_never().is_none());
    // A wrong answer would come soon.
    (0..1000).for_each(|_| thread::yield_now());
    assert!(kept.as_mut().now_or_never().is_none());
    assert!(seen.as_mut().now_or_never().is_none(), "answered before what it saw is durable");
    for _ in 0..4 {
        fixture.flushes.send(Ok(())).unwrap();
    }
    assert_eq!(seen.await.unwrap(), 2);
    assert!(kept.await.iter().all(Result::is_ok));
    let flushed = fixture.begun.load(Ordering::SeqCst);
    assert_eq!(fixture.count().await.unwrap(), 2);
    assert_eq!(fixture.begun.load(Ordering::SeqCst), flushed, "there was nothing to flush");
}

#[tokio::test]
async fn after_a_failed_flush_nothing_is_written_any_more() {
    let fixture = Fixture::new();
    fixture.flushes.send(Ok(())).unwrap();
    fixture.keep(1).await.unwrap();

    fixture.flushes.send(failure()).unwrap();
    let uncertain = fixture.keep(2).await;
    assert!(matches!(uncertain, Err(StoreError::Unavailable(_))), "{uncertain:?}");
    // A second flush would succeed, and say nothing about the first.
    fixture.flushes.send(Ok(())).unwrap();
    let refused = future::join_all((3..40).map(|number| fixture.keep(number))).await;
    assert!(refused.iter().all(|one| matches!(one, Err(StoreError::Full(_)))), "{refused:?}");
    assert!(matches!(fixture.count().await, Err(StoreError::Full(_))), "it might tell of what may be lost");
    assert_eq!(fixture.begun.load(Ordering::SeqCst), 2);
    fixture.committed(2);
    assert_eq!(*fixture.jobs_changed.borrow(), 0);

    // What could not be flushed is not moved into the database either.
    let Fixture { writer, reader, folder, .. } = fixture;
    drop(reader);
    drop(writer);
    assert!(folder.path().join("mail.db-wal").metadata().is_ok_and(|log| log.len() > 0));
}

#[tokio::test]
async fn who_waits_for_a_flush_that_fails_hears_of_it() {
    let fixture = Fixture::new();
    let mut waiting = Box::pin(future::join_all((0..50).map(|number| fixture.keep(number))));
    assert!(waiting.as_mut().now_or_never().is_none());
    fixture.flushes_begun(1);
    fixture.flushes.send(failure()).unwrap();
    assert!(waiting.await.iter().all(Result::is_err));
    assert_eq!(fixture.begun.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn what_is_queued_at_the_end_is_flushed_and_answered() {
    let fixture = Fixture::new();
    let Fixture { writer, flushes, begun, .. } = fixture;
    let queue = |number: i64| {
        let (caller, answer) = oneshot::channel();
        let work = move |tx: &Tx<'_>| tx.execute("INSERT INTO kept VALUES (?1)", params![number]);
        let command: Box<dyn Command> = Box::new(Closure::new(Touches::Nothing, work, caller));
        writer.commands.as_ref().unwrap().try_send(command).unwrap();
        answer
    };
    let answers: Vec<_> = (0..50).map(queue).collect();
    // Every flush succeeds from here on.
    drop(flushes);
    drop(writer);
    assert!(begun.load(Ordering::SeqCst) > 0);
    for mut answer in answers {
        assert!(answer.try_recv().unwrap().is_ok());
    }
}
