//! What follows from other rows.

use sqlx::PgConnection;

use super::super::error::Run;

/// Makes anew, of rows that were imported, whatever this store derives from them: the keys and references of
/// configuration, and which tenants have jobs. A table that is derived has its statements here.
pub(super) async fn rebuild_derived(connection: &mut PgConnection) -> Run<()> {
    // Here whole tables are read, for once.
    sqlx::raw_sql(
        "SET LOCAL statement_timeout = 0; SET LOCAL enable_seqscan = on; SET LOCAL enable_hashjoin = on;

         DELETE FROM config_keys;
         INSERT INTO config_keys (tenant, kind, name, value, id)
         SELECT c.tenant, c.kind, k ->> 'name', k ->> 'value', c.id
         FROM configs c, json_array_elements(c.unique_keys::json) AS k;

         DELETE FROM directory;
         INSERT INTO directory (tenant, kind, name, value, id)
         SELECT c.tenant, c.kind, k ->> 'name', k ->> 'value', c.id
         FROM configs c, json_array_elements(c.global_keys::json) AS k;

         -- Of two references to the same record the stricter counts.
         DELETE FROM config_references;
         INSERT INTO config_references (tenant, to_kind, to_id, from_kind, from_id, cascades)
         SELECT c.tenant, r ->> 'kind', (r ->> 'id')::uuid, c.kind, c.id, bool_and(r ->> 'on_delete' = 'cascade')
         FROM configs c, json_array_elements(c.refers_to::json) AS r GROUP BY 1, 2, 3, 4, 5;

         DELETE FROM arrivals;
         DELETE FROM ready;
         INSERT INTO ready (kind, tenant, next_at) SELECT kind, tenant, min(free_at) FROM jobs GROUP BY kind, tenant;",
    )
    .execute(connection)
    .await?;
    Ok(())
}
