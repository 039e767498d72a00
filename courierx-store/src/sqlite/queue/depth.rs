//! Counting jobs, those of the tenants in the line.

use courierx_core::clock::Timestamp;
use courierx_core::message::Lane;
use courierx_core::store::{DepthQuery, JobKind, LaneDepth};
use rusqlite::{Connection, params};

use super::super::codec;
use super::super::error::Run;

/// Counts jobs by lane, as many as are counted of one at most: those who are due, and those who are not.
pub(super) fn depth(connection: &Connection, query: &DepthQuery, now: Timestamp) -> Run<Vec<LaneDepth>> {
    let kind = query.kind.as_ref().map(JobKind::as_str);
    let tenant = query.tenant.as_ref().map(|tenant| tenant.as_bytes().as_slice());
    // Joined in this order, each of them stops as soon as it has counted enough.
    let mut due = connection.prepare_cached(
        "SELECT count(*), min(run_at) FROM (
             SELECT j.run_at FROM courierx_ready r CROSS JOIN courierx_jobs j
             WHERE r.lane = ?1 AND (?2 IS NULL OR r.kind = ?2) AND (?3 IS NULL OR r.tenant = ?3) AND r.next_at <= ?4
                   AND j.kind = r.kind AND j.lane = r.lane AND j.tenant = r.tenant AND j.free_at <= ?4
             LIMIT ?5)",
    )?;
    let mut later = connection.prepare_cached(
        "SELECT count(*) FILTER (WHERE NOT leased), count(*) FILTER (WHERE leased) FROM (
             SELECT j.leased FROM courierx_ready r CROSS JOIN courierx_jobs j
             WHERE r.lane = ?1 AND (?2 IS NULL OR r.kind = ?2) AND (?3 IS NULL OR r.tenant = ?3)
                   AND j.kind = r.kind AND j.lane = r.lane AND j.tenant = r.tenant AND j.free_at > ?4
             LIMIT ?5)",
    )?;
    let mut counts: Vec<_> = Lane::ALL.iter().copied().map(LaneDepth::empty).collect();
    for depth in &mut counts {
        let most = codec::limit(LaneDepth::COUNTED);
        let of_lane = params![codec::lane(depth.lane), kind, tenant, now.as_micros(), most];
        (depth.ready, depth.oldest_ready) = due.query_row(of_lane, |row| {
            Ok((row.get(0)?, row.get::<_, Option<i64>>(1)?.map(Timestamp::from_micros)))
        })?;
        (depth.waiting, depth.leased) = later.query_row(of_lane, |row| Ok((row.get(0)?, row.get(1)?)))?;
        depth.at_least = depth.is_full();
    }
    Ok(counts)
}
