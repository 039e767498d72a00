//! How much endpoints are told once more.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use courierx_core::clock::Clock as _;
use courierx_core::event::Sequence;
use courierx_core::id::{EventId, RecordId, TenantId};
use courierx_core::store::{WebhookResult, WebhookTry};
use courierx_core::webhook::WebhookEvent;
use courierx_server::App;
use serde_json::{Value, json};

use super::deliver::{reaching_itself, send};
use super::receiver::{Receiver, Told};
use super::{at, create};
use crate::provider_connections::limits::{clock, tenant, under, until};

#[tokio::test]
async fn only_what_there_is_of_the_tenant_is_told_once_more() {
    let (server, receiver) = (reaching_itself().await, Receiver::start().await);
    let (owner, stranger) = (server.owner("acme").await, server.owner("other").await);
    let made = create(&owner, &json!({ "url": receiver.url(), "events": ["queued"] })).await;
    let replay = format!("{}/replay", at(&made));
    send(&stranger, "bob@example.com").await;
    send(&owner, "ada@example.com").await;
    let log = until(&owner, &format!("{}/deliveries", at(&made)), |log| !log[0].is_null()).await.body;
    let own = log[0]["sequence"].as_i64().unwrap();
    // The stranger's, what it did not ask for, and what is yet to come.
    let all: Vec<_> = (own - 20..=own + 20).collect();
    let told = owner.post(&replay, &json!({ "sequences": all })).await;
    assert_eq!((told.status, &told.body["events"]), (202, &json!(1)), "{told:?}");
    let told = receiver.wait(2).await;
    assert_eq!(told[0].body, told[1].body);
    let none = owner.post(&replay, &json!({ "sequences": [own - 1, own + 1000, i64::MAX, i64::MIN] })).await;
    assert_eq!((none.status, &none.body["events"]), (202, &json!(0)), "{none:?}");
    let many = owner.post(&replay, &json!({ "sequences": vec![own; 1001] })).await;
    assert_eq!((many.status, many.body["details"]["sequences"].is_array()), (422, true), "{many:?}");
}

#[tokio::test]
async fn who_had_much_told_once_more_waits() {
    let clock = clock();
    let server = under(&clock).await;
    let owner = server.owner("acme").await;
    let url = json!({ "url": "https://yourapp.example/webhooks" });
    let (one, other) = (create(&owner, &url).await, create(&owner, &url).await);
    let [one, other] = [one, other].map(|made| format!("{}/replay", at(&made)));
    let body = json!({ "sequences": vec![1_000_000; 1000] });
    for _ in 0..2 {
        assert_eq!(owner.post(&one, &body).await.status, 202);
    }
    let refused = owner.post(&one, &body).await;
    assert_eq!(refused.status, 429, "{refused:?}");
    assert_eq!(refused.headers["retry-after"], "60");
    let time = json!({ "from": "2028-02-29T11:00:00Z" });
    assert_eq!(owner.post(&one, &time).await.status, 429);
    assert_eq!(owner.post(&other, &body).await.status, 202, "another one");
    clock.advance(Duration::from_mins(1));
    assert_eq!(owner.post(&one, &body).await.status, 202);
}

fn recipients(told: &[Told]) -> BTreeSet<&str> {
    told.iter().map(|one| one.body["to"].as_str().unwrap()).collect()
}

/// Waits until it was told of so many recipients. A clock that is moved ends leases, so it may be told of some twice.
async fn told_of(receiver: &Receiver, count: usize) {
    let mut times = count;
    while recipients(&receiver.wait(times).await).len() < count {
        times += 1;
    }
}

#[tokio::test]
async fn what_was_missed_while_it_was_off_is_told_once_more() {
    let clock = clock();
    let server = under(&clock).await;
    let receiver = Receiver::answering(|number| {
        Some(if number == 0 { StatusCode::GONE } else { StatusCode::OK }.into_response())
    })
    .await;
    let witness = Receiver::start().await;
    let owner = server.owner("acme").await;
    let made = create(&owner, &json!({ "url": receiver.url(), "events": ["queued"] })).await;
    create(&owner, &json!({ "url": witness.url(), "events": ["queued"] })).await;
    send(&owner, "one@example.com").await;
    until(&owner, &at(&made), |one| one["is_active"] == false).await;
    send(&owner, "two@example.com").await;
    send(&server.key(&owner, "test").await, "test@example.com").await;
    send(&owner, "three@example.com").await;
    // Who is told of these is told after it was looked who else wants them.
    witness.wait(3).await;
    owner.patch(&at(&made), &json!({ "is_active": true })).await;
    send(&owner, "four@example.com").await;
    let log = format!("{}/deliveries", at(&made));
    until(&owner, &log, |log| log.as_array().unwrap().len() == 2).await;
    let (replay, time) = (format!("{}/replay", at(&made)), json!({ "from": clock.now().to_string() }));
    let missed = owner.post(&replay, &time).await;
    assert_eq!((missed.status, &missed.body["events"]), (202, &json!(3)), "{missed:?}");
    let told = receiver.wait(5).await;
    assert_eq!(told[1].body["to"], "four@example.com");
    let all = ["one@example.com", "two@example.com", "three@example.com"];
    assert_eq!(recipients(&told[2..]), BTreeSet::from(all));
    until(&owner, &log, |log| log.as_array().unwrap().len() == 5).await;
    assert_eq!(owner.post(&replay, &time).await.body["events"], 0, "it has all of them now");
}

