//! Looking after one message: whether it has what it needs to go on, and what its provider knows of it by now.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::callbacks::Reader;
use super::outbox::Outbox;
use crate::clock::Timestamp;
use crate::event::{AttemptStatus, EventKind, MessageStatus, RecipientStatus};
use crate::id::{MessageId, TenantId};
use crate::message::Address;
use crate::provider::{LookupKey, RecipientOutcome, SendOptions, StatusLookup};
use crate::router::{Connection, Router};
use crate::store::{
    AttemptRecord, Effects, EventMatch, IncomingEvent, MessageRecord, Recorded, RequeueResult, StoreResult,
    StoredMessage,
};

/// Younger messages are left alone: everything that is known of them is on its way.
const RECENT: Duration = Duration::from_mins(5);
/// How many attempts of a message are asked about, the latest first.
const ASKED: usize = 5;
/// How long one provider may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// What looking after a message came to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reconciled {
    /// It has an end.
    Terminal,
    /// It is too young to be looked after.
    TooRecent,
    /// It is to be sent, and has the job that does so: held by somebody, or waiting for its moment.
    StillPending,
    /// It was to be sent and had no job, so it was given one.
    Reenqueued,
    /// A provider told what had not been known; so many events were recorded.
    Resynced(usize),
    /// A provider is certain never to have taken it, and nobody else can have.
    MarkedFailed,
    /// Nobody knows more than is known already; this says why.
    Noop(String),
}

impl Outbox {
    /// Looks after a message that seems to be stuck; none if the tenant has no such message.
    ///
    /// It never hands anything over, and never gives a message a second job, so it sends nothing twice. A message that
    /// is to be sent has a job, written and ended together with it; if there is none all the same, it gets one. What
    /// was handed over and has no end yet is asked about at its provider, and what that tells is recorded as a
    /// callback would be.
    pub async fn reconcile(&self, tenant: TenantId, message: MessageId) -> StoreResult<Option<Reconciled>> {
        let Some(stored) = self.get(tenant, message).await? else { return Ok(None) };
        let recent = self.inner.now().since(stored.record.send_at) < RECENT;
        Ok(Some(match stored.record.status {
            // It has to wait for its date, whatever there is.
            MessageStatus::Scheduled => Reconciled::StillPending,
            MessageStatus::Queued | MessageStatus::Sending | MessageStatus::Sent | MessageStatus::Unknown
                if recent =>
            {
                Reconciled::TooRecent
            }
            MessageStatus::Queued | MessageStatus::Sending => self.look_for_job(tenant, message).await?,
            MessageStatus::Sent | MessageStatus::Unknown => self.ask_providers(&stored).await?,
            _ => Reconciled::Terminal,
        }))
    }

    async fn look_for_job(&self, tenant: TenantId, message: MessageId) -> StoreResult<Reconciled> {
        Ok(match self.inner.store.requeue(tenant, message).await? {
            RequeueResult::Requeued => {
                tracing::error!(%tenant, %message, "a message was to be sent and had no job; it has one again");
                Reconciled::Reenqueued
            }
            RequeueResult::HasJob => Reconciled::StillPending,
            RequeueResult::Settled | RequeueResult::NotFound => {
                Reconciled::Noop("it came to an end a moment ago".to_owned())
            }
        })
    }

    async fn ask_providers(&self, stored: &StoredMessage) -> StoreResult<Reconciled> {
        let router = self.router(stored.record.tenant).await?;
        let (mut told, mut refused, mut why) = (Vec::new(), false, Vec::new());
        for attempt in stored.attempts.iter().rev().take(ASKED) {
            let asked = Asked::of(&stored.record, attempt);
            if asked.recipients.is_empty() {
                continue;
            }
            let (connection, lookup) = match whom(&router, attempt, self.inner.now()) {
                Ok(found) => found,
                Err(reason) => {
                    why.push(reason);
                    continue;
                }
            };
            match self.ask(stored, &asked, connection, lookup).await {
                Ok(answer) => {
                    refused |= answer.refused;
                    why.extend(answer.why);
                    told.extend(answer.events);
                }
                Err(reason) => why.push(reason),
            }
        }
        if told.is_empty() {
            why.dedup();
            return Ok(Reconciled::Noop(why.join("; ")));
        }
        let recorded = self.inner.store.record_events(told).await?;
        self.inner.changed();
        let new = recorded.iter().filter(|one| matches!(one, Recorded::Stored { .. })).count();
        Ok(match (new, refused) {
            (0, _) => Reconciled::Noop("what the provider tells is known already".to_owned()),
            (_, true) => Reconciled::MarkedFailed,
            (new, false) => Reconciled::Resynced(new),
        })
    }

