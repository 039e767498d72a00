//! The SQLite store passes the suite.

use courierx_core::store::conformance::{Subject, fixtures};

async fn subject() -> Subject {
    let clock = fixtures::clock();
    let directory = tempfile::tempdir().unwrap();
    let store = crate::support::open(&directory, &clock).await;
    Subject::new(store, clock).keeping(directory)
}

courierx_core::store_conformance!(subject());
