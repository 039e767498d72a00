//! The beginning of a round: what the message is, and who is still to be sent to.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::content::ContentError;
use super::deliver::Delivery;
use super::hand_over::Denials;
use super::lookup;
use super::outbox::Inner;
use super::render::RenderError;
use super::round::Round;
use super::settle::decided;
use super::sharing::{Untold, catch_up_for_events};
use crate::clock::Timestamp;
use crate::event::{Disposition, RecipientStatus};
use crate::message::Email;
use crate::provider::Content;
use crate::router::{History, Past};
use crate::store::{
    Claimed, Effects, FencedStep, JobNext, MessageRecord, Settlement, StoreResult, StoredMessage,
};
use crate::vault::Sealed;

/// How long a message waits for the key that it was sealed with before it is looked at again. Keys come with
/// a restart, so nobody waits for that any longer than this.
pub(super) const KEY_WAIT: Duration = Duration::from_mins(10);
/// How long it waits at least for a large content that cannot be reached.
const BLOB_WAIT: Duration = Duration::from_secs(10);

impl<'a> Delivery<'a> {
    /// Opens and renders the content, and finds out who is still to be sent to. None if that was the end.
    pub(super) async fn open(
        inner: &'a Inner,
        cancel: &'a CancellationToken,
        claimed: Claimed,
        stored: StoredMessage,
        untold: &'a mut Untold,
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
        catch_up_for_events(&*inner.store, record.tenant, &router, inner.now(), untold).await;
        let opened = match content {
            Some(sealed) => read(inner, &record, sealed, cancel).await,
            None => Err(Unreadable::ForGood("the content is not kept any more".to_owned())),
        };
        let history = History::of(&attempts);
        let (email, rendered) = match opened {
            Ok(opened) => opened,
            Err(unreadable) => {
                put_aside(inner, &claimed, &record, &history, unreadable, untold).await?;
                return Ok(None);
            }
        };
        let mut round = Round::new(record.id, record.send_at, &email, rendered, history, pending)
            .deliver_by(record.deliver_by);
        lookup::tell_of_crashes(inner, &record, &attempts).await?;
        let unknown = round.unknown();
        let crashes = attempts.iter().filter(|attempt| attempt.finished_at.is_none()).count();
        lookup::resolve(inner, &router, &record, &attempts, &mut round, cancel).await?;
        let mut delivery = Self {
            inner,
            cancel,
            claimed,
            record,
            router,
            round,
            ended: Vec::new(),
            looked_up: Timestamp::EPOCH,
            changes: 0,
            room: None,
            denials: Denials::default(),
            untold,
        };
        delivery.leave_out_refused();
        delivery.leave_out_suppressed().await?;
        delivery.leave_out_over(&unknown, crashes);
        Ok(Some(delivery))
    }
}

/// Why a message cannot be read.
enum Unreadable {
    /// Trying again would not help.
    ForGood(String),
    /// Nothing is wrong with the message: what it takes to read it is not here.
    ForNow(ContentError),
    /// The process wants to stop.
    Canceled,
}

impl From<ContentError> for Unreadable {
    fn from(error: ContentError) -> Self {
        if error.is_for_now() { Self::ForNow(error) } else { Self::ForGood(error.to_string()) }
    }
}

/// Opens the content and renders it.
async fn read(
    inner: &Inner,
    record: &MessageRecord,
    sealed: Sealed,
    cancel: &CancellationToken,
) -> Result<(Email, Content), Unreadable> {
    // It may have to come from far away.
    let opened = cancel.run_until_cancelled(inner.open_content(record, sealed)).await;
    let email = opened.ok_or(Unreadable::Canceled)??;
    let content = match inner.render(record.tenant, record.id, &email).await {
        Err(RenderError::NoTracker) => return Err(Unreadable::ForNow(ContentError::NoTracker)),
        rendered => rendered.map_err(|_| Unreadable::ForGood("the content cannot be rendered".to_owned()))?,
    };
    Ok((email, content))
}

/// When a message is looked at again that could not be read: the longer it waits already, the later.
fn look_again(record: &MessageRecord, error: &ContentError, now: Timestamp) -> Timestamp {
    let wait = match error {
        ContentError::Blobs(error) if error.is_temporary() => {
            (now.since(record.send_at) / 4).clamp(BLOB_WAIT, KEY_WAIT)
        }
        _ => KEY_WAIT,
    };
    now.after(wait)
}

/// A message that cannot be read ends if that stays so or nobody wants it any more, and waits otherwise. With it is
/// written what others left to be told of connections: nobody else knows of that any more.
async fn put_aside(
    inner: &Inner,
    claimed: &Claimed,
    record: &MessageRecord,
    history: &History,
    unreadable: Unreadable,
    untold: &mut Untold,
) -> StoreResult<()> {
    let now = inner.now();
    let why = match unreadable {
        Unreadable::ForGood(why) => why,
        Unreadable::ForNow(error) if record.deliver_by.is_some_and(|deadline| now >= deadline) => {
            format!("the deadline has passed; {error}")
        }
        Unreadable::Canceled => {
            return stay(inner, claimed, record, now, untold).await;
        }
        Unreadable::ForNow(error) => {
            // It names what is missing, and whoever operates this has to see that: nothing else tells of it.
            tracing::error!(
                message = %record.id,
                error = &error as &dyn std::error::Error,
                "a message cannot be read with what is here; it waits"
            );
            let at = look_again(record, &error, now);
            let at = record.deliver_by.map_or(at, |deadline| deadline.min(at));
            // No step of the schedule: nothing was tried.
            return stay(inner, claimed, record, at, untold).await;
        }
    };
    tracing::error!(message = %record.id, why, "a message cannot be read and is given up");
    let end = |index: u32| {
        let unknown = history.of_recipient(index).any(|entry| matches!(entry.past, Past::Unknown(_)));
        (index, if unknown { Disposition::Unknown } else { Disposition::Failed })
    };
    let open = record.recipients.iter().filter(|one| one.status == RecipientStatus::Pending);
    let dispositions: Vec<_> = open.map(|one| end(one.index)).collect();
    let handed = |index| history.of_recipient(index).next().is_some();
    let decided = decided(record, &dispositions, |_| Some(why.clone()), handed, now);
    let effects = Effects { events: untold.events(now).collect(), ..Effects::default() };
    let step = FencedStep { lease: claimed.lease, next: JobNext::Finish, decided, effects };
    settle(inner, record, step, untold).await
}

/// Gives the job back as it is, to be claimed again then.
async fn stay(
    inner: &Inner,
    claimed: &Claimed,
    record: &MessageRecord,
    at: Timestamp,
    untold: &mut Untold,
) -> StoreResult<()> {
    let next = JobNext::RetryAt { at, round: claimed.job.round };
    if untold.is_empty() {
        inner.store.finish(&[(claimed.lease, next)]).await?;
        return Ok(());
    }
    let effects = Effects { events: untold.events(inner.now()).collect(), ..Effects::default() };
    let step = FencedStep { lease: claimed.lease, next, decided: Vec::new(), effects };
    settle(inner, record, step, untold).await
}

/// Takes this step, which tells what is told by it, if the lease still holds.
async fn settle(
    inner: &Inner,
    record: &MessageRecord,
    step: FencedStep,
    untold: &mut Untold,
) -> StoreResult<()> {
    let settlement = Settlement { tenant: record.tenant, message: record.id, result: None, step: Some(step) };
    if inner.store.settle(vec![settlement]).await?.first().is_some_and(|one| one.stepped) {
        untold.are_told();
    }
    inner.changed();
    Ok(())
}
