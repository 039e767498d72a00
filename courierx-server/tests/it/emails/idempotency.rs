//! Requests that are repeated.

use std::sync::Arc;
use std::time::Duration;

use courierx_core::clock::{Clock as _, ManualClock};
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use super::{arrived, path, plain, with};
use crate::plans::{ADMIN_KEY, administered, tenant};
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

/// Sends a message under a key, and in a batch under another one; then something happens for which both are refused
/// with this code if they are new. What is repeated is what it was.
async fn is_repeated_after(
    client: &Client,
    email: &Value,
    happens: impl Future<Output = ()>,
    refused: (u16, &str),
) {
    let batch = async |key: &str| {
        let request = client.request(Method::POST, "/api/v1/emails/batch").header("idempotency-key", key);
        client.send(request.json(&json!({ "emails": [email, email] }))).await
    };
    let ids = |batch: &Answer| -> Vec<Value> {
        batch.body["results"].as_array().unwrap().iter().map(|one| one["id"].clone()).collect()
    };
    let sent = (under_header(client, "otp-1", email).await, batch("otp-2").await);
    assert_eq!((sent.0.status, sent.1.status), (202, 202), "{sent:?}");
    happens.await;
    let again = (under_header(client, "otp-1", email).await, batch("otp-2").await);
    assert_eq!((again.0.status, &again.0.body["id"]), (202, &sent.0.body["id"]), "{again:?}");
    assert_eq!((again.1.status, ids(&again.1)), (202, ids(&sent.1)), "{again:?}");
    assert_eq!(again.1.body["results"][0]["replayed"], true, "{again:?}");
    let other = with(email.clone(), &json!({ "subject": "another" }));
    let new = (under_header(client, "otp-3", email).await, under_header(client, "otp-1", &other).await);
    for answer in [new.0, new.1] {
        assert_eq!((answer.status, answer.body["code"].as_str()), (refused.0, Some(refused.1)), "{answer:?}");
    }
    let new = batch("otp-4").await;
    assert_eq!((new.status, &new.body["code"]), (422, &json!("batch_refused")), "{new:?}");
    assert_eq!(new.body["results"][1]["code"], refused.1, "{new:?}");
}

#[tokio::test]
pub(crate) async fn a_repeated_request_is_the_same_message_when_its_time_is_over() {
    let clock = clock();
    let server = TestServer::start_under(Arc::<ManualClock>::clone(&clock), |_| ()).await;
    let owner = server.owner("acme").await;
    let deadline = clock.now().after(Duration::from_mins(1));
    let email = with(plain(), &json!({ "deliver_by": deadline }));
    let happens = async { clock.advance(Duration::from_secs(61)) };
    is_repeated_after(&owner, &email, happens, (422, "validation_error")).await;
}

#[tokio::test]
pub(crate) async fn a_repeated_request_is_the_same_message_when_nothing_is_left_to_send_it_with() {
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    // Refused as a target, and so never verified.
    let connection = json!({
        "provider": "smtp", "display_name": "Relay", "smtp_host": "127.0.0.1", "smtp_port": 1, "tls": "none",
    });
    let made = owner.post("/api/v1/provider_connections", &connection).await;
    let path = format!("/api/v1/provider_connections/{}", made.body["id"].as_str().unwrap());
    let happens = async { assert_eq!(owner.delete(&path).await.status, 204) };
    is_repeated_after(&owner, &plain(), happens, (422, "no_provider")).await;
}

#[tokio::test]
async fn a_repeated_request_is_the_same_message_when_the_plan_has_no_such_lane_any_more() {
    let server = TestServer::start_with(administered).await;
    let owner = server.owner("acme").await;
    let key = server.key(&owner, "live").await;
    let operator = server.client().with(ADMIN_KEY);
    let path = format!("/api/v1/admin/tenants/{}", tenant(&owner).await["id"].as_str().unwrap());
    let email = with(plain(), &json!({ "lane": "critical" }));
    let happens = async {
        assert_eq!(operator.patch(&path, &json!({ "features": [] })).await.status, 200);
    };
    is_repeated_after(&key, &email, happens, (403, "plan_limit")).await;
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
