//! The rules of [`CallbackLog`](crate::store::CallbackLog).

use std::time::Duration;

use super::{Subject, fixtures};
use crate::id::{RecordId, TenantId};
use crate::message::Lane;
use crate::store::{ClaimRequest, Claimed, JobKind, JobNext, KeptCallback, NewJob};
use crate::vault::Sealed;

const KIND: JobKind = JobKind::new("callback");

/// Keeps a callback, and answers it.
pub(super) async fn kept(subject: &Subject, tenant: TenantId) -> KeptCallback {
    let callback = KeptCallback {
        id: RecordId::new(),
        tenant,
        connection: "primary".parse().expect("a name"),
        received_at: subject.now(),
        body: Sealed::from_bytes(vec![1; 3000]).expect("a sealed text"),
        left: None,
    };
    keep(subject, &callback).await;
    callback
}

async fn keep(subject: &Subject, callback: &KeptCallback) {
    let payload = callback.id.to_string().into_bytes();
    let job = NewJob::new(KIND, Lane::Transactional, subject.now(), payload);
    subject.store().keep_callback(callback.clone(), job).await.expect("keep_callback");
}

async fn find(subject: &Subject, callback: &KeptCallback) -> Option<KeptCallback> {
    subject.store().kept_callback(callback.tenant, callback.id).await.expect("kept_callback")
}

async fn claim(subject: &Subject) -> Vec<Claimed> {
    subject.store().claim(&ClaimRequest::new(KIND, 10, fixtures::LEASE)).await.expect("claim")
}

/// It is read back whole, by its tenant alone, and its job is due at once; keeping it again changes nothing.
pub async fn a_callback_is_kept_with_its_job(subject: &Subject) {
    let callback = kept(subject, TenantId::new()).await;
    keep(subject, &callback).await;
    assert_eq!(find(subject, &callback).await.as_ref(), Some(&callback));
    let stranger = KeptCallback { tenant: TenantId::new(), ..callback.clone() };
    assert_eq!(find(subject, &stranger).await, None);
    let claimed = claim(subject).await;
    assert_eq!(claimed.len(), 1, "one job: {claimed:?}");
    let job = &claimed[0].job;
    assert_eq!((job.tenant, job.message), (callback.tenant, None));
    assert_eq!(job.payload, callback.id.to_string().into_bytes());
    let mut partly = KeptCallback { id: RecordId::new(), left: Some(vec![0, 7]), ..callback };
    partly.body = Sealed::from_bytes(vec![1; 700_000]).expect("a sealed text");
    keep(subject, &partly).await;
    assert_eq!(find(subject, &partly).await, Some(partly));
}

/// What is left of it is kept, and with nothing left it is gone.
pub async fn what_is_left_of_a_callback_is_kept(subject: &Subject) {
    let tenant = TenantId::new();
    let (callback, other) = (kept(subject, tenant).await, kept(subject, tenant).await);
    let store = subject.store();
    store.callback_left(TenantId::new(), callback.id, Vec::new()).await.expect("callback_left");
    for left in [vec![1, 2, 900], vec![2]] {
        store.callback_left(tenant, callback.id, left.clone()).await.expect("callback_left");
        assert_eq!(find(subject, &callback).await.expect("it is kept").left, Some(left));
    }
    for _ in 0..2 {
        store.callback_left(tenant, callback.id, Vec::new()).await.expect("callback_left");
        assert_eq!(find(subject, &callback).await, None);
    }
    store.callback_left(tenant, callback.id, vec![1]).await.expect("callback_left");
    assert_eq!(find(subject, &callback).await, None, "what is done does not come back");
    assert_eq!(find(subject, &other).await, Some(other));
}

/// What is left and the job's next step are one commit, under the job's lease.
pub async fn a_callback_is_settled_under_its_lease(subject: &Subject) {
    let callback = kept(subject, TenantId::new()).await;
    let tenant = callback.tenant;
    let store = subject.store();
    let first = claim(subject).await.remove(0).lease;
    subject.advance(fixtures::LEASE).await;
    let second = claim(subject).await.remove(0).lease;
    let late = store.settle_callback(tenant, callback.id, Vec::new(), (first, JobNext::Finish)).await;
    assert!(!late.expect("settle_callback"));
    assert_eq!(find(subject, &callback).await.as_ref(), Some(&callback), "nothing was changed");
    let retry = JobNext::RetryAt { at: subject.now().after(Duration::from_secs(5)), round: 1 };
    let parked = store.settle_callback(tenant, callback.id, vec![3], (second, retry)).await;
    assert!(parked.expect("settle_callback"));
    assert_eq!(find(subject, &callback).await.expect("it is kept").left, Some(vec![3]));
    assert_eq!(claim(subject).await, []);
    subject.advance(Duration::from_secs(6)).await;
    let again = claim(subject).await.remove(0);
    assert_eq!(again.job.round, 1);
    let done = store.settle_callback(tenant, callback.id, Vec::new(), (again.lease, JobNext::Finish)).await;
    assert!(done.expect("settle_callback"));
    assert_eq!(find(subject, &callback).await, None);
    subject.advance(fixtures::LEASE * 2).await;
    assert_eq!(claim(subject).await, [], "its job is finished");
}

/// Old callbacks are removed, the oldest first, and no more than asked for; they are counted by tenant.
pub async fn old_callbacks_are_removed(subject: &Subject) {
    let tenants = [TenantId::new(), TenantId::new()];
    let mut all = Vec::new();
    for number in 0..5 {
        all.push(kept(subject, tenants[number % 2]).await);
        subject.advance(Duration::from_mins(1)).await;
    }
    let count = async |tenant| subject.store().count_callbacks(tenant).await.expect("count_callbacks");
    assert_eq!((count(None).await, count(Some(tenants[0])).await, count(Some(tenants[1])).await), (5, 3, 2));
    assert_eq!(count(Some(TenantId::new())).await, 0);
    let before = all[3].received_at;
    let purge = async |limit| subject.store().purge_callbacks(before, limit).await.expect("purge_callbacks");
    assert_eq!(purge(2).await, 2);
    assert_eq!(find(subject, &all[1]).await, None);
    assert!(find(subject, &all[2]).await.is_some(), "the oldest go first");
    assert_eq!((purge(2).await, purge(2).await), (1, 0));
    assert_eq!((count(None).await, count(Some(tenants[0])).await), (2, 1));
}
