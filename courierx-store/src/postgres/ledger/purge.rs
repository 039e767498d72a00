//! Removing what is old.

use std::collections::BTreeMap;
use std::time::Duration;

use courierx_core::clock::Timestamp;
use courierx_core::id::TenantId;
use courierx_core::store::{PurgeRequest, Purged, SoftBounces};
use uuid::Uuid;

use super::super::codec;
use super::super::days;
use super::super::error::Run;
use super::super::transaction::Tx;

/// No window is longer than a month: what was taken of a quota before that is never given back, and counts nowhere.
const GRANTS_KEPT: Duration = Duration::from_hours(62 * 24);
/// A tenant that was not served for so long has no place in the line to lose.
const TURNS_KEPT: Duration = Duration::from_hours(24);

/// Where a message is: its tenant, when it was accepted, and its identifier.
pub(in super::super) type Place = (Uuid, i64, Uuid);

/// Removes messages first, then contents that did not go with their day, at most so many in all; and what expired,
/// on the way. Several processes may purge: each leaves out what another is removing.
pub(super) async fn purge(tx: &mut Tx<'_>, request: &PurgeRequest) -> Run<Purged> {
    let limit = request.limit.max(1);
    let messages = purge_messages(tx, request.messages_before.as_micros(), limit).await?;
    let mut contents = purge_contents_of(tx, &request.content_of, limit - messages).await?;
    contents += purge_rest(tx, request.content_before.as_micros(), limit - messages - contents).await?;
    let expired = purge_expired(tx, request, limit).await?;
    let more = messages + contents == limit || expired == limit;
    Ok(Purged { contents, messages, more })
}

async fn purge_messages(tx: &mut Tx<'_>, before: i64, limit: usize) -> Run<usize> {
    let old: Vec<Place> = sqlx::query_as(
        "SELECT tenant, created_at, id FROM messages
         WHERE created_at < $1 AND status NOT IN ('scheduled', 'queued', 'sending')
         ORDER BY created_at LIMIT $2 FOR UPDATE SKIP LOCKED",
    )
    .bind(before)
    .bind(codec::limit(limit))
    .fetch_all(&mut *tx.connection)
    .await?;
    Ok(usize::try_from(remove(tx, &old).await?).unwrap_or(limit))
}

/// Removes messages that this transaction has locked, with all that belongs to them.
///
/// A statement of its own: it sees what was committed before the messages were locked, and whoever adds to a message
/// holds it. The one that locks them would not see what those added whom it waited for, and nobody would find it again.
pub(in super::super) async fn remove(tx: &mut Tx<'_>, messages: &[Place]) -> Run<u64> {
    if messages.is_empty() {
        return Ok(0);
    }
    remove_contents(tx, messages).await?;
    // `IS NOT DISTINCT FROM` means the same as `=` here, and no index is sought by it: of a young table an index that
    // begins with the tenant looks as good as one of messages, and is read from its beginning for each of them.
    let removed = sqlx::query(
        "WITH old AS MATERIALIZED (
             SELECT * FROM unnest($1::uuid[], $2::uuid[]) AS old (tenant, id)
         ), attempts AS (
             DELETE FROM attempts a USING old WHERE a.tenant = old.tenant AND a.message = old.id
         ), provider_ids AS (
             DELETE FROM provider_ids p USING old
             WHERE p.message = old.id AND p.tenant IS NOT DISTINCT FROM old.tenant
         ), events AS (
             DELETE FROM events e USING old WHERE e.message = old.id AND e.tenant IS NOT DISTINCT FROM old.tenant
         )
         DELETE FROM messages m USING old WHERE m.tenant = old.tenant AND m.id = old.id",
    )
    .bind(tenants_of(messages))
    .bind(ids_of(messages))
    .execute(&mut *tx.connection)
    .await?;
    Ok(removed.rows_affected())
}

fn tenants_of(places: &[Place]) -> Vec<Uuid> {
    places.iter().map(|(tenant, ..)| *tenant).collect()
}

fn ids_of(places: &[Place]) -> Vec<Uuid> {
    places.iter().map(|(.., id)| *id).collect()
}

/// Removes the contents of messages, day by day: each statement names the day that it is about, so that it waits for
/// nobody who holds another one, as whoever drops that. And not for long, as it holds messages.
async fn remove_contents(tx: &mut Tx<'_>, of: &[Place]) -> Run<()> {
    sqlx::raw_sql(days::PATIENCE).execute(&mut *tx.connection).await?;
    let mut by_day: BTreeMap<(i64, i64), Vec<Place>> = BTreeMap::new();
    for place in of {
        by_day.entry(days::around(place.1)).or_default().push(*place);
    }
    for ((begin, end), places) in by_day {
        // Not kept: a plan that does for any day locks all of them.
        sqlx::query(
            "DELETE FROM contents c USING unnest($1::uuid[], $2::int8[], $3::uuid[]) AS old (tenant, created_at, id)
             WHERE c.tenant = old.tenant AND c.created_at = old.created_at AND c.message = old.id
               AND c.created_at >= $4 AND c.created_at < $5",
        )
        .persistent(false)
        .bind(tenants_of(&places))
        .bind(places.iter().map(|(_, created_at, _)| *created_at).collect::<Vec<_>>())
        .bind(ids_of(&places))
        .bind(begin)
        .bind(end)
        .execute(&mut *tx.connection)
        .await?;
    }
    Ok(())
}

