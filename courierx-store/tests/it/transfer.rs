//! Moving between every two kinds of store.

use std::sync::Arc;

use courierx_core::clock::ManualClock;
use courierx_core::store::Store;
use courierx_core::store::conformance::{Subject, fixtures, transfer};
use courierx_core::store::transfer::Import;
use courierx_store::SqliteStore;
use tempfile::TempDir;

#[cfg(all(feature = "postgres", unix))]
use crate::postgres::support::{options, schema};

/// A store, as what is tested and as what is moved.
struct Side {
    subject: Subject,
    moved: Box<dyn Import>,
}

impl Side {
    fn new(store: impl Store + Import + Clone, clock: &Arc<ManualClock>) -> Self {
        Self { subject: Subject::new(store.clone(), Arc::clone(clock)), moved: Box::new(store) }
    }
}

async fn sqlite(clock: Arc<ManualClock>) -> Side {
    let directory = TempDir::new().unwrap();
    let store: SqliteStore = crate::support::open(&directory, &clock).await;
    let side = Side::new(store, &clock);
    Side { subject: side.subject.keeping(directory), ..side }
}

#[cfg(all(feature = "postgres", unix))]
async fn postgres(clock: Arc<ManualClock>) -> Side {
    Side::new(options(&schema()).clock(Arc::<ManualClock>::clone(&clock)).open().await.unwrap(), &clock)
}

macro_rules! pairs {
    ($($(#[$when:meta])* $pair:ident ($from:ident, $to:ident))*) => {$(
        $(#[$when])*
        mod $pair {
            use super::*;

            pairs!(@cases $from, $to: what_was_moved_reads_the_same, an_interrupted_move_goes_on, a_target_has_to_be_empty);
        }
    )*};
    (@cases $from:ident, $to:ident: $($case:ident),*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $case() {
            let clock = fixtures::clock();
            let (from, to) = ($from(Arc::clone(&clock)).await, $to(clock).await);
            transfer::$case(&from.subject, &*from.moved, &to.subject, &*to.moved).await;
        }
    )*};
}

pairs! {
    sqlite_to_sqlite (sqlite, sqlite)
    #[cfg(all(feature = "postgres", unix))]
    sqlite_to_postgres (sqlite, postgres)
    #[cfg(all(feature = "postgres", unix))]
    postgres_to_sqlite (postgres, sqlite)
    #[cfg(all(feature = "postgres", unix))]
    postgres_to_postgres (postgres, postgres)
}
