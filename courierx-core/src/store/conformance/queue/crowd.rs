//! Many who add, claim, put back and finish at once.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::task::JoinSet;

use super::super::Subject;
use super::super::fixtures::LEASE;
use super::KIND;
use crate::id::TenantId;
use crate::message::Lane;
use crate::store::{ClaimRequest, DepthQuery, JobId, JobNext, LaneDepth, NewJob, Store};

/// A number from a seed, as good as random.
fn next(seed: &mut u64) -> u64 {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    *seed
}

/// Nothing is lost and nothing done twice while many add, claim, put back and finish at once.
pub async fn no_job_is_lost_in_a_crowd(subject: &Subject) {
    const ADDERS: u64 = 6;
    const EACH: usize = 40;
    let tenants: Arc<Vec<_>> = Arc::new((0..7).map(|_| TenantId::new()).collect());
    let (mut adding, done) = (JoinSet::new(), Arc::new(Mutex::new(Vec::<JobId>::new())));
    for number in 1..=ADDERS {
        let (store, tenants, now) = (subject.shared(), Arc::clone(&tenants), subject.now());
        adding.spawn(async move {
            let (mut seed, mut added) = (number * 0x9E37_79B9, Vec::new());
            for _ in 0..EACH {
                let tenant = tenants[usize::try_from(next(&mut seed) % 7).unwrap_or(0)];
                let lane = Lane::ALL[usize::try_from(next(&mut seed) % 3).unwrap_or(0)];
                let jobs = (0..=next(&mut seed) % 3).map(|_| NewJob::new(KIND, lane, now, Vec::new()));
                added.extend(store.enqueue(tenant, jobs.collect()).await.expect("enqueue"));
                if next(&mut seed).is_multiple_of(4) {
                    tokio::task::yield_now().await;
                }
            }
            added
        });
    }
    let mut working = JoinSet::new();
    for number in 1..=4 {
        let (store, done) = (subject.shared(), Arc::clone(&done));
        working.spawn(async move { work(store, done, number * 0x517C_C1B7).await });
    }
    let mut added = adding.join_all().await.concat();
    let all = async {
        while done.lock().await.len() < added.len() {
            tokio::task::yield_now().await;
        }
    };
    assert!(tokio::time::timeout(Duration::from_mins(1), all).await.is_ok(), "a job was never claimed");
    working.shutdown().await;
    let mut done = done.lock().await.clone();
    added.sort();
    done.sort();
    assert_eq!(done, added, "every job was finished once");
    let depth = subject.store().depth(&DepthQuery::default()).await.expect("depth");
    let empty: Vec<_> = Lane::ALL.iter().map(|lane| LaneDepth::empty(*lane)).collect();
    assert_eq!(depth, empty, "nothing is left");
}

/// Claims, and finishes or puts back what it got, for ever.
async fn work(store: Arc<dyn Store>, done: Arc<Mutex<Vec<JobId>>>, mut seed: u64) {
    loop {
        let limit = usize::try_from(next(&mut seed) % 9).unwrap_or(0) + 1;
        let claimed = store.claim(&ClaimRequest::new(KIND, limit, LEASE)).await.expect("claim");
        for one in claimed {
            let now = store.clock().now();
            let next = if next(&mut seed).is_multiple_of(3) && one.job.round < 3 {
                JobNext::RetryAt { at: now, round: one.job.round + 1 }
            } else {
                JobNext::Finish
            };
            // The answer and the note are one: whoever waits for the last note ends this task.
            let mut done = done.lock().await;
            assert_eq!(store.finish(&[(one.lease, next)]).await.expect("finish"), [true]);
            if next == JobNext::Finish {
                done.push(one.job.id);
            }
        }
        tokio::task::yield_now().await;
    }
}
