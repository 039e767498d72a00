//! The first step: from a message in the application's hands to one that is kept.

use futures_util::{StreamExt, stream};
use sha2::{Digest, Sha256};

use super::apart::is_heavy;
use super::content::{self, SealedContent};
use super::outbox::Outbox;
use super::render::RenderError;
use super::summary::Summary;
use crate::blobs::{BlobError, BlobKey};
use crate::clock::Timestamp;
use crate::event::{Disposition, EventKind, MessageStatus, NewEvent};
use crate::id::{MessageId, TenantId};
use crate::message::{AddressKey, Email, InvalidEmail, Lane};
use crate::store::{
    AcceptResult, Allowance, Effects, Excess, Idempotency, NewJob, NewMessage, NewRecipient, ScopedKey,
    Statistic, StoreError, StoreResult,
};
use crate::suppression::Scope;

/// Large contents of one call that are put at once.
const PUTS: usize = 8;

/// A message is kept and will be delivered, or given up with a reason.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Accepted {
    /// Its identifier.
    pub id: MessageId,
    /// Whether it was accepted earlier, under the same idempotency key; nothing was added this time.
    pub replayed: bool,
    /// The recipients that are left out because they are suppressed, by position; none are told of a
    /// replayed one.
    pub suppressed: Vec<u32>,
    /// How it was written down; none for a replayed one, which may have gone any way since then: read it.
    pub written: Option<Written>,
}

/// How a message was written down: what there is to answer without reading it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Written {
    /// When it was accepted.
    pub accepted_at: Timestamp,
    /// When it is due.
    pub send_at: Timestamp,
    /// Whether it waits for that moment (`scheduled`) or for its turn (`queued`).
    pub status: MessageStatus,
}

/// A message to accept, and by what a request for it is recognised when it is repeated.
#[derive(Debug, Clone)]
pub struct Submission {
    /// The message.
    pub email: Email,
    /// What was asked for: a request with the same idempotency key and another digest is a conflict. Unless it is
    /// given, it is that of the message, which is not the same twice where something was made of the moment or
    /// fetched from elsewhere.
    pub digest: Option<[u8; 32]>,
    /// What the tenant may have accepted. Messages in test mode take nothing of it.
    pub allowances: Vec<Allowance>,
}

impl From<Email> for Submission {
    fn from(email: Email) -> Self {
        Self { email, digest: None, allowances: Vec::new() }
    }
}

