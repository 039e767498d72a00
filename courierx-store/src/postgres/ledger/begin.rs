//! Writing attempts down before the wire.

use courierx_core::event::RecipientStatus;
use courierx_core::store::{AttemptRecord, BeginAttempt, Begun, Grant, Reserved, StoreResult};

use super::super::Shared;
use super::super::batcher::Grouped;
use super::super::counters::{self, Quotas};
use super::super::error::Run;
use super::super::queue::steps::Held;
use super::super::transaction::{Tx, in_transaction};
use super::message::{Draft, Drafts};

/// Concurrent calls of [`Ledger::begin_attempts`](courierx_core::store::Ledger::begin_attempts).
pub(in super::super) struct Begin;

impl Grouped for Begin {
    type Item = BeginAttempt;
    type Answer = Begun;
    const MOST: usize = 500;

    async fn run(shared: &Shared, items: &[BeginAttempt]) -> StoreResult<Vec<Begun>> {
        in_transaction!(shared, |tx| begin_all(tx, items))
    }
}

async fn begin_all(tx: &mut Tx<'_>, items: &[BeginAttempt]) -> Run<Vec<Begun>> {
    let mut drafts = Drafts::open(tx, items.iter().map(|one| (one.tenant, one.message))).await?;
    let held = Held::open(tx, items.iter().map(|one| one.lease)).await?;
    let reservations: Vec<_> = items.iter().flat_map(|one| &one.reservations).collect();
    let mut quotas = Quotas::open(tx, &reservations).await?;
    let mut answers = Vec::with_capacity(items.len());
    for begin in items {
        let draft = drafts.get_mut((begin.tenant, begin.message));
        answers.push(match draft {
            _ if !held.holds(begin.tenant, begin.message, begin.lease) => Begun::LeaseLost,
            Some(draft) => begin_one(tx, draft, &mut quotas, begin).await?,
            None => Begun::Changed,
        });
    }
    quotas.save(tx).await?;
    drafts.save(tx).await?;
    Ok(answers)
}

/// Writes an attempt down under a lease that holds, or says why not.
async fn begin_one(
    tx: &mut Tx<'_>,
    draft: &mut Draft,
    quotas: &mut Quotas,
    begin: &BeginAttempt,
) -> Run<Begun> {
    let pending = |index: &u32| {
        let mut recipients = draft.message.record.recipients.iter();
        recipients.any(|one| one.index == *index && one.status == RecipientStatus::Pending)
    };
    if !begin.recipients.iter().all(pending) {
        return Ok(Begun::Changed);
    }
    if let Some(known) = draft.message.attempts.iter().find(|attempt| attempt.id == begin.attempt) {
        // The call is repeated: its answer was lost.
        if known.finished_at.is_some() {
            return Ok(Begun::Changed);
        }
        let ids = draft.grants.get(&begin.attempt).map_or(&[][..], Vec::as_slice);
        let mut grants = quotas.taken(ids);
        if grants.len() < ids.len() {
            grants = counters::grants(tx.connection, ids).await?;
        }
        grants.sort_unstable_by_key(|grant| ids.iter().position(|id| *id == grant.id));
        return Ok(Begun::Started { number: known.number, grants });
    }
    let mut grants: Vec<Grant> = Vec::with_capacity(begin.reservations.len());
    for reservation in &begin.reservations {
        match quotas.reserve(reservation)? {
            Reserved::Granted(grant) => grants.push(grant),
            Reserved::Exceeded { resets_at, .. } => {
                quotas.give_back(&grants);
                return Ok(Begun::QuotaExceeded { resets_at });
            }
        }
    }
    let number = draft.message.attempts.last().map_or(1, |last| last.number + 1);
    let ids = grants.iter().map(|grant| grant.id).collect();
    draft.add_attempt(AttemptRecord::begun(begin, number, tx.now), ids);
    draft.touch(tx.now);
    Ok(Begun::Started { number, grants })
}
