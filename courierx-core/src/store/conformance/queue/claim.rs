//! Which jobs are claimed, by whom, and in which order.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::task::JoinSet;

use super::super::Subject;
use super::super::fixtures::LEASE;
use super::{KIND, claim, enqueue, names};
use crate::id::{MessageId, TenantId};
use crate::message::Lane;
use crate::store::{ClaimRequest, JobKind, NewJob};

/// A job is claimed with everything it was enqueued with.
pub async fn a_job_is_claimed_whole(subject: &Subject) {
    let (tenant, now) = (TenantId::new(), subject.now());
    let mut new = NewJob::new(KIND, Lane::Bulk, now, vec![0, 255, 7]);
    new.message = Some(MessageId::new());
    let ids = subject.store().enqueue(tenant, vec![new.clone()]).await.expect("enqueue");
    let claimed = claim(subject, 10).await;
    assert_eq!(claimed.len(), 1, "a due job is claimed");
    let job = &claimed[0].job;
    assert_eq!((job.id, job.tenant, &job.kind, job.message), (ids[0], tenant, &KIND, new.message));
    assert_eq!((job.lane, job.run_at, job.round, &job.payload), (Lane::Bulk, now, 0, &new.payload));
    assert_eq!(claimed[0].lease.job, job.id);
    assert_eq!(claimed[0].leased_until, now.after(LEASE), "the lease is as long as was asked for");
}

/// Only jobs of the kinds asked for are claimed.
pub async fn only_the_kinds_asked_for_are_claimed(subject: &Subject) {
    let (tenant, now) = (TenantId::new(), subject.now());
    let (a, b, c) = (JobKind::new("a"), JobKind::new("b"), JobKind::new("c"));
    let jobs = [&a, &b, &c].map(|kind| NewJob::new(kind.clone(), Lane::Bulk, now, Vec::new()));
    let ids = subject.store().enqueue(tenant, jobs.into()).await.expect("enqueue");
    assert!(ids.is_sorted() && ids[0] != ids[2], "identifiers grow in the order of jobs");
    let mut request = ClaimRequest::new(a, 10, LEASE);
    request.kinds.push(c);
    let claimed = subject.store().claim(&request).await.expect("claim");
    assert_eq!(claimed.iter().map(|one| one.job.id).collect::<Vec<_>>(), [ids[0], ids[2]]);
    assert!(claim(subject, 10).await.is_empty(), "there is no job of this kind");
}

/// More urgent lanes come first, and inside a lane the job that is due the longest.
pub async fn jobs_come_by_lane_and_then_by_date(subject: &Subject) {
    let tenant = TenantId::new();
    let now = subject.now();
    let at = |minutes| now.after(Duration::from_mins(minutes));
    for (lane, minutes, name) in [
        (Lane::Bulk, 0, "bulk 0"),
        (Lane::Transactional, 3, "transactional 3"),
        (Lane::Critical, 2, "critical 2"),
        (Lane::Transactional, 1, "transactional 1"),
        (Lane::Critical, 1, "critical 1"),
        (Lane::Transactional, 3, "transactional 3, later"),
    ] {
        enqueue(subject, tenant, lane, at(minutes), name).await;
    }
    subject.advance(Duration::from_mins(5)).await;
    let first = claim(subject, 4).await;
    assert_eq!(names(&first), ["critical 1", "critical 2", "transactional 1", "transactional 3"]);
    assert_eq!(names(&claim(subject, 4).await), ["transactional 3, later", "bulk 0"]);
}

/// A job is not claimed before it is due.
pub async fn only_due_jobs_are_claimed(subject: &Subject) {
    let tenant = TenantId::new();
    let soon = subject.now().after(Duration::from_secs(10));
    enqueue(subject, tenant, Lane::Critical, soon, "soon").await;
    enqueue(subject, tenant, Lane::Bulk, subject.now(), "now").await;
    assert_eq!(names(&claim(subject, 10).await), ["now"]);
    subject.advance(Duration::from_micros(9_999_999)).await;
    assert!(claim(subject, 10).await.is_empty(), "the job is not due for another microsecond");
    subject.advance(Duration::from_micros(1)).await;
    assert_eq!(names(&claim(subject, 10).await), ["soon"]);
}

/// A claim takes no more than it asked for.
pub async fn a_claim_is_bounded(subject: &Subject) {
    for name in ["a", "b", "c"] {
        enqueue(subject, TenantId::new(), Lane::Bulk, subject.now(), name).await;
    }
    assert_eq!(claim(subject, 2).await.len(), 2);
    assert_eq!(claim(subject, 2).await.len(), 1);
}

/// Eight claimers at once share the jobs out, each job to one of them.
pub async fn concurrent_claimers_never_share_a_job(subject: &Subject) {
    const JOBS: usize = 200;
    let now = subject.now();
    for _ in 0..4 {
        let jobs = (0..JOBS / 4).map(|_| NewJob::new(KIND, Lane::Bulk, now, Vec::new())).collect();
        subject.store().enqueue(TenantId::new(), jobs).await.expect("enqueue");
    }
    let mut claimers = JoinSet::new();
    for _ in 0..8 {
        let store = subject.shared();
        claimers.spawn(async move {
            let mut mine = Vec::new();
            loop {
                let claimed = store.claim(&ClaimRequest::new(KIND, 7, LEASE)).await.expect("claim");
                if claimed.is_empty() {
                    return mine;
                }
                mine.extend(claimed);
                tokio::task::yield_now().await;
            }
        });
    }
    let claimed = claimers.join_all().await.concat();
    assert_eq!(claimed.len(), JOBS, "every job is claimed");
    let jobs: BTreeSet<_> = claimed.iter().map(|one| one.job.id).collect();
    assert_eq!(jobs.len(), JOBS, "no job is claimed twice");
    assert_eq!(claim(subject, 10).await, [], "nothing is left");
}

