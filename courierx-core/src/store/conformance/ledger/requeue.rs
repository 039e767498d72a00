//! Messages that lost their jobs.

use std::time::Duration;

use super::super::{Subject, fixtures};
use crate::id::{MessageId, TenantId};
use crate::store::{JobNext, NewMessage, RequeueResult};

async fn requeue(subject: &Subject, tenant: TenantId, message: MessageId) -> RequeueResult {
    subject.store().requeue(tenant, message).await.expect("requeue")
}

/// A message whose job is gone while somebody is left to send to gets one, however many ask.
pub async fn what_lost_its_job_gets_another_one(subject: &Subject) {
    // One that was never tried, and one whose attempt nobody settled.
    for tried in [false, true] {
        let flight = fixtures::Flight::claimed(subject).await;
        if tried {
            flight.started(subject, "a").await;
        }
        let (tenant, message, lease) = (flight.tenant, flight.message, flight.claimed.lease);
        assert_eq!(requeue(subject, tenant, message).await, RequeueResult::HasJob, "somebody holds it");
        subject.store().finish(&[(lease, JobNext::Finish)]).await.expect("finish");
        let ask = || requeue(subject, tenant, message);
        let answers = tokio::join!(ask(), ask(), ask());
        let mut answers = [answers.0, answers.1, answers.2];
        answers.sort_by_key(|answer| *answer == RequeueResult::HasJob);
        assert_eq!(answers, [RequeueResult::Requeued, RequeueResult::HasJob, RequeueResult::HasJob]);
        let claimed = fixtures::claim(subject, 10).await;
        let jobs: Vec<_> = claimed.iter().filter(|one| one.job.message == Some(message)).collect();
        assert_eq!(jobs.len(), 1);
        assert_eq!((jobs[0].job.tenant, jobs[0].job.round), (tenant, 0));
        assert!(jobs[0].lease.job > lease.job, "a lease of the job before holds nothing");
    }
}

/// What waits, is held, has an end or is another tenant's gets no job.
pub async fn what_has_a_job_or_an_end_gets_none(subject: &Subject) {
    let mut new = fixtures::message(TenantId::new(), subject.now());
    new.send_at = subject.now().after(Duration::from_hours(1));
    new.effects.jobs[0].run_at = new.send_at;
    let waiting = fixtures::accept(subject, new.clone()).await;
    assert_eq!(requeue(subject, new.tenant, waiting).await, RequeueResult::HasJob, "its time will come");

    // Put off without an attempt, and after one.
    for tried in [false, true] {
        let flight = fixtures::Flight::claimed(subject).await;
        if tried {
            flight.started(subject, "a").await;
        }
        let next = JobNext::RetryAt { at: subject.now().after(Duration::from_hours(1)), round: 1 };
        subject.store().finish(&[(flight.claimed.lease, next)]).await.expect("finish");
        assert_eq!(requeue(subject, flight.tenant, flight.message).await, RequeueResult::HasJob);
        let stranger = requeue(subject, TenantId::new(), flight.message).await;
        assert_eq!(stranger, RequeueResult::NotFound);
    }

    let ended = NewMessage { id: MessageId::new(), ..fixtures::message(TenantId::new(), subject.now()) };
    let (tenant, ended) = (ended.tenant, fixtures::accept(subject, ended).await);
    subject.store().cancel(tenant, ended).await.expect("cancel");
    assert_eq!(requeue(subject, tenant, ended).await, RequeueResult::Settled);
    assert_eq!(requeue(subject, tenant, MessageId::new()).await, RequeueResult::NotFound);
}
