//! The beginning of a round: what the message is, and who is still to be sent to.

use tokio_util::sync::CancellationToken;

use super::apart::{is_heavy, is_large};
use super::deliver::Delivery;
use super::lookup;
use super::outbox::{Inner, content_context};
use super::render::render;
use super::round::Round;
use super::settle::decided;
use crate::clock::Timestamp;
use crate::event::{Disposition, RecipientStatus};
use crate::message::Email;
use crate::provider::Content;
use crate::router::History;
use crate::store::{Claimed, FencedStep, JobNext, MessageRecord, Settlement, StoreResult, StoredMessage};
use crate::vault::Sealed;

impl<'a> Delivery<'a> {
    /// Opens and renders the content, and finds out who is still to be sent to. None if that was the end.
    pub(super) async fn open(
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
            Some(sealed) => read(inner, &record, sealed).await,
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
        };
        delivery.leave_out_refused();
        delivery.leave_out_suppressed().await?;
        delivery.leave_out_over(&unknown, crashes);
        Ok(Some(delivery))
    }
}

/// Opens the content and renders it; the text says why it cannot be.
async fn read(inner: &Inner, record: &MessageRecord, sealed: Sealed) -> Result<(Email, Content), String> {
    let (vault, tenant, id) = (inner.vault.clone(), record.tenant, record.id);
    let large = is_large(sealed.as_bytes().len());
    let open = move || -> Result<Email, String> {
        let bytes = vault.open(&content_context(tenant, &id), &sealed).map_err(|error| error.to_string())?;
        // What follows could quote the content, and this text goes into logs and events.
        serde_json::from_slice(&bytes).map_err(|_| "the content is not an email".to_owned())
    };
    let email = inner.apart.run(large, open).await?;
    let source = email.clone();
    let rendered = inner.apart.run(is_heavy(&email), move || render(&source)).await;
    Ok((email, rendered.map_err(|_| "the content cannot be rendered".to_owned())?))
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
