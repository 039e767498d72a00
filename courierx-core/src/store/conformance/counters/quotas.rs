//! Quotas.

use std::time::Duration;

use tokio::task::JoinSet;

use super::super::Subject;
use crate::clock::Timestamp;
use crate::id::TenantId;
use crate::store::{CountersExt as _, Grant, PurgeRequest, Reservation, Reserved, Usage, Window};

fn reservation(tenant: TenantId, window: Window, amount: u64) -> Reservation {
    Reservation { tenant, name: "plan".to_owned(), window, cap: 10, amount }
}

async fn take(subject: &Subject, reservation: Reservation) -> Reserved {
    let mut reserved = subject.store().reserve(vec![reservation]).await.expect("reserve");
    assert_eq!(reserved.len(), 1, "there is one answer for one reservation");
    reserved.remove(0)
}

async fn granted(subject: &Subject, reservation: Reservation) -> Grant {
    let window = reservation.window;
    match take(subject, reservation).await {
        Reserved::Granted(grant) => grant,
        Reserved::Exceeded { used, .. } => panic!("there is room in {window:?}, of which {used} are used"),
    }
}

/// How much of the tenant's quota of ten is used.
async fn used(subject: &Subject, tenant: TenantId, window: Window) -> u64 {
    match take(subject, reservation(tenant, window, 11)).await {
        Reserved::Exceeded { used, .. } => used,
        Reserved::Granted(_) => panic!("a quota grants more than its cap"),
    }
}

/// A quota is taken up to its cap, never beyond, and a refusal takes nothing.
pub async fn a_quota_ends_at_its_cap(subject: &Subject) {
    let tenant = TenantId::new();
    let grant = granted(subject, reservation(tenant, Window::UtcDay, 4)).await;
    assert_eq!((grant.tenant, grant.amount), (tenant, 4), "the grant says what was taken of whom");
    let resets_at = Window::UtcDay.resets_at(subject.now());
    let over = take(subject, reservation(tenant, Window::UtcDay, 7)).await;
    assert_eq!(over, Reserved::Exceeded { used: 4, resets_at });
    granted(subject, reservation(tenant, Window::UtcDay, 6)).await;
    let full = take(subject, reservation(tenant, Window::UtcDay, 1)).await;
    assert_eq!(full, Reserved::Exceeded { used: 10, resets_at }, "the last refusal took nothing");

    granted(subject, reservation(tenant, Window::CalendarMonth, 10)).await;
    granted(subject, reservation(TenantId::new(), Window::UtcDay, 10)).await;
    let other = Reservation { name: "other".to_owned(), ..reservation(tenant, Window::UtcDay, 10) };
    granted(subject, other).await;
}

/// The items of a batch are each for themselves, in their order.
pub async fn a_batch_of_reservations_is_answered_item_by_item(subject: &Subject) {
    let (a, b) = (TenantId::new(), TenantId::new());
    let of = |tenant, amount| reservation(tenant, Window::UtcDay, amount);
    let batch = vec![of(a, 8), of(a, 3), of(b, 3), of(a, 2)];
    let answers: Vec<_> = subject
        .store()
        .reserve(batch)
        .await
        .expect("reserve")
        .iter()
        .map(|one| matches!(one, Reserved::Granted(_)))
        .collect();
    assert_eq!(answers, [true, false, true, true]);
}

/// A day's quota is whole again at midnight, a month's on the first, both UTC.
pub async fn calendar_windows_start_anew(subject: &Subject) {
    let tenant = TenantId::new();
    for window in [Window::UtcDay, Window::CalendarMonth] {
        granted(subject, reservation(tenant, window, 10)).await;
        let resets_at = window.resets_at(subject.now());
        let last_moment = Timestamp::from_micros(resets_at.as_micros() - 1);
        subject.advance(last_moment.since(subject.now())).await;
        assert_eq!(used(subject, tenant, window).await, 10, "{window:?} holds to its end");
        subject.advance(Duration::from_micros(1)).await;
        assert_eq!(used(subject, tenant, window).await, 0, "{window:?} starts anew at {resets_at}");
        granted(subject, reservation(tenant, window, 10)).await;
    }
}

/// A rolling day forgets by the hour: what was taken in an hour is forgotten 24 hours after its end, and never sooner
/// than a day after it was taken.
pub async fn a_rolling_window_moves_by_the_hour(subject: &Subject) {
    let tenant = TenantId::new();
    let window = Window::Rolling24Hours;
    let moment = Duration::from_micros(1);
    subject.advance(Duration::from_mins(30)).await;
    granted(subject, reservation(tenant, window, 4)).await;
    subject.advance(Duration::from_hours(6)).await;
    granted(subject, reservation(tenant, window, 5)).await;
    subject.advance(Duration::from_mins(18 * 60 + 30).saturating_sub(moment)).await;
    assert_eq!(used(subject, tenant, window).await, 9, "for a whole day, midnight or not, all counts");
    subject.advance(moment).await;
    assert_eq!(used(subject, tenant, window).await, 5, "at one the hour from noon on is forgotten");
    granted(subject, reservation(tenant, window, 5)).await;
    subject.advance(Duration::from_hours(6)).await;
    assert_eq!(used(subject, tenant, window).await, 5, "six hours later the second is forgotten");
}

