//! The middle of the way: one claimed message, through one round.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::hand_over::{Admitted, Denials, Denied, admit, hand_over, interrupted};
use super::outbox::Inner;
use super::rest::Rest;
use super::round::Round;
use super::settle::{Handed, attempt_result};
use super::sharing::{self, Events, ProbeLease, Untold, lease};
use crate::clock::Timestamp;
use crate::event::Disposition;
use crate::id::AttemptId;
use crate::message::{Address, Mode};
use crate::provider::{Content, RecipientOutcome, RefusalKind};
use crate::router::{Ask, Connection, ConnectionId, Decision, Pass, Router, Skipped, Transition, patience};
use crate::store::{
    AttemptResult, BeginAttempt, Begun, Claimed, JobNext, MessageRecord, StoreResult, StoredMessage,
};

/// How long a message waits at least and at most before it is looked at again while nothing is handed over.
const PAUSED: (Duration, Duration) = (Duration::from_secs(5), Duration::from_mins(5));
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
    /// For how many recipients there may be room in a connection's quota.
    pub(super) room: Option<(ConnectionId, usize)>,
    /// How often a connection's door was shut after it had been chosen.
    pub(super) denials: Denials,
    /// What is to be told of connections, and is not written down yet.
    pub(super) untold: &'a mut Untold,
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
        let (tenant, mut untold) = (stored.record.tenant, Untold::default());
        let delivered = self.deliver_stored(claimed, stored, cancel, &mut untold).await;
        // On some ways out nothing could be written any more.
        untold.leave_to_others(&*self.store, tenant, self.now()).await;
        delivered
    }

    async fn deliver_stored(
        &self,
        claimed: Claimed,
        stored: StoredMessage,
        cancel: &CancellationToken,
        untold: &mut Untold,
    ) -> StoreResult<()> {
        match Delivery::open(self, cancel, claimed, stored, untold).await? {
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
            if self.router.is_paused() && !self.round.is_done() {
                let pause = pause(self.record.send_at, self.record.deliver_by, now);
                return self.release_for(pause, result.take()).await;
            }
            let step = match self.round.decide(&self.router, now) {
                Decision::Send { recipients, .. } if self.is_expired(now) => {
                    // They may have it already, and there is nothing left to wait for.
                    for recipient in recipients {
                        self.end(recipient, Disposition::Unknown);
                    }
                    continue;
                }
                Decision::Send { connection, recipients, ahead, again, repeats, skipped }
                    if !self.cancel.is_cancelled() =>
                {
                    let recipients = self.as_many_as_fit(&connection, repeats, recipients);
                    Step { connection, recipients, ahead, again, repeats, skipped }
                }
                Decision::Send { .. } => return self.release(result.take()).await,
                Decision::Rest { scheduled, waiting, given_up, skipped } => {
                    let rest = Rest { scheduled, waiting, given_up, skipped };
                    return self.rest(&rest, result.take()).await;
                }
            };
            if let Some(result) = result.take() {
                self.settle(Some(result), None).await?;
            }
            let router = self.router.clone();
            let Some(connection) = router.connection(&step.connection) else {
                return self.release(None).await;
            };
            let content = self.round.content();
            let ask = self.ask(&content, &step);
            let clock = Arc::clone(&self.inner.clock);
            let pass = match admit(connection, ask, &*clock, patience(ask.lane), self.cancel).await {
                Admitted::Pass(pass) => pass,
                Admitted::Busy => {
                    self.round.is_busy(&step.connection);
                    continue;
                }
                // Others may have taken the probe's place while this one waited for its own.
                Admitted::Changed => match self.denials.next().await {
                    Denied::Again => continue,
                    Denied::Enough => return self.release_for(CHANGE_WAIT, None).await,
                },
                Admitted::Canceled => return self.release(None).await,
            };
            if !self.is_still_right(connection, &step.recipients, step.repeats).await? {
                if self.changes_without_end() {
                    return self.release_for(CHANGE_WAIT, None).await;
                }
                continue;
            }
            let (store, tenant) = (&*self.inner.store, self.record.tenant);
            let leased = lease(store, tenant, connection, pass, self.inner.now()).await;
            let Some((pass, lease)) = leased else { continue };
            let attempted = self.attempt(connection, pass, step).await;
            match self.tell(connection, attempted, lease).await? {
                Attempted::Answered(answer) => result = answer.result,
                Attempted::Interrupted(answer) => return self.release(answer.result).await,
                // Whoever holds the job now goes on; or it is claimed again and looked at anew.
                Attempted::LeaseLost => return Ok(()),
                Attempted::LookAgain => return self.release(None).await,
                Attempted::PassedOver => {}
            }
        }
    }

    fn ask<'c>(&self, content: &'c Content, step: &Step) -> Ask<'c> {
        let email = content.email();
        let from_domain = email.from().address().domain();
        let Step { ahead, again, .. } = *step;
        Ask { lane: email.lane(), from_domain, ahead, again, can_wait: self.round.can_wait() }
    }

    /// Of these recipients as many as the connection's quota had room for the last time.
    fn as_many_as_fit(&self, connection: &ConnectionId, repeats: bool, mut recipients: Vec<u32>) -> Vec<u32> {
        // What is repeated is repeated for all of them: its key is for no others.
        if let Some((_, room)) = self.room.as_ref().filter(|(of, _)| of == connection && !repeats) {
            recipients.truncate(*room);
        }
        recipients
    }

    /// One attempt: written down, handed over, and understood.
    async fn attempt(
        &mut self,
        connection: &Connection,
        pass: Pass<'_>,
        step: Step,
    ) -> StoreResult<Attempted> {
        let Step { recipients, repeats, skipped, .. } = step;
        let recipients = &*recipients;
        let outgoing = self.round.outgoing(connection.id(), recipients);
        let (attempt, tenant) = (AttemptId::new(), self.record.tenant);
        let amount = recipients.len() as u64;
        // What is repeated under its key counts once, and what was reserved for it the first time is kept.
        let quotas = connection.quotas().iter().filter(|_| !repeats);
        let reservations: Vec<_> =
            quotas.map(|quota| quota.reservation(tenant, connection.id(), amount)).collect();
        let is_counted = !reservations.is_empty();
        let begin = BeginAttempt {
            attempt,
            tenant,
            message: self.record.id,
            lease: self.claimed.lease,
            connection: connection.id().clone(),
            provider: connection.provider().id().to_string(),
            delivery: outgoing.delivery_id(),
            recipients: recipients.to_vec(),
            skipped,
            reservations,
        };
        match self.begin(begin).await? {
            Some(Begun::Started { .. }) => {}
            Some(Begun::LeaseLost) | None => return Ok(Attempted::LeaseLost),
            Some(Begun::Changed) => return Ok(Attempted::LookAgain),
            Some(Begun::QuotaExceeded { .. }) if recipients.len() > 1 => {
                // There may be room for some of them.
                self.room = Some((connection.id().clone(), recipients.len() / 2));
                return Ok(Attempted::PassedOver);
            }
            Some(Begun::QuotaExceeded { resets_at }) => {
                connection.has_no_room(resets_at, self.inner.now());
                return Ok(Attempted::PassedOver);
            }
        }
        if let (Some(watcher), Some(from)) =
            (self.router.watcher(), self.round.came_from(recipients, connection.id()))
        {
            watcher.failed_over(from, connection);
        }
        let timeout = self.inner.options.hand_over_timeout;
        let outcomes = if self.cancel.is_cancelled() {
            interrupted(recipients.len())
        } else {
            hand_over(connection, &outgoing, timeout, self.cancel).await
        };
        let now = self.inner.now();
        let transition = pass.finish(&outcomes, now);
        if is_counted && outcomes.iter().all(|outcome| matches!(outcome, RecipientOutcome::Refused(_))) {
            connection.has_room_again();
        }
        self.ended.extend(self.round.apply(connection.id(), recipients, &outcomes, &self.router, now));
        let is_news = transition.is_some() || sharing::is_worth_telling(&outcomes);
        // Without our asking, "interrupted" is one of a provider's excuses.
        let stopped = self.cancel.is_cancelled() && outcomes.iter().any(|outcome| {
            matches!(outcome, RecipientOutcome::Refused(refusal) if refusal.kind == RefusalKind::Interrupted)
        });
        let is_real = self.record.mode == Mode::Live && !connection.provider().capability().sandbox;
        let handed = Handed {
            attempt,
            message: self.record.id,
            connection: connection.id(),
            provider: connection.provider().id().as_str(),
            mode: self.record.mode,
            policy: is_real.then_some(&self.inner.options.suppression_policy),
            recipients: self.addresses(recipients),
        };
        let result = Some(attempt_result(&handed, outcomes, now));
        let answer = Answer { result, transition, is_news };
        Ok(if stopped { Attempted::Interrupted(answer) } else { Attempted::Answered(answer) })
    }

    /// Tells everybody what a hand-over showed of the connection, and lets others probe. The answer is written down
    /// before that: if this process ends in between, a message less is unknown.
    async fn tell(
        &mut self,
        connection: &Connection,
        mut attempted: StoreResult<Attempted>,
        lease: Option<ProbeLease>,
    ) -> StoreResult<Attempted> {
        let told = match &mut attempted {
            Ok(Attempted::Answered(answer) | Attempted::Interrupted(answer))
                if answer.is_news || lease.is_some() =>
            {
                self.tell_of(connection, answer).await
            }
            _ => Ok(()),
        };
        if let Some(lease) = lease {
            lease.release(&*self.inner.store).await;
        }
        told?;
        attempted
    }

    async fn tell_of(&mut self, connection: &Connection, answer: &mut Answer) -> StoreResult<()> {
        self.settle(answer.result.take(), None).await?;
        if !answer.is_news {
            return Ok(());
        }
        let (store, now) = (&*self.inner.store, self.inner.now());
        let (tenant, transition) = (self.record.tenant, answer.transition);
        let news = sharing::tell(store, tenant, connection, transition, Events::Written, now).await;
        if let Some(news) = news {
            sharing::report(&self.router, connection, news.transition);
            news.owe(connection.id(), self.untold);
        }
        Ok(())
    }

    pub(super) fn addresses(&self, recipients: &[u32]) -> Vec<(u32, Address)> {
        let known = self.record.recipients.iter().filter(|one| recipients.contains(&one.index));
        known.map(|one| (one.index, one.address.clone())).collect()
    }

    pub(super) fn end(&mut self, recipient: u32, disposition: Disposition) {
        self.ended.push((recipient, self.round.end_as(recipient, disposition)));
        self.round.close(recipient);
    }
}

/// How long a message waits while nothing may be handed over: the longer it waits already, the longer, but not
/// beyond a deadline that is to come.
pub(super) fn pause(due: Timestamp, deadline: Option<Timestamp>, now: Timestamp) -> Duration {
    let pause = (now.since(due) / 4).clamp(PAUSED.0, PAUSED.1);
    let deadline = deadline.filter(|deadline| *deadline > now);
    deadline.map_or(pause, |deadline| pause.min(deadline.since(now)))
}

/// A hand-over that was decided.
struct Step {
    connection: ConnectionId,
    recipients: Vec<u32>,
    ahead: bool,
    again: bool,
    repeats: bool,
    skipped: Vec<Skipped>,
}

/// What a provider answered.
struct Answer {
    /// None once it is written down.
    result: Option<AttemptResult>,
    transition: Option<Transition>,
    /// Whether it shows something of the connection that others want to know.
    is_news: bool,
}

/// How an attempt went.
enum Attempted {
    Answered(Answer),
    Interrupted(Answer),
    LeaseLost,
    LookAgain,
    /// Nothing was begun, and the connection is out for the moment.
    PassedOver,
}
