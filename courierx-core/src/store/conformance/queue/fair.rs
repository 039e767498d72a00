//! Who is served when there is too much for everybody: tenants in turn, and in each of them every lane.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::task::JoinSet;

use super::super::Subject;
use super::super::fixtures::LEASE;
use super::{KIND, claim, enqueue, names};
use crate::id::TenantId;
use crate::message::Lane;
use crate::store::{ClaimRequest, Claimed, DepthQuery, JobId, JobNext, LaneDepth, NewJob};

/// Adds as many jobs of a lane, due now.
async fn enqueue_many(subject: &Subject, tenant: TenantId, lane: Lane, count: usize) {
    let jobs = (0..count).map(|_| NewJob::new(KIND, lane, subject.now(), Vec::new())).collect();
    subject.store().enqueue(tenant, jobs).await.expect("enqueue");
}

/// How many of these jobs are each tenant's.
fn counts(claimed: &[Claimed]) -> BTreeMap<TenantId, usize> {
    let mut counts = BTreeMap::new();
    for one in claimed {
        *counts.entry(one.job.tenant).or_default() += 1;
    }
    counts
}

async fn finish(subject: &Subject, claimed: &[Claimed]) {
    let steps: Vec<_> = claimed.iter().map(|one| (one.lease, JobNext::Finish)).collect();
    let finished = subject.store().finish(&steps).await.expect("finish");
    assert!(finished.iter().all(|done| *done), "whoever holds a job may finish it");
}

/// A tenant with very many jobs delays another's one by no more than a batch, be it in the same lane or in a less
/// urgent one, and whenever it became due.
pub async fn very_many_jobs_delay_others_by_a_batch(subject: &Subject) {
    let many = TenantId::new();
    let later = subject.now().after(Duration::from_secs(10));
    for (lane, at) in [(Lane::Critical, subject.now()), (Lane::Bulk, subject.now()), (Lane::Bulk, later)] {
        let jobs = (0..7000).map(|_| NewJob::new(KIND, lane, at, Vec::new())).collect();
        subject.store().enqueue(many, jobs).await.expect("enqueue");
    }
    for (lane, name) in [(Lane::Critical, "a"), (Lane::Transactional, "b"), (Lane::Bulk, "c")] {
        subject.advance(Duration::from_secs(1)).await;
        enqueue(subject, TenantId::new(), lane, subject.now(), name).await;
        let claimed = claim(subject, 16).await;
        assert_eq!(claimed.len(), 16, "a claim is filled up with what there is");
        assert!(
            names(&claimed).contains(&name.to_owned()),
            "{lane:?} of another tenant is in the next batch"
        );
    }
    // What was put off becomes due together with what others put off.
    let scheduled = TenantId::new();
    enqueue(subject, scheduled, Lane::Bulk, later.after(Duration::from_secs(1)), "scheduled").await;
    subject.advance(Duration::from_secs(20)).await;
    let mut batches = 0;
    while !names(&claim(subject, 16).await).contains(&"scheduled".to_owned()) {
        batches += 1;
        assert!(batches < 2, "it came after more than a batch");
    }
}

/// Of many tenants, each is served once before anybody is twice, however the claims are cut.
pub async fn everybody_is_served_before_anybody_is_twice(subject: &Subject) {
    const TENANTS: usize = 1000;
    let mut writing = JoinSet::new();
    let tenants: BTreeSet<_> = (0..TENANTS).map(|_| TenantId::new()).collect();
    for tenant in &tenants {
        let (store, tenant, now) = (subject.shared(), *tenant, subject.now());
        writing.spawn(async move {
            let jobs = (0..3).map(|_| NewJob::new(KIND, Lane::Bulk, now, Vec::new())).collect();
            store.enqueue(tenant, jobs).await.expect("enqueue");
        });
    }
    writing.join_all().await;
    for round in 0..2 {
        let mut served = BTreeSet::new();
        for limit in [64, 7, 1, 128].into_iter().cycle() {
            let claimed = claim(subject, limit.min(TENANTS - served.len())).await;
            for one in &claimed {
                assert!(served.insert(one.job.tenant), "in round {round} somebody was served twice");
            }
            finish(subject, &claimed).await;
            if served.len() == TENANTS {
                break;
            }
            assert!(!claimed.is_empty(), "there is something due");
        }
        assert_eq!(served, tenants);
        subject.advance(Duration::from_millis(1)).await;
    }
}

/// A claim that cannot be shared out evenly gives the rest to others the next time.
pub async fn what_is_odd_goes_round(subject: &Subject) {
    let tenants: Vec<_> = (0..5).map(|_| TenantId::new()).collect();
    for tenant in &tenants {
        enqueue_many(subject, *tenant, Lane::Bulk, 20).await;
    }
    let mut sums: BTreeMap<TenantId, usize> = BTreeMap::new();
    for _ in 0..10 {
        let claimed = claim(subject, 3).await;
        assert_eq!(counts(&claimed).len(), 3, "three tenants, a job each");
        for (tenant, count) in counts(&claimed) {
            *sums.entry(tenant).or_default() += count;
        }
    }
    assert_eq!(sums.into_values().collect::<Vec<_>>(), [6; 5]);
}

