//! Moving between every two kinds of store.

use std::sync::Arc;
use std::time::Duration;

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
    Side::new(
        options(&schema()).alone().clock(Arc::<ManualClock>::clone(&clock)).open().await.unwrap(),
        &clock,
    )
}

/// Who moves a database has it alone; a store that runs elsewhere is noticed, and so is one that wants to.
#[cfg(all(feature = "postgres", unix))]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_is_not_moved_while_somebody_has_it_open() {
    use courierx_store::postgres::OpenError;

    let schema = schema();
    let running = options(&schema).open().await.unwrap();
    // It has said so before it was open: nobody comes in between.
    let refused = options(&schema).alone().open().await;
    assert!(matches!(refused, Err(OpenError::InUse { .. })), "{refused:?}");
    running.close().await;
    drop(running);
    let alone = options(&schema).alone().open().await.unwrap();
    let late = options(&schema).open().await;
    assert!(matches!(late, Err(OpenError::InUse { .. })), "{late:?}");
    drop(alone);
    options(&schema).open().await.unwrap();
}

/// Whatever is large ends a page, not contents alone.
#[cfg(all(feature = "postgres", unix))]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_records_fill_pages() {
    use courierx_core::id::{RecordId, TenantId};
    use courierx_core::store::transfer::{PAGE_BYTES, Table, Value};
    use courierx_core::store::{Change, ConfigRecord};

    const RECORDS: usize = 12;
    let clock = fixtures::clock();
    let configs = Table::named("configs").unwrap();
    for side in [sqlite(Arc::clone(&clock)).await, postgres(clock).await] {
        for _ in 0..RECORDS {
            let body = "a".repeat(PAGE_BYTES / 4).into();
            let record = ConfigRecord::new(TenantId::DEFAULT, "large", RecordId::new(), body);
            let put = Change::Put { record: Box::new(record), expected: None };
            side.subject.store().commit_configs(TenantId::DEFAULT, vec![put]).await.unwrap().unwrap();
        }
        let (mut after, mut rows) = (None, 0);
        loop {
            let page = side.moved.export(configs, after.as_ref()).await.unwrap();
            let sizes: Vec<usize> = page.items.iter().map(|row| row.iter().map(Value::size).sum()).collect();
            let before_the_last: usize = sizes.iter().rev().skip(1).sum();
            assert!(before_the_last < PAGE_BYTES, "{sizes:?}");
            rows += sizes.len();
            let Some(next) = page.next else { break };
            after = Some(next);
        }
        assert_eq!(rows, RECORDS, "none is left out");
    }
}

/// More than a page of each, with contents that fill pages before their rows do.
#[cfg(all(feature = "postgres", unix))]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_pages_are_moved_there_and_back() {
    use courierx_core::id::TenantId;
    use courierx_core::store::PurgeRequest;
    use courierx_core::store::transfer::{PAGE_BYTES, Table, transfer};
    use courierx_core::vault::Sealed;

    let clock = fixtures::clock();
    let (from, to, back) =
        (sqlite(Arc::clone(&clock)).await, postgres(Arc::clone(&clock)).await, sqlite(clock).await);
    let store = from.subject.store();
    for batch in 0..5 {
        let new = |number| {
            let mut new = crate::support::message_at(TenantId::DEFAULT, from.subject.now());
            let bytes = if number % 200 == 0 { PAGE_BYTES / 3 } else { 1 };
            new.content = Sealed::from_bytes(vec![1; bytes.max(64)]).unwrap();
            new
        };
        store.accept((batch * 500..(batch + 1) * 500).map(new).collect()).await.unwrap();
    }
    // In the last page of those: of a tenant that comes later, messages whose content is gone.
    let other = crate::support::tenant(1);
    for _ in 0..20 {
        let new = crate::support::message_at(other, from.subject.now());
        let id = new.id;
        store.accept(vec![new]).await.unwrap();
        store.cancel(other, id).await.unwrap();
    }
    from.subject.advance(Duration::from_secs(1)).await;
    let gone = PurgeRequest::content_of(vec![(other, from.subject.now())]);
    assert_eq!(store.purge(&gone).await.unwrap().contents, 20);
    let there = transfer(&*from.moved, &*to.moved, &mut |_| ()).await.unwrap();
    let again = transfer(&*to.moved, &*back.moved, &mut |_| ()).await.unwrap();
    assert_eq!(there.tables, again.tables, "{there:?}");
    let rows = |name| there.tables[Table::named(name).unwrap().place()].1.rows;
    assert_eq!([rows("messages"), rows("jobs")], [2520; 2]);
    for side in [&from, &to, &back] {
        let (mut after, mut pages) = (None, 0);
        let messages = Table::named("messages").unwrap();
        while let Some(next) = side.moved.export(messages, after.as_ref()).await.unwrap().next {
            (after, pages) = (Some(next), pages + 1);
        }
        assert!(pages > 4, "{pages} pages of at most {PAGE_BYTES} bytes");
    }
    let all = store.list(TenantId::DEFAULT, &<_>::default(), &<_>::default()).await.unwrap();
    for side in [&to, &back] {
        let moved = side.subject.store().list(TenantId::DEFAULT, &<_>::default(), &<_>::default()).await;
        assert_eq!(moved.unwrap().items, all.items);
    }
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
