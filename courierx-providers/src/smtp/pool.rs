//! Sessions that are kept open between messages, and the bound on how many there are.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};

use super::session::Session;

/// How long a session may wait for its next message; servers end idle ones on their own after a while.
const MAX_IDLE: Duration = Duration::from_mins(1);
/// How many messages one session carries; relays with many addresses want their clients to move on.
pub(super) const MAX_MESSAGES: u32 = 100;

/// At most so many sessions at once, the idle ones included.
///
/// There is no task behind it: sessions that were idle for too long are closed when the next one is asked
/// for, and with the pool.
pub(super) struct Pool {
    permits: Semaphore,
    idle: Mutex<Vec<Session>>,
}

impl Pool {
    pub(super) fn new(max_connections: usize) -> Self {
        Self { permits: Semaphore::new(max_connections), idle: Mutex::new(Vec::new()) }
    }

    /// Waits for its turn. Whoever holds the permit may have one session.
    pub(super) async fn permit(&self) -> Option<SemaphorePermit<'_>> {
        self.permits.acquire().await.ok()
    }

    /// The session that was used last, if one is idle and alive as far as can be seen.
    pub(super) fn take(&self) -> Option<Session> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|session| session.idle_since.elapsed() < MAX_IDLE);
        while let Some(mut session) = idle.pop() {
            if session.wire.is_quiet() {
                return Some(session);
            }
        }
        None
    }

    /// Keeps a session for the next message, if it can have one; says goodbye if it has carried enough.
    pub(super) async fn put(&self, mut session: Session) {
        if session.wire.is_over() {
            return;
        }
        if session.carried >= MAX_MESSAGES {
            return session.wire.quit().await;
        }
        session.idle_since = tokio::time::Instant::now();
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(session);
    }
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pool").field("free", &self.permits.available_permits()).finish_non_exhaustive()
    }
}
