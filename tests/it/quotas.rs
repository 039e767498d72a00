//! Connections with quotas of their own, without and with a store that counts for everybody.

use std::sync::Arc;
use std::time::Duration;

use courierx::router::{NotBefore, Quota, Router};
use courierx::store::Window;
use courierx::testing::Recorder;
use courierx::{Clock as _, Connection, ManualClock, MemoryStore, RefusalKind, TenantId, assert_sent};
use courierx_core::engine::Direct;

use crate::support::{START, email};

/// `a` with a quota for the day, then `b`.
fn connections(a: &Recorder, b: &Recorder, cap: u64) -> [Connection; 2] {
    let daily = [Quota::new(Window::UtcDay, cap)];
    let a = Connection::new("a".parse().unwrap(), a.clone()).with_quotas(daily);
    [a, Connection::new("b".parse().unwrap(), b.clone())]
}

async fn send(direct: &Direct, times: usize) {
    for _ in 0..times {
        direct.send(&email().build().unwrap()).await.unwrap();
    }
}

#[tokio::test]
async fn what_is_beyond_a_quota_goes_elsewhere_until_the_day_ends_or_there_is_more() {
    let (a, b) = (Recorder::new(), Recorder::new());
    let clock = ManualClock::starting_at(START);
    let [first, second] = connections(&a, &b, 2);
    let over = |connections: &[Connection]| {
        let router = Router::new(connections.to_vec()).unwrap();
        Direct::new(router, Arc::<ManualClock>::clone(&clock))
    };
    let direct = over(&[first.clone(), second.clone()]);
    send(&direct, 3).await;
    assert_sent!(a, 2);
    assert_sent!(b, 1);
    let until = Window::UtcDay.resets_at(clock.now());
    let full = NotBefore { until, kind: RefusalKind::Quota };
    assert_eq!(first.health(clock.now()).not_before, Some(full), "to the moment, and not a while longer");
    assert_eq!(first.health(until).not_before, None);

    // The same connection with a larger quota has room at once, and remembers what it took.
    let more = first.clone().with_quotas([Quota::new(Window::UtcDay, 3)]);
    assert_eq!(more.health(clock.now()).not_before, None);
    send(&over(&[more, second]), 2).await;
    assert_sent!(a, 3);
    assert_sent!(b, 2);

    clock.advance_to(until);
    send(&direct, 1).await;
    assert_sent!(a, 4);
}

#[tokio::test]
async fn processes_on_a_store_share_a_quota_and_each_finds_out_without_the_wire() {
    let (a, b) = (Recorder::new(), Recorder::new());
    let clock = ManualClock::starting_at(START);
    let store = MemoryStore::with_clock(Arc::<ManualClock>::clone(&clock));
    let process = || {
        let router = Router::new(connections(&a, &b, 3).to_vec()).unwrap();
        let direct = Direct::new(router.clone(), Arc::<ManualClock>::clone(&clock));
        (router, direct.with_shared_connections(Arc::new(store.clone()), TenantId::DEFAULT))
    };
    let ((_, one), (known, other)) = (process(), process());
    send(&one, 3).await;
    clock.advance(Duration::from_secs(10));
    assert_eq!(known.connections()[0].health(clock.now()).not_before, None);
    send(&other, 1).await;
    assert_eq!((a.handed_over().len(), b.handed_over().len()), (3, 1));
    assert!(known.connections()[0].health(clock.now()).not_before.is_some());
}

#[tokio::test]
async fn suppressions_of_a_tenant_share_no_connections() {
    let (a, b) = (Recorder::new(), Recorder::new());
    let clock = ManualClock::starting_at(START);
    let store = MemoryStore::with_clock(Arc::<ManualClock>::clone(&clock));
    for _process in 0..2 {
        let router = Router::new(connections(&a, &b, 3).to_vec()).unwrap();
        let direct = Direct::new(router, Arc::<ManualClock>::clone(&clock));
        send(&direct.with_suppressions(Arc::new(store.clone()), TenantId::DEFAULT), 3).await;
    }
    assert_eq!((a.handed_over().len(), b.handed_over().len()), (6, 0), "each counts for itself");
}
