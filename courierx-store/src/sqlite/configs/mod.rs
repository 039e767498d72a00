//! Configuration records.

mod commit;

use async_trait::async_trait;
use courierx_core::event::Sequence;
use courierx_core::id::{RecordId, TenantId};
use courierx_core::store::{
    Change, CommitError, ConfigChange, ConfigRecord, Configs, Cursor, KeyValue, Page, PageRequest,
    StoreResult,
};
use rusqlite::{Connection, Row, params};

use super::SqliteStore;
use super::codec::{self, Columns};
use super::error::{Fault, Run};
use crate::generations::Touches;

/// The columns that [`read_record`] reads, qualified.
macro_rules! config_columns {
    () => {
        "c.tenant, c.kind, c.id, c.version, c.schema, c.parent, c.unique_keys, c.global_keys, c.refers_to,
         c.updated_at, c.body"
    };
}

#[async_trait]
impl Configs for SqliteStore {
    async fn get_config(
        &self,
        tenant: TenantId,
        kind: &str,
        id: RecordId,
    ) -> StoreResult<Option<ConfigRecord>> {
        let kind = kind.to_owned();
        self.read(move |connection| get(connection, tenant, &kind, id)).await
    }

    async fn find_config(
        &self,
        tenant: TenantId,
        kind: &str,
        key: &KeyValue,
    ) -> StoreResult<Option<ConfigRecord>> {
        let (kind, key) = (kind.to_owned(), key.clone());
        self.read(move |connection| find(connection, tenant, &kind, &key)).await
    }

    async fn find_global(&self, kind: &str, key: &KeyValue) -> StoreResult<Option<ConfigRecord>> {
        let (kind, key) = (kind.to_owned(), key.clone());
        self.read(move |connection| find_global(connection, &kind, &key)).await
    }

    async fn list_global(
        &self,
        kind: &str,
        key_name: &str,
        page: &PageRequest,
    ) -> StoreResult<Page<ConfigRecord>> {
        let (kind, key_name, page) = (kind.to_owned(), key_name.to_owned(), page.clone());
        self.read(move |connection| list_global(connection, &kind, &key_name, &page)).await
    }

    async fn list_configs(
        &self,
        tenant: TenantId,
        kind: &str,
        parent: Option<RecordId>,
        page: &PageRequest,
    ) -> StoreResult<Page<ConfigRecord>> {
        let (kind, page) = (kind.to_owned(), page.clone());
        self.read(move |connection| list(connection, tenant, &kind, parent, &page)).await
    }

    async fn commit_configs(
        &self,
        tenant: TenantId,
        changes: Vec<Change>,
    ) -> StoreResult<Result<(), CommitError>> {
        self.write(Touches::Tenant(tenant), move |tx| commit::commit(tx, tenant, &changes)).await
    }

    async fn config_changes(&self, after: Sequence, limit: usize) -> StoreResult<Vec<ConfigChange>> {
        self.read(move |connection| {
            connection
                .prepare_cached(
                    "SELECT sequence, tenant, kind, id, removed FROM courierx_config_changes
                     WHERE sequence > ?1 ORDER BY sequence LIMIT ?2",
                )?
                .query_and_then(params![after.0, codec::limit(limit)], read_change)?
                .collect()
        })
        .await
    }

    async fn last_config_change(&self) -> StoreResult<Sequence> {
        self.read(|connection| {
            let sql = "SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'courierx_config_changes'), 0)";
            Ok(connection.prepare_cached(sql)?.query_row([], |row| row.get(0).map(Sequence))?)
        })
        .await
    }
}

/// Reads a record.
fn get(connection: &Connection, tenant: TenantId, kind: &str, id: RecordId) -> Run<Option<ConfigRecord>> {
    let sql = concat!(
        "SELECT ",
        config_columns!(),
        " FROM courierx_configs c WHERE c.tenant = ?1 AND c.kind = ?2 AND c.id = ?3"
    );
    first(connection, sql, params![tenant.as_bytes(), kind, id.as_bytes()])
}

fn find(connection: &Connection, tenant: TenantId, kind: &str, key: &KeyValue) -> Run<Option<ConfigRecord>> {
    let sql = concat!(
        "SELECT ",
        config_columns!(),
        " FROM courierx_config_keys k JOIN courierx_configs c USING (tenant, kind, id)
         WHERE k.tenant = ?1 AND k.kind = ?2 AND k.name = ?3 AND k.value = ?4"
    );
    first(connection, sql, params![tenant.as_bytes(), kind, key.name, key.value])
}

