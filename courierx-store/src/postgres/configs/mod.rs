//! Configuration records.

mod commit;

use async_trait::async_trait;
use courierx_core::event::Sequence;
use courierx_core::id::{RecordId, TenantId};
use courierx_core::store::{
    Change, CommitError, ConfigChange, ConfigRecord, Configs, Cursor, KeyValue, Page, PageRequest,
    StoreResult,
};
use sqlx::PgConnection;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::PostgresStore;
use super::codec::{self, Columns};
use super::error::{Fault, Run};
use super::transaction::on_connection;

/// The columns that [`read_record`] reads, qualified.
macro_rules! config_columns {
    () => {
        "c.tenant, c.kind, c.id, c.version, c.schema, c.parent, c.unique_keys, c.global_keys, c.refers_to,
         c.updated_at, c.body"
    };
}

#[async_trait]
impl Configs for PostgresStore {
    async fn get_config(
        &self,
        tenant: TenantId,
        kind: &str,
        id: RecordId,
    ) -> StoreResult<Option<ConfigRecord>> {
        on_connection!(self.shared(), |connection| get(connection, tenant, kind, id))
    }

    async fn find_config(
        &self,
        tenant: TenantId,
        kind: &str,
        key: &KeyValue,
    ) -> StoreResult<Option<ConfigRecord>> {
        on_connection!(self.shared(), |connection| find(connection, tenant, kind, key))
    }

    async fn find_global(&self, kind: &str, key: &KeyValue) -> StoreResult<Option<ConfigRecord>> {
        on_connection!(self.shared(), |connection| find_global(connection, kind, key))
    }

    async fn list_global(
        &self,
        kind: &str,
        key_name: &str,
        page: &PageRequest,
    ) -> StoreResult<Page<ConfigRecord>> {
        on_connection!(self.shared(), |connection| list_global(connection, kind, key_name, page))
    }

    async fn list_configs(
        &self,
        tenant: TenantId,
        kind: &str,
        parent: Option<RecordId>,
        page: &PageRequest,
    ) -> StoreResult<Page<ConfigRecord>> {
        on_connection!(self.shared(), |connection| list(connection, tenant, kind, parent, page))
    }

    async fn commit_configs(
        &self,
        tenant: TenantId,
        changes: Vec<Change>,
    ) -> StoreResult<Result<(), CommitError>> {
        commit::commit(self.shared(), tenant, &changes).await
    }

    async fn config_changes(&self, after: Sequence, limit: usize) -> StoreResult<Vec<ConfigChange>> {
        on_connection!(self.shared(), |connection| changes(connection, after, limit))
    }

    async fn last_config_change(&self) -> StoreResult<Sequence> {
        on_connection!(self.shared(), |connection| last_change(connection))
    }
}

async fn get(
    connection: &mut PgConnection,
    tenant: TenantId,
    kind: &str,
    id: RecordId,
) -> Run<Option<ConfigRecord>> {
    let row = sqlx::query(concat!(
        "SELECT ",
        config_columns!(),
        " FROM configs c WHERE c.tenant = $1 AND c.kind = $2 AND c.id = $3"
    ))
    .bind(Uuid::from(tenant))
    .bind(kind)
    .bind(Uuid::from(id))
    .fetch_optional(connection)
    .await?;
    row.as_ref().map(read_record).transpose()
}

async fn find(
    connection: &mut PgConnection,
    tenant: TenantId,
    kind: &str,
    key: &KeyValue,
) -> Run<Option<ConfigRecord>> {
    let row = sqlx::query(concat!(
        "SELECT ",
        config_columns!(),
        " FROM config_keys k JOIN configs c USING (tenant, kind, id)
          WHERE k.tenant = $1 AND k.kind = $2 AND k.name = $3 AND k.value = $4"
    ))
    .bind(Uuid::from(tenant))
    .bind(kind)
    .bind(&key.name)
    .bind(&key.value)
    .fetch_optional(connection)
    .await?;
    row.as_ref().map(read_record).transpose()
}

async fn find_global(connection: &mut PgConnection, kind: &str, key: &KeyValue) -> Run<Option<ConfigRecord>> {
    let row = sqlx::query(concat!(
        "SELECT ",
        config_columns!(),
        " FROM directory d JOIN configs c USING (tenant, kind, id)
          WHERE d.kind = $1 AND d.name = $2 AND d.value = $3"
    ))
    .bind(kind)
    .bind(&key.name)
    .bind(&key.value)
    .fetch_optional(connection)
    .await?;
    row.as_ref().map(read_record).transpose()
}

