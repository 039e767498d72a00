//! What the server removes by itself.

use std::path::Path;
use std::time::Duration;

use courierx_core::store::{Expected, StateKey};
use courierx_server::config::Database;
use serde_json::json;

use crate::provider_connections::limits::{clock, tenant, under};
use crate::support::PATIENCE;

/// Rows of the table, also those that the store takes for absent.
fn rows(path: &Path, table: &str) -> u32 {
    let connection = rusqlite::Connection::open(path).unwrap();
    connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
}

/// Rows of the entry of this test.
const ENTRY: &str = "courierx_state WHERE name = 'test/entry'";

#[tokio::test]
async fn what_has_expired_is_removed_and_no_young_message_is() {
    let clock = clock();
    let server = under(&clock).await;
    let owner = server.owner("acme").await;
    let message = json!({
        "from_email": "shop@myapp.example", "to_email": "ada@example.com", "subject": "Hello", "text_body": "Hello.",
        "metadata": { "idempotency_key": "once" },
    });
    let sent = owner.post("/api/v1/emails", &message).await;
    assert_eq!(sent.status, 202, "{sent:?}");
    let key = StateKey::new(tenant(&owner).await, "test/entry");
    let store = &server.app().store;
    store.swap_state(&key, Expected::Absent, vec![1], Duration::from_mins(1)).await.unwrap();
    let Database::Sqlite(path) = &server.app().settings.database else { panic!("it is about SQLite") };
    assert!(rows(path, ENTRY) == 1 && rows(path, "courierx_idempotency") == 1);
    clock.advance(server.app().settings.idempotency_ttl);
    let gone = async {
        while rows(path, ENTRY) + rows(path, "courierx_idempotency") > 0 {
            clock.advance(Duration::from_mins(1));
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, gone).await.unwrap();
    assert_eq!(rows(path, "courierx_messages"), 1);
}
