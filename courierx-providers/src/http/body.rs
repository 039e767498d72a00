//! A request's body that tells when the last of it was taken: from then on nobody can say that it was not sent.

use std::pin::Pin;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::Instant;

/// What is handed to the connection at once: small enough that a stalled connection is noticed before the end.
const PIECE: usize = 64 * 1024;

const UNDERWAY: u8 = 0;
const TAKEN: u8 = 1;
const ABANDONED: u8 = 2;

/// How far a body has come. The sender asks; the connection, on another thread perhaps, writes it down. Nobody is
/// woken for it: that would cost a request more than everything else that is done for it here.
#[derive(Debug, Default)]
pub(super) struct Progress {
    state: AtomicU8,
    taken_at: OnceLock<Instant>,
}

impl Progress {
    /// When the last byte was given to the connection, if it was.
    pub(super) fn taken_at(&self) -> Option<Instant> {
        if self.state.load(Ordering::Acquire) == TAKEN { self.taken_at.get().copied() } else { None }
    }

    /// Sees to it that the last byte is never given away. False if it was already.
    pub(super) fn abandon(&self) -> bool {
        self.leave(ABANDONED) || self.state.load(Ordering::Acquire) == ABANDONED
    }

    fn leave(&self, to: u8) -> bool {
        self.state.compare_exchange(UNDERWAY, to, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// Takes note that the last byte goes now. False if nobody wants that any more.
    fn take(&self) -> bool {
        // Before the state, so that whoever sees that finds the time as well.
        let _ = self.taken_at.set(Instant::now());
        self.leave(TAKEN)
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
        if self.rest.len() <= PIECE && !self.progress.take() {
            return Poll::Ready(Some(Err(GivenUp)));
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
