//! Claiming: fair between tenants, and as cheap with a million jobs waiting as with ten.
//!
//! Jobs whose time has come are marked (`due`), and claims look at those alone. The index over them is sorted by
//! tenant, so a claim hops from one tenant with due jobs to the next, and inside each takes the most urgent ones.
//! Tenants stand in a line: by the moment since when they have something due, or when they were served last, if
//! that is later. So whoever was served goes to the end of it, and whoever is passed over, because it holds all
//! that it may, stays where it is.
//!
//! Three statements, each a transaction of its own; nothing that accepting or settling needs is locked by them.

use std::collections::{HashMap, HashSet};

use courierx_core::clock::Timestamp;
use courierx_core::id::TenantId;
use courierx_core::store::{ClaimRequest, Claimed, Job, JobId, JobKind, LeaseToken, NewJob, StoreResult};
use sqlx::PgConnection;
use uuid::Uuid;

use super::super::Shared;
use super::super::clock::now_or;
use super::super::codec::{self, Columns};
use super::super::error::Run;
use super::super::transaction::on_connection;
use super::{names, steps};

/// How many jobs of each kind and lane a claim marks as due at most.
const MARKED: i64 = 2000;
/// How often a claim goes through the tenants for what is left of its limit.
const ROUNDS: usize = 4;

/// Leases due jobs.
pub(super) async fn claim(shared: &Shared, request: &ClaimRequest) -> StoreResult<Vec<Claimed>> {
    let told = shared.time.told();
    on_connection!(shared, |connection| mark_due(connection, request, told))?;
    let line = on_connection!(shared, |connection| line(connection, request))?;
    let mut open: Vec<(TenantId, usize)> = line
        .into_iter()
        .map(|tenant| (tenant, request.room_for(tenant)))
        .filter(|(_, room)| *room > 0)
        .take(request.limit)
        .collect();
    let mut claimed: Vec<Claimed> = Vec::new();
    let mut staged = false;
    for _ in 0..ROUNDS {
        let given = portions(&open, request.limit - claimed.len());
        if given.is_empty() {
            break;
        }
        let taken = on_connection!(shared, |connection| take(connection, request, &given, told));
        let taken = match taken {
            Ok(taken) => taken,
            // What was leased before has to reach its owner.
            Err(error) if claimed.is_empty() => return Err(error),
            Err(_) => break,
        };
        staged |= taken.staged;
        open = left_over(&open, &given, &taken.jobs);
        claimed.extend(taken.jobs);
    }
    if staged {
        // Events of acceptance come before those of what follows now.
        shared.take_in_staged().await?;
    }
    claimed.sort_by_key(|one| (codec::lane(one.job.lane), one.job.run_at, one.job.id));
    Ok(claimed)
}

/// How much each tenant may take of `limit`, in the order of the line: the first get one more than the last where
/// it does not come out even.
fn portions(open: &[(TenantId, usize)], limit: usize) -> Vec<(TenantId, usize)> {
    let (each, more) =
        (limit.checked_div(open.len()).unwrap_or(0), limit.checked_rem(open.len()).unwrap_or(0));
    let portion = |(place, (tenant, room)): (usize, &(TenantId, usize))| {
        (*tenant, (each + usize::from(place < more)).min(*room))
    };
    open.iter().enumerate().map(portion).filter(|(_, portion)| *portion > 0).collect()
}

/// Who took all of its portion, and may have more.
fn left_over(
    open: &[(TenantId, usize)],
    portions: &[(TenantId, usize)],
    taken: &[Claimed],
) -> Vec<(TenantId, usize)> {
    let mut counts: HashMap<TenantId, usize> = HashMap::new();
    for one in taken {
        *counts.entry(one.job.tenant).or_default() += 1;
    }
    let count = |tenant: &TenantId| counts.get(tenant).copied().unwrap_or(0);
    let filled: HashSet<TenantId> = portions
        .iter()
        .filter(|(tenant, portion)| count(tenant) == *portion)
        .map(|(tenant, _)| *tenant)
        .collect();
    let served: HashSet<TenantId> = portions.iter().map(|(tenant, _)| *tenant).collect();
    open.iter()
        .filter(|(tenant, _)| filled.contains(tenant) || !served.contains(tenant))
        .map(|(tenant, room)| (*tenant, room - count(tenant)))
        .filter(|(_, room)| *room > 0)
        .collect()
}

/// Marks jobs whose time has come: those that were put off, and those whose lease ended.
async fn mark_due(connection: &mut PgConnection, request: &ClaimRequest, told: Option<i64>) -> Run<()> {
    sqlx::query(concat!(
        "WITH clock AS MATERIALIZED (SELECT ",
        now_or!("$3"),
        " AS now), come AS MATERIALIZED (
             SELECT next.id FROM unnest($1::text[]) AS k (kind), unnest($2::int2[]) AS l (lane),
             LATERAL (SELECT id FROM jobs WHERE NOT due AND jobs.kind = k.kind AND jobs.lane = l.lane
                      AND free_at <= (SELECT now FROM clock) ORDER BY free_at LIMIT $4
                      FOR UPDATE SKIP LOCKED) AS next
         )
         UPDATE jobs SET due = true FROM come WHERE jobs.id = come.id"
    ))
    .bind(names(&request.kinds))
    .bind(codec::lanes())
    .bind(told)
    .bind(MARKED)
    .execute(connection)
    .await?;
    Ok(())
}

