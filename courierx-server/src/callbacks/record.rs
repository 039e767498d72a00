//! Does a job: records the events of a callback, and parks those whose message is not there.

use std::time::Duration;

use courierx_core::clock::Timestamp;
use courierx_core::engine::ReceiveError;
use courierx_core::store::{Claimed, Job, JobNext, KeptCallback, Recorded};

use super::job::{callback_of, context};
use super::patience;
use crate::App;
use crate::error::ServiceResult;

/// How soon a callback is looked at again whose connection has no keys at the moment.
const LATER: Duration = Duration::from_mins(1);
/// And for how long.
const WITHOUT_KEYS: Duration = Duration::from_hours(1);

/// Records a callback; what is left of it is looked at again.
pub(super) async fn record(app: &App, claimed: Claimed) -> ServiceResult<()> {
    let Claimed { job, lease, .. } = claimed;
    let Some(id) = callback_of(&job) else {
        tracing::error!(job = job.id.0, "a callback's job cannot be read");
        app.store.finish(&[(lease, JobNext::Finish)]).await?;
        return Ok(());
    };
    let Some(kept) = app.store.kept_callback(job.tenant, id).await? else {
        // It was done, and the process died before it said so; or it was purged.
        app.store.finish(&[(lease, JobNext::Finish)]).await?;
        return Ok(());
    };
    let (left, next) = match events(app, &job, &kept).await? {
        Next::Done => (Vec::new(), JobNext::Finish),
        Next::Left(left, at) => (left, JobNext::RetryAt { at, round: job.round + 1 }),
        Next::Whole(at) => {
            app.store.finish(&[(lease, JobNext::RetryAt { at, round: job.round + 1 })]).await?;
            return Ok(());
        }
        Next::Never(why) => {
            let (tenant, connection) = (kept.tenant, &kept.connection);
            tracing::warn!(%tenant, %connection, why, "a callback is given up");
            app.meters.callbacks(&provider(app, &kept).await, "given_up", 1);
            (Vec::new(), JobNext::Finish)
        }
    };
    app.store.settle_callback(job.tenant, id, left, (lease, next)).await?;
    Ok(())
}

/// What becomes of a callback.
enum Next {
    /// Everything is recorded that ever will be.
    Done,
    /// These events are looked at again then.
    Left(Vec<u32>, Timestamp),
    /// It is looked at again then, as it is.
    Whole(Timestamp),
    /// It cannot be read, and never will be.
    Never(String),
}

/// Records what there is to record.
async fn events(app: &App, job: &Job, kept: &KeptCallback) -> ServiceResult<Next> {
    let now = app.now();
    let body = match app.vault.open(&context(kept.tenant, &kept.id), &kept.body) {
        Ok(body) => body,
        Err(error) => return Ok(Next::Never(error.to_string())),
    };
    let recorded = app.outbox.record_callback(kept.tenant, &kept.connection, &body, kept.left.as_deref());
    let recorded = match recorded.await {
        Ok(recorded) => recorded,
        Err(ReceiveError::Store(error)) => return Err(error.into()),
        // The keys were taken away a moment ago, and may be given again.
        Err(ReceiveError::NoCallbacks(_)) if now.since(kept.received_at) < WITHOUT_KEYS => {
            return Ok(Next::Whole(now.after(LATER)));
        }
        Err(error) => return Ok(Next::Never(error.to_string())),
    };
    let waits = |planted| patience::next(kept.received_at, job.round, planted, now);
    let unmatched = || recorded.iter().filter(|event| event.recorded == Recorded::Unmatched);
    let left: Vec<_> =
        unmatched().filter_map(|event| Some((event.position, waits(event.planted)?))).collect();
    let (provider, count) = (provider(app, kept).await, |is: fn(&Recorded) -> bool| {
        recorded.iter().filter(|event| is(&event.recorded)).count()
    });
    app.meters.callbacks(&provider, "recorded", count(|one| matches!(one, Recorded::Stored { .. })));
    app.meters.callbacks(&provider, "duplicate", count(|one| matches!(one, Recorded::Duplicate)));
    // Each once, however often it is looked at again.
    let first = if job.round == 0 { unmatched().count() } else { 0 };
    app.meters.callbacks(&provider, "unmatched", first);
    app.meters.callbacks(&provider, "given_up", unmatched().count() - left.len());
    let Some(at) = left.iter().map(|(_, at)| *at).min() else { return Ok(Next::Done) };
    Ok(Next::Left(left.into_iter().map(|(position, _)| position).collect(), at))
}

/// The kind of provider that a callback is of, for figures; nobody knows it once the connection is gone.
async fn provider(app: &App, kept: &KeptCallback) -> String {
    let router = app.routes.router(kept.tenant).await.ok();
    let connection = router.as_ref().and_then(|router| router.connection(&kept.connection));
    connection.map_or_else(|| "gone".to_owned(), |one| one.provider().id().to_string())
}