async fn list_global(
    connection: &mut PgConnection,
    kind: &str,
    key_name: &str,
    page: &PageRequest,
) -> Run<Page<ConfigRecord>> {
    let limit = page.effective_limit();
    let rows = sqlx::query(concat!(
        "SELECT ",
        config_columns!(),
        ", d.value FROM directory d JOIN configs c USING (tenant, kind, id)
          WHERE d.kind = $1 AND d.name = $2 AND ($3::text IS NULL OR d.value > $3)
          ORDER BY d.value LIMIT $4 OFFSET $5"
    ))
    .bind(kind)
    .bind(key_name)
    .bind(page.after.as_ref().map(Cursor::as_str))
    // One more than asked for tells whether there is a next page.
    .bind(codec::limit(limit + 1))
    .bind(codec::limit(page.skip))
    .fetch_all(connection)
    .await?;
    let shown = &rows[..rows.len().min(limit)];
    let next = match shown.last() {
        Some(last) if rows.len() > limit => Some(Cursor::new(last.column::<String>(11)?)),
        _ => None,
    };
    Ok(Page { items: shown.iter().map(read_record).collect::<Run<_>>()?, next })
}

async fn list(
    connection: &mut PgConnection,
    tenant: TenantId,
    kind: &str,
    parent: Option<RecordId>,
    page: &PageRequest,
) -> Run<Page<ConfigRecord>> {
    let after: Option<RecordId> = match &page.after {
        None => None,
        Some(cursor) => Some(
            cursor
                .as_str()
                .parse()
                .map_err(|_| Fault::invalid("the cursor is not one of a list of configuration records"))?,
        ),
    };
    let sql = match parent {
        None => concat!(
            "SELECT ",
            config_columns!(),
            " FROM configs c WHERE c.tenant = $1 AND c.kind = $2 AND ($3::uuid IS NULL OR c.id > $3)
                AND $4::uuid IS NULL ORDER BY c.id LIMIT $5 OFFSET $6"
        ),
        Some(_) => concat!(
            "SELECT ",
            config_columns!(),
            " FROM configs c WHERE c.tenant = $1 AND c.kind = $2 AND ($3::uuid IS NULL OR c.id > $3)
                AND c.parent = $4 ORDER BY c.id LIMIT $5 OFFSET $6"
        ),
    };
    let limit = page.effective_limit();
    let rows = sqlx::query(sql)
        .bind(Uuid::from(tenant))
        .bind(kind)
        .bind(after.map(Uuid::from))
        .bind(parent.map(Uuid::from))
        // One more than asked for tells whether there is a next page.
        .bind(codec::limit(limit + 1))
        .bind(codec::limit(page.skip))
        .fetch_all(connection)
        .await?;
    let mut items: Vec<ConfigRecord> = rows.iter().map(read_record).collect::<Run<_>>()?;
    let more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| more).map(|last| Cursor::new(last.id.to_string()));
    Ok(Page { items, next })
}

async fn changes(connection: &mut PgConnection, after: Sequence, limit: usize) -> Run<Vec<ConfigChange>> {
    let rows = sqlx::query(
        "SELECT position, tenant, kind, id, removed FROM config_changes
         WHERE position > $1 ORDER BY position LIMIT $2",
    )
    .bind(after.0)
    .bind(codec::limit(limit))
    .fetch_all(connection)
    .await?;
    let read = |row: &PgRow| {
        Ok(ConfigChange {
            sequence: Sequence(row.column(0)?),
            tenant: row.id(1)?,
            kind: row.column(2)?,
            id: row.id(3)?,
            removed: row.column(4)?,
        })
    };
    rows.iter().map(read).collect()
}

async fn last_change(connection: &mut PgConnection) -> Run<Sequence> {
    let sql = "SELECT value FROM numbers WHERE name = 'configs'";
    Ok(Sequence(sqlx::query_scalar(sql).fetch_one(connection).await?))
}

fn read_record(row: &PgRow) -> Run<ConfigRecord> {
    let mut record = ConfigRecord::new(row.id(0)?, row.column::<String>(1)?, row.id(2)?, row.json(10)?);
    record.version = row.count(3)?;
    record.schema = row.count(4)?;
    record.parent = row.optional_id(5)?;
    record.unique = row.json(6)?;
    record.global = row.json(7)?;
    record.references = row.json(8)?;
    record.updated_at = row.time(9)?;
    Ok(record)
}
