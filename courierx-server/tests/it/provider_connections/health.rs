//! Connections that fail, as their pages, events and figures tell it.

use std::time::Duration;

use courierx_core::event::EventKind;
use courierx_core::event::Sequence;
use courierx_core::id::MessageId;
use courierx_core::store::{CancelResult, EventQuery};
use courierx_providers::emulator::Fault;
use serde_json::{Value, json};

use super::limits::{clock, tenant, under, until};
use super::vendors::{KEY, Vendor, email, send};
use super::{at, create};
use crate::support::{Client, TestServer};

/// How often a connection was told to fail, and to work again.
async fn told(server: &TestServer, owner: &Client) -> (usize, usize) {
    let query = EventQuery::of_tenant(tenant(owner).await, Sequence::START, 1000);
    let events = server.app().store.events(&query).await.unwrap();
    let count = |kind| events.iter().filter(|event| event.kind == kind).count();
    for event in &events {
        let of_connection = matches!(event.kind, EventKind::ProviderDegraded | EventKind::ProviderRecovered);
        assert_eq!(event.message.is_none(), of_connection, "{event:?}");
    }
    (count(EventKind::ProviderDegraded), count(EventKind::ProviderRecovered))
}

/// Sends so many messages that its breaker opens, and takes them back; what is left of each is a job that will find
/// nothing to do.
async fn break_down(server: &TestServer, owner: &Client, vendor: &Vendor, made: &Value) -> Value {
    vendor.emulator.fail(Some(Fault::Typed503));
    for _ in 0..5 {
        let path = send(owner, &email()).await;
        until(owner, &path, |body| body["attempts"][0]["finished_at"].is_string()).await;
        cancel(server, owner, &path).await;
    }
    until(owner, &at(made), |body| body["breaker"]["state"] == "open").await.body
}

async fn cancel(server: &TestServer, owner: &Client, path: &str) {
    let id: MessageId = path.rsplit('/').next().unwrap().parse().unwrap();
    let canceled = server.app().outbox.cancel(tenant(owner).await, id).await.unwrap();
    assert!(matches!(canceled, CancelResult::Canceled { .. }), "{canceled:?}");
}

async fn sent(owner: &Client) {
    let path = send(owner, &email()).await;
    until(owner, &path, |body| body["status"] == "sent").await;
}

#[tokio::test]
async fn a_dead_vendor_is_told_of_once_and_so_is_its_return() {
    let clock = clock();
    let server = under(&clock).await;
    let owner = server.owner("acme").await;
    let vendor = Vendor::postmark().await;
    let made = create(&owner, &vendor.body).await.body;
    assert_eq!(made["breaker"], json!({ "state": "closed", "until": null, "share": 1.0 }));
    assert_eq!(
        (&made["in_flight"], &made["last_error"], &made["not_before"]),
        (&json!(0), &Value::Null, &Value::Null)
    );

    let open = break_down(&server, &owner, &vendor, &made).await;
    assert!(open["health"]["success_rate"].as_f64().unwrap() < 0.7, "{open:#}");
    assert_eq!((&open["breaker"]["share"], &open["status"]), (&json!(0.0), &json!("active")));
    assert!(open["last_error"]["message"].as_str().unwrap().contains("unavailable"), "{open:#}");
    assert!(open["last_error"]["at"].is_string() && !open.to_string().contains(KEY));
    assert_eq!(told(&server, &owner).await, (1, 0));
    // Whatever else reads events goes on.
    for path in ["/api/v1/emails", "/api/v1/sandbox/messages", "/metrics", "/api/v1/health"] {
        assert_eq!(owner.get(path).await.status, 200, "{path}");
    }

    // Nothing goes there, and changes of its limits change nothing about that.
    let before = vendor.emulator.requests().len();
    let waits = send(&owner, &email()).await;
    let limited =
        owner.patch(&at(&made), &json!({ "daily_cap": 1000, "max_in_flight": 5, "weight": 3 })).await;
    assert_eq!(limited.body["breaker"], open["breaker"], "{limited:?}");
    until(&owner, "/api/v1/health", |body| body["services"]["queue"]["waiting"] == 6).await;
    cancel(&server, &owner, &waits).await;
    assert_eq!(vendor.emulator.requests().len(), before);

    vendor.emulator.fail(None);
    clock.advance_to(open["breaker"]["until"].as_str().unwrap().parse().unwrap());
    let state = async || owner.get(&at(&made)).await.body["breaker"].clone();
    for _ in 0..3 {
        assert_eq!(state().await["state"], "half_open");
        sent(&owner).await;
    }
    for share in [0.1, 0.25, 0.5] {
        assert_eq!(state().await, json!({ "state": "slow_start", "until": null, "share": share }));
        clock.advance(Duration::from_secs(20));
    }
    assert_eq!(state().await["state"], "closed");
    sent(&owner).await;
    assert_eq!(told(&server, &owner).await, (1, 1));
}

#[tokio::test]
async fn one_that_fails_or_is_slowed_down_is_left_alone_by_whoever_remembers_nothing() {
    let clock = clock();
    for fault in [Fault::Typed503, Fault::Throttled] {
        let server = under(&clock).await;
        let owner = server.owner("acme").await;
        let vendor = Vendor::postmark().await;
        let made = create(&owner, &vendor.body).await.body;
        if fault == Fault::Throttled {
            vendor.emulator.fail(Some(fault));
            let path = send(&owner, &email()).await;
            until(&owner, &path, |body| body["attempts"][0]["finished_at"].is_string()).await;
        } else {
            break_down(&server, &owner, &vendor, &made).await;
        }
        let before = owner.get(&at(&made)).await.body;
        assert_eq!(before["not_before"]["reason"] == "throttled", fault == Fault::Throttled, "{before:#}");
        let requests = vendor.emulator.requests().len();

        let server = server.restart().await;
        let owner = server.client().with(owner.token());
        let after = owner.get(&at(&made)).await.body;
        assert_eq!((&after["breaker"], &after["not_before"]), (&before["breaker"], &before["not_before"]));
        assert!(after["last_error"].is_null(), "what is finer is each process's own");
        let path = send(&owner, &email()).await;
        let depth = if fault == Fault::Throttled { 2 } else { 6 };
        until(&owner, "/api/v1/health", |body| body["services"]["queue"]["waiting"] == depth).await;
        assert_eq!(owner.get(&path).await.body["attempt_count"], 0);
        assert_eq!(vendor.emulator.requests().len(), requests, "{fault}");
    }
}

#[tokio::test]
async fn mended_credentials_are_not_held_back_by_what_was_found_out_of_others() {
    let clock = clock();
    let server = under(&clock).await;
    let owner = server.owner("acme").await;
    let vendor = Vendor::postmark().await;
    let made = create(&owner, &vendor.body).await.body;
    vendor.emulator.fail(Some(Fault::Unauthorized));
    let path = send(&owner, &email()).await;
    until(&owner, &path, |body| body["attempts"][0]["finished_at"].is_string()).await;
    let refused = owner.get(&at(&made)).await.body;
    assert_eq!(refused["not_before"]["reason"], "auth", "{refused:#}");
    cancel(&server, &owner, &path).await;

    vendor.emulator.fail(None);
    let mended = owner.patch(&at(&made), &json!({ "api_key": KEY })).await.body;
    assert_eq!((&mended["not_before"], &mended["verification"]["verified"]), (&Value::Null, &json!(true)));
    sent(&owner).await;
    let server = server.restart().await;
    let owner = server.client().with(owner.token());
    assert_eq!(owner.get(&at(&made)).await.body["not_before"], Value::Null);
    sent(&owner).await;
}
