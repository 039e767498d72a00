//! Counting jobs, those of the tenants in the line and of those who arrive there. It writes nothing.

use courierx_core::clock::Timestamp;
use courierx_core::message::Lane;
use courierx_core::store::{DepthQuery, JobKind, LaneDepth};
use sqlx::PgConnection;
use uuid::Uuid;

use super::super::codec::{self, Columns};
use super::super::error::Run;

/// Counts jobs by lane, as many as are counted of one at most, those who are due and those who are not.
pub(super) async fn depth(
    connection: &mut PgConnection,
    query: &DepthQuery,
    now: Timestamp,
) -> Run<Vec<LaneDepth>> {
    let rows = sqlx::query(
        "WITH line AS MATERIALIZED (
             SELECT kind, tenant, min(next_at) AS next_at FROM (
                 SELECT kind, tenant, next_at FROM ready UNION ALL SELECT kind, tenant, at FROM arrivals
             ) AS one WHERE ($1::text IS NULL OR kind = $1) AND ($2::uuid IS NULL OR tenant = $2)
             GROUP BY kind, tenant
         )
         SELECT l.lane, due.count, due.oldest, later.waiting, later.leased
         FROM unnest($4::int2[]) AS l (lane),
         LATERAL (
             SELECT count(*) AS count, min(run_at) AS oldest FROM (
                 SELECT j.run_at FROM line, LATERAL (
                     SELECT run_at FROM jobs
                     WHERE jobs.kind = line.kind AND jobs.tenant = line.tenant AND jobs.lane = l.lane AND free_at <= $3
                     ORDER BY free_at LIMIT $5) AS j
                 WHERE line.next_at <= $3 LIMIT $5) AS one
         ) AS due,
         LATERAL (
             SELECT count(*) FILTER (WHERE NOT leased) AS waiting, count(*) FILTER (WHERE leased) AS leased FROM (
                 SELECT j.leased FROM line, LATERAL (
                     SELECT leased FROM jobs
                     WHERE jobs.kind = line.kind AND jobs.tenant = line.tenant AND jobs.lane = l.lane AND free_at > $3
                     ORDER BY free_at LIMIT $5) AS j
                 LIMIT $5) AS one
         ) AS later",
    )
    .bind(query.kind.as_ref().map(JobKind::as_str))
    .bind(query.tenant.map(Uuid::from))
    .bind(now.as_micros())
    .bind(codec::lanes())
    .bind(codec::limit(LaneDepth::COUNTED))
    .fetch_all(connection)
    .await?;
    let mut lanes: Vec<_> = Lane::ALL.iter().copied().map(LaneDepth::empty).collect();
    for row in &rows {
        let lane = row.lane(0)?;
        if let Some(depth) = lanes.iter_mut().find(|depth| depth.lane == lane) {
            depth.ready = row.count(1)?;
            depth.oldest_ready = row.optional_time(2)?;
            depth.waiting = row.count(3)?;
            depth.leased = row.count(4)?;
            depth.at_least = depth.is_full();
        }
    }
    Ok(lanes)
}
