//! What endpoints are told, and how often.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use courierx_core::clock::{Clock as _, ManualClock};
use courierx_core::id::{RecordId, TenantId};
use courierx_core::message::Lane;
use courierx_core::store::{
    Change, ConfigRecord, Expected, JobKind, KeyValue, NewJob, Resource as _, StateKey, Swap,
};
use courierx_server::config::PrivateTargets;
use courierx_server::model::webhook_endpoints::WebhookEndpoint;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use super::receiver::{Receiver, Told};
use super::{PATH, at, create};
use crate::events::settled;
use crate::provider_connections::limits::{clock, tenant, under, until};
use crate::support::{Client, PATIENCE, TestServer};

pub(super) async fn reaching_itself() -> TestServer {
    TestServer::start_with(|settings| settings.private_targets = PrivateTargets::All).await
}

fn email(to: &str) -> Value {
    json!({
        "from_email": "shop@myapp.example", "from_name": "Shop", "to_email": to, "subject": "Hello {{name}}",
        "text_body": "t", "variables": { "name": "Ada" }, "tags": ["welcome"], "metadata": { "user_id": "usr_1" },
    })
}

pub(super) async fn send(owner: &Client, to: &str) -> Value {
    let answer = owner.post("/api/v1/emails", &email(to)).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    answer.body
}

fn signature(secret: &str, told: &Told) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(told.headers["x-courierx-timestamp"].as_bytes());
    mac.update(b".");
    mac.update(told.text.as_bytes());
    let bytes = mac.finalize().into_bytes();
    format!("sha256={}", bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat())
}

#[tokio::test]
async fn an_endpoint_is_told_a_messages_whole_life_signed() {
    let (server, receiver) = (reaching_itself().await, Receiver::start().await);
    let owner = server.owner("acme").await;
    send(&owner, "before@example.com").await;
    settled(&server, &owner).await;
    let made = create(&owner, &json!({ "url": receiver.url() })).await;
    let sent = send(&owner, "ada@example.com").await;
    let mut told = receiver.wait(3).await;
    told.sort_by_key(|one| one.body["data"]["sequence"].as_i64());
    let events: Vec<_> = told.iter().map(Told::event).collect();
    assert_eq!(events, ["queued", "sent", "delivered"], "and nothing of what was before");
    let secret = made["secret"].as_str().unwrap();
    for one in &told {
        let body = &one.body;
        assert_eq!(one.headers["x-courierx-signature"].to_str().unwrap(), signature(secret, one));
        assert_eq!(
            (&body["message_id"], &body["to"], &body["from"]),
            (&sent["id"], &json!("ada@example.com"), &json!("shop@myapp.example"))
        );
        assert_eq!(
            (&body["subject"], &body["tags"], &body["metadata"]),
            (&json!("Hello Ada"), &json!(["welcome"]), &json!({ "user_id": "usr_1" }))
        );
        assert_eq!(one.headers["x-courierx-event-id"].to_str().unwrap(), body["id"].as_str().unwrap());
        assert_eq!(one.headers["content-type"], "application/json");
        assert!(one.headers["user-agent"].to_str().unwrap().starts_with("courierx/"));
    }
    assert_eq!((&told[0].body["provider"], &told[2].body["provider"]), (&json!(null), &json!("sandbox")));
    assert!(told[2].body["data"]["provider_message_id"].is_string());

    let log =
        until(&owner, &format!("{}/deliveries", at(&made)), |log| log.as_array().unwrap().len() == 3).await;
    for entry in log.body.as_array().unwrap() {
        assert_eq!(
            (&entry["success"], &entry["response_status"], &entry["attempt_count"]),
            (&json!(true), &json!(204), &json!(1))
        );
        assert_eq!((&entry["next_retry_at"], &entry["message_id"]), (&json!(null), &sent["id"]));
    }
    let ids: BTreeSet<_> =
        log.body.as_array().unwrap().iter().map(|entry| entry["event_id"].to_string()).collect();
    assert_eq!(ids, told.iter().map(|one| one.body["id"].to_string()).collect());
}

