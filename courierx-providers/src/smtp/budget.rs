//! What the caller's options leave for everything before the final dot.

use std::time::Duration;

use courierx_core::provider::{Refusal, RefusalKind, SendOptions};
use tokio::time::{Instant, sleep, timeout_at};

/// How long a complete message is still waited for after the process wants to stop.
const GRACE: Duration = Duration::from_secs(5);

/// What [`SendOptions`] leave for everything before the final dot: of one message, or of a batch as a whole.
pub(super) struct Budget<'a> {
    options: &'a SendOptions,
    end: Instant,
}

impl<'a> Budget<'a> {
    pub(super) fn new(options: &'a SendOptions) -> Self {
        // An endless timeout is as good as a day.
        let end = Instant::now() + options.timeout.min(Duration::from_hours(24));
        Self { options, end }
    }

    /// Whether there is any use in beginning something.
    pub(super) fn is_spent(&self) -> bool {
        self.options.cancel.is_cancelled() || Instant::now() >= self.end
    }

    /// Does a step that can be dropped at any point; `late` and `detail` say what it means if it takes too long.
    pub(super) async fn spend<T>(
        &self,
        step: impl Future<Output = T>,
        late: RefusalKind,
        detail: &str,
    ) -> Result<T, Refusal> {
        tokio::select! {
            biased;
            () = self.options.cancel.cancelled() => {
                Err(Refusal::new(RefusalKind::Interrupted, "shutting down before the server had the whole message"))
            }
            done = timeout_at(self.end, step) => done.map_err(|_| Refusal::new(late, detail)),
        }
    }

    /// Waits for an answer to a complete message; none if the process wants to stop and it still does not come.
    ///
    /// Knowing is worth a little more time than stopping at once.
    pub(super) async fn bear<T>(&self, answer: impl Future<Output = T>) -> Option<T> {
        let patience = async {
            self.options.cancel.cancelled().await;
            #[expect(clippy::disallowed_methods, reason = "the network's time, like every timeout here")]
            sleep(GRACE).await;
        };
        tokio::select! {
            biased;
            answer = answer => Some(answer),
            () = patience => None,
        }
    }
}
