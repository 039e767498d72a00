//! The middle of the way: one claimed message, through one round.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::hand_over::{hand_over, interrupted, place};
use super::outbox::Inner;
use super::rest::Rest;
use super::round::Round;
use super::settle::{Handed, attempt_result};
use crate::clock::Timestamp;
use crate::event::Disposition;
use crate::id::AttemptId;
use crate::message::Address;
use crate::provider::{RecipientOutcome, Refusal, RefusalKind};
use crate::router::{Connection, Decision, Pass, Router, Skipped};
use crate::store::{
    AttemptResult, BeginAttempt, Begun, Claimed, JobNext, MessageRecord, StoreResult, StoredMessage,
};

/// How long a message stays away from connections that change all the time.
const CHANGE_WAIT: Duration = Duration::from_mins(1);

/// A claimed message on its way through one round.
pub(super) struct Delivery<'a> {
    pub(super) inner: &'a Inner,
    pub(super) cancel: &'a CancellationToken,
    pub(super) claimed: Claimed,
    pub(super) record: MessageRecord,
    pub(super) router: Router,
    pub(super) round: Round,
    /// Recipients that were decided about and are not written down yet.
    pub(super) ended: Vec<(u32, Disposition)>,
    /// When suppressions were looked up last.
    pub(super) looked_up: Timestamp,
    /// How often the chosen connection was not there any more.
    pub(super) changes: u32,
}

impl Inner {
    /// Takes a claimed message as far as it goes in this round.
    ///
    /// On an error the job stays leased, and is claimed again once the lease has ended: what is not
    /// written down by then counts as unknown.
    pub(super) async fn deliver(
        &self,
        claimed: Claimed,
        loaded: Option<StoredMessage>,
        cancel: &CancellationToken,
    ) -> StoreResult<()> {
        let Some(stored) = loaded else {
            // Purged, or never there: nothing is left to do.
            self.store.finish(&[(claimed.lease, JobNext::Finish)]).await?;
            return Ok(());
        };
        match Delivery::open(self, cancel, claimed, stored).await? {
            Some(delivery) => delivery.walk().await,
            None => Ok(()),
        }
    }
}

impl Delivery<'_> {
    /// Hands over until nothing can be done in this round, writing every answer down.
    async fn walk(mut self) -> StoreResult<()> {
        let mut result: Option<AttemptResult> = None;
        loop {
            let now = self.inner.now();
            self.leave_out_expired(now);
            let (id, recipients, skipped) = match self.round.decide(&self.router, now) {
                Decision::Send { recipients, .. } if self.is_expired(now) => {
                    // They may have it already, and there is nothing left to wait for.
                    for recipient in recipients {
                        self.end(recipient, Disposition::Unknown);
                    }
                    continue;
                }
                Decision::Send { connection, recipients, skipped } if !self.cancel.is_cancelled() => {
                    (connection, recipients, skipped)
                }
                Decision::Send { .. } => return self.release(result.take()).await,
                Decision::Rest { scheduled, waiting, given_up, .. } => {
                    let rest = Rest { scheduled, waiting, given_up };
                    return self.rest(&rest, result.take()).await;
                }
            };
            if let Some(result) = result.take() {
                self.settle(Some(result), None).await?;
            }
            let router = self.router.clone();
            let Some(connection) = router.connection(&id) else { return self.release(None).await };
            let Some(place) = place(connection, self.record.lane, self.cancel).await else {
                return self.release(None).await;
            };
            if !self.is_still_right(connection, &recipients).await? {
                if self.changes_without_end() {
                    return self.release_for(CHANGE_WAIT, None).await;
                }
                continue;
            }
            // Others may have taken the probe's place while this one waited for its own.
            let Some(pass) = Pass::of(connection, place, self.inner.now()) else { continue };
            match self.attempt(connection, pass, &recipients, skipped).await? {
                Attempted::Answered(answer) => result = Some(answer),
                Attempted::Interrupted(answer) => return self.release(Some(answer)).await,
                // Whoever holds the job now goes on; or it is claimed again and looked at anew.
                Attempted::LeaseLost => return Ok(()),
                Attempted::LookAgain => return self.release(None).await,
                Attempted::PassedOver => {}
            }
        }
    }

    /// One attempt: written down, handed over, and understood.
    async fn attempt(
        &mut self,
        connection: &Connection,
        pass: Pass<'_>,
        recipients: &[u32],
        skipped: Vec<Skipped>,
    ) -> StoreResult<Attempted> {
        let outgoing = self.round.outgoing(connection.id(), recipients);
        let attempt = AttemptId::new();
        let begin = BeginAttempt {
            attempt,
            tenant: self.record.tenant,
            message: self.record.id,
            lease: self.claimed.lease,
            connection: connection.id().clone(),
            provider: connection.provider().id().to_string(),
            delivery: outgoing.delivery_id(),
            recipients: recipients.to_vec(),
            skipped,
            reservations: Vec::new(),
        };
        match self.inner.store.begin_attempts(vec![begin]).await?.pop() {
            Some(Begun::Started { .. }) => {}
            Some(Begun::LeaseLost) | None => return Ok(Attempted::LeaseLost),
            Some(Begun::Changed) => return Ok(Attempted::LookAgain),
            Some(Begun::QuotaExceeded { resets_at }) => {
                let now = self.inner.now();
                let refusal =
                    Refusal::new(RefusalKind::Quota, "the quota set for this connection is used up");
                self.router.observe(connection.id(), &refusal.retry_after(resets_at.since(now)), now);
                return Ok(Attempted::PassedOver);
            }
        }
        let timeout = self.inner.options.hand_over_timeout;
        let outcomes = if self.cancel.is_cancelled() {
            interrupted(recipients.len())
        } else {
            hand_over(connection, &outgoing, timeout, self.cancel).await
        };
        let now = self.inner.now();
        pass.finish(&outcomes, now);
        self.ended.extend(self.round.apply(connection.id(), recipients, &outcomes, &self.router, now));
        // Without our asking, "interrupted" is one of a provider's excuses.
        let stopped = self.cancel.is_cancelled() && outcomes.iter().any(|outcome| {
            matches!(outcome, RecipientOutcome::Refused(refusal) if refusal.kind == RefusalKind::Interrupted)
        });
        let handed = Handed {
            attempt,
            message: self.record.id,
            connection: connection.id(),
            mode: self.record.mode,
            recipients: self.addresses(recipients),
        };
        let result = attempt_result(&handed, outcomes, now);
        Ok(if stopped { Attempted::Interrupted(result) } else { Attempted::Answered(result) })
    }

    fn addresses(&self, recipients: &[u32]) -> Vec<(u32, Address)> {
        let known = self.record.recipients.iter().filter(|one| recipients.contains(&one.index));
        known.map(|one| (one.index, one.address.clone())).collect()
    }

    pub(super) fn end(&mut self, recipient: u32, disposition: Disposition) {
        self.round.close(recipient);
        self.ended.push((recipient, disposition));
    }
}

/// How an attempt went.
enum Attempted {
    Answered(AttemptResult),
    Interrupted(AttemptResult),
    LeaseLost,
    LookAgain,
    /// Nothing was begun, and the connection is out for the moment.
    PassedOver,
}
