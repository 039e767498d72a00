//! Statistics.

use std::time::Duration;

use tokio::task::JoinSet;

use super::super::{Subject, fixtures};
use crate::clock::Timestamp;
use crate::id::TenantId;
use crate::store::{CounterDelta, CounterQuery, Reserved, Resolution};

/// Statistics are added up by day and by month.
pub async fn statistics_are_read_by_day_and_month(subject: &Subject) {
    let tenant = TenantId::new();
    let store = subject.store();
    let at = |text: &str| text.parse::<Timestamp>().expect("a date");
    let delta = |name: &str, date: &str, amount| CounterDelta { name: name.to_owned(), at: at(date), amount };
    let deltas = vec![
        delta("sent", "2030-01-30T23:59:59.999999Z", 1),
        delta("sent", "2030-01-31T00:00:00Z", 2),
        delta("sent", "2030-01-31T23:00:00Z", 40),
        delta("sent", "2030-02-01T00:00:00Z", 5),
        delta("accepted", "2030-01-31T12:00:00Z", 7),
        delta("failed", "2030-01-31T12:00:00Z", 9),
    ];
    store.count(tenant, deltas).await.expect("count");
    store.count(tenant, vec![delta("sent", "2030-01-31T09:00:00Z", -2)]).await.expect("count");
    store.count(TenantId::new(), vec![delta("sent", "2030-01-31T09:00:00Z", 100)]).await.expect("count");

    let read = async |resolution, from: &str, until: &str| {
        let names = vec!["sent".to_owned(), "accepted".to_owned()];
        let query = CounterQuery { names, resolution, from: at(from), until: at(until) };
        let values = store.read_counters(tenant, &query).await.expect("read_counters");
        values.into_iter().map(|one| (one.name, one.start, one.value)).collect::<Vec<_>>()
    };
    let row = |name: &str, date: &str, value| (name.to_owned(), at(&format!("{date}T00:00:00Z")), value);
    let days = read(Resolution::Day, "2030-01-30T12:00:00Z", "2030-02-02T00:00:00Z").await;
    let expected = [
        row("accepted", "2030-01-31", 7),
        row("sent", "2030-01-30", 1),
        row("sent", "2030-01-31", 40),
        row("sent", "2030-02-01", 5),
    ];
    assert_eq!(days, expected, "by name and day, from the day of the first moment");
    let bounded = read(Resolution::Day, "2030-01-31T00:00:00Z", "2030-02-01T00:00:00Z").await;
    assert_eq!(
        bounded,
        [row("accepted", "2030-01-31", 7), row("sent", "2030-01-31", 40)],
        "the end is left out"
    );
    let months = read(Resolution::Month, "2030-01-01T00:00:00Z", "2030-03-01T00:00:00Z").await;
    let expected =
        [row("accepted", "2030-01-01", 7), row("sent", "2030-01-01", 41), row("sent", "2030-02-01", 5)];
    assert_eq!(months, expected, "by name and month");
}

/// Additions at the same time are all counted.
pub async fn concurrent_additions_are_all_counted(subject: &Subject) {
    let (tenant, now) = (TenantId::new(), subject.now());
    let mut calls = JoinSet::new();
    for _ in 0..32 {
        let store = subject.shared();
        calls.spawn(async move {
            let deltas = vec![CounterDelta::one("sent", now), CounterDelta::one("sent", now)];
            store.count(tenant, deltas).await.expect("count");
        });
    }
    calls.join_all().await;
    let until = now.after(Duration::from_secs(1));
    let query =
        CounterQuery { names: vec!["sent".to_owned()], resolution: Resolution::Day, from: now, until };
    let values = subject.store().read_counters(tenant, &query).await.expect("read_counters");
    assert_eq!(values.iter().map(|one| one.value).collect::<Vec<_>>(), [64]);
    let quota = fixtures::reservation(tenant, "sent", 1, 1);
    let reserved = subject.store().reserve(vec![quota]).await.expect("reserve");
    assert!(
        matches!(reserved[0], Reserved::Granted(_)),
        "a quota is another counter than a statistic of its name"
    );
}
