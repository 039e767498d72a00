//! The middle of the way: one claimed message, through one round.

use tokio_util::sync::CancellationToken;

use super::hand_over::{hand_over, interrupted, permit};
use super::outbox::{Inner, content_context};
use super::render::render;
use super::rest::{self, Rest};
use super::round::Round;
use super::settle::{Handed, attempt_result, decided};
use super::worker::PAUSES;
use crate::clock::Timestamp;
use crate::event::{Disposition, EventKind, NewEvent, RecipientStatus};
use crate::id::{AttemptId, TenantId};
use crate::message::{Address, Email};
use crate::provider::{RecipientOutcome, Refusal, RefusalKind};
use crate::router::{Connection, Decision, History, Router, Skipped};
use crate::store::{
    AttemptResult, BeginAttempt, Begun, Claimed, FencedStep, JobNext, MessageRecord, Settlement, StoreError,
    StoreResult, StoredMessage,
};

/// A claimed message on its way through one round.
pub(super) struct Delivery<'a> {
    pub(super) inner: &'a Inner,
    cancel: &'a CancellationToken,
    pub(super) claimed: Claimed,
    pub(super) record: MessageRecord,
    router: Router,
    pub(super) round: Round,
    /// Recipients that were decided about and are not written down yet.
    ended: Vec<(u32, Disposition)>,
    /// When suppressions were looked up last.
    pub(super) looked_up: Timestamp,
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

impl<'a> Delivery<'a> {
    /// Opens and renders the content, and finds out who is still to be sent to. None if that was the end.
    async fn open(
        inner: &'a Inner,
        cancel: &'a CancellationToken,
        claimed: Claimed,
        stored: StoredMessage,
    ) -> StoreResult<Option<Self>> {
        let StoredMessage { record, content, attempts } = stored;
        let pending = |index: u32| {
            record.recipients.iter().any(|one| {
                one.index == index
                    && one.disposition == Disposition::Open
                    && one.status == RecipientStatus::Pending
            })
        };
        let router = inner.routes.router(record.tenant).await?;
        let opened = match content {
            Some(sealed) => read(inner, record.tenant, &record, &sealed),
            None => Err("the content is not kept any more".to_owned()),
        };
        let (email, rendered) = match opened {
            Ok(opened) => opened,
            Err(why) => {
                give_up(inner, &claimed, &record, &why).await?;
                return Ok(None);
            }
        };
        let history = History::of(&attempts);
        let mut round = Round::new(record.id, record.created_at, &email, rendered, history, pending);
        super::lookup::tell_of_crashes(inner, &record, &attempts).await?;
        let unknown = round.unknown();
        super::lookup::resolve(inner, &router, &record, &attempts, &mut round, cancel).await?;
        let mut delivery = Self {
            inner,
            cancel,
            claimed,
            record,
            router,
            round,
            ended: Vec::new(),
            looked_up: Timestamp::EPOCH,
        };
        delivery.leave_out_refused();
        delivery.leave_out_suppressed().await?;
        delivery.leave_out_over(&unknown);
        Ok(Some(delivery))
    }

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
            let Some(_permit) = permit(connection, self.cancel).await else {
                return self.release(None).await;
            };
            if !self.is_still_right(connection, &recipients).await? {
                continue;
            }
            match self.attempt(connection, &recipients, skipped).await? {
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

    /// Nothing can be handed over in this round: the end, or a dated wait.
    async fn rest(mut self, rest: &Rest, result: Option<AttemptResult>) -> StoreResult<()> {
        let now = self.inner.now();
        let tried = self.claimed.job.round.saturating_add(1);
        let (next, ended) = rest::conclude(rest, &self.round, &self.record, tried, now);
        self.ended.extend(ended);
        let mut effects = decided(self.record.id, &self.ended, |recipient| self.round.why(recipient), now);
        if matches!(next, JobNext::RetryAt { .. }) {
            let why = rest.scheduled.iter().find_map(|recipient| self.round.why(*recipient));
            if let Some(why) = why {
                let event = NewEvent::of_message(self.record.id, EventKind::Deferred, now).detail(why);
                effects.events.push(event);
            }
        }
        let dispositions = std::mem::take(&mut self.ended);
        let step = FencedStep { lease: self.claimed.lease, next, dispositions, effects };
        self.settle(result, Some(step)).await
    }

    /// Gives the job back as it is, to be claimed again at once.
    async fn release(mut self, result: Option<AttemptResult>) -> StoreResult<()> {
        let now = self.inner.now();
        let effects = decided(self.record.id, &self.ended, |recipient| self.round.why(recipient), now);
        let next = JobNext::RetryAt { at: now, round: self.claimed.job.round };
        let dispositions = std::mem::take(&mut self.ended);
        let step = FencedStep { lease: self.claimed.lease, next, dispositions, effects };
        self.settle(result, Some(step)).await
    }

    /// Writes down what a provider answered and what follows. An answer that is lost is an unknown outcome,
    /// so a store that fails is asked until it takes it, or the process stops.
    async fn settle(&self, result: Option<AttemptResult>, step: Option<FencedStep>) -> StoreResult<()> {
        let settlement = Settlement { tenant: self.record.tenant, message: self.record.id, result, step };
        let mut pause = PAUSES.0;
        let settled = loop {
            match self.inner.store.settle(vec![settlement.clone()]).await {
                Ok(settled) => break settled,
                Err(error @ (StoreError::Closed | StoreError::Invalid(_))) => return Err(error),
                Err(error) if self.cancel.is_cancelled() => return Err(error),
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(message = %self.record.id, error, "an answer waits for the store");
                }
            }
            tokio::select! {
                // One more time, and then it is over.
                () = self.cancel.cancelled() => {}
                () = self.inner.clock.sleep_until(self.inner.now().after(pause)) => {}
            }
            pause = (pause * 2).min(PAUSES.1);
        };
        if settled.first().is_some_and(|one| !one.stepped) {
            tracing::debug!(message = %self.record.id, "another owner holds the job; the result is recorded");
        }
        self.inner.changed();
        Ok(())
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

/// Opens the content and renders it; the text says why it cannot be.
fn read(
    inner: &Inner,
    tenant: TenantId,
    record: &MessageRecord,
    sealed: &crate::vault::Sealed,
) -> Result<(Email, crate::provider::Content), String> {
    let bytes =
        inner.vault.open(&content_context(tenant, &record.id), sealed).map_err(|error| error.to_string())?;
    // What follows could quote the content, and this text goes into logs and events.
    let email: Email =
        serde_json::from_slice(&bytes).map_err(|_| "the content is not an email".to_owned())?;
    let rendered = render(&email).map_err(|_| "the content cannot be rendered".to_owned())?;
    Ok((email, rendered))
}

/// Ends a message that cannot be read: trying again would not help.
async fn give_up(inner: &Inner, claimed: &Claimed, record: &MessageRecord, why: &str) -> StoreResult<()> {
    tracing::error!(message = %record.id, why, "a message cannot be read and is given up");
    let open = record.recipients.iter().filter(|one| one.status == RecipientStatus::Pending);
    let dispositions: Vec<_> = open.map(|one| (one.index, Disposition::Failed)).collect();
    let effects = decided(record.id, &dispositions, |_| Some(why.to_owned()), inner.now());
    let step = FencedStep { lease: claimed.lease, next: JobNext::Finish, dispositions, effects };
    let settlement = Settlement { tenant: record.tenant, message: record.id, result: None, step: Some(step) };
    inner.store.settle(vec![settlement]).await?;
    inner.changed();
    Ok(())
}
