//! Counting jobs.

use courierx_core::clock::Timestamp;
use courierx_core::message::Lane;
use courierx_core::store::{DepthQuery, JobKind, LaneDepth};
use rusqlite::{Connection, params};

use super::super::codec::Columns;
use super::super::error::Run;

/// Counts jobs by lane.
pub(super) fn depth(connection: &Connection, query: &DepthQuery, now: Timestamp) -> Run<Vec<LaneDepth>> {
    let mut lanes: Vec<_> = Lane::ALL.iter().copied().map(LaneDepth::empty).collect();
    let mut select = connection.prepare_cached(
        "SELECT lane,
                count(*) FILTER (WHERE free_at <= ?3),
                count(*) FILTER (WHERE free_at > ?3 AND NOT leased),
                count(*) FILTER (WHERE free_at > ?3 AND leased),
                min(run_at) FILTER (WHERE free_at <= ?3)
         FROM courierx_jobs WHERE (?1 IS NULL OR kind = ?1) AND (?2 IS NULL OR tenant = ?2) GROUP BY lane",
    )?;
    let kind = query.kind.as_ref().map(JobKind::as_str);
    let tenant = query.tenant.as_ref().map(|tenant| tenant.as_bytes().as_slice());
    let mut rows = select.query(params![kind, tenant, now.as_micros()])?;
    while let Some(row) = rows.next()? {
        let lane = row.lane(0)?;
        if let Some(depth) = lanes.iter_mut().find(|depth| depth.lane == lane) {
            depth.ready = row.column(1)?;
            depth.waiting = row.column(2)?;
            depth.leased = row.column(3)?;
            depth.oldest_ready = row.optional_time(4)?;
        }
    }
    Ok(lanes)
}
