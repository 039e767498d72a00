//! What a tenant may have accepted.

use std::time::Duration;

use tokio::task::JoinSet;

use super::super::{Subject, fixtures};
use crate::clock::Timestamp;
use crate::event::Disposition;
use crate::id::TenantId;
use crate::message::{IdempotencyKey, Mode};
use crate::store::{
    AcceptResult, Allowance, CancelResult, Decided, Effects, Excess, FencedStep, Idempotency, JobNext,
    NewMessage, Resolution, Settlement, Statistic,
};

const CAP: u64 = 5;
const DAILY: Allowance = Allowance { each: Resolution::Day, cap: CAP };
const MONTHLY: Allowance = Allowance { each: Resolution::Month, cap: CAP + 2 };

/// A message that uses one of these.
fn limited(tenant: TenantId, now: Timestamp, allowances: &[Allowance]) -> NewMessage {
    let mut new = fixtures::message(tenant, now);
    new.effects.deltas = vec![Statistic::Accepted.add(Mode::Live, now, 1)];
    new.allowances = allowances.to_vec();
    new
}

async fn accept(subject: &Subject, new: Vec<NewMessage>) -> Vec<AcceptResult> {
    subject.store().accept(new).await.expect("accept")
}

fn over(allowance: Allowance, used: u64, now: Timestamp) -> AcceptResult {
    AcceptResult::OverAllowance(Excess { allowance, used, resets_at: allowance.each.end(now) })
}

/// A batch is accepted up to the cap, item by item; what is over it leaves nothing behind, and a day later there is room.
pub async fn no_more_is_accepted_than_allowed(subject: &Subject) {
    let (tenant, now) = (TenantId::new(), subject.now());
    let batch: Vec<_> = (0..7).map(|_| limited(tenant, now, &[DAILY, MONTHLY])).collect();
    let places: Vec<_> = batch.iter().map(|new| (new.tenant, new.id)).collect();
    let mut expected = vec![AcceptResult::Stored; 5];
    expected.extend([over(DAILY, 5, now); 2]);
    assert_eq!(accept(subject, batch).await, expected);
    let kept = subject.store().load(&places).await.expect("load");
    assert_eq!(kept.iter().flatten().count(), 5, "what is not accepted is not kept");
    assert_eq!(fixtures::claim(subject, 10).await.len(), 5, "nor delivered");
    let stranger = limited(TenantId::new(), now, &[DAILY]);
    assert_eq!(accept(subject, vec![stranger]).await, [AcceptResult::Stored], "another tenant has its own");
    let free = fixtures::message(tenant, now);
    assert_eq!(
        accept(subject, vec![free]).await,
        [AcceptResult::Stored],
        "who has no limit is not held to one"
    );

    subject.advance(DAILY.each.end(now).since(now)).await;
    let now = subject.now();
    let next: Vec<_> = (0..3).map(|_| limited(tenant, now, &[DAILY, MONTHLY])).collect();
    let (day, month) = (Resolution::Day.start(now), Resolution::Month.start(now));
    let third = if day == month { AcceptResult::Stored } else { over(MONTHLY, 7, now) };
    assert_eq!(accept(subject, next).await, [AcceptResult::Stored, AcceptResult::Stored, third]);
}

/// What is accepted already, by its identifier or its key, uses nothing, and is recognised where nothing is left.
pub async fn a_repeated_message_uses_its_allowance_once(subject: &Subject) {
    let (tenant, now) = (TenantId::new(), subject.now());
    let keyed = || {
        let mut new = limited(tenant, now, &[DAILY]);
        let key = IdempotencyKey::new("once").expect("a key").into();
        let expires_at = now.after(Duration::from_hours(1));
        new.idempotency = Some(Idempotency { key, digest: [1; 32], expires_at });
        new
    };
    let first = keyed();
    assert_eq!(accept(subject, vec![first.clone()]).await, [AcceptResult::Stored]);
    let replayed = AcceptResult::Replayed(first.id);
    let others: Vec<_> = (0..4).map(|_| limited(tenant, now, &[DAILY])).collect();
    let mut batch = vec![keyed(), first.clone(), keyed()];
    batch.extend(others.iter().cloned());
    let mut expected = vec![replayed, AcceptResult::Stored, replayed];
    expected.extend([AcceptResult::Stored; 4]);
    assert_eq!(accept(subject, batch).await, expected, "repetitions leave the room to others");
    let batch = vec![keyed(), others[0].clone(), limited(tenant, now, &[DAILY])];
    assert_eq!(accept(subject, batch).await, [replayed, AcceptResult::Stored, over(DAILY, 5, now)]);
}

/// Sixty-four calls at once do not exceed a cap together.
pub async fn concurrent_calls_never_exceed_an_allowance(subject: &Subject) {
    let (tenant, now) = (TenantId::new(), subject.now());
    let mut calls = JoinSet::new();
    for _ in 0..64 {
        let store = subject.shared();
        let new = limited(tenant, now, &[DAILY]);
        calls.spawn(async move { store.accept(vec![new]).await.expect("accept")[0] });
    }
    let answers = calls.join_all().await;
    let stored = answers.iter().filter(|one| **one == AcceptResult::Stored).count();
    assert_eq!(stored, 5, "exactly the cap is accepted");
    assert_eq!(accept(subject, vec![limited(tenant, now, &[DAILY])]).await, [over(DAILY, 5, now)]);
}

/// What is canceled before it was handed over makes room in the period it was accepted in; what was handed over does not.
pub async fn what_is_canceled_makes_room_again(subject: &Subject) {
    let (tenant, now) = (TenantId::new(), subject.now());
    let batch: Vec<_> = (0..5).map(|_| limited(tenant, now, &[DAILY])).collect();
    let first = batch[0].id;
    accept(subject, batch).await;
    let canceled = subject.store().cancel(tenant, first).await.expect("cancel");
    assert_eq!(canceled, CancelResult::Canceled { recipients: 1 });
    subject.store().cancel(tenant, first).await.expect("cancel");
    let next = vec![limited(tenant, now, &[DAILY]), limited(tenant, now, &[DAILY])];
    assert_eq!(accept(subject, next).await, [AcceptResult::Stored, over(DAILY, 5, now)], "once");

    // Given back in a settlement, as the engine does for those who were left out.
    let claimed = fixtures::claim(subject, 10).await;
    let job = claimed.iter().find(|one| one.job.message != Some(first)).expect("a claimed job");
    let message = job.job.message.expect("a message");
    let mut decided = Decided::new(0, Disposition::Suppressed);
    decided.effects.deltas.push(Statistic::Returned.add(Mode::Live, now, 1));
    let (decided, effects) = (vec![decided], Effects::default());
    let step = FencedStep { lease: job.lease, next: JobNext::Finish, decided, effects };
    let settlement = Settlement { tenant, message, result: None, step: Some(step) };
    for _ in 0..2 {
        subject.store().settle(vec![settlement.clone()]).await.expect("settle");
    }
    let next = vec![limited(tenant, now, &[DAILY]), limited(tenant, now, &[DAILY])];
    assert_eq!(accept(subject, next).await, [AcceptResult::Stored, over(DAILY, 5, now)], "once");
}
