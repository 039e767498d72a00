//! The thread that flushes what was committed, and answers.
//!
//! While it waits for the disk, the writer makes the next group. One flush covers all that is queued when it
//! begins; nobody is answered by a flush that began before his commit. At most [`QUEUED`] groups wait for it.
//!
//! After a flush that failed nothing is sure: what was to be flushed may be gone although the next flush
//! succeeds, because the system tells of an error once. So there is no next one. Whoever waits hears that his
//! command may or may not be kept, and later ones are refused.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use courierx_core::store::StoreError;
use tokio::sync::watch;

use super::command::Group;
use crate::sqlite::log::Flush;

/// How many groups may be committed and wait for the flush after the present one.
const QUEUED: usize = 2;

/// Commands that were committed.
pub(super) struct Committed {
    pub(super) group: Group,
    pub(super) jobs_changed: bool,
}

/// The way to the thread. Dropping it ends the thread, after all that is queued was flushed and answered.
pub(super) struct Flusher {
    shared: Arc<Shared>,
    thread: Option<thread::JoinHandle<()>>,
}

struct Shared {
    flush: Flush,
    jobs_changed: watch::Sender<u64>,
    state: Mutex<State>,
    /// There is something to do for the flusher.
    work: Condvar,
    /// A flush is over.
    flushed: Condvar,
}

#[derive(Default)]
struct State {
    queued: Vec<Committed>,
    flushing: bool,
    failed: Option<Failed>,
    closed: bool,
}

/// A flush that failed.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the log could not be flushed; nothing is written until the database is opened anew")]
pub(super) struct Failed(#[source] Arc<io::Error>);

impl Flusher {
    pub(super) fn start(flush: Flush, jobs_changed: watch::Sender<u64>) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            flush,
            jobs_changed,
            state: Mutex::default(),
            work: Condvar::new(),
            flushed: Condvar::new(),
        });
        let serving = Arc::clone(&shared);
        let thread =
            thread::Builder::new().name("courierx-flusher".to_owned()).spawn(move || serving.serve())?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// The flush that failed, if one did.
    pub(super) fn failed(&self) -> Option<Failed> {
        self.shared.state().failed.clone()
    }

    /// Whether commits wait for the disk.
    pub(super) fn is_busy(&self) -> bool {
        self.shared.state().is_busy()
    }

    /// Waits until no commit waits for the disk any more.
    pub(super) fn wait(&self) {
        let state = self.shared.state();
        drop(self.shared.flushed.wait_while(state, |state| state.is_busy()));
    }

    /// Has it flushed and answered by the thread.
    pub(super) fn hand_over(&self, committed: Committed) {
        let state = self.shared.state();
        let full = |state: &mut State| state.queued.len() >= QUEUED;
        let mut state = self.shared.flushed.wait_while(state, full).unwrap_or_else(PoisonError::into_inner);
        state.queued.push(committed);
        self.shared.work.notify_one();
    }

    /// Flushes it here and answers. Only if it is not [busy](Self::is_busy): one flush at a time.
    pub(super) fn flush_here(&self, committed: Committed) {
        self.shared.flush([committed]);
    }

    /// Answers what changed nothing. Only if it is not [busy](Self::is_busy): then what was seen is durable.
    pub(super) fn answer(&self, committed: Committed) {
        self.shared.answer(committed, self.failed().as_ref());
    }
}

impl Drop for Flusher {
    fn drop(&mut self) {
        self.shared.state().closed = true;
        self.shared.work.notify_one();
        if let Some(thread) = self.thread.take() {
            // Nothing in it panics.
            let _ = thread.join();
        }
    }
}

impl State {
    fn is_busy(&self) -> bool {
        self.flushing || !self.queued.is_empty()
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self) {
        while let Some(committed) = self.next() {
            self.flush(committed);
        }
    }

    /// All that is queued, once there is something; nothing when there will never be anything again.
    fn next(&self) -> Option<Vec<Committed>> {
        let state = self.state();
        let idle = |state: &mut State| state.queued.is_empty() && !state.closed;
        let mut state = self.work.wait_while(state, idle).unwrap_or_else(PoisonError::into_inner);
        let queued = std::mem::take(&mut state.queued);
        state.flushing = true;
        (!queued.is_empty()).then_some(queued)
    }

    /// Flushes, lets the writer go on, and answers.
    fn flush(&self, committed: impl IntoIterator<Item = Committed>) {
        let already = self.state().failed.clone();
        let result = already.map_or_else(|| (self.flush)().map_err(|error| Failed(Arc::new(error))), Err);
        let mut state = self.state();
        state.flushing = false;
        state.failed = result.clone().err();
        drop(state);
        self.flushed.notify_one();
        let failed = result.err();
        if let Some(failed) = &failed {
            tracing::error!(error = failed as &dyn std::error::Error, "nothing more is written");
        }
        for committed in committed {
            self.answer(committed, failed.as_ref());
        }
    }

    fn answer(&self, Committed { group, jobs_changed }: Committed, failed: Option<&Failed>) {
        if jobs_changed && failed.is_none() {
            self.jobs_changed.send_modify(|count| *count += 1);
        }
        for command in group {
            match failed {
                None => command.answer(),
                Some(failed) => command.fail(failed.uncertainty()),
            }
        }
    }
}

impl Failed {
    /// For those whose command may or may not be kept.
    fn uncertainty(&self) -> StoreError {
        StoreError::Unavailable(Box::new(self.clone()))
    }

    /// For those who come afterwards.
    pub(super) fn refusal(&self) -> StoreError {
        StoreError::Full(Box::new(self.clone()))
    }
}
