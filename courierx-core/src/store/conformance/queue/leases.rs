//! Who holds a job, and for how long.

use std::time::Duration;

use super::super::Subject;
use super::super::fixtures::LEASE;
use super::{KIND, claim, enqueue, names};
use crate::id::TenantId;
use crate::message::Lane;
use crate::store::{DepthQuery, JobId, JobKind, JobNext, LaneDepth, LeaseRef, LeaseToken};

/// The shortest time that a store can tell.
const MOMENT: Duration = Duration::from_micros(1);

/// A lease that has ended is claimed by anybody, under a token that was never used.
pub async fn an_ended_lease_is_claimed_anew(subject: &Subject) {
    enqueue(subject, TenantId::new(), Lane::Bulk, subject.now(), "job").await;
    let mut tokens = Vec::new();
    for _ in 0..4 {
        let claimed = claim(subject, 1).await;
        assert_eq!(names(&claimed), ["job"], "a job whose lease has ended is free");
        assert!(!tokens.contains(&claimed[0].lease.token), "a token is never used twice");
        tokens.push(claimed[0].lease.token);
        subject.advance(LEASE.saturating_sub(MOMENT)).await;
        assert!(claim(subject, 1).await.is_empty(), "the lease holds to its end");
        subject.advance(MOMENT).await;
    }
}

/// Extending keeps others away for as long as it says; a lost lease cannot be extended.
pub async fn an_extended_lease_is_kept(subject: &Subject) {
    enqueue(subject, TenantId::new(), Lane::Bulk, subject.now(), "job").await;
    let old = claim(subject, 1).await.remove(0).lease;
    let store = subject.store();
    for _ in 0..3 {
        subject.advance(LEASE / 2).await;
        assert_eq!(store.extend(&[old], LEASE).await.expect("extend"), [true]);
    }
    subject.advance(LEASE / 2).await;
    assert!(claim(subject, 1).await.is_empty(), "the lease was extended beyond this moment");
    subject.advance(LEASE).await;
    let kept = store.extend(&[old], LEASE).await.expect("extend");
    assert_eq!(kept, [true], "a lease that ended and was not claimed is still held");
    assert!(claim(subject, 1).await.is_empty(), "and holds again");
    subject.advance(LEASE).await;
    let new = claim(subject, 1).await.remove(0).lease;
    let unknown = LeaseRef { job: JobId(i64::MAX), token: LeaseToken(1) };
    let extended = store.extend(&[old, new, unknown], LEASE).await.expect("extend");
    assert_eq!(extended, [false, true, false], "only the present lease is extended");
}

/// Extending by less than is left changes nothing.
pub async fn a_lease_never_gets_shorter(subject: &Subject) {
    let tenant = TenantId::new();
    enqueue(subject, tenant, Lane::Bulk, subject.now(), "job").await;
    let lease = claim(subject, 1).await.remove(0).lease;
    assert_eq!(subject.store().extend(&[lease], LEASE / 2).await.expect("extend"), [true]);
    subject.advance(LEASE / 4 * 3).await;
    // There is a reason to look at the tenant's jobs.
    enqueue(subject, tenant, Lane::Bulk, subject.now(), "other").await;
    assert_eq!(names(&claim(subject, 2).await), ["other"], "the lease holds to the end that it had");
    subject.advance(LEASE / 4).await;
    assert_eq!(names(&claim(subject, 2).await), ["job"], "and no longer");
}