    /// Asks one provider about one attempt.
    async fn ask(
        &self,
        stored: &StoredMessage,
        asked: &Asked<'_>,
        connection: &Connection,
        lookup: &dyn StatusLookup,
    ) -> Result<Answered, String> {
        let provider = connection.provider();
        let reader = Reader {
            tenant: stored.record.tenant,
            connection: connection.id(),
            provider: provider.id().as_str(),
            policy: &self.inner.options.suppression_policy,
            suppresses_at: (!provider.capability().sandbox).then(|| self.inner.now()),
            now: self.inner.now(),
        };
        let options = SendOptions::default().timeout(PATIENCE).cancel(CancellationToken::new());
        let key = asked.key();
        let late = |_| format!("{} did not answer in time", reader.provider);
        let failed = |error: crate::provider::LookupError| format!("{}: {error}", reader.provider);
        let history = tokio::time::timeout(PATIENCE, lookup.history(&key, &options)).await;
        let mut answered = Answered::default();
        for mut event in history.map_err(late)?.map_err(failed)? {
            event.delivery = Some(asked.attempt.delivery);
            if asked.moves(event.kind, event.recipient.as_ref()) {
                answered.events.extend(reader.read(event));
            }
        }
        if !answered.events.is_empty() {
            return Ok(answered);
        }
        let outcomes = tokio::time::timeout(PATIENCE, lookup.lookup(&key, &options)).await;
        let outcomes = outcomes.map_err(late)?.map_err(failed)?;
        for ((index, address, status), outcome) in asked.recipients.iter().zip(outcomes) {
            let new = *status == AttemptStatus::Unknown;
            let (kind, name, detail) = match outcome {
                RecipientOutcome::Accepted(acceptance) => {
                    if !new {
                        let said = acceptance.detail.as_deref().unwrap_or("it has the message");
                        answered.why.push(format!("{} knows no more: {said}", reader.provider));
                        continue;
                    }
                    (EventKind::Sent, format!("lookup/{}/{index}", asked.attempt.delivery), acceptance.detail)
                }
                RecipientOutcome::Refused(refusal) if new && asked.is_the_last_doubt(stored, *index) => {
                    answered.refused = true;
                    let name = format!("lookup/{}/{index}/refused", asked.attempt.delivery);
                    (EventKind::Failed, name, Some(refusal.detail))
                }
                RecipientOutcome::Refused(refusal) => {
                    answered.why.push(format!("{}: {}", reader.provider, refusal.detail));
                    continue;
                }
                RecipientOutcome::Unknown(uncertainty) => {
                    answered.why.push(format!("{}: {}", reader.provider, uncertainty.detail));
                    continue;
                }
            };
            answered.events.push(IncomingEvent {
                tenant: stored.record.tenant,
                connection: connection.id().clone(),
                about: EventMatch::Delivery(asked.attempt.delivery),
                recipient: Some((*address).clone()),
                kind,
                at: reader.now,
                deduplication: name,
                detail,
                row: None,
                effects: Effects::default(),
            });
        }
        Ok(answered)
    }
}

/// What a provider told.
#[derive(Default)]
struct Answered {
    events: Vec<IncomingEvent>,
    /// Whether it is certain never to have taken it.
    refused: bool,
    /// Why it told no more.
    why: Vec<String>,
}

/// About whom an attempt is asked: who has no end yet.
struct Asked<'a> {
    attempt: &'a AttemptRecord,
    recipients: Vec<(u32, &'a Address, AttemptStatus)>,
}

impl<'a> Asked<'a> {
    fn of(record: &'a MessageRecord, attempt: &'a AttemptRecord) -> Self {
        let of_attempt = |index: u32| {
            let found = attempt.recipients.iter().find(|one| one.index == index);
            found
                .map(|one| one.status)
                .filter(|status| matches!(status, AttemptStatus::Sent | AttemptStatus::Unknown))
        };
        let without_end = record
            .recipients
            .iter()
            .filter(|one| matches!(one.status, RecipientStatus::Sent | RecipientStatus::Unknown));
        let recipients =
            without_end.filter_map(|one| Some((one.index, &one.address, of_attempt(one.index)?)));
        Self { attempt, recipients: recipients.collect() }
    }

    fn key(&self) -> LookupKey {
        let addresses = self.recipients.iter().map(|(_, address, _)| (*address).clone()).collect();
        let mut key = LookupKey::new(self.attempt.delivery, self.attempt.started_at, addresses);
        key.provider_message_id.clone_from(&self.attempt.provider_message_id);
        key.alone = self.attempt.recipients.len() == 1;
        key
    }

    /// Whether an event of this kind tells more of somebody than is known.
    fn moves(&self, kind: EventKind, recipient: Option<&Address>) -> bool {
        let Some(status) = kind.attempt_status() else { return false };
        self.recipients
            .iter()
            .filter(|(_, address, _)| recipient.is_none_or(|one| one.key() == address.key()))
            .any(|(_, _, known)| status > *known)
    }

    /// Whether no other attempt can have reached this recipient.
    fn is_the_last_doubt(&self, stored: &StoredMessage, index: u32) -> bool {
        let others = stored.attempts.iter().filter(|other| other.id != self.attempt.id);
        let mut of_recipient =
            others.flat_map(|other| other.recipients.iter().filter(|one| one.index == index));
        of_recipient.all(|one| one.status == AttemptStatus::Refused)
    }
}

/// Who can be asked about an attempt, or why nobody can.
fn whom<'r>(
    router: &'r Router,
    attempt: &AttemptRecord,
    now: Timestamp,
) -> Result<(&'r Connection, &'r dyn StatusLookup), String> {
    let provider = &attempt.provider;
    let Some(connection) = router.connection(&attempt.connection) else {
        return Err(format!("the connection to {provider} is gone"));
    };
    let Some(lookup) = connection.provider().status_lookup() else {
        return Err(format!("{provider} cannot be asked what became of a message"));
    };
    if !connection.is_approachable(now) {
        return Err(format!("{provider} is to be left alone at the moment"));
    }
    Ok((connection, lookup))
}