#[tokio::test]
async fn a_time_is_found_among_many_events() {
    let clock = clock();
    let server = under(&clock).await;
    let (receiver, witness) = (Receiver::start().await, Receiver::start().await);
    let owner = server.key(&server.owner("acme").await, "live").await;
    let off = json!({ "url": receiver.url(), "events": ["queued"], "is_active": false });
    let made = create(&owner, &off).await;
    create(&owner, &json!({ "url": witness.url(), "events": ["queued"] })).await;
    let (start, day) = (clock.now(), Duration::from_hours(24));
    for number in 0..33 {
        if number == 30 {
            told_of(&witness, 30).await;
            clock.advance(day * 2);
        }
        send(&owner, &format!("{number}@example.com")).await;
    }
    told_of(&witness, 33).await;
    owner.patch(&at(&made), &json!({ "is_active": true })).await;
    let (replay, log) = (format!("{}/replay", at(&made)), format!("{}/deliveries", at(&made)));
    let middle = start.after(day).to_string();
    let late = owner.post(&replay, &json!({ "from": middle })).await;
    assert_eq!((late.status, &late.body["events"]), (202, &json!(3)), "{late:?}");
    let told = receiver.wait(3).await;
    assert_eq!(recipients(&told), BTreeSet::from(["30@example.com", "31@example.com", "32@example.com"]));
    until(&owner, &log, |log| log.as_array().unwrap().len() == 3).await;
    let early = owner.post(&replay, &json!({ "from": start.to_string(), "to": middle })).await;
    assert_eq!(early.body["events"], 30, "{early:?}");
    assert_eq!(recipients(&receiver.wait(33).await).len(), 33, "each once");
}

/// As if an endpoint had been told of the events at these positions, and answered this each time.
async fn log(app: &App, tenant: TenantId, made: &Value, positions: std::ops::Range<i64>, status: u16) {
    let endpoint: RecordId = made["id"].as_str().unwrap().parse().unwrap();
    let entries = positions.map(|position| WebhookTry {
        id: RecordId::new(),
        tenant,
        endpoint,
        event: EventId::new(),
        sequence: Some(Sequence(position)),
        name: WebhookEvent::Delivered,
        message: None,
        number: 1,
        at: app.now(),
        took_ms: 1,
        result: WebhookResult::Answered { status, body: String::new() },
        next_at: None,
    });
    app.store.log_webhooks(entries.collect()).await.unwrap();
}

#[tokio::test]
async fn what_failed_before_much_was_taken_is_told_once_more_or_it_is_said_that_it_is_too_much() {
    let clock = clock();
    let server = under(&clock).await;
    let owner = server.owner("acme").await;
    let tenant = tenant(&owner).await;
    let made = create(&owner, &json!({ "url": "https://yourapp.example/webhooks" })).await;
    let (replay, time) = (format!("{}/replay", at(&made)), json!({ "from": clock.now().to_string() }));
    log(server.app(), tenant, &made, 1_000_000..1_000_001, 503).await;
    log(server.app(), tenant, &made, 2_000_000..2_011_000, 200).await;
    let told = owner.post(&replay, &time).await;
    assert_eq!((told.status, &told.body["events"]), (202, &json!(1)), "{told:?}");
    let all = json!({ "from": clock.now().to_string(), "failed_only": false });
    assert_eq!(owner.post(&replay, &all).await.status, 422, "more than are told again");
    log(server.app(), tenant, &made, 2_011_000..2_051_000, 200).await;
    let much = owner.post(&replay, &time).await;
    assert_eq!((much.status, much.body["details"]["from"].is_array()), (422, true), "{much:?}");
}