fn find_global(connection: &Connection, kind: &str, key: &KeyValue) -> Run<Option<ConfigRecord>> {
    let sql = concat!(
        "SELECT ",
        config_columns!(),
        " FROM courierx_directory d JOIN courierx_configs c USING (tenant, kind, id)
         WHERE d.kind = ?1 AND d.name = ?2 AND d.value = ?3"
    );
    first(connection, sql, params![kind, key.name, key.value])
}

fn first(connection: &Connection, sql: &str, params: impl rusqlite::Params) -> Run<Option<ConfigRecord>> {
    connection.prepare_cached(sql)?.query_and_then(params, read_record)?.next().transpose()
}

fn list_global(
    connection: &Connection,
    kind: &str,
    key_name: &str,
    page: &PageRequest,
) -> Run<Page<ConfigRecord>> {
    let limit = page.effective_limit();
    let after = page.after.as_ref().map_or("", Cursor::as_str);
    // One more than asked for tells whether there is a next page. No key is empty.
    let mut rows: Vec<(ConfigRecord, String)> = connection
        .prepare_cached(concat!(
            "SELECT ",
            config_columns!(),
            ", d.value FROM courierx_directory d JOIN courierx_configs c USING (tenant, kind, id)
             WHERE d.kind = ?1 AND d.name = ?2 AND d.value > ?3 ORDER BY d.value LIMIT ?4 OFFSET ?5"
        ))?
        .query_and_then(
            params![kind, key_name, after, codec::limit(limit + 1), codec::limit(page.skip)],
            |row| Ok((read_record(row)?, row.column::<String>(11)?)),
        )?
        .collect::<Run<_>>()?;
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| more).map(|(_, value)| Cursor::new(value.as_str()));
    Ok(Page { items: rows.into_iter().map(|(record, _)| record).collect(), next })
}

fn list(
    connection: &Connection,
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
    let after = after.as_ref().map_or(&[][..], |id| id.as_bytes().as_slice());
    let limit = page.effective_limit();
    // One more than asked for tells whether there is a next page.
    let (probe, skip) = (codec::limit(limit + 1), codec::limit(page.skip));
    let mut items: Vec<ConfigRecord> = match parent {
        None => connection
            .prepare_cached(concat!(
                "SELECT ",
                config_columns!(),
                " FROM courierx_configs c WHERE c.tenant = ?1 AND c.kind = ?2 AND c.id > ?3
                 ORDER BY c.id LIMIT ?4 OFFSET ?5"
            ))?
            .query_and_then(params![tenant.as_bytes(), kind, after, probe, skip], read_record)?
            .collect::<Run<_>>()?,
        Some(parent) => connection
            .prepare_cached(concat!(
                "SELECT ",
                config_columns!(),
                " FROM courierx_configs c WHERE c.tenant = ?1 AND c.kind = ?2 AND c.id > ?3 AND c.parent = ?6
                 ORDER BY c.id LIMIT ?4 OFFSET ?5"
            ))?
            .query_and_then(
                params![tenant.as_bytes(), kind, after, probe, skip, parent.as_bytes()],
                read_record,
            )?
            .collect::<Run<_>>()?,
    };
    let more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| more).map(|last| Cursor::new(last.id.to_string()));
    Ok(Page { items, next })
}

fn read_record(row: &Row<'_>) -> Run<ConfigRecord> {
    let mut record = ConfigRecord::new(
        TenantId::from_bytes(row.column(0)?),
        row.column::<String>(1)?,
        RecordId::from_bytes(row.column(2)?),
        row.json(10)?,
    );
    record.version = row.column(3)?;
    record.schema = row.column(4)?;
    record.parent = row.column::<Option<_>>(5)?.map(RecordId::from_bytes);
    record.unique = row.json(6)?;
    record.global = row.json(7)?;
    record.references = row.json(8)?;
    record.updated_at = row.time(9)?;
    Ok(record)
}

fn read_change(row: &Row<'_>) -> Run<ConfigChange> {
    Ok(ConfigChange {
        sequence: Sequence(row.column(0)?),
        tenant: TenantId::from_bytes(row.column(1)?),
        kind: row.column(2)?,
        id: RecordId::from_bytes(row.column(3)?),
        removed: row.column(4)?,
    })
}
