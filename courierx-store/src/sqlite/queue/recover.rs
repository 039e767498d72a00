//! After a crash: whoever held a lease is gone.

use courierx_core::clock::Timestamp;
use rusqlite::Connection;

/// Ends every lease. The file lock is ours, so no process that held one is left, and its messages need not
/// wait for the time of their leases. Their tokens stay spent.
pub(in crate::sqlite) fn end_leases(connection: &mut Connection, now: Timestamp) -> rusqlite::Result<usize> {
    let tx = connection.transaction()?;
    let now = now.as_micros();
    tx.execute(
        "UPDATE courierx_ready SET next_at = min(next_at, ?1)
         WHERE (kind, lane, tenant) IN (SELECT kind, lane, tenant FROM courierx_jobs WHERE leased = 1)",
        [now],
    )?;
    let ended = tx
        .execute("UPDATE courierx_jobs SET leased = 0, free_at = min(free_at, ?1) WHERE leased = 1", [now])?;
    tx.commit()?;
    Ok(ended)
}
