//! The threads that read. In WAL mode they see the last commit and never wait for the writer.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use courierx_core::store::{StoreError, StoreResult};
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::error::Run;

/// How many reads may be queued.
const QUEUE: usize = 256;

type Read = Box<dyn FnOnce(&mut Connection) + Send>;

/// The way to the reading threads. Dropping it ends them.
#[derive(Debug)]
pub(super) struct Readers {
    reads: Option<mpsc::Sender<Read>>,
    threads: Vec<thread::JoinHandle<()>>,
}

impl Readers {
    /// Starts a thread for each connection.
    pub(super) fn start(connections: Vec<Connection>) -> std::io::Result<Self> {
        let (sender, reads) = mpsc::channel(QUEUE);
        let reads = Arc::new(Mutex::new(reads));
        // Made first, so that an error halfway ends the threads that run already.
        let mut readers = Self { reads: Some(sender), threads: Vec::with_capacity(connections.len()) };
        for (connection, number) in connections.into_iter().zip(1..) {
            let reads = Arc::clone(&reads);
            let thread = thread::Builder::new()
                .name(format!("courierx-reader-{number}"))
                .spawn(move || serve(connection, &reads))?;
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

fn serve(mut connection: Connection, reads: &Mutex<mpsc::Receiver<Read>>) {
    loop {
        // Whoever holds the lock waits for the next read, the others wait for the lock.
        let read = reads.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv();
        match read {
            Some(read) => read(&mut connection),
            None => return,
        }
    }
}

fn snapshot<T>(connection: &mut Connection, work: impl FnOnce(&Connection) -> Run<T>) -> StoreResult<T> {
    let read = || -> Run<T> {
        let transaction = connection.transaction()?;
        let result = work(&transaction)?;
        transaction.commit()?;
        Ok(result)
    };
    Ok(read()?)
}
