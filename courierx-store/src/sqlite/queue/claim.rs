//! Claiming: fair between tenants, and as cheap with a million jobs waiting as with ten.
//!
//! `courierx_ready` tells which tenants have jobs and when it makes sense to look. So a claim seeks the few
//! tenants that are due, and in each of them the jobs that are due, and never passes by a job that is not.
//! Within a lane the tenants share what is asked for; one that was served goes to the end of the line.

use courierx_core::clock::Timestamp;
use courierx_core::id::{MessageId, TenantId};
use courierx_core::message::Lane;
use courierx_core::store::{ClaimRequest, Claimed, Job, JobId, JobKind, LeaseToken, NewJob};
use rusqlite::params;

use super::super::codec::{self, Columns};
use super::super::error::Run;
use super::super::transaction::Tx;

/// Leases due jobs.
pub(super) fn claim(tx: &Tx<'_>, request: &ClaimRequest) -> Run<Vec<Claimed>> {
    tx.flush_ready()?;
    let now = tx.now();
    let turn = Turn { now, until: now.after(request.lease) };
    let mut claimed = Vec::new();
    for lane in Lane::ALL.iter().copied() {
        let limit = request.limit.saturating_sub(claimed.len());
        if limit == 0 {
            break;
        }
        let from = claimed.len();
        claim_lane(tx, turn, &request.kinds, lane, limit, &mut claimed)?;
        claimed[from..].sort_by_key(|one| (one.job.run_at, one.job.id));
    }
    Ok(claimed)
}

/// When a claim takes place, and until when what it takes is leased.
#[derive(Clone, Copy)]
struct Turn {
    now: Timestamp,
    until: Timestamp,
}

/// A tenant's jobs of one kind and lane.
struct Line<'a> {
    kind: &'a JobKind,
    lane: Lane,
    tenant: TenantId,
    next_at: i64,
    turn: i64,
}

fn claim_lane(
    tx: &Tx<'_>,
    turn: Turn,
    kinds: &[JobKind],
    lane: Lane,
    limit: usize,
    claimed: &mut Vec<Claimed>,
) -> Run<()> {
    let lines = due_lines(tx, turn.now, kinds, lane, limit)?;
    let end = claimed.len() + limit;
    // In rounds: what one tenant leaves of its share goes to those that have more.
    let mut open: Vec<_> = lines.iter().collect();
    while !open.is_empty() && claimed.len() < end {
        let share = (end - claimed.len()).div_ceil(open.len());
        let mut more = Vec::new();
        for line in open {
            let ask = share.min(end - claimed.len());
            let before = claimed.len();
            take(tx, turn, line, ask, claimed)?;
            if claimed.len() - before == share {
                more.push(line);
            }
        }
        open = more;
    }
    for served in &lines {
        go_to_the_end(tx, turn, served)?;
    }
    Ok(())
}

/// Writes when it makes sense to look at a line again: not before its next job is free, and if that is so
/// now, after everybody who waits since earlier.
fn go_to_the_end(tx: &Tx<'_>, turn: Turn, served: &Line<'_>) -> Run<()> {
    let (kind, lane, tenant) = (served.kind.as_str(), codec::lane(served.lane), served.tenant.as_bytes());
    let next_at: Option<i64> = tx
        .sql("SELECT min(free_at) FROM courierx_jobs WHERE kind = ?1 AND lane = ?2 AND tenant = ?3")?
        .query_row(params![kind, lane, tenant], |row| row.get(0))?;
    match next_at {
        None => tx
            .sql("DELETE FROM courierx_ready WHERE kind = ?1 AND lane = ?2 AND tenant = ?3")?
            .execute(params![kind, lane, tenant])?,
        Some(next_at) => tx
            .sql(
                "UPDATE courierx_ready SET next_at = ?4, turn = 1 + coalesce(
                     (SELECT max(turn) FROM courierx_ready WHERE kind = ?1 AND lane = ?2 AND next_at = ?4), 0)
                 WHERE kind = ?1 AND lane = ?2 AND tenant = ?3",
            )?
            .execute(params![kind, lane, tenant, next_at.max(turn.now.as_micros())])?,
    };
    Ok(())
}

/// Those who are due, the longest waiting first; never more than could be served.
fn due_lines<'a>(
    tx: &Tx<'_>,
    now: Timestamp,
    kinds: &'a [JobKind],
    lane: Lane,
    limit: usize,
) -> Run<Vec<Line<'a>>> {
    let mut lines = Vec::new();
    let mut select = tx.sql(
        "SELECT tenant, next_at, turn FROM courierx_ready
         WHERE kind = ?1 AND lane = ?2 AND next_at <= ?3 ORDER BY next_at, turn LIMIT ?4",
    )?;
    for (position, kind) in kinds.iter().enumerate() {
        if kinds[..position].contains(kind) {
            continue;
        }
        let due = params![kind.as_str(), codec::lane(lane), now.as_micros(), codec::limit(limit)];
        let rows = select.query_and_then(due, |row| -> Run<_> {
            let tenant = TenantId::from_bytes(row.column(0)?);
            Ok(Line { kind, lane, tenant, next_at: row.column(1)?, turn: row.column(2)? })
        })?;
        for line in rows {
            lines.push(line?);
        }
    }
    lines.sort_by_key(|line| (line.next_at, line.turn));
    lines.truncate(limit);
    Ok(lines)
}

/// Leases at most `limit` due jobs of one line.
fn take(tx: &Tx<'_>, turn: Turn, line: &Line<'_>, limit: usize, claimed: &mut Vec<Claimed>) -> Run<()> {
    let mut update = tx.sql(
        "UPDATE courierx_jobs SET leased = 1, free_at = ?5, token = token + 1
         WHERE id IN (SELECT id FROM courierx_jobs
                      WHERE kind = ?1 AND lane = ?2 AND tenant = ?3 AND free_at <= ?4
                      ORDER BY free_at, id LIMIT ?6)
         RETURNING id, message, run_at, round, payload, token",
    )?;
    let mut rows = update.query(params![
        line.kind.as_str(),
        codec::lane(line.lane),
        line.tenant.as_bytes(),
        turn.now.as_micros(),
        turn.until.as_micros(),
        codec::limit(limit),
    ])?;
    while let Some(row) = rows.next()? {
        let mut new = NewJob::new(line.kind.clone(), line.lane, row.time(2)?, row.column(4)?);
        new.message = row.column::<Option<_>>(1)?.map(MessageId::from_bytes);
        let mut job = Job::stored(JobId(row.column(0)?), line.tenant, new);
        job.round = row.column(3)?;
        claimed.push(Claimed::new(job, LeaseToken(row.column(5)?), turn.until));
    }
    Ok(())
}
