//! The memory store passes the suite.

use std::sync::Arc;

use courierx_core::clock::Clock;
use courierx_core::store::conformance::{Subject, fixtures};
use courierx_store::MemoryStore;

async fn subject() -> Subject {
    let clock = fixtures::clock();
    let times: Arc<dyn Clock> = Arc::<courierx_core::clock::ManualClock>::clone(&clock);
    Subject::new(MemoryStore::with_clock(times), clock)
}

courierx_core::store_conformance!(subject());
