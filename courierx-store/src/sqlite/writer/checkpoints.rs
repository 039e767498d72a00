//! Moving pages from the log into the database, beside the writer.
//!
//! Moving a long log is thousands of pages and a flush of the database: ten milliseconds in which nobody would be
//! answered. A thread with a connection of its own does that while the writer goes on. But the log starts again
//! from its beginning only where all of it was moved, and behind a writer that never rests some pages are always
//! missing. Those few the writer moves itself, between two groups.
//!
//! SQLite flushes the database only after a pass at whose end nothing was missing; the flush covers what earlier
//! passes moved. So the thread goes on until a pass had little to do: one that begins after a commit is mostly
//! done before the next. What is flushed then the writer need not wait for.
//!
//! A reader that keeps an old snapshot open keeps the log from being moved beyond it, as it always does in
//! SQLite: the log grows until that reader is done. If the thread does not keep up, the writer moves all that is
//! left at [`LONGEST`].

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use rusqlite::Connection;

/// Pages in the log from which on they are moved: 16 MiB.
const LONG: u32 = 4096;
/// Pages that are little to do: what a commit or two wrote.
const LITTLE: u32 = 64;
/// Pages that the writer moves itself: what is written while the database is flushed.
const LAST: u32 = 512;
/// Pages in the log at which SQLite moves them at the end of the writer's commit, however many: 32 MiB.
pub(in super::super) const LONGEST: u32 = 2 * LONG;

/// The thread that moves pages. Dropping it ends the thread.
pub(super) struct Checkpoints {
    wanted: Option<SyncSender<()>>,
    /// How many pages its last pass moved.
    moved: Arc<AtomicU32>,
    thread: Option<thread::JoinHandle<()>>,
}

/// The log, in pages.
#[derive(Clone, Copy)]
struct Log {
    length: u32,
    moved: u32,
}

/// What to do with it.
#[derive(Clone, Copy)]
enum Mode {
    /// Nothing but to measure it.
    Measure,
    /// To move what nobody needs there, without waiting for anybody.
    Move,
}

impl Checkpoints {
    /// Starts the thread, which does nothing else with `connection`.
    pub(super) fn start(connection: Connection) -> io::Result<Self> {
        // Nobody can leave word while the thread is at work: when it is done, the next commit tells what is left.
        let (wanted, asked) = sync_channel(0);
        let moved = Arc::new(AtomicU32::new(u32::MAX));
        let noted = Arc::clone(&moved);
        let thread = thread::Builder::new()
            .name("courierx-checkpoints".to_owned())
            .spawn(move || serve(&connection, &asked, &noted))?;
        Ok(Self { wanted: Some(wanted), moved, thread: Some(thread) })
    }

    /// To be called after commits of `writer`. Moves what is left if that is little, or has it moved.
    pub(super) fn after_commit(&self, writer: &Connection) {
        let Ok(Some(log)) = checkpoint(writer, Mode::Measure) else { return };
        if log.length < LONG {
            return;
        }
        let settled = self.moved.load(Ordering::Relaxed) <= LITTLE;
        if settled && log.length.saturating_sub(log.moved) <= LAST {
            self.moved.store(u32::MAX, Ordering::Relaxed);
            // What it could not move, the next one will.
            let _ = checkpoint(writer, Mode::Move);
        } else if let Some(wanted) = &self.wanted {
            let _ = wanted.try_send(());
        }
    }
}

impl Drop for Checkpoints {
    fn drop(&mut self) {
        self.wanted = None;
        if let Some(thread) = self.thread.take() {
            // Nothing in it panics.
            let _ = thread.join();
        }
    }
}

fn serve(connection: &Connection, asked: &Receiver<()>, moved: &AtomicU32) {
    while asked.recv().is_ok() {
        match pass(connection) {
            Ok(pages) => moved.store(pages, Ordering::Relaxed),
            Err(error) => {
                // Not tried again: a flush that failed may succeed the next time without having written anything.
                let error = &error as &dyn std::error::Error;
                tracing::error!(error, "the log is no longer moved into the database beside the writer");
                return;
            }
        }
    }
}

/// Moves what can be moved, and returns how many pages of the log that were; many, if somebody else is at it.
fn pass(connection: &Connection) -> rusqlite::Result<u32> {
    let before = checkpoint(connection, Mode::Measure)?;
    let after = checkpoint(connection, Mode::Move)?;
    let (Some(before), Some(after)) = (before, after) else { return Ok(u32::MAX) };
    Ok(after.moved.saturating_sub(before.moved))
}

