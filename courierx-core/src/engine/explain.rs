//! Where a message would go, without its going there.

use super::accept::AcceptError;
use super::deliver::pause;
use super::outbox::Outbox;
use super::retry::RetrySchedule;
use super::round::Round;
use super::sharing::catch_up;
use crate::clock::Timestamp;
use crate::event::{Disposition, RecipientStatus};
use crate::id::{MessageId, TenantId};
use crate::message::{AddressKey, Email};
use crate::provider::Content;
use crate::router::{Decision, Explanation, GiveUp, History, Quota, Router};
use crate::store::{CountersExt as _, Store, StoreResult, StoredMessage};

/// What would be done with a message now.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Outlook {
    /// The decision, and what it is made of.
    pub explanation: Explanation,
    /// The recipients that are left out because they are suppressed, by position.
    pub suppressed: Vec<u32>,
    /// When the message is looked at again if nothing can be handed over now: exactly, where it waits for a moment,
    /// and about then, where it waits for the next step of its schedule. None if it is handed over, or given up, as
    /// what waits past its deadline is.
    pub next: Option<Timestamp>,
    /// Whether nothing is handed over for this tenant at the moment. Then all wait for that, whatever connections
    /// say.
    pub paused: bool,
}

impl Outbox {
    /// What would be done with this message if it were accepted and due now. Nothing is kept, handed over or counted.
    ///
    /// It is what a worker would decide at the same moment. Where connections share the work by weight, it is true of
    /// one message, as it is drawn for each anew.
    pub async fn explain(&self, tenant: TenantId, email: &Email) -> Result<Outlook, AcceptError> {
        let now = self.inner.now();
        email.check_dates(now)?;
        let suppressed = self.suppressed(tenant, email, |_| true).await?;
        let send_at = email.send_at().unwrap_or(now).max(now);
        let open = |index| !suppressed.contains(&index);
        let (content, deadline) = (Content::literal(email.clone()), self.deadline(email, send_at));
        let mut round = Round::new(MessageId::new(), send_at, email, content, History::default(), open)
            .deliver_by(deadline);
        let (explanation, paused) = self.explain_round(tenant, &mut round, (now, deadline), now).await?;
        let schedule = RetrySchedule::of(email.retry().unwrap_or_default());
        let step = schedule.delay(1).map(|delay| now.after(delay));
        let next = paused.or_else(|| next(&explanation.decision, step, deadline));
        Ok(Outlook { explanation, suppressed, next, paused: paused.is_some() })
    }

    /// What would be done with a message that is kept, if its turn came now; `email` is its
    /// [content](Self::content). It tells why a message waits.
    ///
    /// When the next step of its schedule comes only its job knows: `next` is none where it waits for that.
    pub async fn explain_waiting(&self, message: &StoredMessage, email: &Email) -> StoreResult<Outlook> {
        let (record, now) = (&message.record, self.inner.now());
        let pending = |index: u32| {
            record.recipients.iter().any(|one| {
                one.index == index
                    && one.disposition == Disposition::Open
                    && one.status == RecipientStatus::Pending
            })
        };
        let suppressed = self.suppressed(record.tenant, email, pending).await?;
        let open = |index| pending(index) && !suppressed.contains(&index);
        let (history, content) = (History::of(&message.attempts), Content::literal(email.clone()));
        let mut round = Round::new(record.id, record.send_at, email, content, history, open)
            .deliver_by(record.deliver_by);
        let times = (record.send_at, record.deliver_by);
        let (explanation, paused) = self.explain_round(record.tenant, &mut round, times, now).await?;
        // Who may have it already waits past the deadline to learn that.
        let deadline = record.deliver_by.filter(|_| round.unknown().is_empty());
        let next = paused.or_else(|| next(&explanation.decision, None, deadline));
        Ok(Outlook { explanation, suppressed, next, paused: paused.is_some() })
    }

    /// What a worker would do, and when it would look again if nothing may be handed over for the tenant.
    async fn explain_round(
        &self,
        tenant: TenantId,
        round: &mut Round,
        (due, deadline): (Timestamp, Option<Timestamp>),
        now: Timestamp,
    ) -> StoreResult<(Explanation, Option<Timestamp>)> {
        let router = self.inner.routes.router(tenant).await?;
        // As a worker does before it decides.
        catch_up(&*self.inner.store, tenant, &router, now).await;
        note_full(&*self.inner.store, tenant, &router, now).await;
        let mut ended = Vec::new();
        for recipient in round.too_late(now) {
            round.close(recipient);
            ended.push(GiveUp { recipient, disposition: Disposition::Failed });
        }
        let mut explanation = round.explain(&router, now);
        let paused = (router.is_paused() && !round.is_done()).then(|| now.after(pause(due, deadline, now)));
        if let Some(until) = paused {
            explanation.decision = Decision::Rest {
                scheduled: Vec::new(),
                waiting: Some((until, round.open_recipients())),
                given_up: Vec::new(),
                skipped: Vec::new(),
            };
        }
        // Who may have it already gets it no second time after the deadline.
        while round.is_expired(now)
            && let Decision::Send { recipients, .. } = &explanation.decision
        {
            for &recipient in recipients {
                round.close(recipient);
                ended.push(GiveUp { recipient, disposition: Disposition::Unknown });
            }
            explanation = round.explain(&router, now);
        }
        if let Decision::Rest { given_up, .. } = &mut explanation.decision {
            given_up.append(&mut ended);
        }
        Ok((explanation, paused))
    }

    /// The positions of the recipients among these that are suppressed.
    async fn suppressed(
        &self,
        tenant: TenantId,
        email: &Email,
        among: impl Fn(u32) -> bool,
    ) -> StoreResult<Vec<u32>> {
        let asked: Vec<(u32, AddressKey)> = email
            .recipients()
            .filter(|one| among(one.index))
            .map(|one| (one.index, one.mailbox.address().key()))
            .collect();
        let keys: Vec<AddressKey> = asked.iter().map(|(_, key)| key.clone()).collect();
        let entries = self.inner.store.check(tenant, &email.scope(), &keys).await?;
        let found = asked.into_iter().zip(entries);
        Ok(found.filter_map(|((index, _), entry)| entry.map(|_| index)).collect())
    }
}

/// Finds out which connections have no room left in their quotas, as a worker does who asks for some.
async fn note_full(store: &dyn Store, tenant: TenantId, router: &Router, now: Timestamp) {
    let quotas =
        || router.connections().iter().flat_map(|one| one.quotas().iter().map(move |quota| (one, quota)));
    let asked = quotas().map(|(one, quota)| (Quota::counter(one.id()), quota.window)).collect();
    match store.usage(tenant, asked).await {
        Ok(usages) => {
            for ((connection, quota), usage) in quotas().zip(usages) {
                if usage.used >= quota.cap {
                    connection.has_no_room(usage.resets_at, now);
                }
            }
        }
        Err(error) => {
            // A store that is only read cannot tell.
            let error = &error as &dyn std::error::Error;
            tracing::debug!(%tenant, error, "what is taken of quotas cannot be read");
        }
    }
}

/// When a message is looked at again after this decision; `step` is the next one of its schedule.
fn next(decision: &Decision, step: Option<Timestamp>, deadline: Option<Timestamp>) -> Option<Timestamp> {
    let Decision::Rest { scheduled, waiting, .. } = decision else { return None };
    let until = waiting.as_ref().map(|(until, _)| *until);
    let step = step.filter(|_| !scheduled.is_empty());
    let in_time = |at: &Timestamp| deadline.is_none_or(|deadline| *at < deadline);
    [until, step].into_iter().flatten().filter(in_time).min()
}