/// Mail that was due long ago does not bring a tenant to the front again and again.
pub async fn old_mail_does_not_jump_the_line(subject: &Subject) {
    let long_ago = subject.now();
    subject.advance(Duration::from_hours(1)).await;
    let others: BTreeSet<_> = (0..3).map(|_| TenantId::new()).collect();
    for tenant in &others {
        enqueue_many(subject, *tenant, Lane::Bulk, 5).await;
    }
    let (pusher, mut served) = (TenantId::new(), BTreeSet::new());
    for _ in 0..5 {
        enqueue(subject, pusher, Lane::Critical, long_ago, "again").await;
        served.extend(counts(&claim(subject, 1).await).into_keys());
    }
    assert!(served.is_superset(&others), "a tenant was kept from being served");
}

/// Jobs that are gone, or are not due again, take no place from those that are due.
pub async fn finished_jobs_take_no_place(subject: &Subject) {
    for _ in 0..100 {
        enqueue(subject, TenantId::new(), Lane::Bulk, subject.now(), "first").await;
    }
    let claimed = claim(subject, 100).await;
    assert_eq!(claimed.len(), 100);
    finish(subject, &claimed).await;
    subject.advance(LEASE).await;
    subject.advance(LEASE).await;
    enqueue(subject, TenantId::new(), Lane::Bulk, subject.now(), "second").await;
    assert_eq!(names(&claim(subject, 20).await), ["second"], "nobody stands in its way");
}

/// Of a tenant's share the more urgent lanes get the most, and each of the others some.
pub async fn every_lane_has_its_share(subject: &Subject) {
    let tenant = TenantId::new();
    for lane in Lane::ALL {
        enqueue_many(subject, tenant, *lane, 100).await;
    }
    let lanes = |claimed: &[Claimed]| {
        Lane::ALL
            .iter()
            .map(|lane| claimed.iter().filter(|one| one.job.lane == *lane).count())
            .collect::<Vec<_>>()
    };
    let claimed = claim(subject, 64).await;
    assert_eq!(
        lanes(&claimed),
        [48, 8, 8],
        "an eighth is kept for each lane, the rest is for the most urgent"
    );
    assert!(claimed.is_sorted_by_key(|one| one.job.lane), "the more urgent ones come first");
    assert_eq!(lanes(&claim(subject, 64).await), [48, 8, 8], "also the next time");
    assert_eq!(lanes(&claim(subject, 64).await), [4, 52, 8], "what a lane has not is for the next one");
    assert_eq!(lanes(&claim(subject, 6).await), [0, 6, 0], "of few nothing is kept");
    assert_eq!(lanes(&claim(subject, 500).await), [0, 26, 76], "everything is claimed in the end");
}

/// Jobs whose leases ended are claimed by others, the longest free first, and among tenants in turn.
pub async fn ended_leases_are_claimed_in_order(subject: &Subject) {
    let (one, other) = (TenantId::new(), TenantId::new());
    let mut ids: Vec<JobId> = Vec::new();
    for _ in 0..6 {
        ids.push(enqueue(subject, one, Lane::Bulk, subject.now(), "").await);
        let claimed = claim(subject, 1).await;
        assert_eq!(claimed[0].job.id, ids[ids.len() - 1]);
        subject.advance(Duration::from_secs(1)).await;
    }
    let mut owner = subject.store().claim(&ClaimRequest::new(KIND, 1, LEASE)).await.expect("claim");
    assert!(owner.is_empty(), "all of them are held");
    subject.advance(LEASE).await;
    enqueue(subject, other, Lane::Bulk, subject.now(), "").await;
    let mut again = Vec::new();
    for _ in 0..4 {
        owner = claim(subject, 2).await;
        again.extend(owner.iter().filter(|claimed| claimed.job.tenant == one).map(|claimed| claimed.job.id));
    }
    assert_eq!(again, ids, "in the order in which they became free");
}

/// Of very many jobs depth may say that there are more, but never too many.
pub async fn depth_tells_when_there_may_be_more(subject: &Subject) {
    let (tenant, later) = (TenantId::new(), subject.now().after(Duration::from_hours(1)));
    let many = LaneDepth::COUNTED + 10;
    enqueue_many(subject, tenant, Lane::Bulk, many).await;
    let jobs = (0..many).map(|_| NewJob::new(KIND, Lane::Transactional, later, Vec::new())).collect();
    subject.store().enqueue(tenant, jobs).await.expect("enqueue");
    enqueue_many(subject, tenant, Lane::Critical, 3).await;
    let depth = subject.store().depth(&DepthQuery::default()).await.expect("depth");
    assert_eq!((depth[0].ready, depth[0].at_least), (3, false), "few are counted");
    for (count, at_least) in [(depth[1].waiting, depth[1].at_least), (depth[2].ready, depth[2].at_least)] {
        let exact = count == many as u64 && !at_least;
        let bounded = (LaneDepth::COUNTED as u64..many as u64).contains(&count) && at_least;
        assert!(exact || bounded, "{count} of {many}, more: {at_least}");
    }
    assert_eq!(depth[2].oldest_ready, Some(subject.now()));
}
