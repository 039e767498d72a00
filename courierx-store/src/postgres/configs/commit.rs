//! Applying changes of configuration, all or none.
//!
//! Versions are checked change by change; keys and references once all are applied, so that one commit may
//! swap two names, or remove a record together with what refers to it. Commits of one tenant wait for each other.

use courierx_core::id::{RecordId, TenantId};
use courierx_core::store::{Change, CommitError, ConfigRecord, KeyValue, OnDelete, StoreResult};
use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::super::codec::{self, Columns};
use super::super::error::{Fault, Run};
use super::super::transaction::{Tx, in_transaction};
use super::super::{Shared, audit_log};

/// Why a commit stops: somebody's mistake, or the database.
enum Stop {
    Refused(CommitError),
    Failed(Fault),
}

impl<E: Into<Fault>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// Applies the changes, or none of them.
pub(super) async fn commit(
    shared: &Shared,
    tenant: TenantId,
    changes: &[Change],
) -> StoreResult<Result<(), CommitError>> {
    in_transaction!(shared, |tx| commit_in(tx, tenant, changes))
}

async fn commit_in(tx: &mut Tx<'_>, tenant: TenantId, changes: &[Change]) -> Run<Result<(), CommitError>> {
    sqlx::query("SAVEPOINT before").execute(&mut *tx.connection).await?;
    let mut commit = Commit { tx, tenant, changed: Vec::new() };
    match commit.apply(changes).await {
        Ok(()) => Ok(Ok(())),
        Err(Stop::Refused(error)) => {
            sqlx::query("ROLLBACK TO before").execute(&mut *commit.tx.connection).await?;
            Ok(Err(error))
        }
        // The whole transaction is about to be rolled back.
        Err(Stop::Failed(fault)) => Err(fault),
    }
}

struct Commit<'a, 't> {
    tx: &'a mut Tx<'t>,
    tenant: TenantId,
    /// What to announce: the kind, the record, whether it was removed.
    changed: Vec<(String, RecordId, bool)>,
}

impl Commit<'_, '_> {
    async fn apply(&mut self, changes: &[Change]) -> Result<(), Stop> {
        self.lock().await?;
        let mut removed = Vec::new();
        let mut written: Vec<&ConfigRecord> = Vec::new();
        for change in changes {
            match change {
                Change::Put { record, expected } => {
                    if record.tenant != self.tenant {
                        return Err(Fault::invalid("a record of another tenant").into());
                    }
                    self.put(record, *expected).await?;
                    written.retain(|other| (&other.kind, other.id) != (&record.kind, record.id));
                    written.push(record);
                }
                Change::Delete { kind, id, expected } => {
                    let present = self.version(kind, *id).await?;
                    if expected.is_some() && present != *expected {
                        return Err(conflict(kind, *id));
                    }
                    if present.is_some() {
                        self.remove(kind, *id).await?;
                        removed.push((kind.clone(), *id));
                    }
                }
                Change::Note(entry) => audit_log::add(self.tx, self.tenant, entry).await?,
            }
        }
        let mut present = Vec::with_capacity(written.len());
        for record in written {
            if self.version(&record.kind, record.id).await?.is_some() {
                self.insert_keys(record).await?;
                present.push(record);
            }
        }
        self.cascade(removed).await?;
        for record in present {
            if self.version(&record.kind, record.id).await?.is_some() {
                self.check_references(record).await?;
            }
        }
        Ok(self.announce().await?)
    }

    async fn lock(&mut self) -> Run<()> {
        sqlx::query(
            "SELECT pg_advisory_xact_lock(hashtextextended('courierx/configs/' || current_schema() || $1::text, 0))",
        )
        .bind(self.tenant.to_string())
        .execute(&mut *self.tx.connection)
        .await?;
        Ok(())
    }

    async fn version(&mut self, kind: &str, id: RecordId) -> Run<Option<u64>> {
        let row = sqlx::query("SELECT version FROM configs WHERE tenant = $1 AND kind = $2 AND id = $3")
            .bind(Uuid::from(self.tenant))
            .bind(kind)
            .bind(Uuid::from(id))
            .fetch_optional(&mut *self.tx.connection)
            .await?;
        row.map(|row| row.count(0)).transpose()
    }

