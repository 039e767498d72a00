//! Reading idempotency keys.

use std::collections::HashMap;

use courierx_core::clock::Timestamp;
use courierx_core::id::{MessageId, TenantId};
use courierx_core::store::{KeyUse, ScopedKey};
use sqlx::PgConnection;
use uuid::Uuid;

use super::super::codec::Columns;
use super::super::conclude::make_durable;
use super::super::error::{Fault, Run};

/// What each of these keys was used for, in their order; none for one that is free, or whose time is over.
pub(super) async fn find(
    connection: &mut PgConnection,
    keys: &[(TenantId, ScopedKey)],
    now: Timestamp,
) -> Run<Vec<Option<KeyUse>>> {
    let rows = sqlx::query(
        "SELECT k.tenant, k.key, k.message, k.digest FROM unnest($1::uuid[], $2::text[]) AS wanted (tenant, key)
         JOIN idempotency k ON k.tenant = wanted.tenant AND k.key = wanted.key WHERE k.expires_at > $3",
    )
    .bind(keys.iter().map(|(tenant, _)| Uuid::from(*tenant)).collect::<Vec<_>>())
    .bind(keys.iter().map(|(_, key)| key.as_str()).collect::<Vec<_>>())
    .bind(now.as_micros())
    .fetch_all(&mut *connection)
    .await?;
    if !rows.is_empty() {
        // Whoever is told of a message counts on it: not before it is on the disk.
        make_durable(connection).await?;
    }
    let mut used: HashMap<(TenantId, String), KeyUse> = HashMap::with_capacity(rows.len());
    for row in &rows {
        let (message, digest): (MessageId, Vec<u8>) = (row.id(2)?, row.column(3)?);
        let digest = <[u8; 32]>::try_from(digest.as_slice())
            .map_err(|error| Fault::corrupt("the digest of an idempotency key", error))?;
        used.insert((row.id(0)?, row.column(1)?), KeyUse { message, digest });
    }
    Ok(keys.iter().map(|(tenant, key)| used.get(&(*tenant, key.as_str().to_owned())).copied()).collect())
}
