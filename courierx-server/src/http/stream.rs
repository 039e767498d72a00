//! Connections whose other end does not read, or hardly does.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// How slow the other end may be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// How long it may take nothing.
    pub(super) patience: Duration,
    /// Bytes a second that it takes at least of an answer that has to wait for it.
    pub(super) least: u32,
}

/// Whether what is written at the moment lasts for as long as somebody listens, at any pace.
#[derive(Debug, Clone, Default)]
pub(super) struct Unpaced(Arc<AtomicBool>);

impl Unpaced {
    pub(super) fn set(&self, lasts: bool) {
        // What is written with it comes from the same task.
        self.0.store(lasts, Ordering::Relaxed);
    }
}

/// A connection that fails once too little could be written to it for too long. Otherwise whoever does not read an answer
/// keeps its place, and what it takes up, for ever.
pub(super) struct Impatient<S> {
    stream: S,
    pace: Pace,
    unpaced: Unpaced,
    /// Until when something has to be written; none while nothing waits.
    stuck: Option<Pin<Box<Sleep>>>,
}

impl<S: AsyncWrite + Unpin> Impatient<S> {
    pub(super) fn new(stream: S, pace: Pace, unpaced: Unpaced) -> Self {
        Self { stream, pace, unpaced, stuck: None }
    }

    /// Writes so many bytes.
    fn watch(
        &mut self,
        context: &mut Context<'_>,
        bytes: usize,
        write: impl FnOnce(Pin<&mut S>, &mut Context<'_>) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        match write(Pin::new(&mut self.stream), context) {
            Poll::Ready(Ok(written)) if written < bytes => {
                self.earn(written);
                return Poll::Ready(Ok(written));
            }
            Poll::Ready(written) => {
                self.stuck = None;
                return Poll::Ready(written);
            }
            Poll::Pending => {}
        }
        let patience = self.pace.patience;
        #[expect(clippy::disallowed_methods, reason = "the other end lives by the machine's time")]
        let stuck = self.stuck.get_or_insert_with(|| Box::pin(tokio::time::sleep(patience)));
        ready!(stuck.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    /// Gives the other end more time for what it took, and never more than its patience: a byte now and then does not
    /// earn another half minute.
    fn earn(&mut self, written: usize) {
        let Some(stuck) = &mut self.stuck else { return };
        if self.unpaced.0.load(Ordering::Relaxed) {
            self.stuck = None;
            return;
        }
        let nanos = written as u128 * 1_000_000_000 / u128::from(self.pace.least.max(1));
        let earned = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        let most = Instant::now() + self.pace.patience;
        let until = stuck.deadline().checked_add(earned).map_or(most, |until| until.min(most));
        stuck.as_mut().reset(until);
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Impatient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Impatient<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.watch(context, bytes.len(), |stream, context| stream.poll_write(context, bytes))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let all = bytes.iter().map(|one| one.len()).sum();
        self.watch(context, all, |stream, context| stream.poll_write_vectored(context, bytes))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// Nothing waits here: a socket has what was written to it.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};

    use super::*;

    const PACE: Pace = Pace { patience: Duration::from_secs(30), least: 1000 };

    /// Writes 100,000 bytes to who takes so many of them in each second; answers after how long that ended, and how.
    async fn written_to(reads: usize, lasts: bool) -> (Duration, io::Result<()>) {
        let (ours, mut theirs) = duplex(1000);
        let unpaced = Unpaced::default();
        unpaced.set(lasts);
        let mut stream = Impatient::<DuplexStream>::new(ours, PACE, unpaced);
        let reading = async {
            let mut taken = vec![0; reads];
            loop {
                tokio::time::advance(Duration::from_secs(1)).await;
                if reads == 0 {
                    tokio::task::yield_now().await;
                } else if theirs.read_exact(&mut taken).await.is_err() {
                    return;
                }
            }
        };
        let bytes = vec![0; 100_000];
        let start = Instant::now();
        tokio::select! {
            done = stream.write_all(&bytes) => (start.elapsed(), done),
            () = reading => unreachable!("it is written before it is read"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_hardly_reads_is_cut_off_and_who_is_slow_is_not() {
        let kind = |done: io::Result<()>| done.map_err(|error| error.kind());
        let (took, done) = written_to(0, false).await;
        assert_eq!((took.as_secs() / 10, kind(done)), (3, Err(io::ErrorKind::TimedOut)));
        let (took, done) = written_to(1, false).await;
        assert_eq!((took.as_secs() / 10, kind(done)), (3, Err(io::ErrorKind::TimedOut)));
        // Half as fast as it has to be: of each second it loses a half.
        let (took, done) = written_to(500, false).await;
        assert!((50..70).contains(&took.as_secs()), "{took:?}");
        assert_eq!(kind(done), Err(io::ErrorKind::TimedOut));
        assert_eq!(kind(written_to(1000, false).await.1), Ok(()));
        assert_eq!(kind(written_to(100, true).await.1), Ok(()), "what lasts has time");
    }
}
