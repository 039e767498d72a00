//! The one thread that writes, and its group commit.
//!
//! A commit costs a flush of the disk, whatever is in it. So the writer runs everything that is queued in
//! one transaction, looks again for what came meanwhile, commits once, and only after a [flush](super::log)
//! that began after the commit anybody is answered. Nobody waits for company: a command that comes alone is
//! committed alone, and flushed here, because handing it to another thread would take longer. A group is
//! handed to the [`flusher`], and while the disk is at work the next group is run. It is not committed before
//! the disk is free again, unless it is large enough: more commits would only write the same pages more often.
//!
//! Between a commit and its flush, readers see what a power cut would take away again (a kill of the process
//! does not). Nothing leaves the machine because of that: whoever hands a message over has begun an attempt
//! here before, and its flush covers all that was committed before it. For the same reason a command that
//! changes nothing is answered after the flush of what it may have seen.
//!
//! If anything in a group fails, the group is rolled back and each command is run again in a transaction of
//! its own, so that one bad command fails by itself. Commands are therefore closures that can be called
//! again.

mod checkpoints;
mod command;
mod flusher;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::thread;

use courierx_core::clock::Clock;
use courierx_core::store::{StoreError, StoreResult};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::{mpsc, oneshot, watch};

use super::error::{Fault, Run};
use super::filter::Filter;
use super::log::Flush;
use super::transaction::Tx;
use crate::generations::{Generations, Touches};
use checkpoints::Checkpoints;
pub(super) use checkpoints::LONGEST;
use command::{Closure, Command, Group};
use flusher::{Committed, Flusher};

/// How many commands may be queued, and how many one commit may answer.
const QUEUE: usize = 1024;
/// How many commands make a commit worth its flush. Who comes later and was not queued at its beginning is
/// better off with the next one: while this one is flushed, they and those behind them are made ready.
const ENOUGH: usize = 32;
/// How many changed rows end a group: they take many times as long as their flush, and who has written them can go on
/// while others' are written.
const ROWS: u64 = 1_000;
/// How often the writer lets those run who were just answered, before it commits without them.
const SECOND_LOOKS: u32 = 2;

/// What others learn of the writer's commits.
pub(super) struct Told {
    /// Counted up after commits that added or freed jobs.
    pub(super) jobs_changed: watch::Sender<u64>,
    /// How far the writes of each tenant are.
    pub(super) generations: Arc<Generations>,
}

