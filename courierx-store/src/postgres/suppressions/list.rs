//! Lists of entries, ordered by pattern, and how long they are.

use courierx_core::clock::Timestamp;
use courierx_core::id::TenantId;
use courierx_core::store::{Cursor, Page, PageRequest, SuppressionFilter};
use courierx_core::suppression::{Reason, Scope, Suppression};
use sqlx::PgConnection;
use uuid::Uuid;

use super::super::codec;
use super::super::error::{Fault, Run};
use super::{read_suppression, suppression_columns};

/// The tenant's entries that match, after a place.
macro_rules! matching {
    ($columns:expr) => {
        concat!(
            "SELECT ",
            $columns,
            " FROM suppressions s
             WHERE s.tenant = $1 AND (s.pattern, s.scope) > ($2, $3) AND s.pattern >= $4 AND starts_with(s.pattern, $4)
               AND ($5::text IS NULL OR s.pattern < $5)
               AND (s.expires_at IS NULL OR s.expires_at > $6) AND ($7::text IS NULL OR s.reason = $7)
               AND ($8::text IS NULL OR s.scope = $8) AND ($11::text IS NULL OR strpos(s.pattern, $11) > 0)
               AND s.created_at >= $12 AND s.created_at < $13
             ORDER BY s.pattern, s.scope LIMIT $9 OFFSET $10"
        )
    };
}

/// One page of the tenant's entries.
pub(super) async fn list(
    connection: &mut PgConnection,
    tenant: TenantId,
    filter: &SuppressionFilter,
    page: &PageRequest,
    now: Timestamp,
) -> Run<Page<Suppression>> {
    let (pattern, scope) = match &page.after {
        // No pattern is empty.
        None => ("", ""),
        // No pattern has a line break in it.
        Some(cursor) => cursor
            .as_str()
            .split_once('\n')
            .ok_or_else(|| Fault::invalid("the cursor is not one of a list of suppressions"))?,
    };
    let limit = page.effective_limit();
    let prefix = filter.prefix.as_deref().unwrap_or_default();
    let rows = sqlx::query(matching!(suppression_columns!()))
        .bind(Uuid::from(tenant))
        .bind(pattern)
        .bind(scope)
        .bind(prefix)
        .bind(codec::end_of_prefix(prefix))
        .bind(now.as_micros())
        .bind(filter.reason.map(Reason::as_str))
        .bind(filter.scope.as_ref().map(Scope::as_str))
        // One more than asked for tells whether there is a next page.
        .bind(codec::limit(limit + 1))
        .bind(codec::limit(page.skip))
        .bind(filter.part.as_deref())
        .bind(filter.from.map_or(i64::MIN, Timestamp::as_micros))
        .bind(filter.to.map_or(i64::MAX, Timestamp::as_micros))
        .fetch_all(connection)
        .await?;
    let mut items: Vec<Suppression> = rows.iter().map(read_suppression).collect::<Run<_>>()?;
    let more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| more).map(cursor_after);
    Ok(Page { items, next })
}

/// How many of the tenant's entries match, no further than `at_most`.
pub(super) async fn count(
    connection: &mut PgConnection,
    tenant: TenantId,
    filter: &SuppressionFilter,
    at_most: u64,
    now: Timestamp,
) -> Run<u64> {
    let prefix = filter.prefix.as_deref().unwrap_or_default();
    let count: i64 = sqlx::query_scalar(concat!("SELECT count(*) FROM (", matching!("1"), ") AS counted"))
        .bind(Uuid::from(tenant))
        .bind("")
        .bind("")
        .bind(prefix)
        .bind(codec::end_of_prefix(prefix))
        .bind(now.as_micros())
        .bind(filter.reason.map(Reason::as_str))
        .bind(filter.scope.as_ref().map(Scope::as_str))
        .bind(codec::amount(at_most))
        .bind(0_i64)
        .bind(filter.part.as_deref())
        .bind(filter.from.map_or(i64::MIN, Timestamp::as_micros))
        .bind(filter.to.map_or(i64::MAX, Timestamp::as_micros))
        .fetch_one(connection)
        .await?;
    Ok(u64::try_from(count).unwrap_or(0))
}

fn cursor_after(entry: &Suppression) -> Cursor {
    Cursor::new(format!("{}\n{}", entry.pattern.as_str(), entry.scope.as_str()))
}
