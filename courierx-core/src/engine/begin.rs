//! Writing an attempt down before the wire.

use super::deliver::Delivery;
use super::hand_over::interrupted;
use super::settle::{Handed, attempt_result};
use super::worker::PAUSES;
use crate::store::{BeginAttempt, Begun, StoreResult};

impl Delivery<'_> {
    /// Writes an attempt down.
    ///
    /// A store that fails may have done so all the same, and an attempt without a result is one whose outcome nobody
    /// knows. So the store is asked again until it answers; and where nothing is handed over in the end, that is
    /// written down, too.
    pub(super) async fn begin(&self, begin: BeginAttempt) -> StoreResult<Option<Begun>> {
        let (mut pause, mut in_doubt) = (PAUSES.0, false);
        let answer = loop {
            match self.inner.store.begin_attempts(vec![begin.clone()]).await {
                Ok(mut answers) => break Ok(answers.pop()),
                // No other try mends it, and whatever else is written about the message may fail alike, without end.
                Err(error) if !error.is_temporary() => return Err(error),
                Err(error) if self.cancel.is_cancelled() => {
                    in_doubt = true;
                    break Err(error);
                }
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::debug!(message = %self.record.id, error, "an attempt waits for the store");
                }
            }
            in_doubt = true;
            tokio::select! {
                // One more time, and then it is over.
                () = self.cancel.cancelled() => {}
                () = self.inner.clock.sleep_until(self.inner.now().after(pause)) => {}
            }
            pause = (pause * 2).min(PAUSES.1);
        };
        let now = self.inner.now();
        let is_late = in_doubt && self.record.deliver_by.is_some_and(|by| by <= now);
        let has_begun = matches!(answer, Ok(Some(Begun::Started { .. })));
        if in_doubt && (is_late || !has_begun) {
            let handed = Handed {
                attempt: begin.attempt,
                message: self.record.id,
                connection: &begin.connection,
                provider: &begin.provider,
                mode: self.record.mode,
                policy: None,
                recipients: self.addresses(&begin.recipients),
            };
            let outcomes = interrupted(begin.recipients.len());
            self.settle(Some(attempt_result(&handed, outcomes, now)), None).await?;
        }
        // Whether there is still time for it is decided before each attempt.
        if is_late { Ok(Some(Begun::Changed)) } else { answer }
    }
}
