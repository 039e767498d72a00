//! Asking whether addresses are suppressed: for each of its recipients every message asks twice.

use courierx_core::id::TenantId;
use courierx_core::message::AddressKey;
use courierx_core::store::StoreResult;
use courierx_core::suppression::{Pattern, Scope, Suppression};
use sqlx::PgConnection;
use uuid::Uuid;

use super::super::Shared;
use super::super::batcher::Grouped;
use super::super::codec::Columns;
use super::super::error::Run;
use super::super::transaction::on_connection;
use super::{read_suppression, suppression_columns};

/// An address that somebody asks for.
pub(in super::super) struct Asked {
    pub(super) tenant: TenantId,
    pub(super) scope: Scope,
    pub(super) address: AddressKey,
}

/// Concurrent calls of [`Suppressions::check`](courierx_core::store::Suppressions::check).
pub(in super::super) struct Check;

impl Grouped for Check {
    type Item = Asked;
    type Answer = Option<Suppression>;
    const MOST: usize = 1000;

    async fn run(shared: &Shared, items: &[Asked]) -> StoreResult<Vec<Option<Suppression>>> {
        on_connection!(shared, |connection| check_all(shared, connection, items))
    }
}

/// The entries that keep mail of their scope from these addresses: of several the one with the strongest reason.
async fn check_all(
    shared: &Shared,
    connection: &mut PgConnection,
    asked: &[Asked],
) -> Run<Vec<Option<Suppression>>> {
    let own: Vec<Pattern> = asked.iter().map(|one| Pattern::address(&one.address)).collect();
    let domains: Vec<Pattern> = asked.iter().map(|one| Pattern::domain_of(&one.address)).collect();
    let rows = sqlx::query(concat!(
        "SELECT ",
        suppression_columns!(),
        // Selected, so that the planner does not see how few they are: a plan for two addresses always looks better than
        // the general one, and to make it each time takes twice as long as to run it.
        ", asked.place
         FROM unnest((SELECT $1::uuid[]), (SELECT $2::text[]), (SELECT $3::text[]), (SELECT $4::text[]))
              WITH ORDINALITY AS asked (tenant, own, domain, scope, place),
         LATERAL (VALUES (own, ''), (own, scope), (domain, ''), (domain, scope)) AS one (pattern, scope),
         -- The limit has each sought, whatever is known of the table.
         LATERAL (SELECT * FROM suppressions
                  WHERE tenant = asked.tenant AND pattern = one.pattern AND scope = one.scope LIMIT 1) AS s"
    ))
    .bind(asked.iter().map(|one| Uuid::from(one.tenant)).collect::<Vec<_>>())
    .bind(own.iter().map(Pattern::as_str).collect::<Vec<_>>())
    .bind(domains.iter().map(Pattern::as_str).collect::<Vec<_>>())
    .bind(asked.iter().map(|one| one.scope.as_str()).collect::<Vec<_>>())
    .fetch_all(connection)
    .await?;
    let now = shared.now();
    let mut answers: Vec<Option<Suppression>> = vec![None; asked.len()];
    for row in &rows {
        let entry = read_suppression(row)?;
        let place: usize = row.count(10)?;
        let place = place.wrapping_sub(1);
        let (Some(answer), Some(own)) = (answers.get_mut(place), own.get(place)) else { continue };
        // Of equal reasons the one that names the address tells more.
        let strength = |entry: &Suppression| (entry.reason, entry.pattern == *own);
        let is_stronger = answer.as_ref().is_none_or(|other| strength(&entry) > strength(other));
        if entry.holds_at(now) && is_stronger {
            *answer = Some(entry);
        }
    }
    Ok(answers)
}