/// The tenants that have something due, in the order of the line; never more than could be served.
async fn line(connection: &mut PgConnection, request: &ClaimRequest) -> Run<Vec<TenantId>> {
    // Those that are passed over may come before all others.
    let most = request.limit.saturating_add(request.full_tenants());
    let tenants: Vec<Uuid> = sqlx::query_scalar(
        "WITH RECURSIVE line (kind, tenant) AS (
             SELECT k.kind, (SELECT tenant FROM jobs WHERE due AND jobs.kind = k.kind ORDER BY tenant LIMIT 1)
             FROM unnest($1::text[]) AS k (kind)
             UNION ALL
             SELECT line.kind, (SELECT j.tenant FROM jobs j WHERE j.due AND j.kind = line.kind
                                AND j.tenant > line.tenant ORDER BY j.tenant LIMIT 1)
             FROM line WHERE line.tenant IS NOT NULL
         )
         SELECT line.tenant
         FROM line CROSS JOIN LATERAL (
             SELECT min(first.free_at) AS since FROM unnest($2::int2[]) AS l (lane),
             LATERAL (SELECT free_at FROM jobs WHERE due AND jobs.kind = line.kind
                      AND jobs.tenant = line.tenant AND jobs.lane = l.lane ORDER BY free_at LIMIT 1) AS first
         ) AS due
         LEFT JOIN turns t ON t.kind = line.kind AND t.tenant = line.tenant
         WHERE line.tenant IS NOT NULL AND due.since IS NOT NULL
         GROUP BY line.tenant
         ORDER BY min(greatest(due.since, t.served_at)), min(coalesce(t.turn, 0)), line.tenant LIMIT $3",
    )
    .bind(names(&request.kinds))
    .bind(codec::lanes())
    .bind(codec::limit(most))
    .fetch_all(connection)
    .await?;
    Ok(tenants.into_iter().map(TenantId::from).collect())
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
    let rows = sqlx::query(concat!(
        "WITH clock AS MATERIALIZED (SELECT ",
        now_or!("$4"),
        " AS now, nextval('turn') AS turn), taken AS MATERIALIZED (
             SELECT mine.id FROM unnest($1::uuid[], $2::int8[]) AS s (tenant, portion),
             LATERAL (SELECT next.id FROM unnest($3::text[]) AS k (kind),
                      LATERAL (SELECT id, lane, free_at FROM jobs WHERE due AND jobs.kind = k.kind
                               AND jobs.tenant = s.tenant ORDER BY lane, free_at, id LIMIT s.portion
                               FOR UPDATE SKIP LOCKED) AS next
                      ORDER BY next.lane, next.free_at, next.id LIMIT s.portion) AS mine
         ), served AS (
             INSERT INTO turns (kind, tenant, served_at, turn)
             SELECT k.kind, s.tenant, clock.now, clock.turn
             FROM unnest($1::uuid[]) AS s (tenant), unnest($3::text[]) AS k (kind), clock
             ORDER BY k.kind COLLATE \"C\", s.tenant
             ON CONFLICT (kind, tenant) DO UPDATE SET served_at = excluded.served_at, turn = excluded.turn
         )
         UPDATE jobs SET leased = true, due = false, free_at = least(clock.now + $5, $6), token = token + 1
         FROM taken, clock WHERE jobs.id = taken.id
         RETURNING jobs.id, jobs.tenant, jobs.kind, jobs.message, jobs.lane, jobs.run_at, jobs.free_at, jobs.token,
                   jobs.round, jobs.payload, EXISTS (SELECT FROM staged)"
    ))
    .bind(portions.iter().map(|(tenant, _)| Uuid::from(*tenant)).collect::<Vec<_>>())
    .bind(portions.iter().map(|(_, portion)| codec::limit(*portion)).collect::<Vec<_>>())
    .bind(names(&request.kinds))
    .bind(told)
    .bind(steps::micros(request.lease))
    .bind(Timestamp::MAX.as_micros())
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

    fn tenant(number: u8) -> TenantId {
        TenantId::from_bytes([number; 16])
    }

    #[test]
    fn a_limit_is_shared_out_to_the_last() {
        let open = [(tenant(1), 10), (tenant(2), 1), (tenant(3), usize::MAX)];
        let counts =
            |limit| portions(&open, limit).into_iter().map(|(_, portion)| portion).collect::<Vec<_>>();
        assert_eq!(counts(8), [3, 1, 2]);
        assert_eq!(counts(2), [1, 1], "the first in the line");
        assert!(counts(0).is_empty());
        assert!(portions(&[], 5).is_empty());
    }

    #[test]
    fn what_one_leaves_goes_to_those_who_have_more() {
        let open = [(tenant(1), 10), (tenant(2), 10), (tenant(3), 2)];
        let given = portions(&open, 6);
        let job = |number| {
            let new =
                NewJob::new(JobKind::DELIVERY, courierx_core::message::Lane::Bulk, Timestamp::EPOCH, vec![]);
            Claimed::new(Job::stored(JobId(1), tenant(number), new), LeaseToken(1), Timestamp::EPOCH)
        };
        let taken = [1, 1, 2, 3, 3].map(job);
        assert_eq!(left_over(&open, &given, &taken), [(tenant(1), 8)], "2 has no more, 3 may not have more");
    }
}
