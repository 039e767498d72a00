//! The days of contents: each has a table, made ahead and dropped when it is old.
//!
//! A statement waits for a lock that it wants, and whoever comes later waits behind it. What is done here gives up
//! after a moment instead, and is tried again at the next purge.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use courierx_core::clock::Timestamp;
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, PgConnection};
use tokio::time::timeout;
use uuid::Uuid;

use super::Shared;
use super::codec::Columns;
use super::error::{Fault, Run};
use super::pooled::Pooled;

/// A day.
const MICROS: i64 = 86_400_000_000;
/// Days that have tables before they begin: so long nobody needs to purge.
const AHEAD: i64 = 7;
/// How long sending may wait for us.
pub(super) const PATIENCE: &str = "SET LOCAL lock_timeout = '100ms'";
/// How long dropping may take in all.
const DROPPING: Duration = Duration::from_mins(10);
/// How many rows are looked at in one statement.
const STEP: i64 = 10_000;
/// After how many contents a purge lets others go on.
const MANY: usize = 10_000;
/// Contents that are still needed and leave their day for the rest, at most: while they do, sending waits.
const MOVED: usize = 1000;
/// How many bytes they may have.
const MOVED_BYTES: i64 = 8 << 20;

/// For how long a day is left alone that was looked through and is still needed: a purge has many batches. What is
/// settled meanwhile goes so much later.
const LEFT_ALONE: Duration = Duration::from_hours(1);
/// For how long, if somebody used it, as a dump does for hours: each try has sending wait.
const LEFT_IN_USE: Duration = Duration::from_mins(5);

/// Days that could not be dropped: when that was tried, and for how long they are left alone.
#[derive(Debug, Default)]
pub(super) struct LookedThrough(Mutex<BTreeMap<Day, (Timestamp, Duration)>>);

impl LookedThrough {
    fn lately(&self, day: Day, now: Timestamp) -> bool {
        let days = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A clock that was set back makes nobody wait for longer.
        days.get(&day).is_some_and(|(at, time)| *at <= now && now < at.after(*time))
    }

    fn note(&self, day: Day, now: Timestamp, time: Duration) {
        let mut days = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        days.retain(|_, (at, time)| now < at.after(*time));
        days.insert(day, (now, time));
    }
}

/// The day of a moment: where its table begins, and where it ends.
pub(super) const fn around(moment: i64) -> (i64, i64) {
    let day = Day::of(Timestamp::from_micros(moment));
    (day.begin(), day.end())
}

/// A day (UTC), counted from 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Day(i64);

impl Day {
    const fn of(moment: Timestamp) -> Self {
        Self(moment.as_micros().div_euclid(MICROS))
    }

    fn table(self) -> String {
        format!("contents_d{}", self.0)
    }

    fn of_table(name: &str) -> Option<Self> {
        name.strip_prefix("contents_d")?.parse().ok().map(Self)
    }

    const fn begin(self) -> i64 {
        self.0.saturating_mul(MICROS)
    }

    const fn end(self) -> i64 {
        Self(self.0.saturating_add(1)).begin()
    }
}

/// What was removed by the day.
#[derive(Debug, Default)]
pub(super) struct Dropped {
    /// How many contents.
    pub(super) contents: usize,
    /// Whether there is another day to drop.
    pub(super) more: bool,
}

/// The days that have tables.
async fn present(connection: &mut PgConnection) -> Run<BTreeSet<Day>> {
    let names: Vec<String> = sqlx::query_scalar(
        "SELECT c.relname::text FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
         WHERE i.inhparent = 'contents'::regclass",
    )
    .fetch_all(connection)
    .await?;
    Ok(names.iter().filter_map(|name| Day::of_table(name)).collect())
}

/// Whether this transaction is the one that changes tables of days; the others leave it to that one.
async fn is_ours(connection: &mut PgConnection) -> Run<bool> {
    let lock = "SELECT pg_try_advisory_xact_lock(hashtextextended('courierx/days/' || current_schema(), 0))";
    Ok(sqlx::query_scalar(lock).fetch_one(connection).await?)
}

/// Makes the tables of today and of the days to come. A day whose contents are in the rest by now stays there.
pub(super) async fn make(shared: &Shared) -> Run<()> {
    let mut connection = shared.pool.acquire().await?;
    if let Ok(made) = timeout(shared.patience, make_ahead(&mut connection, shared.now())).await {
        return made;
    }
    connection.discard();
    Err(late())
}

