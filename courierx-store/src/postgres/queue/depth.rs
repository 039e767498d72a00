//! Counting jobs.

use courierx_core::clock::Timestamp;
use courierx_core::message::Lane;
use courierx_core::store::{DepthQuery, JobKind, LaneDepth};
use sqlx::PgConnection;
use uuid::Uuid;

use super::super::codec::Columns;
use super::super::error::Run;

/// Counts jobs by lane.
pub(super) async fn depth(
    connection: &mut PgConnection,
    query: &DepthQuery,
    now: Timestamp,
) -> Run<Vec<LaneDepth>> {
    let rows = sqlx::query(
        "SELECT lane,
                count(*) FILTER (WHERE free_at <= $3),
                count(*) FILTER (WHERE free_at > $3 AND NOT leased),
                count(*) FILTER (WHERE free_at > $3 AND leased),
                min(run_at) FILTER (WHERE free_at <= $3)
         FROM jobs WHERE ($1::text IS NULL OR kind = $1) AND ($2::uuid IS NULL OR tenant = $2) GROUP BY lane",
    )
    .bind(query.kind.as_ref().map(JobKind::as_str))
    .bind(query.tenant.map(Uuid::from))
    .bind(now.as_micros())
    .fetch_all(connection)
    .await?;
    let mut lanes: Vec<_> = Lane::ALL.iter().copied().map(LaneDepth::empty).collect();
    for row in &rows {
        let lane = row.lane(0)?;
        if let Some(depth) = lanes.iter_mut().find(|depth| depth.lane == lane) {
            depth.ready = row.count(1)?;
            depth.waiting = row.count(2)?;
            depth.leased = row.count(3)?;
            depth.oldest_ready = row.optional_time(4)?;
        }
    }
    Ok(lanes)
}
