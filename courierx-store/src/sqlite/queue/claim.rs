//! Claiming: fair between tenants, and as cheap with a million jobs waiting as with ten.
//!
//! `courierx_ready` tells which tenants have jobs and when it makes sense to look. So a claim seeks the
//! tenants that are due, and in each of them the jobs that are due, and never passes by a job that is not.
//! Tenants share what is asked for, however urgent their mail: one that was served goes to the end of the
//! line. Inside a tenant the more urgent lanes come first. A tenant that holds all that it may is passed over,
//! and stays where it is in the line.

use std::collections::BTreeSet;

use courierx_core::clock::Timestamp;
use courierx_core::id::{MessageId, TenantId};
use courierx_core::message::Lane;
use courierx_core::store::{ClaimRequest, Claimed, Job, JobId, JobKind, LeaseToken, NewJob, kept_for_a_lane};
use rusqlite::params;

use super::super::codec::{self, Columns};
use super::super::error::Run;
use super::super::transaction::Tx;

/// How often a claim goes to the line for what is left of its limit. Who stands there may have nothing any more:
/// its jobs were finished before their leases ended.
const ROUNDS: usize = 8;

/// Leases due jobs.
pub(super) fn claim(tx: &Tx<'_>, request: &ClaimRequest) -> Run<Vec<Claimed>> {
    tx.flush_ready()?;
    let now = tx.now();
    let mut request = request.clone();
    let mut claimed = Vec::new();
    // What one tenant leaves of its share goes to those that are the first then.
    for _ in 0..ROUNDS {
        let tenants = due_tenants(tx, now, &request)?;
        if tenants.is_empty() {
            break;
        }
        let place = next_place(tx, now, &request.kinds)?;
        let turn = Turn { now, until: now.after(request.lease), place };
        let (each, more) = (request.limit / tenants.len(), request.limit % tenants.len());
        let mut served = Vec::new();
        for (place, tenant) in tenants.into_iter().enumerate() {
            let lines = due_lines(tx, now, &request.kinds, tenant)?;
            let portion = (each + usize::from(place < more)).min(request.room_for(tenant));
            let before = claimed.len();
            serve(tx, turn, &lines, portion, &mut claimed)?;
            let taken = claimed.len() - before;
            *request.held.entry(tenant).or_default() += taken;
            request.limit -= taken;
            served.extend(lines);
        }
        go_to_the_end(tx, turn, &served)?;
    }
    claimed.sort_by_key(|one| (codec::lane(one.job.lane), one.job.run_at, one.job.id));
    Ok(claimed)
}

/// Leases at most `portion` of a tenant's due jobs: what every lane keeps, and then the more urgent ones.
fn serve(tx: &Tx<'_>, turn: Turn, lines: &[Line<'_>], portion: usize, claimed: &mut Vec<Claimed>) -> Run<()> {
    let end = claimed.len() + portion;
    if lines.len() > 1 {
        for line in lines {
            take(tx, turn, line, kept_for_a_lane(portion).min(end - claimed.len()), claimed)?;
        }
    }
    for line in lines {
        take(tx, turn, line, end - claimed.len(), claimed)?;
    }
    Ok(())
}

/// When a claim takes place, until when what it takes is leased, and where those go who were served.
#[derive(Clone, Copy)]
struct Turn {
    now: Timestamp,
    until: Timestamp,
    place: i64,
}

/// A tenant's jobs of one kind and lane.
struct Line<'a> {
    kind: &'a JobKind,
    lane: Lane,
    tenant: TenantId,
}

