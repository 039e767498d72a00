//! Since when endpoints fail.

use std::time::Duration;

use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use courierx_core::clock::{Clock as _, ManualClock};
use courierx_core::store::{Expected, StateKey, Swap};
use serde_json::{Value, json};

use super::deliver::send;
use super::receiver::Receiver;
use super::{at, create};
use crate::provider_connections::limits::{clock, tenant, under, until};
use crate::support::Client;

const DAY: Duration = Duration::from_hours(24);

async fn out_of_order() -> Receiver {
    Receiver::answering(|_| Some(StatusCode::SERVICE_UNAVAILABLE.into_response())).await
}

/// Waits until an endpoint was told in vain at this moment; what follows from that is done by then.
///
/// How often it was says less: a clock that is moved may end the lease of what was just done, and it is done again.
async fn failed(owner: &Client, made: &Value, clock: &ManualClock) {
    let (path, now) = (format!("{}/deliveries?success=false", at(made)), json!(clock.now()));
    until(owner, &path, |log| log.as_array().unwrap().iter().any(|one| one["created_at"] == now)).await;
}

#[tokio::test]
async fn one_that_was_changed_fails_from_then_on() {
    let clock = clock();
    let (server, receiver) = (under(&clock).await, out_of_order().await);
    let person = server.owner("acme").await;
    let (tenant, owner) = (tenant(&person).await, server.key(&person, "live").await);
    let url = format!("{}/mended", receiver.url());
    for (change, is_active) in [
        (json!({ "description": "the same" }), false),
        (json!({ "is_active": false }), true),
        (json!({ "url": url }), true),
    ] {
        let made = create(&owner, &json!({ "url": receiver.url(), "events": ["queued"] })).await;
        // As it is noted of one that failed again and again since then.
        let key = StateKey::new(tenant, format!("webhooks/failing/{}", made["id"].as_str().unwrap()));
        let since = server.app().now().as_micros().to_be_bytes().to_vec();
        let noted = server.app().store.swap_state(&key, Expected::Absent, since, 30 * DAY).await.unwrap();
        assert!(matches!(noted, Swap::Stored { .. }), "{noted:?}");
        clock.advance(6 * DAY);
        for change in [&change, &json!({ "is_active": true })] {
            let changed = owner.patch(&at(&made), change).await;
            assert_eq!(changed.status, 200, "{changed:?}");
        }
        send(&owner, "ada@example.com").await;
        failed(&owner, &made, &clock).await;
        assert_eq!(owner.get(&at(&made)).await.body["is_active"], is_active, "{change}");
    }
}

#[tokio::test]
async fn one_that_was_told_nothing_for_days_has_not_failed_since() {
    let clock = clock();
    let (server, receiver) = (under(&clock).await, out_of_order().await);
    let owner = server.key(&server.owner("acme").await, "live").await;
    let made = create(&owner, &json!({ "url": receiver.url(), "events": ["queued"] })).await;
    send(&owner, "ada@example.com").await;
    failed(&owner, &made, &clock).await;
    clock.advance(6 * DAY);
    failed(&owner, &made, &clock).await;
    assert_eq!(owner.get(&at(&made)).await.body["is_active"], true, "nobody knows of the days between");
    // From then on it fails each day.
    for _day in 1..=5 {
        clock.advance(DAY);
        failed(&owner, &made, &clock).await;
    }
    let ended = until(&owner, &at(&made), |one| one["is_active"] == false).await.body;
    assert_eq!(ended["disabled_reason"], "it has taken nothing for 5 days", "{ended}");
}
