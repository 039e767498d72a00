//! Lists of entries, ordered by pattern, and how long they are.

use courierx_core::clock::Timestamp;
use courierx_core::id::TenantId;
use courierx_core::store::{Cursor, Page, PageRequest, SuppressionFilter};
use courierx_core::suppression::{Reason, Scope, Suppression};
use rusqlite::types::Value;
use rusqlite::{Connection, params};

use super::super::codec;
use super::super::error::{Fault, Run};
use super::{read_suppression, suppression_columns};

/// The tenant's entries that match, from a place on.
macro_rules! matching {
    ($columns:expr) => {
        concat!(
            "SELECT ",
            $columns,
            " FROM courierx_suppressions
             WHERE tenant = ?1 AND (pattern, scope) >= (?2, ?3) AND pattern < ?4
               AND (expires_at IS NULL OR expires_at > ?5) AND (?6 IS NULL OR reason = ?6)
               AND (?7 IS NULL OR scope = ?7) AND (?10 IS NULL OR instr(pattern, ?10) > 0)
               AND created_at >= ?11 AND created_at < ?12
             ORDER BY pattern, scope LIMIT ?8 OFFSET ?9"
        )
    };
}

/// One page of the tenant's entries.
pub(super) fn list(
    connection: &Connection,
    tenant: TenantId,
    filter: &SuppressionFilter,
    page: &PageRequest,
    now: Timestamp,
) -> Run<Page<Suppression>> {
    let prefix = filter.prefix.as_deref().unwrap_or_default();
    let (pattern, scope) = match &page.after {
        None => (prefix, String::new()),
        // No pattern has a line break in it, and nothing comes between a scope and itself with a zero.
        Some(cursor) => cursor
            .as_str()
            .split_once('\n')
            .map(|(pattern, scope)| (pattern, format!("{scope}\0")))
            .ok_or_else(|| Fault::invalid("the cursor is not one of a list of suppressions"))?,
    };
    let limit = page.effective_limit();
    let mut items: Vec<Suppression> = connection
        .prepare_cached(matching!(suppression_columns!()))?
        .query_and_then(
            params![
                tenant.as_bytes(),
                pattern,
                scope,
                end_of_prefix(prefix),
                now.as_micros(),
                filter.reason.map(Reason::as_str),
                filter.scope.as_ref().map(Scope::as_str),
                // One more than asked for tells whether there is a next page.
                codec::limit(limit + 1),
                codec::limit(page.skip),
                filter.part,
                filter.from.map_or(i64::MIN, Timestamp::as_micros),
                filter.to.map_or(i64::MAX, Timestamp::as_micros),
            ],
            read_suppression,
        )?
        .collect::<Run<_>>()?;
    let more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| more).map(cursor_after);
    Ok(Page { items, next })
}

/// How many of the tenant's entries match, no further than `at_most`.
pub(super) fn count(
    connection: &Connection,
    tenant: TenantId,
    filter: &SuppressionFilter,
    at_most: u64,
    now: Timestamp,
) -> Run<u64> {
    let prefix = filter.prefix.as_deref().unwrap_or_default();
    let sql = concat!("SELECT count(*) FROM (", matching!("1"), ")");
    let params = params![
        tenant.as_bytes(),
        prefix,
        "",
        end_of_prefix(prefix),
        now.as_micros(),
        filter.reason.map(Reason::as_str),
        filter.scope.as_ref().map(Scope::as_str),
        codec::amount(at_most),
        0,
        filter.part,
        filter.from.map_or(i64::MIN, Timestamp::as_micros),
        filter.to.map_or(i64::MAX, Timestamp::as_micros),
    ];
    Ok(connection.prepare_cached(sql)?.query_row(params, |row| row.get(0))?)
}

/// The first text after all that start with `prefix`. SQLite sorts every text before a blob, so that an
/// empty blob is after all texts.
fn end_of_prefix(prefix: &str) -> Value {
    let mut start = prefix.to_owned();
    while let Some(last) = start.pop() {
        if let Some(next) = (last..=char::MAX).nth(1) {
            start.push(next);
            return Value::Text(start);
        }
    }
    Value::Blob(Vec::new())
}

fn cursor_after(entry: &Suppression) -> Cursor {
    Cursor::new(format!("{}\n{}", entry.pattern.as_str(), entry.scope.as_str()))
}
