//! The one thread that writes, and its group commit.
//!
//! A commit costs a flush of the disk, whatever is in it. So the writer runs everything that is queued in
//! one transaction, looks again for what came meanwhile, commits once and only then answers. Nobody waits
//! for company: a command that comes alone is committed alone.
//!
//! If anything in a group fails, the group is rolled back and each command is run again in a transaction of
//! its own, so that one bad command fails by itself. Commands are therefore closures that can be called
//! again.

use std::sync::Arc;
use std::thread;

use courierx_core::clock::Clock;
use courierx_core::store::{StoreError, StoreResult};
use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::{mpsc, oneshot, watch};

use super::error::{Fault, Run};
use super::filter::Filter;
use super::transaction::Tx;

/// How many commands may be queued, and how many one commit may answer.
const QUEUE: usize = 1024;
/// How many commands make a commit worth its flush. Who comes later and was not queued at its beginning is
/// better off with the next one: while this one is flushed, they and those behind them are made ready.
const ENOUGH: usize = 32;
/// How many changed rows end a group: beyond that the flush no longer matters, but the wait for it does.
const ROWS: u64 = 20_000;
/// How often the writer lets those run who were just answered, before it commits without them.
const SECOND_LOOKS: u32 = 2;

/// A queued command.
trait Command: Send {
    /// Does the work and keeps its result.
    fn run(&mut self, tx: &Tx<'_>) -> Run<()>;
    /// Answers with the result of the last run, which is durable now.
    fn answer(self: Box<Self>);
    /// Answers that it failed.
    fn fail(self: Box<Self>, fault: Fault);
}

struct Closure<F, T> {
    work: F,
    result: Option<T>,
    caller: oneshot::Sender<StoreResult<(T, F)>>,
}

impl<F, T> Command for Closure<F, T>
where
    F: Fn(&Tx<'_>) -> Run<T> + Send,
    T: Send,
{
    fn run(&mut self, tx: &Tx<'_>) -> Run<()> {
        self.result = Some((self.work)(tx)?);
        Ok(())
    }

    fn answer(self: Box<Self>) {
        // The work goes back as well: what it holds was made there, and is cheapest to drop there. A caller
        // that is gone does not want to know.
        let Self { work, result, caller } = *self;
        let _ = caller.send(result.map(|result| (result, work)).ok_or(StoreError::Closed));
    }

    fn fail(self: Box<Self>, fault: Fault) {
        let _ = self.caller.send(Err(fault.into()));
    }
}

type Group = Vec<Box<dyn Command>>;

/// The way to the writing thread. Dropping it ends the thread, after all that is queued was done.
#[derive(Debug)]
pub(super) struct Writer {
    commands: Option<mpsc::Sender<Box<dyn Command>>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl std::fmt::Debug for dyn Command {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Command")
    }
}

impl Writer {
    /// Starts the thread. It counts up `jobs_changed` after commits that added or freed jobs.
    pub(super) fn start(
        connection: Connection,
        clock: Arc<dyn Clock>,
        suppressed: Arc<Filter>,
        jobs_changed: watch::Sender<u64>,
    ) -> std::io::Result<Self> {
        let (sender, commands) = mpsc::channel(QUEUE);
        let writing = Writing { connection, clock, suppressed, jobs_changed, commands };
        let thread =
            thread::Builder::new().name("courierx-writer".to_owned()).spawn(move || writing.serve())?;
        Ok(Self { commands: Some(sender), thread: Some(thread) })
    }

    /// Runs `work` in a transaction and returns its result once that is durable.
    ///
    /// Whoever drops the future no longer learns the result; the work is done all the same.
    pub(super) async fn run<F, T>(&self, work: F) -> StoreResult<T>
    where
        F: Fn(&Tx<'_>) -> Run<T> + Send + 'static,
        T: Send + 'static,
    {
        let (caller, result) = oneshot::channel();
        let commands = self.commands.as_ref().ok_or(StoreError::Closed)?;
        commands
            .send(Box::new(Closure { work, result: None, caller }))
            .await
            .map_err(|_| StoreError::Closed)?;
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

/// What the thread owns.
struct Writing {
    connection: Connection,
    clock: Arc<dyn Clock>,
    suppressed: Arc<Filter>,
    jobs_changed: watch::Sender<u64>,
    commands: mpsc::Receiver<Box<dyn Command>>,
}

impl Writing {
    fn serve(mut self) {
        let mut answered = 0;
        while let Some(first) = self.commands.blocking_recv() {
            answered = self.commit_group(first, answered);
        }
    }

    /// Commits `first` and all that is queued, and returns how many that was. `answered` is how many the
    /// last commit answered: they are the ones who may be about to send the next command.
    fn commit_group(&mut self, first: Box<dyn Command>, answered: usize) -> usize {
        let mut group = vec![first];
        let transaction = match begin(&mut self.connection) {
            Ok(transaction) => transaction,
            Err(error) => {
                // Whoever holds the database holds it against everybody who is queued.
                while let Ok(command) = self.commands.try_recv() {
                    group.push(command);
                }
                let size = group.len();
                for command in group {
                    command.fail(copy(&error).into());
                }
                return size;
            }
        };
        let tx = Tx::new(&transaction, &*self.clock, &self.suppressed);
        let result = run_group(&mut group, &mut self.commands, &tx, answered);
        let jobs_changed = tx.jobs_changed();
        drop(tx);
        let result = result.and_then(|()| Ok(transaction.commit()?));
        let size = group.len();
        match result {
            Ok(()) => {
                if jobs_changed {
                    self.jobs_changed.send_modify(|count| *count += 1);
                }
                tracing::trace!(commands = size, "committed");
                for command in group {
                    command.answer();
                }
            }
            Err(fault) => match group.pop() {
                Some(only) if group.is_empty() => only.fail(fault),
                last => self.commit_each(group.into_iter().chain(last)),
            },
        }
        size
    }

    /// Commits each command of a group that failed by itself.
    fn commit_each(&mut self, group: impl Iterator<Item = Box<dyn Command>>) {
        for mut command in group {
            match self.commit_one(&mut *command) {
                Ok(()) => command.answer(),
                Err(fault) => command.fail(fault),
            }
        }
    }

    fn commit_one(&mut self, command: &mut dyn Command) -> Run<()> {
        let transaction = begin(&mut self.connection)?;
        let tx = Tx::new(&transaction, &*self.clock, &self.suppressed);
        command.run(&tx)?;
        tx.flush()?;
        let jobs_changed = tx.jobs_changed();
        drop(tx);
        transaction.commit()?;
        if jobs_changed {
            self.jobs_changed.send_modify(|count| *count += 1);
        }
        Ok(())
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
    tx: &Tx<'_>,
    answered: usize,
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
            Err(_) if group.len() < answered && looks < SECOND_LOOKS => {
                looks += 1;
                thread::yield_now();
            }
            Err(_) => break,
        }
    }
    tx.flush()
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
