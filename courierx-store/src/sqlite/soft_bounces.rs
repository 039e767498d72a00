//! Soft bounces in a row.

use courierx_core::clock::Timestamp;
use courierx_core::id::TenantId;
use courierx_core::store::{SoftBounces, SoftRow};
use courierx_core::suppression::NewSuppression;
use rusqlite::{OptionalExtension, params};

use super::error::Run;
use super::transaction::Tx;

/// Counts an event; answers whom to hold mail back from.
pub(super) fn count(tx: &Tx<'_>, tenant: TenantId, row: &SoftRow) -> Run<Option<NewSuppression>> {
    let address = row.address().as_str();
    // As most who are told of: nothing bounced.
    let before = if tx.filter().may_have_soft_bounces(tenant, row.address()) {
        find(tx, tenant, address)?
    } else {
        None
    };
    let (after, entry) = row.after(before, tx.now());
    match after {
        Some(SoftBounces { number, last_at }) => {
            tx.filter().add_soft_bounce(tenant, address);
            tx.execute(
                "INSERT OR REPLACE INTO courierx_soft_bounces (tenant, address, number, last_at)
                 VALUES (?1, ?2, ?3, ?4)",
                params![tenant.as_bytes(), address, number, last_at.as_micros()],
            )?
        }
        None if before.is_none() => 0,
        None => tx.execute(
            "DELETE FROM courierx_soft_bounces WHERE tenant = ?1 AND address = ?2",
            params![tenant.as_bytes(), address],
        )?,
    };
    Ok(entry.cloned())
}

fn find(tx: &Tx<'_>, tenant: TenantId, address: &str) -> Run<Option<SoftBounces>> {
    let sql = "SELECT number, last_at FROM courierx_soft_bounces WHERE tenant = ?1 AND address = ?2";
    tx.with(sql, |select| {
        let found = select.query_row(params![tenant.as_bytes(), address], |row| {
            Ok(SoftBounces { number: row.get(0)?, last_at: Timestamp::from_micros(row.get(1)?) })
        });
        Ok(found.optional()?)
    })
}
