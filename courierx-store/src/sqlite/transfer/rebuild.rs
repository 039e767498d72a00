//! What follows from other rows.

use super::super::error::Run;
use super::super::transaction::Tx;

/// Makes anew, of rows that were imported, whatever this store derives from them: the keys and references of
/// configuration, and which tenants have jobs. A table that is derived has its statements here.
pub(super) fn rebuild_derived(tx: &Tx<'_>) -> Run<()> {
    Ok(tx.connection().execute_batch(
        "DELETE FROM courierx_config_keys;
         INSERT INTO courierx_config_keys (tenant, kind, name, value, id)
         SELECT c.tenant, c.kind, k.value ->> 'name', k.value ->> 'value', c.id
         FROM courierx_configs c, json_each(c.unique_keys) k;

         DELETE FROM courierx_directory;
         INSERT INTO courierx_directory (tenant, kind, name, value, id)
         SELECT c.tenant, c.kind, k.value ->> 'name', k.value ->> 'value', c.id
         FROM courierx_configs c, json_each(c.global_keys) k;

         -- Of two references to the same record the stricter counts.
         DELETE FROM courierx_references;
         INSERT INTO courierx_references (tenant, to_kind, to_id, from_kind, from_id, cascades)
         SELECT c.tenant, r.value ->> 'kind', unhex(r.value ->> 'id', '-'), c.kind, c.id,
                min(r.value ->> 'on_delete' = 'cascade')
         FROM courierx_configs c, json_each(c.refers_to) r GROUP BY 1, 2, 3, 4, 5;

         DELETE FROM courierx_ready;
         INSERT INTO courierx_ready (kind, lane, tenant, next_at)
         SELECT kind, lane, tenant, min(free_at) FROM courierx_jobs GROUP BY kind, lane, tenant;",
    )?)
}