async fn make_ahead(connection: &mut Pooled, now: Timestamp) -> Run<()> {
    let today = Day::of(now).0;
    let known = present(connection).await?;
    for day in (today..=today.saturating_add(AHEAD)).map(Day).filter(|day| !known.contains(day)) {
        let mut tx = connection.begin().await?;
        sqlx::raw_sql(PATIENCE).execute(&mut *tx).await?;
        // Somebody else may have made it in between.
        if !is_ours(&mut tx).await? || present(&mut tx).await?.contains(&day) {
            return Ok(());
        }
        if is_in_rest(&mut tx, day).await? {
            continue;
        }
        match attach(&mut tx, day).await {
            Ok(()) => tx.commit().await?,
            Err(error) if is_for_later(&error) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Makes the table of a day. It is attached, because one that is made in its place locks everybody out of all days.
async fn attach(connection: &mut PgConnection, day: Day) -> sqlx::Result<()> {
    let (table, begin, end) = (day.table(), day.begin(), day.end());
    let sql = format!(
        "CREATE TABLE {table} (LIKE contents INCLUDING STORAGE);
         ALTER TABLE contents ATTACH PARTITION {table} FOR VALUES FROM ({begin}) TO ({end})"
    );
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await?;
    Ok(())
}

/// Makes the tables of the days of these moments, for whoever has the database alone: in the rest, contents that are
/// imported would be in the way of every table to come.
pub(super) async fn make_for(connection: &mut PgConnection, moments: impl Iterator<Item = i64>) -> Run<()> {
    let days: BTreeSet<Day> = moments.map(|at| Day(at.div_euclid(MICROS))).collect();
    let known = present(connection).await?;
    for day in days.into_iter().filter(|day| !known.contains(day)) {
        if !is_in_rest(connection, day).await? {
            attach(connection, day).await?;
        }
    }
    Ok(())
}

fn late() -> Fault {
    sqlx::Error::Io(std::io::ErrorKind::TimedOut.into()).into()
}

async fn is_in_rest(connection: &mut PgConnection, day: Day) -> Run<bool> {
    let sql = "SELECT EXISTS (SELECT FROM contents_rest WHERE created_at >= $1 AND created_at < $2)";
    Ok(sqlx::query_scalar(sql).bind(day.begin()).bind(day.end()).fetch_one(connection).await?)
}

/// Removes contents of whole days before a moment, the oldest first, until those were many. What is still needed
/// moves to the rest; a day whose table somebody uses is left for later.
pub(super) async fn drop_old(shared: &Shared, before: Timestamp) -> Run<Dropped> {
    let mut connection = shared.pool.acquire().await?;
    // Each of its statements ends in time. The network may not.
    if let Ok(dropped) = timeout(DROPPING, drop_before(shared, &mut connection, before)).await {
        return dropped;
    }
    connection.discard();
    Err(late())
}

async fn drop_before(shared: &Shared, connection: &mut Pooled, before: Timestamp) -> Run<Dropped> {
    let now = shared.now();
    let mut old = present(connection).await?;
    old.retain(|day| *day < Day::of(before) && !shared.looked_through.lately(*day, now));
    let mut dropped = Dropped::default();
    for day in old {
        if dropped.contents >= MANY {
            dropped.more = true;
            break;
        }
        match drop_day(connection, day).await? {
            Tried::Gone(contents) => dropped.contents += contents,
            Tried::Others => {}
            Tried::InUse => shared.looked_through.note(day, now, LEFT_IN_USE),
            Tried::Needed(contents) => {
                dropped.contents += contents;
                shared.looked_through.note(day, now, LEFT_ALONE);
            }
        }
    }
    Ok(dropped)
}

/// What came of dropping a day.
enum Tried {
    /// It is gone, and so many contents with it.
    Gone(usize),
    /// Another process drops days at the moment.
    Others,
    /// Somebody uses it at the moment.
    InUse,
    /// Much of it is needed. What is not is gone: so many contents.
    Needed(usize),
}

async fn drop_day(connection: &mut Pooled, day: Day) -> Run<Tried> {
    let table = day.table();
    let mut tx = connection.begin().await?;
    sqlx::raw_sql(PATIENCE).execute(&mut *tx).await?;
    if !is_ours(&mut tx).await? {
        return Ok(Tried::Others);
    }
    // Whoever writes to the day has ended, nobody else begins, and everybody may read.
    let lock = format!("LOCK TABLE {table} IN SHARE MODE");
    match sqlx::raw_sql(AssertSqlSafe(lock)).execute(&mut *tx).await {
        Ok(_) => {}
        Err(error) if is_for_later(&error) => return Ok(Tried::InUse),
        Err(error) => return Err(error.into()),
    }
    let looked = look_through(&mut tx, &table).await?;
    if looked.is_much() {
        tx.rollback().await?;
        return Ok(Tried::Needed(thin_out(connection, &table).await?));
    }
    match remove(&mut tx, &table, &looked.needed).await {
        Ok(()) => tx.commit().await?,
        Err(error) if is_for_later(&error) => return Ok(Tried::InUse),
        Err(error) => return Err(error.into()),
    }
    Ok(Tried::Gone(looked.rows - looked.needed.len()))
}

/// Whether another try, later, may succeed: somebody uses the table, or wrote to the rest in between.
fn is_for_later(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    code.is_some_and(|code| matches!(&*code, "55P03" | "57014" | "40P01" | "23514"))
}

/// The place of a row.
type Place = (Uuid, i64, Uuid);

/// Before every row.
const START: Place = (Uuid::nil(), i64::MIN, Uuid::nil());

/// What is in the table of a day.
struct Looked {
    rows: usize,
    /// What is needed has so many bytes.
    bytes: i64,
    /// Those that belong to messages that are not settled.
    needed: Vec<Place>,
}

impl Looked {
    /// Whether it is too much to be moved while everybody waits.
    fn is_much(&self) -> bool {
        self.needed.len() > MOVED || self.bytes > MOVED_BYTES
    }
}

async fn look_through(connection: &mut PgConnection, table: &str) -> Run<Looked> {
    let sql = format!(
        "SELECT tenant, created_at, message, needed, total, bytes FROM (
             SELECT page.*, row_number() OVER (ORDER BY tenant, created_at, message) AS place,
                    count(*) OVER () AS total,
                    EXISTS (SELECT FROM messages m WHERE m.tenant = page.tenant AND m.id = page.message
                            AND m.status IN ('scheduled', 'queued', 'sending')) AS needed
             FROM (SELECT tenant, created_at, message, octet_length(sealed)::int8 AS bytes FROM {table}
                   WHERE (tenant, created_at, message) > ($1, $2, $3)
                   ORDER BY tenant, created_at, message LIMIT $4) AS page
         ) AS seen WHERE needed OR place = total ORDER BY place"
    );
    let mut looked = Looked { rows: 0, bytes: 0, needed: Vec::new() };
    let mut after = START;
    loop {
        let rows = sqlx::query(AssertSqlSafe(sql.as_str()))
            .bind(after.0)
            .bind(after.1)
            .bind(after.2)
            .bind(STEP)
            .fetch_all(&mut *connection)
            .await?;
        let Some(last) = rows.last() else { return Ok(looked) };
        let place = |row: &PgRow| Run::Ok((row.column(0)?, row.column(1)?, row.column(2)?));
        after = place(last)?;
        let total: i64 = last.column(4)?;
        looked.rows += usize::try_from(total).unwrap_or(0);
        for row in &rows {
            if row.column(3)? {
                looked.needed.push(place(row)?);
                looked.bytes += row.column::<i64>(5)?;
            }
        }
        if total < STEP || looked.is_much() {
            return Ok(looked);
        }
    }
}

/// Drops the table of a day, and moves what is needed of it to where days without one are.
async fn remove(connection: &mut PgConnection, table: &str, needed: &[Place]) -> sqlx::Result<()> {
    let detach = format!("ALTER TABLE contents DETACH PARTITION {table}");
    sqlx::raw_sql(AssertSqlSafe(detach)).execute(&mut *connection).await?;
    if !needed.is_empty() {
        let keep = format!(
            "INSERT INTO contents (tenant, created_at, message, summary, sealed)
             SELECT c.tenant, c.created_at, c.message, c.summary, c.sealed
             FROM unnest($1::uuid[], $2::int8[], $3::uuid[]) AS needed (tenant, created_at, message)
             JOIN {table} c USING (tenant, created_at, message)"
        );
        sqlx::query(AssertSqlSafe(keep))
            .bind(needed.iter().map(|place| place.0).collect::<Vec<_>>())
            .bind(needed.iter().map(|place| place.1).collect::<Vec<_>>())
            .bind(needed.iter().map(|place| place.2).collect::<Vec<_>>())
            .execute(&mut *connection)
            .await?;
    }
    let drop = format!("DROP TABLE {table}");
    sqlx::raw_sql(AssertSqlSafe(drop)).execute(connection).await?;
    Ok(())
}

/// Removes from a day, of whose contents many are needed, those that are not.
async fn thin_out(connection: &mut PgConnection, table: &str) -> Run<usize> {
    let sql = format!(
        "WITH page AS MATERIALIZED (
             SELECT tenant, created_at, message FROM {table}
             WHERE (tenant, created_at, message) > ($1, $2, $3)
             ORDER BY tenant, created_at, message LIMIT $4
         ), gone AS (
             DELETE FROM {table} c USING page
             WHERE (c.tenant, c.created_at, c.message) = (page.tenant, page.created_at, page.message)
               AND NOT EXISTS (SELECT FROM messages m WHERE m.tenant = page.tenant AND m.id = page.message
                               AND m.status IN ('scheduled', 'queued', 'sending'))
             RETURNING 1
         )
         SELECT tenant, created_at, message, (SELECT count(*) FROM gone)
         FROM page ORDER BY tenant DESC, created_at DESC, message DESC LIMIT 1"
    );
    let (mut removed, mut after) = (0, START);
    loop {
        let row = sqlx::query(AssertSqlSafe(sql.as_str()))
            .bind(after.0)
            .bind(after.1)
            .bind(after.2)
            .bind(STEP)
            .fetch_optional(&mut *connection)
            .await?;
        let Some(row) = row else { return Ok(removed) };
        after = (row.column(0)?, row.column(1)?, row.column(2)?);
        removed += usize::try_from(row.column::<i64>(3)?).unwrap_or(0);
    }
}