/// A job is finished, put back or kept by its owner, and by nobody else.
pub async fn only_the_owner_decides_about_a_job(subject: &Subject) {
    enqueue(subject, TenantId::new(), Lane::Bulk, subject.now(), "job").await;
    let store = subject.store();
    let old = claim(subject, 1).await.remove(0).lease;
    subject.advance(LEASE).await;
    let new = claim(subject, 1).await.remove(0).lease;
    let later = JobNext::RetryAt { at: subject.now().after(LEASE / 2), round: 3 };
    for next in [JobNext::Finish, later, JobNext::Keep] {
        let stepped = store.finish(&[(old, next)]).await.expect("finish");
        assert_eq!(stepped, [false], "{next:?} under a lost lease");
    }
    let stepped =
        store.finish(&[(new, JobNext::Keep), (new, later), (new, JobNext::Keep)]).await.expect("finish");
    assert_eq!(stepped, [true, true, false], "putting a job back ends its lease");

    subject.advance((LEASE / 2).saturating_sub(MOMENT)).await;
    assert!(claim(subject, 1).await.is_empty(), "the job is not due yet");
    subject.advance(MOMENT).await;
    let again = claim(subject, 1).await.remove(0);
    assert_eq!(again.job.round, 3, "the round is kept");
    assert!(again.lease != old && again.lease != new, "a token is never used twice");
    let stepped = store.finish(&[(again.lease, JobNext::Finish), (again.lease, JobNext::Finish)]).await;
    assert_eq!(stepped.expect("finish"), [true, false], "a job is finished once");
    subject.advance(LEASE).await;
    assert!(claim(subject, 1).await.is_empty(), "a finished job does not come back");
}

/// A lease that ended and was not claimed is still its owner's.
pub async fn an_ended_lease_can_still_be_finished(subject: &Subject) {
    enqueue(subject, TenantId::new(), Lane::Bulk, subject.now(), "job").await;
    let lease = claim(subject, 1).await.remove(0).lease;
    subject.advance(LEASE * 2).await;
    let stepped = subject.store().finish(&[(lease, JobNext::Finish)]).await.expect("finish");
    assert_eq!(stepped, [true], "nobody else claimed the job");
    assert!(claim(subject, 1).await.is_empty(), "the job is gone");
}

/// Depth counts every lane: what is ready, what waits, and what is held.
pub async fn depth_counts_every_lane(subject: &Subject) {
    let (tenant, now) = (TenantId::new(), subject.now());
    let later = now.after(Duration::from_hours(1));
    let depth = async |query: DepthQuery| subject.store().depth(&query).await.expect("depth");
    let empty: Vec<_> = Lane::ALL.iter().map(|lane| LaneDepth::empty(*lane)).collect();
    assert_eq!(depth(DepthQuery::default()).await, empty, "every lane is there, the most urgent first");

    enqueue(subject, tenant, Lane::Critical, now, "held").await;
    assert_eq!(names(&claim(subject, 1).await), ["held"]);
    enqueue(subject, tenant, Lane::Bulk, later, "waiting").await;
    enqueue(subject, tenant, Lane::Bulk, now, "ready").await;
    enqueue(subject, TenantId::new(), Lane::Bulk, now, "of another").await;
    subject.advance(Duration::from_secs(1)).await;
    enqueue(subject, tenant, Lane::Bulk, subject.now(), "ready since a second later").await;

    let held = LaneDepth { leased: 1, ..LaneDepth::empty(Lane::Critical) };
    let bulk =
        |ready| LaneDepth { ready, waiting: 1, oldest_ready: Some(now), ..LaneDepth::empty(Lane::Bulk) };
    let expected = [held.clone(), LaneDepth::empty(Lane::Transactional), bulk(3)];
    assert_eq!(depth(DepthQuery::default()).await, expected);
    let mine = DepthQuery { tenant: Some(tenant), kind: Some(KIND) };
    assert_eq!(depth(mine).await, [held, LaneDepth::empty(Lane::Transactional), bulk(2)]);
    let of_kind = DepthQuery { kind: Some(JobKind::new("another")), tenant: None };
    assert_eq!(depth(of_kind).await, empty, "no job is of this kind");

    subject.advance(LEASE).await;
    let critical = depth(DepthQuery::default()).await.remove(0);
    assert_eq!((critical.ready, critical.leased), (1, 0), "a lease that has ended leaves its job free");
}
