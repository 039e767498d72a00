//! Claiming: fair between tenants, and as cheap with a million jobs waiting as with ten.
//!
//! A claim takes the first tenants of the line (`queue/line.rs`), as many as it can serve, and looks at their jobs
//! and at nobody else's. What is asked for is shared out among them; they go to the end of the line, and if something
//! is left of it, it goes to those who are the first then. Whoever is passed over, because it holds all that it may,
//! stays where it is.
//!
//! Each statement is a transaction of its own; nothing that accepting needs is locked by them.

use courierx_core::clock::Timestamp;
use courierx_core::id::TenantId;
use courierx_core::store::{
    ClaimRequest, Claimed, Job, JobId, JobKind, LeaseToken, NewJob, StoreResult, kept_for_a_lane,
};
use sqlx::PgConnection;
use uuid::Uuid;

use super::super::Shared;
use super::super::codec::{self, Columns};
use super::super::error::Run;
use super::super::transaction::on_connection;
use super::{line, names, steps};

/// How often a claim goes to the line for what is left of its limit. Who stands there may have nothing any more:
/// its jobs were finished before their leases ended.
const ROUNDS: usize = 8;

/// Leases due jobs.
pub(super) async fn claim(shared: &Shared, request: &ClaimRequest) -> StoreResult<Vec<Claimed>> {
    let told = shared.time.told();
    on_connection!(shared, |connection| line::take_in(connection, told))?;
    let mut request = request.clone();
    let mut claimed: Vec<Claimed> = Vec::new();
    let mut staged = false;
    for _ in 0..ROUNDS {
        let taken = match round(shared, &request, told).await {
            Ok(Some(taken)) => taken,
            // What was leased before has to reach its owner.
            Err(error) if claimed.is_empty() => return Err(error),
            Ok(None) | Err(_) => break,
        };
        staged |= taken.staged;
        request.limit -= taken.jobs.len().min(request.limit);
        for one in &taken.jobs {
            *request.held.entry(one.job.tenant).or_default() += 1;
        }
        claimed.extend(taken.jobs);
    }
    // Events of acceptance come before those of what follows now. What was leased has to reach its owner all the same.
    if staged && let Err(error) = shared.take_in_staged().await {
        tracing::warn!(error = &error as &dyn std::error::Error, "what was staged is not taken in yet");
    }
    claimed.sort_by_key(|one| (codec::lane(one.job.lane), one.job.run_at, one.job.id));
    Ok(claimed)
}

/// Serves the first in the line; none if nobody is there, or nothing more is asked for.
async fn round(shared: &Shared, request: &ClaimRequest, told: Option<i64>) -> StoreResult<Option<Taken>> {
    if request.limit == 0 {
        return Ok(None);
    }
    // Those that are passed over may come before all others.
    let most = request.limit.saturating_add(request.full_tenants());
    let line = on_connection!(shared, |connection| line::first(connection, request, most, told))?;
    let portions = portions(&line, request);
    if portions.is_empty() {
        return Ok(None);
    }
    on_connection!(shared, |connection| take(connection, request, &portions, told)).map(Some)
}

/// How much each tenant may take of what is asked for, in the order of the line: the first get one more than the last
/// where it does not come out even.
fn portions(line: &[TenantId], request: &ClaimRequest) -> Vec<(TenantId, usize)> {
    let open: Vec<_> = line
        .iter()
        .map(|tenant| (*tenant, request.room_for(*tenant)))
        .filter(|(_, room)| *room > 0)
        .take(request.limit)
        .collect();
    let each = request.limit.checked_div(open.len()).unwrap_or(0);
    let more = request.limit.checked_rem(open.len()).unwrap_or(0);
    let portion = |(place, (tenant, room)): (usize, (TenantId, usize))| {
        (tenant, (each + usize::from(place < more)).min(room))
    };
    open.into_iter().enumerate().map(portion).collect()
}

/// What a round took.
struct Taken {
    jobs: Vec<Claimed>,
    /// Whether effects of messages are staged, theirs perhaps.
    staged: bool,
}

/// Leases as many due jobs of each tenant, and sends the tenants to the end of the line. Jobs that another process
/// is claiming at this moment are passed by.
async fn take(
    connection: &mut PgConnection,
    request: &ClaimRequest,
    portions: &[(TenantId, usize)],
    told: Option<i64>,
) -> Run<Taken> {
    let rows = sqlx::query(include_str!("take.sql"))
        .bind(portions.iter().map(|(tenant, _)| Uuid::from(*tenant)).collect::<Vec<_>>())
        .bind(portions.iter().map(|(_, portion)| codec::limit(*portion)).collect::<Vec<_>>())
        .bind(names(&request.kinds))
        .bind(told)
        .bind(steps::micros(request.lease))
        .bind(Timestamp::MAX.as_micros())
        .bind(codec::lanes())
        .bind(portions.iter().map(|(_, portion)| codec::limit(kept_for_a_lane(*portion))).collect::<Vec<_>>())
        .fetch_all(connection)
        .await?;
    let mut taken = Taken { jobs: Vec::with_capacity(rows.len()), staged: false };
    for row in &rows {
        let kind = JobKind::stored(row.column(2)?);
        let mut new = NewJob::new(kind, row.lane(4)?, row.time(5)?, row.column(9)?);
        new.message = row.optional_id(3)?;
        let mut job = Job::stored(JobId(row.column(0)?), row.id(1)?, new);
        job.round = row.count(8)?;
        taken.jobs.push(Claimed::new(job, LeaseToken(row.column(7)?), row.time(6)?));
        taken.staged |= row.column::<bool>(10)?;
    }
    Ok(taken)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn tenant(number: u8) -> TenantId {
        TenantId::from_bytes([number; 16])
    }

    #[test]
    fn a_limit_is_shared_out_to_the_last() {
        let line = [tenant(1), tenant(2), tenant(3)];
        let counts = |limit, line: &[TenantId]| {
            let mut request = ClaimRequest::new(JobKind::DELIVERY, limit, Duration::from_secs(1));
            request.most_per_tenant = 10;
            request.held = [(tenant(2), 9), (tenant(4), 10)].into();
            portions(line, &request).into_iter().map(|(_, portion)| portion).collect::<Vec<_>>()
        };
        assert_eq!(counts(8, &line), [3, 1, 2]);
        assert_eq!(counts(2, &line), [1, 1], "the first in the line");
        assert_eq!(counts(2, &[tenant(4), tenant(3)]), [2], "who is full is passed over");
        assert!(counts(5, &[]).is_empty());
    }
}