    /// Writes a record without its keys.
    async fn put(&mut self, record: &ConfigRecord, expected: Option<u64>) -> Result<(), Stop> {
        if self.version(&record.kind, record.id).await? != expected {
            return Err(conflict(&record.kind, record.id));
        }
        self.forget_keys(&record.kind, record.id).await?;
        sqlx::query(
            "INSERT INTO configs (tenant, kind, id, version, schema, parent, unique_keys, global_keys, refers_to,
                                  updated_at, body)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
             ON CONFLICT (tenant, kind, id) DO UPDATE
                 SET version = excluded.version, schema = excluded.schema, parent = excluded.parent,
                     unique_keys = excluded.unique_keys, global_keys = excluded.global_keys,
                     refers_to = excluded.refers_to, updated_at = excluded.updated_at, body = excluded.body",
        )
        .bind(Uuid::from(record.tenant))
        .bind(&record.kind)
        .bind(Uuid::from(record.id))
        .bind(codec::amount(expected.map_or(1, |version| version + 1)))
        .bind(i64::from(record.schema))
        .bind(record.parent.map(Uuid::from))
        .bind(codec::json(&record.unique)?)
        .bind(codec::json(&record.global)?)
        .bind(codec::json(&record.references)?)
        .bind(self.tx.now.as_micros())
        .bind(codec::json(&record.body)?)
        .execute(&mut *self.tx.connection)
        .await?;
        self.changed.push((record.kind.clone(), record.id, false));
        Ok(())
    }

    async fn remove(&mut self, kind: &str, id: RecordId) -> Run<()> {
        self.forget_keys(kind, id).await?;
        self.delete("DELETE FROM configs WHERE tenant = $1 AND kind = $2 AND id = $3", kind, id).await?;
        self.changed.push((kind.to_owned(), id, true));
        Ok(())
    }

    /// Removes a record's keys and references.
    async fn forget_keys(&mut self, kind: &str, id: RecordId) -> Run<()> {
        for sql in [
            "DELETE FROM config_keys WHERE tenant = $1 AND kind = $2 AND id = $3",
            "DELETE FROM directory WHERE tenant = $1 AND kind = $2 AND id = $3",
            "DELETE FROM config_references WHERE tenant = $1 AND from_kind = $2 AND from_id = $3",
        ] {
            self.delete(sql, kind, id).await?;
        }
        Ok(())
    }

    async fn delete(&mut self, sql: &'static str, kind: &str, id: RecordId) -> Run<()> {
        sqlx::query(sql)
            .bind(Uuid::from(self.tenant))
            .bind(kind)
            .bind(Uuid::from(id))
            .execute(&mut *self.tx.connection)
            .await?;
        Ok(())
    }

    /// Writes a record's keys and references; refuses a key that another record has.
    async fn insert_keys(&mut self, record: &ConfigRecord) -> Result<(), Stop> {
        for (keys, sql) in [
            (
                &record.unique,
                "INSERT INTO config_keys (tenant, kind, name, value, id) VALUES ($1, $2, $3, $4, $5)
                 ON CONFLICT DO NOTHING",
            ),
            (
                &record.global,
                "INSERT INTO directory (tenant, kind, name, value, id) VALUES ($1, $2, $3, $4, $5)
                 ON CONFLICT DO NOTHING",
            ),
        ] {
            for key in keys {
                self.insert_key(record, key, sql).await?;
            }
        }
        for reference in &record.references {
            // Of two references to the same record the stricter counts.
            sqlx::query(
                "INSERT INTO config_references AS r (tenant, to_kind, to_id, from_kind, from_id, cascades)
                 VALUES ($1, $2, $3, $4, $5, $6)
                 ON CONFLICT (tenant, to_kind, to_id, from_kind, from_id)
                     DO UPDATE SET cascades = r.cascades AND excluded.cascades",
            )
            .bind(Uuid::from(self.tenant))
            .bind(&reference.kind)
            .bind(Uuid::from(reference.id))
            .bind(&record.kind)
            .bind(Uuid::from(record.id))
            .bind(reference.on_delete == OnDelete::Cascade)
            .execute(&mut *self.tx.connection)
            .await?;
        }
        Ok(())
    }

    async fn insert_key(
        &mut self,
        record: &ConfigRecord,
        key: &KeyValue,
        sql: &'static str,
    ) -> Result<(), Stop> {
        let written = sqlx::query(sql)
            .bind(Uuid::from(self.tenant))
            .bind(&record.kind)
            .bind(&key.name)
            .bind(&key.value)
            .bind(Uuid::from(record.id))
            .execute(&mut *self.tx.connection)
            .await?;
        if written.rows_affected() == 0 {
            let (kind, key) = (record.kind.clone(), key.name.clone());
            return Err(Stop::Refused(CommitError::DuplicateKey { kind, key }));
        }
        Ok(())
    }

    /// Removes what refers to removed records, or refuses because something does.
    async fn cascade(&mut self, mut removed: Vec<(String, RecordId)>) -> Result<(), Stop> {
        while let Some((kind, id)) = removed.pop() {
            if self.version(&kind, id).await?.is_some() {
                // Removed and written again in the same commit.
                continue;
            }
            let rows = sqlx::query(
                "SELECT from_kind, from_id, cascades FROM config_references
                 WHERE tenant = $1 AND to_kind = $2 AND to_id = $3 ORDER BY from_kind, from_id",
            )
            .bind(Uuid::from(self.tenant))
            .bind(&kind)
            .bind(Uuid::from(id))
            .fetch_all(&mut *self.tx.connection)
            .await?;
            let read = |row: &PgRow| Ok((row.column(0)?, row.id(1)?, row.column(2)?));
            let referring: Vec<(String, RecordId, bool)> = rows.iter().map(read).collect::<Run<_>>()?;
            for (by, from, cascades) in referring {
                if !cascades {
                    return Err(Stop::Refused(CommitError::InUse { kind, id, by }));
                }
                self.remove(&by, from).await?;
                removed.push((by, from));
            }
        }
        Ok(())
    }

    async fn check_references(&mut self, record: &ConfigRecord) -> Result<(), Stop> {
        for reference in &record.references {
            if self.version(&reference.kind, reference.id).await?.is_none() {
                let (kind, id) = (reference.kind.clone(), reference.id);
                return Err(Stop::Refused(CommitError::BrokenReference { kind, id }));
            }
        }
        Ok(())
    }

    /// Tells of the changes, in the order of commits: see [`super::super::effects`].
    async fn announce(&mut self) -> Run<()> {
        sqlx::query(
            "WITH place AS (
                 UPDATE numbers SET value = value + cardinality($2) WHERE name = 'configs'
                 RETURNING value - cardinality($2) AS before
             )
             INSERT INTO config_changes (position, tenant, kind, id, removed)
             SELECT before + number, $1, kind, id, removed
             FROM place, unnest($2::text[], $3::uuid[], $4::bool[]) WITH ORDINALITY
                  AS changed (kind, id, removed, number)",
        )
        .bind(Uuid::from(self.tenant))
        .bind(self.changed.iter().map(|(kind, ..)| kind.as_str()).collect::<Vec<_>>())
        .bind(self.changed.iter().map(|(_, id, _)| Uuid::from(*id)).collect::<Vec<_>>())
        .bind(self.changed.iter().map(|(.., removed)| *removed).collect::<Vec<_>>())
        .execute(&mut *self.tx.connection)
        .await?;
        self.forget_earlier().await
    }

    /// Removes the records' earlier changes: the log grows with the records there are, not with how often they
    /// change, and there is nothing to clean up. A statement of its own, begun while we hold the row of positions:
    /// it sees what everybody before us announced.
    async fn forget_earlier(&mut self) -> Run<()> {
        sqlx::query(
            "DELETE FROM config_changes earlier USING unnest($2::text[], $3::uuid[]) AS changed (kind, id)
             WHERE earlier.tenant = $1 AND earlier.kind = changed.kind AND earlier.id = changed.id
               AND EXISTS (SELECT FROM config_changes later
                           WHERE later.tenant = $1 AND later.kind = earlier.kind AND later.id = earlier.id
                             AND later.position > earlier.position)",
        )
        .bind(Uuid::from(self.tenant))
        .bind(self.changed.iter().map(|(kind, ..)| kind.as_str()).collect::<Vec<_>>())
        .bind(self.changed.iter().map(|(_, id, _)| Uuid::from(*id)).collect::<Vec<_>>())
        .execute(&mut *self.tx.connection)
        .await?;
        Ok(())
    }
}

fn conflict(kind: &str, id: RecordId) -> Stop {
    Stop::Refused(CommitError::VersionConflict { kind: kind.to_owned(), id })
}
