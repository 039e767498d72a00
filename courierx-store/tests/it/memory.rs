//! The memory store passes the suite.

use std::sync::Arc;

use courierx_core::clock::ManualClock;
use courierx_core::store::conformance::{Subject, fixtures};
use courierx_store::MemoryStore;

fn subject() -> Subject {
    let clock = fixtures::clock();
    let times: Arc<ManualClock> = Arc::clone(&clock);
    Subject::new(MemoryStore::with_clock(times), clock)
}

courierx_core::store_conformance!(std::future::ready(subject()));
