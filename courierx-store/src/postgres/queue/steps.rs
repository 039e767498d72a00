//! What owners of jobs do with them.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use courierx_core::clock::Timestamp;
use courierx_core::id::{MessageId, TenantId};
use courierx_core::store::{JobNext, LeaseRef};
use sqlx::PgConnection;

use super::super::clock::now_or;
use super::super::codec::Columns;
use super::super::error::Run;
use super::super::transaction::Tx;

/// A job under lease.
struct Job {
    tenant: TenantId,
    message: Option<MessageId>,
    next: Option<JobNext>,
}

/// Leases that are the present ones of their jobs, which nobody claims or changes until the transaction is over.
/// A lease whose time is over is held until somebody else claims the job. Steps are written by [`Held::save`].
pub(in super::super) struct Held(BTreeMap<(i64, i64), Job>);

impl Held {
    /// Looks which of these leases are held, and keeps them so.
    pub(in super::super) async fn open(tx: &mut Tx<'_>, leases: impl Iterator<Item = LeaseRef>) -> Run<Self> {
        let (jobs, tokens) = columns(leases);
        if jobs.is_empty() {
            return Ok(Self(BTreeMap::new()));
        }
        let rows = sqlx::query(
            "SELECT j.id, j.token, j.tenant, j.message
             FROM (SELECT DISTINCT * FROM unnest((SELECT $1::int8[]), (SELECT $2::int8[]))) AS wanted (id, token)
             JOIN jobs j ON j.id = wanted.id AND j.token = wanted.token
             WHERE j.leased ORDER BY j.id FOR UPDATE OF j",
        )
        .bind(jobs)
        .bind(tokens)
        .fetch_all(&mut *tx.connection)
        .await?;
        let mut held = BTreeMap::new();
        for row in &rows {
            let job = Job { tenant: row.id(2)?, message: row.optional_id(3)?, next: None };
            held.insert((row.column(0)?, row.column(1)?), job);
        }
        Ok(Self(held))
    }

    /// Whether `lease` is the present one of a job of this tenant, about this message if about one.
    pub(in super::super) fn holds(&self, tenant: TenantId, message: MessageId, lease: LeaseRef) -> bool {
        let job = self.0.get(&(lease.job.0, lease.token.0));
        job.is_some_and(|job| {
            job.next.is_none() && job.tenant == tenant && job.message.is_none_or(|about| about == message)
        })
    }

    /// Applies the next step of a job; `false` if the lease is not held any longer.
    pub(in super::super) fn step(&mut self, lease: LeaseRef, next: JobNext) -> bool {
        let Some(job) = self.0.get_mut(&(lease.job.0, lease.token.0)).filter(|job| job.next.is_none()) else {
            return false;
        };
        if next != JobNext::Keep {
            job.next = Some(next);
        }
        true
    }

    /// Writes what became of the jobs.
    pub(in super::super) async fn save(self, tx: &mut Tx<'_>) -> Run<()> {
        let (mut finished, mut put_back, mut dates, mut rounds) = (vec![], vec![], vec![], vec![]);
        for ((id, _), job) in self.0 {
            match job.next {
                Some(JobNext::Finish) => finished.push(id),
                Some(JobNext::RetryAt { at, round }) => {
                    put_back.push(id);
                    dates.push(at.as_micros());
                    rounds.push(i64::from(round));
                }
                Some(JobNext::Keep) | None => {}
            }
        }
        if !finished.is_empty() {
            sqlx::query("DELETE FROM jobs WHERE id = ANY ($1)")
                .bind(finished)
                .execute(&mut *tx.connection)
                .await?;
        }
        if !put_back.is_empty() {
            tx.pending.jobs_changed = true;
            sqlx::query(
                "WITH back AS (
                     UPDATE jobs j SET leased = false, run_at = back.at, free_at = back.at, due = NULL,
                                       round = back.round
                     FROM unnest((SELECT $1::int8[]), (SELECT $2::int8[]), (SELECT $3::int8[])) AS back (id, at, round)
                     WHERE j.id = back.id RETURNING j.kind, j.tenant, j.free_at
                 )
                 INSERT INTO arrivals (kind, tenant, at)
                 SELECT kind, tenant, min(free_at) FROM back GROUP BY kind, tenant",
            )
            .bind(put_back)
            .bind(dates)
            .bind(rounds)
            .execute(&mut *tx.connection)
            .await?;
        }
        Ok(())
    }
}

/// Applies steps, in their order.
pub(in super::super) async fn apply_all(tx: &mut Tx<'_>, steps: &[(LeaseRef, JobNext)]) -> Run<Vec<bool>> {
    let mut held = Held::open(tx, steps.iter().map(|(lease, _)| *lease)).await?;
    let applied = steps.iter().map(|(lease, next)| held.step(*lease, *next)).collect();
    held.save(tx).await?;
    Ok(applied)
}

/// Extends leases to `by` from now; `false` for each that is not held any longer. None ends sooner than before: the
/// line tells when to look, and is not told of this.
pub(super) async fn extend(
    connection: &mut PgConnection,
    leases: &[LeaseRef],
    by: Duration,
    told: Option<i64>,
) -> Run<Vec<bool>> {
    let (jobs, tokens) = columns(leases.iter().copied());
    let rows = sqlx::query(concat!(
        "WITH held AS MATERIALIZED (
             SELECT j.id FROM (SELECT DISTINCT * FROM unnest((SELECT $1::int8[]), (SELECT $2::int8[]))) AS wanted (id, token)
             JOIN jobs j ON j.id = wanted.id AND j.token = wanted.token
             WHERE j.leased ORDER BY j.id FOR UPDATE OF j
         ), clock AS MATERIALIZED (SELECT ",
        now_or!("$4"),
        " AS now)
         UPDATE jobs SET free_at = greatest(free_at, least(now + $3, $5)), due = NULL
         FROM held, clock WHERE jobs.id = held.id
         RETURNING jobs.id, jobs.token"
    ))
    .bind(jobs)
    .bind(tokens)
    .bind(micros(by))
    .bind(told)
    .bind(Timestamp::MAX.as_micros())
    .fetch_all(connection)
    .await?;
    let held: HashSet<(i64, i64)> =
        rows.iter().map(|row| Ok((row.column(0)?, row.column(1)?))).collect::<Run<_>>()?;
    Ok(leases.iter().map(|lease| held.contains(&(lease.job.0, lease.token.0))).collect())
}

fn columns(leases: impl Iterator<Item = LeaseRef>) -> (Vec<i64>, Vec<i64>) {
    leases.map(|lease| (lease.job.0, lease.token.0)).unzip()
}

/// A time, short enough that adding it to the present does not overflow.
pub(super) fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX).min(Timestamp::MAX.as_micros())
}