#[tokio::test]
async fn an_endpoint_is_told_only_what_it_asked_for() {
    let (server, bounces, tests) =
        (reaching_itself().await, Receiver::start().await, Receiver::start().await);
    let owner = server.owner("acme").await;
    create(&owner, &json!({ "url": bounces.url(), "events": ["email.bounced"] })).await;
    create(&owner, &json!({ "url": tests.url(), "events": ["delivered"], "mode": "test" })).await;
    let off = create(&owner, &json!({ "url": bounces.url(), "is_active": false })).await;
    send(&owner, "ada@example.com").await;
    send(&owner, "bounce@sandbox.test").await;
    send(&server.key(&owner, "test").await, "bob@example.com").await;
    let told = bounces.wait(1).await;
    assert_eq!((told[0].event(), &told[0].body["to"]), ("bounced", &json!("bounce@sandbox.test")));
    assert_eq!(told[0].body["data"]["bounce_type"], "hard");
    let tested = tests.wait(1).await;
    assert_eq!(
        (&tested[0].body["to"], &tested[0].body["data"]["mode"]),
        (&json!("bob@example.com"), &json!("test"))
    );
    // What is told later shows that nothing else was on its way.
    send(&owner, "bounce@sandbox.test").await;
    assert_eq!(bounces.wait(2).await.len(), 2);
    assert_eq!(tests.told().len(), 1);
    assert_eq!(owner.get(&format!("{}/deliveries", at(&off))).await.body, json!([]));
}

