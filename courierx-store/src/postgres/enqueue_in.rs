//! Accepting a message inside a transaction of the application's own.

use courierx_core::store::{AcceptResult, NewMessage, StoreResult};
use sqlx::{PgConnection, PgTransaction};
use uuid::Uuid;

use super::PostgresStore;
use super::error::Run;
use super::ledger::accept::Writing;
use super::{effects, staged};

impl PostgresStore {
    /// Accepts a message in `transaction`, which the application has open on a connection of its own to the same
    /// database: business data and mail are committed together, or neither is.
    ///
    /// Workers notice the commit by themselves within a second; call
    /// [`Queue::wake`](courierx_core::store::Queue::wake) after it to have it noticed at once. Nobody waits for the
    /// transaction, unless they use the same idempotency key: the message's events and counters show soon after
    /// its commit.
    ///
    /// The connection's user needs the rights of the store's. After an error the transaction can only be rolled
    /// back, as after any error in PostgreSQL; this also tells of what another try would help against
    /// ([`StoreError::Busy`](courierx_core::store::StoreError::Busy)).
    pub async fn enqueue_in(
        &self,
        transaction: &mut PgTransaction<'_>,
        message: NewMessage,
    ) -> StoreResult<AcceptResult> {
        Ok(self.enqueue_on(transaction, &message).await?)
    }

    async fn enqueue_on(&self, connection: &mut PgConnection, message: &NewMessage) -> Run<AcceptResult> {
        let shared = self.shared();
        let writing = Writing { statements: &shared.statements, now: shared.now() };
        let (answers, stored) = writing.store(&mut *connection, &[message]).await?;
        if !stored.is_empty() {
            let jobs: Vec<_> = message.effects.jobs.iter().map(|job| (message.tenant, job.clone())).collect();
            effects::insert_jobs(&mut *connection, &shared.statements.jobs, &jobs).await?;
            if let Some(body) = staged::body(&message.effects)? {
                sqlx::query(shared.statements.stage.sql())
                    .bind(Uuid::from(message.tenant))
                    .bind(body)
                    .execute(connection)
                    .await?;
            }
        }
        // One message, one answer.
        Ok(answers.into_iter().next().unwrap_or(AcceptResult::Stored))
    }
}
