//! Counting jobs, those of the tenants in the line.

use courierx_core::clock::Timestamp;
use courierx_core::message::Lane;
use courierx_core::store::{DepthQuery, JobKind, LaneDepth};
use rusqlite::{Connection, params};

use super::super::codec::{self, Columns};
use super::super::error::Run;

/// As many as are counted of a lane: those who are due, and those who are not.
const MOST: u64 = LaneDepth::COUNTED as u64;

/// Counts jobs by lane.
pub(super) fn depth(connection: &Connection, query: &DepthQuery, now: Timestamp) -> Run<Vec<LaneDepth>> {
    let kind = query.kind.as_ref().map(JobKind::as_str);
    let tenant = query.tenant.as_ref().map(|tenant| tenant.as_bytes().as_slice());
    let mut line = connection.prepare_cached(
        "SELECT kind, tenant, next_at <= ?4 FROM courierx_ready
         WHERE lane = ?1 AND (?2 IS NULL OR kind = ?2) AND (?3 IS NULL OR tenant = ?3)",
    )?;
    let mut counts: Vec<_> = Lane::ALL.iter().copied().map(LaneDepth::empty).collect();
    for depth in &mut counts {
        let mut rows = line.query(params![codec::lane(depth.lane), kind, tenant, now.as_micros()])?;
        while let Some(row) = rows.next()?
            && (depth.ready < MOST || depth.waiting + depth.leased < MOST)
        {
            let (kind, tenant): (String, [u8; 16]) = (row.column(0)?, row.column(1)?);
            if row.column(2)? {
                add_due(connection, depth, &kind, &tenant, now)?;
            }
            add_later(connection, depth, &kind, &tenant, now)?;
        }
        depth.at_least = depth.is_full();
    }
    Ok(counts)
}

/// Adds a tenant's jobs that are due.
fn add_due(
    connection: &Connection,
    depth: &mut LaneDepth,
    kind: &str,
    tenant: &[u8],
    now: Timestamp,
) -> Run<()> {
    let mut select = connection.prepare_cached(
        "SELECT count(*), min(run_at) FROM (
             SELECT run_at FROM courierx_jobs WHERE kind = ?1 AND lane = ?2 AND tenant = ?3 AND free_at <= ?4
             ORDER BY free_at LIMIT ?5)",
    )?;
    let room = MOST.saturating_sub(depth.ready);
    let mut rows = select.query(params![kind, codec::lane(depth.lane), tenant, now.as_micros(), room])?;
    while let Some(row) = rows.next()? {
        depth.ready += row.column::<u64>(0)?;
        depth.oldest_ready = depth.oldest_ready.into_iter().chain(row.optional_time(1)?).min();
    }
    Ok(())
}

/// Adds a tenant's jobs that wait or are held.
fn add_later(
    connection: &Connection,
    depth: &mut LaneDepth,
    kind: &str,
    tenant: &[u8],
    now: Timestamp,
) -> Run<()> {
    let mut select = connection.prepare_cached(
        "SELECT count(*) FILTER (WHERE NOT leased), count(*) FILTER (WHERE leased) FROM (
             SELECT leased FROM courierx_jobs WHERE kind = ?1 AND lane = ?2 AND tenant = ?3 AND free_at > ?4
             ORDER BY free_at LIMIT ?5)",
    )?;
    let room = MOST.saturating_sub(depth.waiting + depth.leased);
    let mut rows = select.query(params![kind, codec::lane(depth.lane), tenant, now.as_micros(), room])?;
    while let Some(row) = rows.next()? {
        depth.waiting += row.column::<u64>(0)?;
        depth.leased += row.column::<u64>(1)?;
    }
    Ok(())
}
