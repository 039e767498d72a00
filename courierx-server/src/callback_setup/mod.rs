//! Tells the providers behind connections to call back here, and takes it back.
//!
//! ```text
//!  verified, resync ──► a job: ensure ──► what is missing at the provider is made; keys are kept, and how it went
//!  removed ───────────► a job: remove, with the sealed credentials of then; nobody's, where the tenant goes, too
//! ```
//!
//! A job is added before what it follows from is committed: after a crash in between it finds nothing to do, and none is
//! lost. One that is done in between looks once more a moment later. Nothing is locked while a provider is talked to; who
//! has the turn at a connection is an entry that expires.

mod ensure;
mod job;
mod place;
mod received;
mod remove;

use std::sync::Arc;
use std::time::Duration;

use courierx_core::clock::Timestamp;
use courierx_core::id::{RecordId, TenantId};
use courierx_core::provider::{EmailProvider, Refusal, RefusalKind, SendOptions};
use courierx_core::store::{Claimed, JobNext, Versioned};
use tokio_util::sync::CancellationToken;

pub(crate) use place::place;
pub(crate) use received::{Received, all_received, note};

use crate::App;
use crate::delivery::Purpose;
use crate::error::{ServiceError, ServiceResult};
use crate::jobs::{self, Crew};
use crate::model::provider_connections::{Cause, Problem, ProviderConnection};
use crate::secret::Secret;
use job::Work;

/// Jobs at the same time.
const PLACES: usize = 8;
/// How long one question to a provider may take.
const PATIENCE: Duration = Duration::from_secs(15);
/// How often what failed is tried again, and after which times, in seconds.
const AGAIN: [u64; 9] = [2, 10, 60, 300, 1800, 3600, 10_800, 21_600, 43_200];

/// Does these jobs until it is told to stop.
pub(crate) async fn run(app: Arc<App>, stop: CancellationToken) {
    let crew = Crew { kind: job::KIND, places: PLACES, of_a_tenant: PLACES / 4 };
    jobs::work(&app, &stop, &crew, |app: Arc<App>, claimed| async move { work(&app, claimed).await }).await;
}

async fn work(app: &App, claimed: Claimed) -> ServiceResult<()> {
    let Claimed { job, lease, .. } = claimed;
    let next = match serde_json::from_slice::<Work>(&job.payload) {
        Ok(Work::Ensure { connection }) => ensure::ensure(app, job.tenant, connection, job.round).await?,
        Ok(Work::Remove { tenant, connection, record }) => {
            remove::remove(app, tenant.unwrap_or(job.tenant), connection, *record, job.round).await?
        }
        Err(error) => {
            tracing::error!(job = job.id.0, %error, "a job about callbacks cannot be read");
            JobNext::Finish
        }
    };
    app.store.finish(&[(lease, next)]).await?;
    Ok(())
}

/// Sees to it, soon, that the provider of this connection calls back here. It may be asked for before what it follows
/// from is committed.
pub(crate) async fn ask(app: &App, tenant: TenantId, connection: RecordId) -> ServiceResult<()> {
    let work = Work::Ensure { connection };
    app.store.enqueue(tenant, vec![work.job(app.now())?]).await?;
    Ok(())
}

/// Sees to it that the provider does not call back any more once this connection is gone: ask for it before.
pub(crate) async fn ask_removal(
    app: &App,
    tenant: TenantId,
    connection: RecordId,
    record: &ProviderConnection,
) -> ServiceResult<()> {
    let record = Box::new(record.clone());
    enqueue_removal(app, tenant, Work::Remove { tenant: None, connection, record }).await
}

/// The same for a connection of a tenant that is being removed, whose own jobs are removed as well.
pub(crate) async fn ask_removal_after(
    app: &App,
    connection: &Versioned<ProviderConnection>,
) -> ServiceResult<()> {
    let (tenant, record) = (Some(connection.tenant), Box::new(connection.value.clone()));
    enqueue_removal(app, TenantId::DEFAULT, Work::Remove { tenant, connection: connection.id, record }).await
}

async fn enqueue_removal(app: &App, tenant: TenantId, work: Work) -> ServiceResult<()> {
    if let Work::Remove { record, .. } = &work
        && record.webhook.registration.is_none()
        && record.webhook.former.is_empty()
    {
        return Ok(());
    }
    app.store.enqueue(tenant, vec![work.job(app.now())?]).await?;
    Ok(())
}

fn options() -> SendOptions {
    SendOptions::default().timeout(PATIENCE)
}

/// The provider of a connection, by the client that reaches permitted addresses only.
fn provider(
    app: &App,
    tenant: TenantId,
    id: RecordId,
    record: &ProviderConnection,
) -> Result<Arc<dyn EmailProvider>, Problem> {
    app.providers.provider(tenant, &id, record, Purpose::Verification).map_err(|error| {
        tracing::warn!(connection = %id, error = &error as &dyn std::error::Error, "not usable");
        Problem { cause: Cause::Config, message: error.to_string() }
    })
}

/// What a provider's refusal means for whoever reads of it.
fn problem(refusal: Refusal) -> Problem {
    let cause = match refusal.kind {
        // A configuration set, a domain or a stream that the account does not have.
        RefusalKind::Auth if refusal.status == Some(404) => Cause::Config,
        RefusalKind::Auth => Cause::Credentials,
        RefusalKind::Content | RefusalKind::Policy | RefusalKind::Sender => Cause::Config,
        _ => Cause::Provider,
    };
    Problem { cause, message: refusal.detail }
}

/// What a provider said, without the token of the URL that it may repeat.
fn scrubbed(text: &str, token: &Secret) -> String {
    text.replace(token.expose(), "***")
}

/// When to try again after that many tries; never, if that was the last.
fn again(now: Timestamp, round: u32, least: Option<Duration>) -> Option<JobNext> {
    let wait = AGAIN.get(usize::try_from(round).ok()?)?;
    let wait = Duration::from_secs(*wait).max(least.unwrap_or_default());
    Some(JobNext::RetryAt { at: now.after(wait), round: round + 1 })
}

/// Whether somebody else's change came in between.
fn is_conflict(result: &ServiceResult<()>) -> bool {
    matches!(result, Err(ServiceError::Conflict(_)))
}