/// Why a message was not accepted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AcceptError {
    /// The message itself is wrong. Nothing was kept.
    #[error(transparent)]
    Invalid(#[from] InvalidEmail),
    /// Its templates are. Nothing was kept.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// Every recipient is on the suppression list. The message is kept as `suppressed`, for the record.
    #[error("every recipient is on the suppression list (message {message})")]
    Suppressed {
        /// Under which identifier it is kept.
        message: MessageId,
    },
    /// The idempotency key was used for another message within its time. Nothing was kept.
    #[error("the idempotency key was used for another message ({message})")]
    IdempotencyConflict {
        /// The message of then.
        message: MessageId,
    },
    /// The tenant may not have so much accepted in this period. Nothing was kept.
    #[error("no more than {} may be accepted in a {}; {} are", .0.allowance.cap, .0.allowance.each, .0.used)]
    OverAllowance(Excess),
    /// The content cannot be written down. Nothing was kept.
    #[error("the message cannot be written down")]
    Content(#[source] serde_json::Error),
    /// The content is large, and the place for such could not take it; see there whether to try again. The message was
    /// not kept.
    #[error("the content could not be stored")]
    Blobs(#[from] BlobError),
    /// The store failed; see there whether to try again.
    #[error("the message could not be stored")]
    Store(#[from] StoreError),
}

impl Outbox {
    /// Accepts one message: when this returns it is kept, through crashes and power loss.
    pub async fn enqueue(
        &self,
        tenant: TenantId,
        email: impl Into<Submission>,
    ) -> Result<Accepted, AcceptError> {
        let mut results = self.accept(tenant, vec![email]).await?;
        // One message, one answer.
        results.pop().unwrap_or(Err(AcceptError::Store(StoreError::Closed)))
    }

    /// Accepts messages, answering one by one in order: a message that is wrong does not hold up the rest.
    pub async fn accept(
        &self,
        tenant: TenantId,
        emails: Vec<impl Into<Submission>>,
    ) -> StoreResult<Vec<Result<Accepted, AcceptError>>> {
        let emails = emails.into_iter().map(Into::into).collect();
        let prepared = self.prepare_batch(tenant, emails).await?;
        let mut answers: Vec<Result<Accepted, AcceptError>> = Vec::with_capacity(prepared.len());
        let mut batch = Vec::with_capacity(prepared.len());
        let mut positions = Vec::with_capacity(prepared.len());
        for message in prepared {
            match message {
                Ok(message) => {
                    positions.push(answers.len());
                    answers.push(Ok(Accepted {
                        id: message.id,
                        replayed: false,
                        suppressed: suppressed(&message),
                        written: Some(Written {
                            accepted_at: message.created_at,
                            send_at: message.send_at,
                            status: message.status(),
                        }),
                    }));
                    batch.push(message);
                }
                Err(error) => answers.push(Err(error)),
            }
        }
        if batch.is_empty() {
            return Ok(answers);
        }
        let recipients: Vec<usize> = batch.iter().map(|message| message.recipients.len()).collect();
        let results = self.inner.store.accept(batch).await?;
        for ((position, result), recipients) in positions.into_iter().zip(results).zip(recipients) {
            if let Some(answer) = answers.get_mut(position) {
                conclude(answer, result, recipients);
            }
        }
        self.inner.changed();
        Ok(answers)
    }

    /// Everything up to the store: validates, renders once to see that it can be, looks suppressions up,
    /// seals, and puts a large content where it is kept. For a message that goes into a transaction of the
    /// application's own, within a day, or else a large content may be swept; the others go through
    /// [`enqueue`](Self::enqueue).
    pub async fn prepare(&self, tenant: TenantId, email: Email) -> Result<NewMessage, AcceptError> {
        let mut prepared = self.prepare_batch(tenant, vec![email.into()]).await?;
        prepared.pop().unwrap_or(Err(AcceptError::Store(StoreError::Closed)))
    }

    async fn prepare_batch(
        &self,
        tenant: TenantId,
        emails: Vec<Submission>,
    ) -> StoreResult<Vec<Result<NewMessage, AcceptError>>> {
        let now = self.inner.now();
        let keys: Vec<AddressKey> = emails
            .iter()
            .flat_map(|one| one.email.recipients())
            .map(|recipient| recipient.mailbox.address().key())
            .collect();
        let mut entries = self.suppressions(tenant, &emails, &keys).await?.into_iter();
        let mut prepared = Vec::with_capacity(emails.len());
        for email in emails {
            let suppressed: Vec<bool> = entries.by_ref().take(email.email.recipient_count()).collect();
            let (outbox, heavy) = (self.clone(), is_heavy(&email.email));
            let prepare = move || outbox.prepare_one(tenant, &email, &suppressed, now);
            prepared.push(self.inner.apart.run(heavy, prepare).await);
        }
        Ok(self.put_contents(prepared).await)
    }

    /// Who of all recipients is suppressed: for all mail, or for the topic of their message.
    async fn suppressions(
        &self,
        tenant: TenantId,
        emails: &[Submission],
        keys: &[AddressKey],
    ) -> StoreResult<Vec<bool>> {
        let mut scopes: Vec<Scope> = emails.iter().map(|one| one.email.scope()).collect();
        // There is one, mostly.
        if let [first, rest @ ..] = scopes.as_slice()
            && rest.iter().all(|other| other == first)
        {
            let entries = self.inner.store.check(tenant, first, keys).await?;
            return Ok(entries.iter().map(Option::is_some).collect());
        }
        let of_recipients: Vec<usize> = emails
            .iter()
            .enumerate()
            .flat_map(|(place, one)| std::iter::repeat_n(place, one.email.recipient_count()))
            .collect();
        let each = scopes.clone();
        scopes.sort_unstable();
        scopes.dedup();
        let mut suppressed = vec![false; keys.len()];
        for scope in scopes {
            let is_of_it = |place: usize| of_recipients.get(place).is_some_and(|one| each[*one] == scope);
            let places: Vec<usize> = (0..keys.len()).filter(|place| is_of_it(*place)).collect();
            let of_it: Vec<AddressKey> = places.iter().map(|place| keys[*place].clone()).collect();
            let entries = self.inner.store.check(tenant, &scope, &of_it).await?;
            for (place, entry) in places.into_iter().zip(entries) {
                suppressed[place] = entry.is_some();
            }
        }
        Ok(suppressed)
    }

    /// Puts large contents where their messages refer to, before anybody can find them.
    async fn put_contents(
        &self,
        prepared: Vec<Result<Prepared, AcceptError>>,
    ) -> Vec<Result<NewMessage, AcceptError>> {
        // Most stand with their message, and nothing is waited for.
        if prepared.iter().flatten().all(|one| one.blob.is_none()) {
            return prepared.into_iter().map(|one| one.map(|one| one.message)).collect();
        }
        stream::iter(prepared).map(|one| self.put_content(one)).buffered(PUTS).collect().await
    }

    async fn put_content(&self, prepared: Result<Prepared, AcceptError>) -> Result<NewMessage, AcceptError> {
        let Prepared { message, blob } = prepared?;
        if let Some((key, blob)) = blob {
            self.inner.put_blob(&key, blob).await?;
        }
        Ok(message)
    }

    fn prepare_one(
        &self,
        tenant: TenantId,
        Submission { email, digest, allowances }: &Submission,
        suppressed: &[bool],
        now: Timestamp,
    ) -> Result<Prepared, AcceptError> {
        email.check_dates(now)?;
        let send_at = email.send_at().unwrap_or(now).max(now);
        // What cannot be rendered is refused now, while there is somebody to tell.
        let id = MessageId::new();
        let rendered = self.inner.render_at_once(tenant, id, email)?;
        // About as large as the message that is made of it, so that it need not grow.
        let mut content = Vec::with_capacity(email.estimated_bytes());
        serde_json::to_writer(&mut content, email).map_err(AcceptError::Content)?;
        let idempotency = email.idempotency_key().map(|key| Idempotency {
            key: ScopedKey::new(key, email.mode()),
            digest: digest.unwrap_or_else(|| Sha256::digest(&content).into()),
            // Whoever repeats it may wait for what was scheduled.
            expires_at: send_at.after(self.inner.options.idempotency_ttl),
        });
        let recipients: Vec<_> = email
            .recipients()
            .zip(suppressed)
            .map(|(recipient, suppressed)| NewRecipient {
                index: recipient.index,
                field: recipient.field,
                address: recipient.mailbox.address().clone(),
                disposition: if *suppressed { Disposition::Suppressed } else { Disposition::Open },
            })
            .collect();
        let blobs = self.inner.options.blobs.is_some();
        let sealed = content::seal(&self.inner.vault, blobs, (tenant, id, now), &content);
        let SealedContent { row, blob } = sealed.map_err(AcceptError::Content)?;
        let message = NewMessage {
            id,
            tenant,
            created_at: now,
            send_at,
            deliver_by: self.deadline(email, send_at),
            from: email.from().address().clone(),
            lane: email.lane(),
            mode: email.mode(),
            retry: email.retry().unwrap_or_default(),
            duplicates: email.duplicate_policy(),
            tags: email.tags().iter().map(|tag| tag.as_str().to_owned()).collect(),
            summary: Some(self.seal_summary(tenant, id, &Summary::of(&rendered, email))?),
            content: row,
            idempotency,
            allowances: allowances.clone(),
            effects: effects(id, email, &recipients, send_at, now),
            recipients,
        };
        Ok(Prepared { message, blob })
    }

    pub(super) fn deadline(&self, email: &Email, send_at: Timestamp) -> Option<Timestamp> {
        email.deliver_by().or_else(|| {
            (email.lane() == Lane::Critical).then(|| send_at.after(self.inner.options.critical_deadline))
        })
    }
}

/// A message that is ready to be written down, once its blob is put.
struct Prepared {
    message: NewMessage,
    blob: Option<(BlobKey, Vec<u8>)>,
}

/// What is committed with a message: its first events, its delivery, and the day's counters.
fn effects(
    id: MessageId,
    email: &Email,
    recipients: &[NewRecipient],
    send_at: Timestamp,
    now: Timestamp,
) -> Effects {
    let mut effects = Effects::default();
    let (mut open, mut suppressed) = (0, 0);
    for recipient in recipients {
        if recipient.disposition == Disposition::Open {
            open += 1;
        } else {
            suppressed += 1;
            effects
                .events
                .push(NewEvent::of_message(id, EventKind::Suppressed, now).recipient(recipient.index));
        }
    }
    if open > 0 {
        effects.events.insert(0, NewEvent::of_message(id, EventKind::Queued, now));
        effects.jobs.push(NewJob::delivery(id, email.lane(), send_at));
        effects.deltas.push(Statistic::Accepted.add(email.mode(), now, open));
    }
    if suppressed > 0 {
        effects.deltas.push(Statistic::Suppressed.add(email.mode(), now, suppressed));
    }
    effects
}

fn suppressed(message: &NewMessage) -> Vec<u32> {
    let suppressed = |one: &&NewRecipient| one.disposition == Disposition::Suppressed;
    message.recipients.iter().filter(suppressed).map(|one| one.index).collect()
}

/// Turns the store's word on one message into the answer.
fn conclude(answer: &mut Result<Accepted, AcceptError>, result: AcceptResult, recipients: usize) {
    let Ok(accepted) = answer else { return };
    match result {
        AcceptResult::Stored if accepted.suppressed.len() == recipients => {
            *answer = Err(AcceptError::Suppressed { message: accepted.id });
        }
        AcceptResult::Stored => {}
        AcceptResult::Replayed(id) => {
            *answer = Ok(Accepted { id, replayed: true, suppressed: Vec::new(), written: None });
        }
        AcceptResult::Conflict(message) => *answer = Err(AcceptError::IdempotencyConflict { message }),
        AcceptResult::OverAllowance(excess) => *answer = Err(AcceptError::OverAllowance(excess)),
    }
}