/// Sixty-four callers at once do not exceed a cap together.
pub async fn concurrent_reservations_never_exceed_a_cap(subject: &Subject) {
    let tenant = TenantId::new();
    for window in [Window::UtcDay, Window::Rolling24Hours] {
        let mut calls = JoinSet::new();
        for _ in 0..64 {
            let store = subject.shared();
            let batch = vec![reservation(tenant, window, 1)];
            calls.spawn(async move { store.reserve(batch).await.expect("reserve").remove(0) });
        }
        let answers = calls.join_all().await;
        let taken = answers.iter().filter(|one| matches!(one, Reserved::Granted(_))).count();
        assert_eq!(taken, 10, "{window:?}: exactly the cap is granted");
        assert_eq!(used(subject, tenant, window).await, 10);
    }
}

/// What is used of several quotas is told in their order, and telling it uses nothing.
pub async fn a_look_at_quotas_takes_nothing(subject: &Subject) {
    let tenant = TenantId::new();
    granted(subject, reservation(tenant, Window::UtcDay, 3)).await;
    granted(subject, reservation(tenant, Window::Rolling24Hours, 10)).await;
    let quotas: Vec<_> = [Window::Rolling24Hours, Window::CalendarMonth, Window::UtcDay]
        .map(|window| ("plan".to_owned(), window))
        .into();
    let now = subject.now();
    let expected: Vec<_> = [(Window::Rolling24Hours, 10), (Window::CalendarMonth, 0), (Window::UtcDay, 3)]
        .map(|(window, used)| Usage { used, resets_at: window.resets_at(now) })
        .into();
    for _ in 0..2 {
        let usage = subject.store().usage(tenant, quotas.clone()).await.expect("usage");
        assert_eq!(usage, expected);
    }
    let stranger = subject.store().usage(TenantId::new(), quotas).await.expect("usage");
    assert!(stranger.iter().all(|one| one.used == 0), "another tenant's are others: {stranger:?}");
    assert_eq!(subject.store().usage(tenant, Vec::new()).await.expect("usage"), []);
    granted(subject, reservation(tenant, Window::UtcDay, 7)).await;
}

/// A grant is given back once, by its own tenant.
pub async fn a_grant_is_given_back_once(subject: &Subject) {
    let tenant = TenantId::new();
    let store = subject.store();
    let first = granted(subject, reservation(tenant, Window::UtcDay, 4)).await;
    let second = granted(subject, reservation(tenant, Window::UtcDay, 5)).await;
    let foreign = Grant { tenant: TenantId::new(), ..first.clone() };
    assert_eq!(store.release(&[foreign]).await.expect("release"), [false], "another tenant's grant");
    let released = store.release(&[first.clone(), first.clone()]).await.expect("release");
    assert_eq!(released, [true, false], "once in a batch");
    assert_eq!(store.release(&[first]).await.expect("release"), [false], "once in all");
    assert_eq!(used(subject, tenant, Window::UtcDay).await, 5, "the other grant is still out");
    assert_eq!(store.release(&[second]).await.expect("release"), [true]);
    assert_eq!(used(subject, tenant, Window::UtcDay).await, 0);
}

/// What is given back after midnight goes to the day it was taken from.
pub async fn a_grant_returns_to_its_own_period(subject: &Subject) {
    let tenant = TenantId::new();
    for window in [Window::UtcDay, Window::Rolling24Hours] {
        let yesterday = granted(subject, reservation(tenant, window, 6)).await;
        subject.advance(Window::UtcDay.resets_at(subject.now()).since(subject.now())).await;
        let today_before = used(subject, tenant, window).await;
        granted(subject, reservation(tenant, window, 3)).await;
        assert_eq!(subject.store().release(&[yesterday]).await.expect("release"), [true]);
        let expected = if window == Window::UtcDay { today_before + 3 } else { 3 };
        assert_eq!(used(subject, tenant, window).await, expected, "{window:?}: today is not credited");
        subject.advance(Duration::from_hours(48)).await;
    }
}

/// What can be given back no more is removed in batches, to the last, whichever were given back between.
pub async fn old_grants_are_removed_to_the_last(subject: &Subject) {
    let (store, tenant) = (subject.store(), TenantId::new());
    let mut grants = Vec::new();
    for _ in 0..5 {
        grants.push(granted(subject, reservation(tenant, Window::UtcDay, 1)).await);
    }
    let second = grants.remove(1);
    assert_eq!(store.release(&[second]).await.expect("release"), [true]);
    subject.advance(Duration::from_hours(70 * 24)).await;
    let mut request = PurgeRequest::new(Timestamp::EPOCH, Timestamp::EPOCH);
    request.limit = 2;
    let mut purges = 0;
    while store.purge(&request).await.expect("purge").more {
        purges += 1;
        assert!(purges < 20, "a purge comes to its end");
    }
    assert_eq!(store.release(&grants).await.expect("release"), [false; 4], "all are gone");
}
