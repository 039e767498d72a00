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
    let before = match row {
        // Whatever there was.
        SoftRow::Over { .. } => None,
        SoftRow::Longer { .. } => tx
            .sql("SELECT number, last_at FROM courierx_soft_bounces WHERE tenant = ?1 AND address = ?2")?
            .query_row(params![tenant.as_bytes(), address], |row| {
                Ok(SoftBounces { number: row.get(0)?, last_at: Timestamp::from_micros(row.get(1)?) })
            })
            .optional()?,
    };
    let (after, entry) = row.after(before, tx.now());
    match after {
        Some(SoftBounces { number, last_at }) => tx.execute(
            "INSERT OR REPLACE INTO courierx_soft_bounces (tenant, address, number, last_at)
             VALUES (?1, ?2, ?3, ?4)",
            params![tenant.as_bytes(), address, number, last_at.as_micros()],
        )?,
        None => tx.execute(
            "DELETE FROM courierx_soft_bounces WHERE tenant = ?1 AND address = ?2",
            params![tenant.as_bytes(), address],
        )?,
    };
    Ok(entry.cloned())
}
