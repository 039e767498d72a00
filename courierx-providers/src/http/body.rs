//! A request's body that tells when the last of it was taken: from then on nobody can say that it was not sent.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::sync::Notify;

/// What is handed to the connection at once: small enough that a stalled connection is noticed before the end.
const PIECE: usize = 64 * 1024;

const UNDERWAY: u8 = 0;
const TAKEN: u8 = 1;
const ABANDONED: u8 = 2;

/// How far a body has come. The sender asks; the connection, on another thread perhaps, tells.
#[derive(Debug, Default)]
pub(super) struct Progress {
    state: AtomicU8,
    taken: Notify,
}

impl Progress {
    /// Whether the last byte was given to the connection.
    pub(super) fn is_taken(&self) -> bool {
        self.state.load(Ordering::Acquire) == TAKEN
    }

    /// Waits until the last byte was given to the connection.
    pub(super) async fn taken(&self) {
        let notified = self.taken.notified();
        if !self.is_taken() {
            notified.await;
        }
    }

    /// Sees to it that the last byte is never given away. False if it was already.
    pub(super) fn abandon(&self) -> bool {
        self.leave(ABANDONED) || self.state.load(Ordering::Acquire) == ABANDONED
    }

    fn leave(&self, to: u8) -> bool {
        self.state.compare_exchange(UNDERWAY, to, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
}

/// The sender gave up before the body was complete.
#[derive(Debug, thiserror::Error)]
#[error("given up")]
pub(super) struct GivenUp;

/// A body of known length, watched by a [`Progress`].
pub(super) struct WatchedBody {
    rest: Bytes,
    progress: Arc<Progress>,
}

impl WatchedBody {
    pub(super) fn new(bytes: Bytes, progress: Arc<Progress>) -> Self {
        Self { rest: bytes, progress }
    }
}

impl Body for WatchedBody {
    type Data = Bytes;
    type Error = GivenUp;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, GivenUp>>> {
        if self.rest.is_empty() {
            return Poll::Ready(None);
        }
        if self.rest.len() <= PIECE {
            if !self.progress.leave(TAKEN) {
                return Poll::Ready(Some(Err(GivenUp)));
            }
            self.progress.taken.notify_one();
        }
        let piece = self.rest.len().min(PIECE);
        Poll::Ready(Some(Ok(Frame::data(self.rest.split_to(piece)))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.len() as u64)
    }
}
