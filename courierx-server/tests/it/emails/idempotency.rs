//! Requests that are repeated.

use std::sync::Arc;
use std::time::Duration;

use courierx_core::clock::ManualClock;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use super::{arrived, path, plain, with};
use crate::provider_connections::limits::clock;
use crate::support::{Answer, Client, TestServer};

const HOUR: Duration = Duration::from_hours(1);

fn keyed(key: &str) -> Value {
    with(plain(), &json!({ "metadata": { "idempotency_key": key } }))
}

async fn under_header(owner: &Client, key: &str, body: &Value) -> Answer {
    let request = owner.request(Method::POST, "/api/v1/emails").header("idempotency-key", key);
    owner.send(request.json(body)).await
}

#[tokio::test]
pub(crate) async fn a_hundred_requests_at_once_are_one_message() {
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    let email = keyed("order-1");
    let answers = join_all((0..100).map(|_| owner.post("/api/v1/emails", &email))).await;
    for answer in &answers {
        assert_eq!((answer.status, &answer.body["id"]), (202, &answers[0].body["id"]), "{answer:?}");
    }
    server.delivered(&owner).await;
    assert_eq!(arrived(&owner).await, 1);
}

#[tokio::test]
async fn header_and_body_name_one_key() {
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    let refused = under_header(&owner, "other", &keyed("order-1")).await;
    assert_eq!(refused.status, 422, "{refused:?}");
    assert!(refused.body["details"]["metadata[idempotency_key]"].is_array(), "{refused:?}");
    let both = under_header(&owner, "order-1", &keyed("order-1")).await;
    assert_eq!(both.status, 202, "{both:?}");
    for again in [
        under_header(&owner, "order-1", &plain()).await,
        owner.post("/api/v1/emails", &keyed("order-1")).await,
    ] {
        assert_eq!((again.status, &again.body["id"]), (202, &both.body["id"]), "{again:?}");
    }
    assert_eq!(owner.get("/api/v1/emails").await.body.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn what_was_refused_takes_no_key() {
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    let wrong = with(keyed("order-1"), &json!({ "to": "nobody" }));
    assert_eq!(owner.post("/api/v1/emails", &wrong).await.status, 422);
    assert_eq!(owner.post("/api/v1/emails", &keyed("order-1")).await.status, 202);
}

#[tokio::test]
pub(crate) async fn a_key_is_remembered_for_a_day_after_the_date() {
    let clock = clock();
    let server = TestServer::start_under(Arc::<ManualClock>::clone(&clock), |_| ()).await;
    let owner = server.key(&server.owner("acme").await, "live").await;
    // The same words, at another moment, are the same request.
    let scheduled = with(keyed("later"), &json!({ "scheduled_at": "in 10 hours" }));
    let (now, later) = (keyed("now"), scheduled.clone());
    let mut first = Vec::new();
    for email in [&now, &later] {
        let sent = owner.post("/api/v1/emails", email).await;
        assert_eq!(sent.status, 202, "{sent:?}");
        first.push(sent.body);
    }
    // Ten hours from now on, and so more than were said.
    clock.advance(2 * HOUR);
    assert_eq!(owner.patch(&path(&first[1]), &json!({ "scheduled_at": "in 10 hours" })).await.status, 200);
    let repeated = async |email: &Value, same: Option<&Value>| {
        let again = owner.post("/api/v1/emails", email).await;
        assert_eq!(again.status, 202, "{again:?}");
        let known = first.iter().find(|one| one["id"] == again.body["id"]);
        assert_eq!(known.map(|one| &one["id"]), same.map(|one| &one["id"]));
    };
    clock.advance(21 * HOUR);
    repeated(&now, Some(&first[0])).await;
    repeated(&later, Some(&first[1])).await;
    clock.advance(HOUR);
    repeated(&now, None).await;
    clock.advance(11 * HOUR);
    repeated(&later, Some(&first[1])).await;
    clock.advance(HOUR);
    repeated(&later, None).await;
}
