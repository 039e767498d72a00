//! The transaction a command runs in, and what is put off to its end.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Range;

use courierx_core::clock::{Clock, Timestamp};
use courierx_core::id::TenantId;
use courierx_core::message::Lane;
use courierx_core::store::{CounterDelta, JobKind};
use rusqlite::{CachedStatement, Connection, Params, Statement, params};

use super::codec;
use super::error::Run;
use super::filter::Filter;
use super::numbers::Numbers;

const DAY: i64 = 86_400_000_000;

/// An open transaction.
///
/// Many commands share one. What each of them would write to the same row (the day's counter, the tenant's
/// place in the queue) is collected here and written once, by [`Tx::flush`], before the commit.
pub(super) struct Tx<'a> {
    connection: &'a Connection,
    clock: &'a dyn Clock,
    filter: &'a Filter,
    numbers: Numbers,
    kept: RefCell<Vec<(&'static str, CachedStatement<'a>)>>,
    pending: RefCell<Pending>,
}

#[derive(Default)]
struct Pending {
    /// By tenant and day, then by name: of those there are few.
    counters: BTreeMap<(TenantId, i64), Vec<(String, i64)>>,
    /// By tenant and lane, then by kind.
    ready: BTreeMap<(TenantId, i64), Vec<(JobKind, Timestamp)>>,
    jobs_changed: bool,
}

impl<'a> Tx<'a> {
    /// Runs in the transaction that `connection` has open.
    pub(super) fn new(connection: &'a Connection, clock: &'a dyn Clock, filter: &'a Filter) -> Self {
        Self {
            connection,
            clock,
            filter,
            numbers: Numbers::default(),
            kept: RefCell::default(),
            pending: RefCell::default(),
        }
    }

    /// The connection.
    pub(super) fn connection(&self) -> &'a Connection {
        self.connection
    }

    /// A statement, prepared once per connection.
    pub(super) fn sql(&self, sql: &str) -> Run<CachedStatement<'a>> {
        Ok(self.connection.prepare_cached(sql)?)
    }

    /// Runs a statement of the hot path. It is kept at hand, and so is the room for its parameters, until the
    /// transaction is over: looking it up by its text and clearing it for every message costs as much as an
    /// index.
    pub(super) fn execute(&self, sql: &'static str, params: impl Params) -> Run<usize> {
        self.with(sql, |statement| Ok(statement.execute(params)?))
    }

    /// The same for one that answers with rows.
    pub(super) fn with<T>(
        &self,
        sql: &'static str,
        work: impl FnOnce(&mut Statement<'a>) -> Run<T>,
    ) -> Run<T> {
        // Taken out, so that whatever `work` does may run others.
        let at = self.kept.borrow().iter().position(|(text, _)| std::ptr::eq(*text, sql));
        let kept = at.map(|at| self.kept.borrow_mut().swap_remove(at).1);
        let mut statement = kept.map_or_else(|| self.sql(sql), Ok)?;
        let result = work(&mut statement);
        self.kept.borrow_mut().push((sql, statement));
        result
    }

    /// Whom suppressions and soft bounces may be of.
    pub(super) fn filter(&self) -> &'a Filter {
        self.filter
    }

    /// The present moment.
    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The position of the next message or event.
    pub(super) fn next_position(&self) -> Run<i64> {
        self.numbers.next_position(self.connection)
    }

    /// Takes the last position back, which nothing stands at.
    pub(super) fn give_position_back(&self) {
        self.numbers.give_position_back();
    }

    /// The number of the next job.
    pub(super) fn next_job(&self) -> Run<i64> {
        self.numbers.next_job(self.connection)
    }

    /// Adds to statistics, at the end.
    pub(super) fn count(&self, tenant: TenantId, deltas: &[CounterDelta]) {
        let mut pending = self.pending.borrow_mut();
        for delta in deltas {
            let day = delta.at.as_micros().div_euclid(DAY) * DAY;
            let counters = pending.counters.entry((tenant, day)).or_default();
            match counters.iter_mut().find(|(name, _)| *name == delta.name) {
                Some((_, amount)) => *amount += delta.amount,
                None => counters.push((delta.name.clone(), delta.amount)),
            }
        }
    }

    /// What is to be added to a statistic of these days.
    pub(super) fn counted(&self, tenant: TenantId, name: &str, days: Range<i64>) -> i64 {
        let pending = self.pending.borrow();
        let days = pending.counters.range((tenant, days.start)..(tenant, days.end));
        days.flat_map(|(_, counters)| counters).filter(|(one, _)| one == name).map(|(_, amount)| amount).sum()
    }

    /// Remembers that a job of the tenant is free at `at`, and that waiters want to know.
    pub(super) fn job_free_at(&self, tenant: TenantId, kind: &JobKind, lane: Lane, at: Timestamp) {
        let mut pending = self.pending.borrow_mut();
        pending.jobs_changed = true;
        let ready = pending.ready.entry((tenant, codec::lane(lane))).or_default();
        match ready.iter_mut().find(|(known, _)| known == kind) {
            Some((_, earliest)) => *earliest = at.min(*earliest),
            None => ready.push((kind.clone(), at)),
        }
    }

    /// Whether a job was added or freed.
    pub(super) fn jobs_changed(&self) -> bool {
        self.pending.borrow().jobs_changed
    }

    /// Writes what was put off.
    pub(super) fn flush(&self) -> Run<()> {
        self.flush_ready()?;
        self.numbers.flush(self.connection)?;
        let counters = std::mem::take(&mut self.pending.borrow_mut().counters);
        let mut add = self.sql(
            "INSERT INTO courierx_counters (tenant, name, day, value) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT DO UPDATE SET value = value + excluded.value",
        )?;
        for ((tenant, day), counters) in counters {
            for (name, amount) in counters {
                add.execute(params![tenant.as_bytes(), name, day, amount])?;
            }
        }
        Ok(())
    }

    /// Writes which tenants have jobs: a claim in this transaction has to see it. Who is due already keeps its
    /// place; who is not never comes before those who were served before it was.
    pub(super) fn flush_ready(&self) -> Run<()> {
        let ready = std::mem::take(&mut self.pending.borrow_mut().ready);
        if ready.is_empty() {
            return Ok(());
        }
        let mut lower = self.sql(
            "INSERT INTO courierx_ready (kind, lane, tenant, next_at) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT DO UPDATE SET next_at = max(excluded.next_at, served_at)
                 WHERE excluded.next_at < next_at AND next_at > ?5",
        )?;
        let now = self.now().as_micros();
        for ((tenant, lane), ready) in ready {
            for (kind, at) in ready {
                lower.execute(params![kind.as_str(), lane, tenant.as_bytes(), at.as_micros(), now])?;
            }
        }
        Ok(())
    }
}