/// None while somebody else moves the log: SQLite says -1 then.
fn checkpoint(connection: &Connection, mode: Mode) -> rusqlite::Result<Option<Log>> {
    let sql = match mode {
        Mode::Measure => "PRAGMA main.wal_checkpoint(NOOP)",
        Mode::Move => "PRAGMA main.wal_checkpoint(PASSIVE)",
    };
    let pages: (i64, i64) =
        connection.prepare_cached(sql)?.query_row([], |row| Ok((row.get(1)?, row.get(2)?)))?;
    let (length, moved) = (u32::try_from(pages.0), u32::try_from(pages.1));
    Ok(length.ok().zip(moved.ok()).map(|(length, moved)| Log { length, moved }))
}

#[cfg(test)]
mod tests {
    use rusqlite::params;
    use tempfile::TempDir;

    use super::*;

    /// Rows of about a page in one transaction.
    const GROUP: u32 = 64;

    #[test]
    fn who_cannot_be_told_how_long_the_log_is_goes_on() {
        // Of a database without a log SQLite says what it says while another connection moves it.
        let connection = Connection::open_in_memory().unwrap();
        assert!(checkpoint(&connection, Mode::Move).unwrap().is_none());
        assert_eq!(pass(&connection).unwrap(), u32::MAX);
    }

    struct Fixture {
        writer: Connection,
        folder: TempDir,
    }

    impl Fixture {
        /// A database whose log SQLite moves at so many pages.
        fn new(longest: u32) -> Self {
            let folder = tempfile::tempdir().unwrap();
            let fixture = Self { writer: connect(&folder), folder };
            fixture.writer.pragma_update(None, "wal_autocheckpoint", longest).unwrap();
            fixture.writer.execute_batch("CREATE TABLE kept (row BLOB)").unwrap();
            fixture
        }

        fn commit(&mut self) {
            let transaction = self.writer.transaction().unwrap();
            for _ in 0..GROUP {
                transaction.execute("INSERT INTO kept VALUES (?1)", params![[7_u8; 4000]]).unwrap();
            }
            transaction.commit().unwrap();
        }

        fn log(&self) -> Log {
            checkpoint(&self.writer, Mode::Measure).unwrap().unwrap()
        }

        /// Commits until the log begins anew, and returns how long it became.
        fn commit_until_it_begins_anew(&mut self, checkpoints: &Checkpoints) -> u32 {
            let mut longest = self.log().length;
            while longest < 10 * LONG {
                self.commit();
                let length = self.log().length;
                if length < longest {
                    return longest;
                }
                longest = length;
                checkpoints.after_commit(&self.writer);
            }
            panic!("the log has {longest} pages");
        }
    }

    fn connect(folder: &TempDir) -> Connection {
        let connection = Connection::open(folder.path().join("mail.db")).unwrap();
        connection.pragma_update(None, "journal_mode", "WAL").unwrap();
        connection.pragma_update(None, "synchronous", "NORMAL").unwrap();
        connection
    }

    #[test]
    fn the_thread_moves_a_long_log_and_the_writer_the_rest() {
        let mut fixture = Fixture::new(0);
        let checkpoints = Checkpoints::start(connect(&fixture.folder)).unwrap();
        for _ in 0..3 {
            while fixture.log().length < LONG {
                fixture.commit();
            }
            while fixture.log().moved < LONG || checkpoints.moved.load(Ordering::Relaxed) > LITTLE {
                checkpoints.after_commit(&fixture.writer);
                thread::yield_now();
            }
            // Not all of it: there is another commit.
            assert!(fixture.commit_until_it_begins_anew(&checkpoints) < LONG + 3 * GROUP);
        }
    }

    #[test]
    fn the_log_begins_anew_after_a_reader_that_stood_in_the_way() {
        let mut fixture = Fixture::new(LONGEST);
        let checkpoints = Checkpoints::start(connect(&fixture.folder)).unwrap();
        fixture.commit();
        let reader = connect(&fixture.folder);
        reader.execute_batch("BEGIN; SELECT count(*) FROM kept").unwrap();
        while fixture.log().length < LONGEST + LONG {
            fixture.commit();
            checkpoints.after_commit(&fixture.writer);
        }
        assert!(fixture.log().moved <= 2 * GROUP);
        let rows = reader.query_row("SELECT count(*) FROM kept", [], |row| row.get::<_, u32>(0)).unwrap();
        assert_eq!(rows, GROUP);
        reader.execute_batch("COMMIT").unwrap();
        assert!(fixture.commit_until_it_begins_anew(&checkpoints) >= LONGEST + LONG);
    }

    #[test]
    fn the_writer_moves_all_of_it_when_the_thread_does_not_keep_up() {
        let mut fixture = Fixture::new(LONGEST);
        let stuck = Checkpoints { wanted: None, moved: Arc::default(), thread: None };
        let longest = fixture.commit_until_it_begins_anew(&stuck);
        assert!((LONGEST..LONGEST + 2 * GROUP).contains(&longest), "{longest}");
    }
}
