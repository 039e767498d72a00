//! Recording what became of attempts, and what follows.

use courierx_core::event::AttemptStatus;
use courierx_core::store::{AttemptResult, FencedStep, Settled, Settlement, StoreResult};

use super::super::Shared;
use super::super::batcher::Grouped;
use super::super::counters;
use super::super::error::Run;
use super::super::queue::steps::Held;
use super::super::transaction::{Tx, in_transaction};
use super::message::{Draft, Drafts};

/// Concurrent calls of [`Ledger::settle`](courierx_core::store::Ledger::settle).
pub(in super::super) struct Settle;

impl Grouped for Settle {
    type Item = Settlement;
    type Answer = Settled;
    const MOST: usize = 500;

    async fn run(shared: &Shared, items: &[Settlement]) -> StoreResult<Vec<Settled>> {
        in_transaction!(shared, |tx| settle_all(tx, items))
    }
}

async fn settle_all(tx: &mut Tx<'_>, items: &[Settlement]) -> Run<Vec<Settled>> {
    let mut drafts = Drafts::open(tx, items.iter().map(|one| (one.tenant, one.message))).await?;
    let leases = items.iter().filter_map(|one| one.step.as_ref().map(|step| step.lease));
    let mut held = Held::open(tx, leases).await?;
    let mut unused = Vec::new();
    let mut answers = Vec::with_capacity(items.len());
    for settlement in items {
        let mut draft = drafts.get_mut((settlement.tenant, settlement.message));
        let recorded = match (&settlement.result, &mut draft) {
            (Some(result), Some(draft)) => record(tx, settlement, draft, result, &mut unused),
            _ => false,
        };
        let stepped = match &settlement.step {
            Some(step) if held.holds(settlement.tenant, settlement.message, step.lease) => {
                apply_step(tx, settlement, draft.as_deref_mut(), step);
                held.step(step.lease, step.next)
            }
            _ => false,
        };
        if let Some(draft) = draft
            && (recorded || stepped)
        {
            draft.touch(tx.now);
        }
        answers.push(Settled { recorded, stepped });
    }
    drafts.save(tx).await?;
    held.save(tx).await?;
    counters::release(tx, &unused).await?;
    Ok(answers)
}

/// Writes down what the provider answered; `false` if that was done before. Adds to `unused` what the attempt took
/// of quotas, if nobody was sent to.
fn record(
    tx: &mut Tx<'_>,
    settlement: &Settlement,
    draft: &mut Draft,
    result: &AttemptResult,
    unused: &mut Vec<i64>,
) -> bool {
    let now = tx.now;
    let Some(attempt) = draft.attempt_mut(result.attempt) else {
        return false;
    };
    if !attempt.record(result, now) {
        return false;
    }
    if attempt.recipients.iter().all(|one| one.status == AttemptStatus::Refused) {
        unused.extend(draft.grants.get(&result.attempt).into_iter().flatten());
    }
    tx.pending.apply(settlement.tenant, &result.effects);
    true
}

/// Applies a step under a lease that holds. The job goes on even if its message is gone.
fn apply_step(tx: &mut Tx<'_>, settlement: &Settlement, draft: Option<&mut Draft>, step: &FencedStep) {
    if let Some(draft) = draft {
        for one in &step.decided {
            if draft.message.decide(one.recipient, one.disposition) {
                tx.pending.apply(settlement.tenant, &one.effects);
            }
        }
    }
    tx.pending.apply(settlement.tenant, &step.effects);
}
