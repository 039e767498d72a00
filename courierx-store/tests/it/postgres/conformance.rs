//! The PostgreSQL store passes the suite.

use std::sync::Arc;

use courierx_core::clock::ManualClock;
use courierx_core::store::conformance::{Subject, fixtures};

use super::support::{options, schema};

async fn subject() -> Subject {
    let clock = fixtures::clock();
    let options = options(&schema()).clock(Arc::<ManualClock>::clone(&clock));
    Subject::new(options.open().await.unwrap(), clock)
}

courierx_core::store_conformance!(subject());