/// A tenant with ten thousand jobs, older and as urgent, does not delay another's one.
pub async fn a_long_queue_delays_no_other_tenant(subject: &Subject) {
    let (long, short) = (TenantId::new(), TenantId::new());
    let jobs =
        (0..10_000).map(|_| NewJob::new(KIND, Lane::Transactional, subject.now(), Vec::new())).collect();
    subject.store().enqueue(long, jobs).await.expect("enqueue");
    assert_eq!(claim(subject, 10).await.len(), 10, "the long queue is served while it is alone");
    subject.advance(Duration::from_secs(1)).await;
    enqueue(subject, short, Lane::Transactional, subject.now(), "one").await;
    let claimed = claim(subject, 10).await;
    assert_eq!(claimed.len(), 10, "a claim is filled up with what there is");
    assert!(claimed.iter().any(|one| one.job.tenant == short), "the next claim serves the other tenant");
}

/// Every one of many tenants has its turn, even if a claim is smaller than their number and some of them
/// have long queues of more urgent mail.
pub async fn every_tenant_has_its_turn(subject: &Subject) {
    const TENANTS: usize = 12;
    const LIMIT: usize = 3;
    let now = subject.now();
    let tenants: Vec<_> = (0..TENANTS).map(|_| TenantId::new()).collect();
    for (position, tenant) in tenants.iter().enumerate() {
        let (lane, count) = if position % 2 == 0 { (Lane::Critical, 40) } else { (Lane::Bulk, 1) };
        let jobs = (0..count).map(|_| NewJob::new(KIND, lane, now, Vec::new())).collect();
        subject.store().enqueue(*tenant, jobs).await.expect("enqueue");
    }
    let mut served = BTreeSet::new();
    // Twice as many claims as a perfectly fair store needs.
    for _ in 0..2 * TENANTS / LIMIT {
        served.extend(claim(subject, LIMIT).await.iter().map(|one| one.job.tenant));
    }
    assert_eq!(served.len(), TENANTS, "a tenant was kept from being served");
}

/// A tenant never holds more than it may, whatever else is free, and gets the rest once it holds less.
pub async fn a_tenant_holds_no_more_than_it_may(subject: &Subject) {
    let (many, few) = (TenantId::new(), TenantId::new());
    for (tenant, count) in [(many, 10), (few, 2)] {
        for number in 0..count {
            // Of several lanes: they count together.
            let lane = Lane::ALL[number % Lane::ALL.len()];
            enqueue(subject, tenant, lane, subject.now(), "").await;
        }
    }
    let claim = async |held: usize| {
        let mut request = ClaimRequest::new(KIND, 20, LEASE);
        request.most_per_tenant = 4;
        request.held.insert(many, held);
        let claimed = subject.store().claim(&request).await.expect("claim");
        [many, few].map(|tenant| claimed.iter().filter(|one| one.job.tenant == tenant).count())
    };
    assert_eq!(claim(0).await, [4, 2], "at most four of one tenant, and all of who has less");
    assert_eq!(claim(4).await, [0, 0], "it holds all that it may");
    assert_eq!(claim(5).await, [0, 0], "it holds more than it may by now");
    assert_eq!(claim(3).await, [1, 0], "one more");
    assert_eq!(claim(1).await, [3, 0], "three more");
    assert_eq!(super::claim(subject, 20).await.len(), 2, "without a limit it gets the rest");
}

/// Tenants that hold all they may, waiting the longest and with the most urgent mail, take no place from
/// others, and do not lose their own.
pub async fn full_tenants_crowd_nobody_out(subject: &Subject) {
    const FULL: usize = 5;
    let full: Vec<_> = (0..FULL).map(|_| TenantId::new()).collect();
    for tenant in &full {
        for _ in 0..3 {
            enqueue(subject, *tenant, Lane::Critical, subject.now(), "full").await;
        }
    }
    subject.advance(Duration::from_secs(1)).await;
    for (name, lane) in [("a", Lane::Critical), ("b", Lane::Bulk)] {
        enqueue(subject, TenantId::new(), lane, subject.now(), name).await;
    }
    let mut request = ClaimRequest::new(KIND, 1, LEASE);
    request.most_per_tenant = 1;
    request.held = full.iter().map(|tenant| (*tenant, 1)).collect();
    let mut served = Vec::new();
    for _ in 0..2 {
        served.extend(names(&subject.store().claim(&request).await.expect("claim")));
    }
    served.sort();
    assert_eq!(served, ["a", "b"], "everybody else is served");
    assert!(subject.store().claim(&request).await.expect("claim").is_empty());

    // Somebody who comes later does not overtake who was passed over.
    subject.advance(Duration::from_secs(1)).await;
    enqueue(subject, TenantId::new(), Lane::Critical, subject.now(), "late").await;
    request.held.clear();
    request.limit = FULL;
    let claimed = subject.store().claim(&request).await.expect("claim");
    assert_eq!(names(&claimed), ["full"; FULL], "they kept their place");
    let tenants: BTreeSet<_> = claimed.iter().map(|one| one.job.tenant).collect();
    assert_eq!(tenants.len(), FULL, "each of them");
    assert_eq!(names(&claim(subject, 1).await), ["late"], "and go to the end of the line then");
}