/// The way to the writing thread. Dropping it ends the thread, after all that is queued was done.
#[derive(Debug)]
pub(super) struct Writer {
    commands: Option<mpsc::Sender<Box<dyn Command>>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Writer {
    /// Starts the threads. What the connection commits is not flushed by SQLite: `flush` does that. `beside` is
    /// another connection to the same database, for checkpoints.
    pub(super) fn start(
        connection: Connection,
        beside: Connection,
        flush: Flush,
        clock: Arc<dyn Clock>,
        filter: Arc<Filter>,
        Told { jobs_changed, generations }: Told,
    ) -> std::io::Result<Self> {
        let (sender, commands) = mpsc::channel(QUEUE);
        let flusher = Flusher::start(flush, jobs_changed)?;
        let checkpoints = Checkpoints::start(beside)?;
        let writing = Writing { flusher, checkpoints, connection, clock, filter, generations, commands };
        let thread =
            thread::Builder::new().name("courierx-writer".to_owned()).spawn(move || writing.serve())?;
        Ok(Self { commands: Some(sender), thread: Some(thread) })
    }

    /// Runs `work` in a transaction and returns its result once that is durable. `touches` names those of whom it may
    /// change what is read: it is asked for here, so that no write forgets to say.
    ///
    /// Whoever drops the future no longer learns the result; the work is done all the same.
    pub(super) async fn run<F, T>(&self, touches: Touches, work: F) -> StoreResult<T>
    where
        F: Fn(&Tx<'_>) -> Run<T> + Send + 'static,
        T: Send + 'static,
    {
        let (caller, result) = oneshot::channel();
        let commands = self.commands.as_ref().ok_or(StoreError::Closed)?;
        let command = Box::new(Closure::new(touches, work, caller));
        commands.send(command).await.map_err(|_| StoreError::Closed)?;
        result.await.map_err(|_| StoreError::Closed)?.map(|(result, _)| result)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.commands = None;
        if let Some(thread) = self.thread.take() {
            // It panics only if a command did, whose caller was told.
            let _ = thread.join();
        }
    }
}

/// What the thread owns. The flusher answers the last ones before the connection is closed, as the last of ours.
struct Writing {
    flusher: Flusher,
    checkpoints: Checkpoints,
    connection: Connection,
    clock: Arc<dyn Clock>,
    filter: Arc<Filter>,
    generations: Arc<Generations>,
    commands: mpsc::Receiver<Box<dyn Command>>,
}

impl Writing {
    fn serve(mut self) {
        let mut last = 0;
        while let Some(first) = self.commands.blocking_recv() {
            last = match self.flusher.failed() {
                Some(failed) => refuse(first, &mut self.commands, || failed.refusal()),
                None => self.commit_group(first, last),
            };
        }
        self.flusher.wait();
        if self.flusher.failed().is_some() {
            // What could not be flushed to the log must not be moved from there into the database.
            let _ = self.connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
        }
    }

    /// Commits `first` and all that is queued, and returns how many that was. `last` is how many the last
    /// commit had: they are the ones who may have been answered and be about to send the next command.
    fn commit_group(&mut self, first: Box<dyn Command>, last: usize) -> usize {
        let transaction = match begin(&mut self.connection) {
            Ok(transaction) => transaction,
            Err(error) => {
                // Whoever holds the database holds it against everybody who is queued.
                return refuse(first, &mut self.commands, || Fault::from(copy(&error)).into());
            }
        };
        let mut group = vec![first];
        let before = transaction.total_changes();
        let tx = Tx::new(&transaction, &*self.clock, &self.filter);
        let result = run_group(&mut group, &mut self.commands, &self.flusher, &tx, last);
        let jobs_changed = tx.jobs_changed();
        drop(tx);
        let changed = transaction.total_changes() > before;
        let result = result.and_then(|()| Ok(transaction.commit()?));
        self.count(group.iter());
        let size = group.len();
        match result {
            Ok(()) => {
                tracing::trace!(commands = size, "committed");
                self.conclude(Committed { group, jobs_changed }, changed);
                self.checkpoints.after_commit(&self.connection);
            }
            Err(fault) => match group.pop() {
                Some(only) if group.is_empty() => only.fail(fault.into()),
                last => self.commit_each(group.into_iter().chain(last)),
            },
        }
        size
    }

    /// Counts what these may have changed: right after their commit, before anybody hears of it, and even if it
    /// failed, since it may have been made all the same.
    fn count<'a>(&self, commands: impl Iterator<Item = &'a Box<dyn Command>>) {
        commands.for_each(|command| self.generations.count(command.touches()));
    }

    /// Has those answered whose commands were committed.
    fn conclude(&self, committed: Committed, changed: bool) {
        let is_alone = committed.group.len() == 1 && self.commands.is_empty();
        if self.flusher.is_busy() || (changed && !is_alone) {
            self.flusher.hand_over(committed);
        } else if changed {
            self.flusher.flush_here(committed);
        } else {
            self.flusher.answer(committed);
        }
    }

    /// Commits each command of a group that failed by itself, and flushes once for all of them.
    fn commit_each(&mut self, group: impl Iterator<Item = Box<dyn Command>>) {
        let mut committed = Committed { group: Vec::new(), jobs_changed: false };
        for mut command in group {
            let result = self.commit_one(&mut *command);
            self.count(std::iter::once(&command));
            match result {
                Ok(jobs_changed) => {
                    committed.jobs_changed |= jobs_changed;
                    committed.group.push(command);
                }
                Err(fault) => command.fail(fault.into()),
            }
        }
        self.flusher.hand_over(committed);
    }

    /// Returns whether a job was added or freed.
    fn commit_one(&mut self, command: &mut dyn Command) -> Run<bool> {
        let transaction = begin(&mut self.connection)?;
        let tx = Tx::new(&transaction, &*self.clock, &self.filter);
        command.run(&tx)?;
        tx.flush()?;
        let jobs_changed = tx.jobs_changed();
        drop(tx);
        transaction.commit()?;
        Ok(jobs_changed)
    }
}

fn begin(connection: &mut Connection) -> rusqlite::Result<Transaction<'_>> {
    connection.transaction_with_behavior(TransactionBehavior::Immediate)
}

/// Runs the group and whatever is queued meanwhile.
///
/// Those who were just answered often come back at once. Without the second look they would find the writer
/// gone with the first of them, and every other group would hold one command.
fn run_group(
    group: &mut Group,
    commands: &mut mpsc::Receiver<Box<dyn Command>>,
    flusher: &Flusher,
    tx: &Tx<'_>,
    last: usize,
) -> Run<()> {
    let changes = tx.connection().total_changes();
    let enough = ENOUGH.max(group.len() + commands.len());
    let mut done = 0;
    let mut looks = 0;
    loop {
        while let Some(command) = group.get_mut(done) {
            command.run(tx)?;
            done += 1;
        }
        if group.len() >= enough || tx.connection().total_changes() - changes >= ROWS {
            break;
        }
        match commands.try_recv() {
            Ok(command) => group.push(command),
            Err(_) if flusher.is_busy() => flusher.wait(),
            Err(_) if group.len() < last && looks < SECOND_LOOKS => {
                looks += 1;
                thread::yield_now();
            }
            Err(_) => break,
        }
    }
    tx.flush()
}

/// Refuses `first` and all that is queued, and returns how many that was.
fn refuse(
    first: Box<dyn Command>,
    commands: &mut mpsc::Receiver<Box<dyn Command>>,
    why: impl Fn() -> StoreError,
) -> usize {
    first.fail(why());
    let mut refused = 1;
    while let Ok(command) = commands.try_recv() {
        command.fail(why());
        refused += 1;
    }
    refused
}

/// The same error for somebody else.
fn copy(error: &rusqlite::Error) -> rusqlite::Error {
    match error {
        rusqlite::Error::SqliteFailure(code, message) => {
            rusqlite::Error::SqliteFailure(*code, message.clone())
        }
        other => rusqlite::Error::SqliteFailure(
            rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_ERROR),
            Some(other.to_string()),
        ),
    }
}
