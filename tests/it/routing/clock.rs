//! Time that passes only when everybody waits for it: tokio's own, paused.

use async_trait::async_trait;
use courierx::{Clock, Timestamp};
use tokio::time::Instant;

/// Shows the time of a paused runtime, which jumps to the next moment that somebody waits for. A day costs as much
/// as what happens in it.
#[derive(Debug)]
pub(super) struct Jumping {
    start: Instant,
    shows: Timestamp,
}

impl Jumping {
    /// Within the runtime that it shows the time of.
    pub(super) fn starting_at(shows: Timestamp) -> Self {
        Self { start: Instant::now(), shows }
    }
}

#[async_trait]
impl Clock for Jumping {
    fn now(&self) -> Timestamp {
        self.shows.after(self.start.elapsed())
    }

    #[expect(clippy::disallowed_methods, reason = "the time is a paused one")]
    async fn sleep_until(&self, until: Timestamp) {
        let left = until.since(self.now());
        if !left.is_zero() {
            tokio::time::sleep(left).await;
        }
    }
}
