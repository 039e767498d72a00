//! What a write brings along, and what is put off to the end of its transaction.
//!
//! Many calls share a transaction. What they add is collected and written at its end, one statement for each
//! table. Whatever transactions wait for one another over is locked by all of them in the same order: messages,
//! jobs, quotas, suppressions, soft bounces, counters, the position of events; and rows of one table in the order of
//! their keys. So no two wait for each other, and the row that everybody needs is held the shortest.

use std::collections::BTreeMap;

use courierx_core::event::NewEvent;
use courierx_core::id::TenantId;
use courierx_core::store::{CounterDelta, Effects, JobId, NewJob};
use courierx_core::suppression::NewSuppression;
use sqlx::PgConnection;
use uuid::Uuid;

use super::codec::{self, Columns};
use super::error::Run;
use super::ledger::statements::Statement;
use super::suppressions;
use super::transaction::Tx;

const DAY: i64 = 86_400_000_000;

/// What is written at the end of a transaction.
#[derive(Default)]
pub(super) struct Pending {
    jobs: Vec<(TenantId, NewJob)>,
    suppressions: Vec<(TenantId, NewSuppression)>,
    /// What is added to the statistics of tenants, by the days that they are of.
    pub(super) counters: BTreeMap<(TenantId, String, i64), i64>,
    /// Events, each with the provider's own mark if it is a provider's.
    pub(super) events: Vec<(TenantId, NewEvent, Option<String>)>,
    /// Whether a job was added or freed.
    pub(super) jobs_changed: bool,
    /// Whether the answer tells of what others committed, who may still wait for the disk.
    pub(super) tells_of_others: bool,
}

impl Pending {
    /// Adds effects of a tenant.
    pub(super) fn apply(&mut self, tenant: TenantId, effects: &Effects) {
        self.jobs.extend(effects.jobs.iter().map(|job| (tenant, job.clone())));
        for event in &effects.events {
            self.append(tenant, event.clone(), None);
        }
        self.count(tenant, &effects.deltas);
        self.suppressions.extend(effects.suppressions.iter().map(|entry| (tenant, entry.clone())));
    }

    /// Appends an event, and tells which of this transaction's it is.
    pub(super) fn append(
        &mut self,
        tenant: TenantId,
        event: NewEvent,
        deduplication: Option<String>,
    ) -> usize {
        self.events.push((tenant, event, deduplication));
        self.events.len() - 1
    }

    /// Adds to statistics.
    pub(super) fn count(&mut self, tenant: TenantId, deltas: &[CounterDelta]) {
        for delta in deltas {
            let day = delta.at.as_micros().div_euclid(DAY) * DAY;
            *self.counters.entry((tenant, delta.name.clone(), day)).or_default() += delta.amount;
        }
    }
}

impl Tx<'_> {
    /// Writes what was put off, but for what is written with the commit (`conclude.rs`).
    pub(super) async fn flush(&mut self) -> Run<()> {
        let jobs = std::mem::take(&mut self.pending.jobs);
        let suppressions = std::mem::take(&mut self.pending.suppressions);
        if !jobs.is_empty() {
            self.insert_jobs(&jobs).await?;
        }
        suppressions::add_all(self, &suppressions).await.map(drop)
    }

    /// Adds jobs, and answers their identifiers in order.
    pub(super) async fn insert_jobs(&mut self, jobs: &[(TenantId, NewJob)]) -> Run<Vec<JobId>> {
        self.pending.jobs_changed = true;
        insert_jobs(self.connection, &self.shared.statements.jobs, jobs).await
    }
}

/// Adds jobs by the statement for it, on any connection.
pub(super) async fn insert_jobs(
    connection: &mut PgConnection,
    statement: &Statement,
    jobs: &[(TenantId, NewJob)],
) -> Run<Vec<JobId>> {
    let column = |of: fn(&NewJob) -> i64| jobs.iter().map(|(_, job)| of(job)).collect::<Vec<_>>();
    let rows = sqlx::query(statement.sql())
        .bind(jobs.iter().map(|(tenant, _)| Uuid::from(*tenant)).collect::<Vec<_>>())
        .bind(jobs.iter().map(|(_, job)| job.kind.as_str()).collect::<Vec<_>>())
        .bind(jobs.iter().map(|(_, job)| job.message.map(Uuid::from)).collect::<Vec<_>>())
        .bind(jobs.iter().map(|(_, job)| codec::lane(job.lane)).collect::<Vec<_>>())
        .bind(column(|job| job.run_at.as_micros()))
        .bind(jobs.iter().map(|(_, job)| job.payload.as_slice()).collect::<Vec<_>>())
        .fetch_all(connection)
        .await?;
    rows.iter().map(|row| row.column(0).map(JobId)).collect()
}

/// The statement for [`insert_jobs`], which says to claims whose they are (`queue/line.rs`).
pub(super) const INSERT_JOBS: &str = "
    WITH new AS MATERIALIZED (
        SELECT * FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::int2[], $5::int8[], $6::bytea[])
        WITH ORDINALITY AS new (tenant, kind, message, lane, run_at, payload, place)
    ), arrived AS (
        INSERT INTO courierx.arrivals (kind, tenant, at)
        SELECT kind, tenant, min(run_at) FROM new GROUP BY kind, tenant
    )
    INSERT INTO courierx.jobs (tenant, kind, message, lane, run_at, free_at, payload)
    SELECT tenant, kind, message, lane, run_at, run_at, payload FROM new ORDER BY place RETURNING id";
