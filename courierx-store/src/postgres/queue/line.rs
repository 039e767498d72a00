//! The line in which tenants with jobs stand (`ready`), and what arrives in it.
//!
//! Whoever adds jobs leaves a row in `arrivals`, in the same transaction, and touches nothing that others need; claims
//! take the rows in. A claim that has served a tenant writes down when to look again: it counts what it saw, and an
//! arrival that was taken in since then may be of a job that it did not see. That is what `changes` tells, which is
//! compared under the row's lock (`take.sql`): then the tenant is looked at again right away. So no job is forgotten.
//!
//! Several rows are always locked in the order of their keys, and nothing else is waited for while they are.

use courierx_core::id::TenantId;
use courierx_core::store::ClaimRequest;
use sqlx::PgConnection;
use uuid::Uuid;

use super::super::codec;
use super::super::error::Run;
use super::names;

/// How many arrivals are taken in at once.
const TAKEN_IN: i64 = 5000;

/// Takes in what has arrived.
pub(super) async fn take_in(connection: &mut PgConnection, told: Option<i64>) -> Run<()> {
    sqlx::query(include_str!("take_in.sql")).bind(told).bind(TAKEN_IN).execute(connection).await?;
    Ok(())
}

/// The first tenants in the line; never more than could be served.
pub(super) async fn first(
    connection: &mut PgConnection,
    request: &ClaimRequest,
    most: usize,
    told: Option<i64>,
) -> Run<Vec<TenantId>> {
    let tenants: Vec<Uuid> = sqlx::query_scalar(include_str!("first.sql"))
        .bind(names(&request.kinds))
        .bind(codec::limit(most))
        .bind(told)
        .fetch_all(connection)
        .await?;
    Ok(tenants.into_iter().map(TenantId::from).collect())
}