#[tokio::test]
async fn what_failed_is_told_again_until_it_is_taken() {
    let clock = clock();
    let server = under(&clock).await;
    let receiver = Receiver::answering(|number| {
        Some(match number {
            0 => (StatusCode::SERVICE_UNAVAILABLE, [("retry-after", "600")], "not now").into_response(),
            1 => (StatusCode::FOUND, [("location", "/elsewhere")]).into_response(),
            _ => StatusCode::OK.into_response(),
        })
    })
    .await;
    let owner = server.owner("acme").await;
    let made = create(&owner, &json!({ "url": receiver.url(), "events": ["delivered"] })).await;
    send(&owner, "ada@example.com").await;
    let path = format!("{}/deliveries", at(&made));
    let log = until(&owner, &path, |log| log.as_array().unwrap().len() == 1).await.body;
    assert_eq!(
        (&log[0]["success"], &log[0]["response_status"], &log[0]["response_body"]),
        (&json!(false), &json!(503), &json!("not now"))
    );
    assert_eq!(
        log[0]["next_retry_at"],
        clock.now().after(Duration::from_mins(10)).to_string(),
        "as it asked"
    );
    clock.advance(Duration::from_mins(10));
    let log = until(&owner, &path, |log| log.as_array().unwrap().len() == 2).await.body;
    assert_eq!(
        (&log[0]["attempt_count"], &log[0]["response_status"]),
        (&json!(2), &json!(302)),
        "it is not followed"
    );
    clock.advance(Duration::from_mins(1));
    let told = receiver.wait(3).await;
    assert!(told.iter().all(|one| one.body["id"] == told[0].body["id"]), "it is the same event");
    assert_ne!(told[0].headers["x-courierx-timestamp"], told[2].headers["x-courierx-timestamp"]);
    let log = until(&owner, &path, |log| log.as_array().unwrap().len() == 3).await.body;
    assert_eq!((&log[0]["success"], &log[0]["next_retry_at"]), (&json!(true), &json!(null)));
    assert_eq!(owner.get(&format!("{path}?success=false")).await.body.as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn one_that_hangs_holds_up_no_other() {
    let (server, hangs) = (reaching_itself().await, Receiver::answering(|_| None).await);
    let works = Receiver::start().await;
    let owner = server.owner("acme").await;
    create(&owner, &json!({ "url": hangs.url() })).await;
    send(&owner, "first@example.com").await;
    hangs.wait(3).await;
    create(&owner, &json!({ "url": works.url(), "events": ["delivered"] })).await;
    let start = Instant::now();
    for number in 0..20 {
        send(&owner, &format!("{number}@example.com")).await;
    }
    works.wait(20).await;
    // An answer is waited for 15 seconds: nobody else did.
    assert!(start.elapsed() < Duration::from_secs(14), "{:?}", start.elapsed());
}

/// Moves the clock until the endpoint is as it should be.
async fn in_time(
    clock: &Arc<ManualClock>,
    owner: &Client,
    path: &str,
    step: Duration,
    is: impl Fn(&Value) -> bool,
) -> Value {
    let start = Instant::now();
    loop {
        let answer = owner.get(path).await;
        if is(&answer.body) {
            return answer.body;
        }
        // A hundred rounds of requests and more lie between.
        assert!(start.elapsed() < PATIENCE * 4, "it never came to that: {answer:?}");
        clock.advance(step);
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn one_that_takes_nothing_for_days_is_told_nothing_any_more() {
    let clock = clock();
    let server = under(&clock).await;
    let receiver = Receiver::answering(|_| Some(StatusCode::INTERNAL_SERVER_ERROR.into_response())).await;
    let owner = server.key(&server.owner("acme").await, "live").await;
    let made = create(&owner, &json!({ "url": receiver.url() })).await;
    for number in 0..5 {
        send(&owner, &format!("{number}@example.com")).await;
    }
    let started = clock.now();
    let ended =
        in_time(&clock, &owner, &at(&made), Duration::from_hours(1), |one| one["is_active"] == false).await;
    let after = ended["disabled_at"]
        .as_str()
        .unwrap()
        .parse::<courierx_core::clock::Timestamp>()
        .unwrap()
        .since(started);
    assert!(after >= Duration::from_hours(24 * 5), "{after:?}");
    assert_eq!(ended["disabled_reason"], "it has taken nothing for 5 days");
    // Far fewer than were due: it was left alone.
    assert!(receiver.told().len() < 15 * 13, "{}", receiver.told().len());
    let mended = owner.patch(&at(&made), &json!({ "is_active": true })).await;
    assert_eq!((&mended.body["is_active"], &mended.body["disabled_at"]), (&json!(true), &json!(null)));
}

/// As another server leaves it that told an endpoint of the event at this position, for the first time and in vain.
async fn failed_elsewhere(server: &TestServer, tenant: TenantId, made: &Value, sequence: i64) {
    let (store, now) = (&server.app().store, server.app().now());
    let id = made["id"].as_str().unwrap();
    let key = StateKey::new(tenant, format!("webhooks/failing/{id}"));
    let since = now.as_micros().to_be_bytes().to_vec();
    let noted = store.swap_state(&key, Expected::Absent, since, Duration::from_hours(24 * 30)).await.unwrap();
    assert!(matches!(noted, Swap::Stored { .. }), "{noted:?}");
    let work = json!({ "e": id, "a": sequence - 1, "u": sequence, "t": 1 });
    let payload = serde_json::to_vec(&work).unwrap();
    let job = NewJob::new(JobKind::new("webhook"), Lane::Transactional, now, payload);
    store.enqueue(tenant, vec![job]).await.unwrap();
}

#[tokio::test]
async fn one_that_took_what_it_did_not_at_first_is_not_failing_days_later() {
    let clock = clock();
    let server = under(&clock).await;
    let receiver = Receiver::answering(|number| {
        Some(if number == 2 { StatusCode::BAD_GATEWAY } else { StatusCode::OK }.into_response())
    })
    .await;
    let person = server.owner("acme").await;
    let (tenant, owner) = (tenant(&person).await, server.key(&person, "live").await);
    let made = create(&owner, &json!({ "url": receiver.url(), "events": ["delivered"] })).await;
    let path = format!("{}/deliveries", at(&made));
    send(&owner, "one@example.com").await;
    let log = until(&owner, &path, |log| log.as_array().unwrap().len() == 1).await.body;
    // A moment after this server looked.
    failed_elsewhere(&server, tenant, &made, log[0]["sequence"].as_i64().unwrap()).await;
    let log = until(&owner, &path, |log| log.as_array().unwrap().len() == 2).await.body;
    assert_eq!((&log[0]["attempt_count"], &log[0]["success"]), (&json!(2), &json!(true)));
    clock.advance(Duration::from_hours(24 * 6));
    send(&owner, "two@example.com").await;
    let log = until(&owner, &path, |log| log.as_array().unwrap().len() == 3).await.body;
    assert_eq!((&log[0]["response_status"], &log[0]["success"]), (&json!(502), &json!(false)));
    assert_eq!(owner.get(&at(&made)).await.body["is_active"], true, "it failed once");
}

#[tokio::test]
async fn one_that_is_gone_is_told_nothing_any_more() {
    let server = reaching_itself().await;
    let receiver = Receiver::answering(|_| Some(StatusCode::GONE.into_response())).await;
    let owner = server.owner("acme").await;
    let made = create(&owner, &json!({ "url": receiver.url(), "events": ["queued"] })).await;
    send(&owner, "ada@example.com").await;
    let gone = until(&owner, &at(&made), |one| one["is_active"] == false).await;
    assert_eq!(gone.body["disabled_reason"], "it answered 410 Gone");
    assert_eq!(receiver.told().len(), 1);
}

#[tokio::test]
async fn what_was_told_is_told_once_more_when_asked() {
    let clock = clock();
    let server = under(&clock).await;
    let receiver = Receiver::answering(|number| {
        Some(if number == 1 { StatusCode::BAD_REQUEST } else { StatusCode::OK }.into_response())
    })
    .await;
    let owner = server.owner("acme").await;
    let made = create(&owner, &json!({ "url": receiver.url(), "events": ["queued"] })).await;
    let replay = format!("{}/replay", at(&made));
    for (number, to) in ["one@example.com", "two@example.com", "three@example.com"].into_iter().enumerate() {
        send(&owner, to).await;
        receiver.wait(number + 1).await;
    }
    let path = format!("{}/deliveries", at(&made));
    let log = until(&owner, &path, |log| log.as_array().unwrap().len() == 3).await.body;
    let from = clock.now().to_string();
    let failed = owner.post(&replay, &json!({ "from": from })).await;
    assert_eq!((failed.status, &failed.body["events"]), (202, &json!(1)), "{failed:?}");
    let told = receiver.wait(4).await;
    assert_eq!(told[3].body, told[1].body);
    let all = owner.post(&replay, &json!({ "from": from, "failed_only": false })).await;
    assert_eq!(all.body["events"], 3, "{all:?}");
    receiver.wait(7).await;
    let one = owner.post(&replay, &json!({ "sequences": [log[0]["sequence"]] })).await;
    assert_eq!(one.body["events"], 1);
    assert_eq!(receiver.wait(8).await[7].body["to"], "three@example.com");
    for wrong in [json!({}), json!({ "sequences": [1], "from": from })] {
        assert_eq!(owner.post(&replay, &wrong).await.status, 422);
    }
    owner.patch(&at(&made), &json!({ "is_active": false })).await;
    assert_eq!(owner.post(&replay, &json!({ "from": from })).await.status, 409);
}

#[tokio::test]
async fn an_endpoint_is_tried_out() {
    let (server, receiver) = (reaching_itself().await, Receiver::start().await);
    let owner = server.owner("acme").await;
    let made = create(&owner, &json!({ "url": receiver.url(), "events": ["bounced"] })).await;
    let tested = owner.post(&format!("{}/test", at(&made)), &json!({})).await;
    assert_eq!((tested.status, &tested.body["delivery"]["success"]), (202, &json!(true)), "{tested:?}");
    let told = receiver.wait(1).await;
    assert_eq!((told[0].event(), &told[0].body["data"]["test"]), ("bounced", &json!(true)));
    assert_eq!(
        told[0].headers["x-courierx-signature"].to_str().unwrap(),
        signature(made["secret"].as_str().unwrap(), &told[0])
    );
    drop(receiver);
    let tested = owner.post(&format!("{}/test", at(&made)), &json!({})).await;
    assert_eq!((tested.status, &tested.body["delivery"]["success"]), (202, &json!(false)), "{tested:?}");
    assert!(tested.body["delivery"]["error"].is_string(), "{tested:?}");
    assert_eq!(owner.get(&format!("{}/deliveries", at(&made))).await.body.as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn both_secrets_sign_while_they_overlap() {
    let clock = clock();
    let (server, receiver) = (under(&clock).await, Receiver::start().await);
    let owner = server.owner("acme").await;
    let made = create(&owner, &json!({ "url": receiver.url() })).await;
    let rotated =
        owner.post(&format!("{}/rotate_secret", at(&made)), &json!({ "overlap_seconds": 60 })).await.body;
    let [old, new] = [&made, &rotated].map(|one| one["secret"].as_str().unwrap());
    let test = format!("{}/test", at(&made));
    owner.post(&test, &json!({})).await;
    clock.advance(Duration::from_mins(1));
    owner.post(&test, &json!({})).await;
    let told = receiver.wait(2).await;
    let signed = |number: usize| told[number].headers["x-courierx-signature"].to_str().unwrap().to_owned();
    assert_eq!(signed(0), format!("{},{}", signature(new, &told[0]), signature(old, &told[0])));
    assert_eq!(signed(1), signature(new, &told[1]));
    assert!(!owner.get(PATH).await.text.contains(&new[6..]));
}

#[tokio::test]
async fn what_happened_while_the_server_was_away_is_told_later() {
    let (server, receiver) = (reaching_itself().await, Receiver::start().await);
    let owner = server.owner("acme").await;
    create(&owner, &json!({ "url": receiver.url(), "events": ["delivered"] })).await;
    send(&owner, "ada@example.com").await;
    // Delivered and stopped, perhaps before anybody was told.
    server.delivered(&owner).await;
    let server = server.restart().await;
    receiver.wait(1).await;
    let owner = server.client().with(owner.token());
    send(&owner, "bob@example.com").await;
    let told = receiver.wait(2).await;
    assert_eq!(
        told.iter().map(|one| one.body["to"].as_str().unwrap()).collect::<Vec<_>>(),
        ["ada@example.com", "bob@example.com"]
    );
}

#[tokio::test]
async fn a_damaged_endpoint_holds_up_nobody_else() {
    let (server, receiver) = (reaching_itself().await, Receiver::start().await);
    let (damaged, owner) = (server.owner("damaged").await, server.owner("acme").await);
    let tenant = tenant(&damaged).await;
    // The first of all, so that somebody is there.
    let mut record =
        ConfigRecord::new(tenant, WebhookEndpoint::KIND, RecordId::from_bytes([0; 16]), json!({}));
    record.global = vec![KeyValue::new(WebhookEndpoint::EVERY, "0")];
    let put = Change::Put { record: Box::new(record), expected: None };
    server.app().commit(tenant, vec![put]).await.unwrap();
    create(&owner, &json!({ "url": receiver.url(), "events": ["delivered"] })).await;
    send(&damaged, "ada@example.com").await;
    server.delivered(&damaged).await;
    send(&owner, "bob@example.com").await;
    assert_eq!(receiver.wait(1).await[0].body["to"], "bob@example.com");
}