/// Removes the contents of settled messages of these tenants, each up to its moment.
async fn purge_contents_of(tx: &mut Tx<'_>, tenants: &[(TenantId, Timestamp)], limit: usize) -> Run<usize> {
    if tenants.is_empty() || limit == 0 {
        return Ok(0);
    }
    let old: Vec<Place> = sqlx::query_as(
        "SELECT m.tenant, m.created_at, m.id
         FROM unnest($1::uuid[], $2::int8[]) AS wanted (tenant, before)
         JOIN messages m ON m.tenant = wanted.tenant AND m.created_at < wanted.before
         WHERE m.has_content AND m.status NOT IN ('scheduled', 'queued', 'sending')
         LIMIT $3 FOR UPDATE OF m SKIP LOCKED",
    )
    .bind(tenants.iter().map(|(tenant, _)| Uuid::from(*tenant)).collect::<Vec<_>>())
    .bind(tenants.iter().map(|(_, before)| before.as_micros()).collect::<Vec<_>>())
    .bind(codec::limit(limit))
    .fetch_all(&mut *tx.connection)
    .await?;
    if old.is_empty() {
        return Ok(0);
    }
    remove_contents(tx, &old).await?;
    let gone = sqlx::query(
        "UPDATE messages m SET has_content = false
         FROM unnest($1::uuid[], $2::uuid[]) AS old (tenant, id) WHERE m.tenant = old.tenant AND m.id = old.id",
    )
    .bind(tenants_of(&old))
    .bind(ids_of(&old))
    .execute(&mut *tx.connection)
    .await?;
    Ok(usize::try_from(gone.rows_affected()).unwrap_or(limit))
}

/// Removes old contents that are in no table of a day.
async fn purge_rest(tx: &mut Tx<'_>, before: i64, limit: usize) -> Run<usize> {
    let removed = sqlx::query(
        "DELETE FROM contents_rest c USING (
             SELECT tenant, created_at, message FROM contents_rest rest
             WHERE created_at < $1
               AND NOT EXISTS (SELECT FROM messages m WHERE m.tenant = rest.tenant AND m.id = rest.message
                               AND m.status IN ('scheduled', 'queued', 'sending'))
             ORDER BY created_at LIMIT $2 FOR UPDATE SKIP LOCKED
         ) AS old
         WHERE c.tenant = old.tenant AND c.created_at = old.created_at AND c.message = old.message",
    )
    .bind(before)
    .bind(codec::limit(limit))
    .execute(&mut *tx.connection)
    .await?;
    Ok(usize::try_from(removed.rows_affected()).unwrap_or(limit))
}

/// Removes events about no message that are old, and keys, facts, grants, what was used of quotas, rows of soft bounces
/// and places in the line that no longer mean anything; returns how many of the most numerous kind.
async fn purge_expired(tx: &mut Tx<'_>, request: &PurgeRequest, limit: usize) -> Run<usize> {
    let ago = |kept: Duration| tx.now.as_micros() - i64::try_from(kept.as_micros()).unwrap_or(i64::MAX);
    let (now, grants_before, turns_before) = (tx.now.as_micros(), ago(GRANTS_KEPT), ago(TURNS_KEPT));
    let mut most = 0;
    for (sql, before) in [
        (
            "DELETE FROM events WHERE position IN
                 (SELECT position FROM events WHERE message IS NULL AND at < $1 LIMIT $2 FOR UPDATE SKIP LOCKED)",
            request.messages_before.as_micros(),
        ),
        (
            "DELETE FROM idempotency WHERE (tenant, key) IN
                 (SELECT tenant, key FROM idempotency WHERE expires_at <= $1 LIMIT $2 FOR UPDATE SKIP LOCKED)",
            now,
        ),
        (
            "DELETE FROM state WHERE (tenant, name) IN
                 (SELECT tenant, name FROM state WHERE expires_at <= $1 LIMIT $2 FOR UPDATE SKIP LOCKED)",
            now,
        ),
        (
            // There are gaps where grants were given back, and the first ones are the oldest.
            "DELETE FROM grants WHERE id IN
                 (SELECT id FROM grants WHERE bucket < $1 AND id IN (SELECT id FROM grants ORDER BY id LIMIT $2)
                  FOR UPDATE SKIP LOCKED)",
            grants_before,
        ),
        (
            "DELETE FROM quotas WHERE (tenant, name, period, bucket) IN
                 (SELECT tenant, name, period, bucket FROM quotas WHERE bucket < $1 LIMIT $2
                  FOR UPDATE SKIP LOCKED)",
            grants_before,
        ),
        (
            "DELETE FROM soft_bounces WHERE (tenant, address) IN
                 (SELECT tenant, address FROM soft_bounces WHERE last_at <= $1 LIMIT $2 FOR UPDATE SKIP LOCKED)",
            ago(SoftBounces::REMEMBERED),
        ),
        (
            "DELETE FROM turns WHERE (kind, tenant) IN
                 (SELECT kind, tenant FROM turns WHERE served_at < $1 LIMIT $2 FOR UPDATE SKIP LOCKED)",
            turns_before,
        ),
    ] {
        let done = sqlx::query(sql).bind(before).bind(codec::limit(limit)).execute(&mut *tx.connection).await?;
        most = most.max(usize::try_from(done.rows_affected()).unwrap_or(limit));
    }
    Ok(most)
}