/// The tenants that are due and may hold more, those first whose turn is the longest ago; never more than
/// could be served.
fn due_tenants(tx: &Tx<'_>, now: Timestamp, request: &ClaimRequest) -> Run<Vec<TenantId>> {
    // Those that are passed over may come before all others.
    let rows = request.limit.saturating_add(request.full_tenants());
    let mut due: Vec<(i64, i64, TenantId)> = Vec::new();
    let mut select = tx.sql(
        "SELECT next_at, turn, tenant FROM courierx_ready
         WHERE kind = ?1 AND lane = ?2 AND next_at <= ?3 ORDER BY next_at, turn LIMIT ?4",
    )?;
    for kind in &request.kinds {
        for lane in Lane::ALL {
            let line = params![kind.as_str(), codec::lane(*lane), now.as_micros(), codec::limit(rows)];
            let rows = select.query_and_then(line, |row| -> Run<_> {
                Ok((row.column(0)?, row.column(1)?, TenantId::from_bytes(row.column(2)?)))
            })?;
            for row in rows {
                due.push(row?);
            }
        }
    }
    due.sort_unstable();
    let mut seen = BTreeSet::new();
    let tenants = due.into_iter().map(|(.., tenant)| tenant);
    let tenants = tenants.filter(|tenant| request.room_for(*tenant) > 0 && seen.insert(*tenant));
    Ok(tenants.take(request.limit).collect())
}

/// The lines of a tenant that are due, by urgency.
fn due_lines<'a>(tx: &Tx<'_>, now: Timestamp, kinds: &'a [JobKind], tenant: TenantId) -> Run<Vec<Line<'a>>> {
    let mut is_due = tx.sql(
        "SELECT 1 FROM courierx_ready WHERE kind = ?1 AND lane = ?2 AND tenant = ?3 AND next_at <= ?4",
    )?;
    let mut lines = Vec::new();
    for lane in Lane::ALL.iter().copied() {
        for kind in kinds {
            let line = params![kind.as_str(), codec::lane(lane), tenant.as_bytes(), now.as_micros()];
            if is_due.exists(line)? {
                lines.push(Line { kind, lane, tenant });
            }
        }
    }
    Ok(lines)
}

/// Writes when it makes sense to look at these lines again: not before their next job is free, and if that
/// is so now, after everybody who waits since earlier.
fn go_to_the_end(tx: &Tx<'_>, turn: Turn, served: &[Line<'_>]) -> Run<()> {
    let mut next_free =
        tx.sql("SELECT min(free_at) FROM courierx_jobs WHERE kind = ?1 AND lane = ?2 AND tenant = ?3")?;
    let mut forget = tx.sql("DELETE FROM courierx_ready WHERE kind = ?1 AND lane = ?2 AND tenant = ?3")?;
    let mut requeue = tx.sql(
        "UPDATE courierx_ready SET next_at = ?4, turn = ?5, served_at = ?6
         WHERE kind = ?1 AND lane = ?2 AND tenant = ?3",
    )?;
    for (Line { kind, lane, tenant }, place) in served.iter().zip(turn.place..) {
        let (kind, lane, tenant) = (kind.as_str(), codec::lane(*lane), tenant.as_bytes());
        let next_at: Option<i64> = next_free.query_row(params![kind, lane, tenant], |row| row.get(0))?;
        match next_at {
            None => forget.execute(params![kind, lane, tenant])?,
            Some(next_at) => {
                let now = turn.now.as_micros();
                requeue.execute(params![kind, lane, tenant, next_at.max(now), place, now])?
            }
        };
    }
    Ok(())
}

/// The place behind those who were served at this very moment, whom the time does not tell apart.
fn next_place(tx: &Tx<'_>, now: Timestamp, kinds: &[JobKind]) -> Run<i64> {
    let mut select =
        tx.sql("SELECT max(turn) FROM courierx_ready WHERE kind = ?1 AND lane = ?2 AND next_at = ?3")?;
    let mut last: Option<i64> = None;
    for kind in kinds {
        for lane in Lane::ALL {
            let line = params![kind.as_str(), codec::lane(*lane), now.as_micros()];
            last = last.max(select.query_row(line, |row| row.get(0))?);
        }
    }
    Ok(last.map_or(1, |last| last + 1))
}

/// Leases at most `limit` due jobs of one line.
fn take(tx: &Tx<'_>, turn: Turn, line: &Line<'_>, limit: usize, claimed: &mut Vec<Claimed>) -> Run<()> {
    if limit == 0 {
        return Ok(());
    }
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
