//! What tests make stores of.

use std::sync::Arc;
use std::time::Duration;

use courierx_core::clock::{Clock, ManualClock, Timestamp};
use courierx_core::id::{RecordId, TenantId};
use courierx_core::store::{ClaimRequest, Claimed, JobKind, NewMessage, Queue};
use courierx_store::PostgresStore;
use courierx_store::postgres::PostgresOptions;
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, PgConnection};

use super::cluster;
use crate::support::message_at;

/// A schema of a test's own.
pub(crate) fn schema() -> String {
    format!("test_{}", RecordId::new().to_string().replace('-', "_"))
}

/// The database of tests, for connections that are called by this name.
pub(crate) fn connect_options(name: &str) -> PgConnectOptions {
    cluster::url().parse::<PgConnectOptions>().unwrap().application_name(name)
}

/// How to open a store in this schema.
pub(crate) fn options(schema: &str) -> PostgresOptions {
    PostgresOptions::new(connect_options(schema)).schema(schema)
}

/// A store in a schema of its own, at a time of its own.
pub(crate) struct Fixture {
    pub(crate) store: PostgresStore,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) schema: String,
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        let clock = ManualClock::starting_at(Timestamp::from_secs(1_900_000_000));
        let schema = schema();
        let store = options(&schema).clock(Arc::<ManualClock>::clone(&clock)).open().await.unwrap();
        Self { store, clock, schema }
    }

    /// Another store on the same schema, as in another process.
    pub(crate) async fn another(&self) -> PostgresStore {
        options(&self.schema).clock(Arc::<ManualClock>::clone(&self.clock)).open().await.unwrap()
    }

    /// A connection such as the application has.
    pub(crate) async fn connection(&self) -> PgConnection {
        PgConnection::connect(&cluster::url()).await.unwrap()
    }

    /// A message to one recipient that is due now.
    pub(crate) fn message(&self, tenant: TenantId) -> NewMessage {
        message_at(tenant, self.clock.now())
    }

    /// Waits until one of the store's connections waits for a lock of a row. (What tells others of jobs waits for one of
    /// the whole server, an object.)
    pub(crate) async fn until_one_waits(&self) {
        let mut connection = self.connection().await;
        let waits = async {
            let sql = "SELECT EXISTS (SELECT FROM pg_stat_activity
                                      WHERE application_name = $1 AND wait_event_type = 'Lock'
                                        AND wait_event <> 'object')";
            loop {
                let waits = sqlx::query_scalar(sql).bind(&self.schema);
                let waits: bool = waits.fetch_one(&mut connection).await.unwrap();
                if waits {
                    return;
                }
            }
        };
        tokio::time::timeout(Duration::from_mins(1), waits).await.expect("somebody waits for a lock");
    }

    pub(crate) async fn claim(&self, limit: usize) -> Vec<Claimed> {
        claim(&self.store, limit).await
    }
}

pub(crate) async fn claim(store: &PostgresStore, limit: usize) -> Vec<Claimed> {
    let request = ClaimRequest::new(JobKind::DELIVERY, limit, Duration::from_mins(1));
    store.claim(&request).await.unwrap()
}
