//! Messages that wait for their date, get another one, or are canceled.

use std::sync::Arc;
use std::time::Duration;

use courierx_core::clock::{Clock as _, ManualClock, Timestamp};
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{arrived, path, plain, with};
use crate::provider_connections::limits::clock;
use crate::support::{Answer, Client, TestServer};

const HOUR: Duration = Duration::from_hours(1);

async fn under(clock: &Arc<ManualClock>) -> (TestServer, Client) {
    let server = TestServer::start_under(Arc::<ManualClock>::clone(clock), |_| ()).await;
    // A key lives on where a token has ended.
    let key = server.key(&server.owner("acme").await, "live").await;
    (server, key)
}

fn at(date: &Value) -> Value {
    with(plain(), &json!({ "scheduled_at": date }))
}

fn moment(value: &Value) -> Timestamp {
    value.as_str().unwrap_or_else(|| panic!("no date: {value}")).parse().unwrap()
}

/// Waits until a message has this status.
async fn until(owner: &Client, message: &Value, status: &str) -> Value {
    let looking = async {
        loop {
            let now = owner.get(&path(message)).await.body;
            if now["status"] == status {
                return now;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(crate::support::PATIENCE, looking).await.expect("it has another status")
}

#[tokio::test]
pub(crate) async fn a_message_is_sent_at_its_date() {
    let clock = clock();
    let (_server, owner) = under(&clock).await;
    let start = clock.now();
    let mut sent = Vec::new();
    for date in [json!("in 2 hours"), json!(start.after(2 * HOUR).to_string())] {
        let answer = owner.post("/api/v1/emails", &at(&date)).await;
        assert_eq!((answer.status, &answer.body["status"]), (202, &json!("scheduled")), "{answer:?}");
        assert_eq!(moment(&answer.body["scheduled_at"]), start.after(2 * HOUR));
        sent.push(answer.body);
    }
    clock.advance((2 * HOUR).saturating_sub(Duration::from_secs(1)));
    for message in &sent {
        assert_eq!(owner.get(&path(message)).await.body["status"], "scheduled");
    }
    assert_eq!(arrived(&owner).await, 0);
    clock.advance(Duration::from_secs(1));
    for message in &sent {
        until(&owner, message, "delivered").await;
    }
    let day = Duration::from_hours(24);
    for late in ["in 31 days".to_owned(), start.after(31 * day).to_string(), "in 99999999 weeks".to_owned()] {
        let refused = owner.post("/api/v1/emails", &at(&json!(late))).await;
        assert_eq!(refused.status, 422, "{late}");
        assert!(refused.body["details"]["scheduled_at"].is_array(), "{refused:?}");
    }
}

#[tokio::test]
pub(crate) async fn a_date_can_be_moved_until_delivery_begins() {
    let clock = clock();
    let (_server, owner) = under(&clock).await;
    let start = clock.now();
    let sent = owner.post("/api/v1/emails", &at(&json!("in 2 hours"))).await.body;
    let later = owner.patch(&path(&sent), &json!({ "scheduled_at": "in 5 hours" })).await;
    assert_eq!((later.status, &later.body["status"]), (200, &json!("scheduled")), "{later:?}");
    assert_eq!(moment(&later.body["email"]["scheduled_at"]), start.after(5 * HOUR));
    clock.advance(3 * HOUR);
    assert_eq!(owner.get(&path(&sent)).await.body["status"], "scheduled");
    let sooner = owner.patch(&path(&sent), &json!({ "send_at": start.after(4 * HOUR).to_string() })).await;
    assert_eq!(moment(&sooner.body["scheduled_at"]), start.after(4 * HOUR), "{sooner:?}");
    clock.advance(HOUR);
    until(&owner, &sent, "delivered").await;
    let late = owner.patch(&path(&sent), &json!({ "scheduled_at": "in 1 hour" })).await;
    assert_eq!((late.status, &late.body["code"]), (409, &json!("too_late")), "{late:?}");
    // At once.
    let sent = owner.post("/api/v1/emails", &at(&json!("in 2 hours"))).await.body;
    let now = owner.patch(&path(&sent), &json!({ "scheduled_at": clock.now().to_string() })).await;
    assert_eq!(now.status, 200, "{now:?}");
    until(&owner, &sent, "delivered").await;
    // A delivery may be called back before its answer is written down.
    owner.drained().await;
    assert_eq!(arrived(&owner).await, 2, "each once");
}

#[tokio::test]
async fn a_date_that_cannot_be_is_refused() {
    let clock = clock();
    let (server, owner) = under(&clock).await;
    let deadline = clock.now().after(3 * HOUR).to_string();
    let email = with(at(&json!("in 2 hours")), &json!({ "deliver_by": deadline }));
    let sent = owner.post("/api/v1/emails", &email).await.body;
    for (wrong, field) in [
        (json!({}), "scheduled_at"),
        (json!({ "scheduled_at": 17 }), "scheduled_at"),
        (json!({ "scheduled_at": "tomorrow" }), "scheduled_at"),
        (json!({ "scheduled_at": "in 31 days" }), "scheduled_at"),
        (json!({ "scheduled_at": "in 3 hours" }), "deliver_by"),
    ] {
        let refused = owner.patch(&path(&sent), &wrong).await;
        assert_eq!(refused.status, 422, "{wrong}: {refused:?}");
        assert!(refused.body["details"][field].is_array(), "{wrong}: {refused:?}");
    }
    let eve = server.owner("eve").await;
    let (patched, canceled) = (
        eve.patch(&path(&sent), &json!({ "scheduled_at": "in 1 hour" })).await,
        eve.post(&format!("{}/cancel", path(&sent)), &json!({})).await,
    );
    assert_eq!((patched.status, canceled.status), (404, 404));
    let now = owner.get(&path(&sent)).await.body;
    assert_eq!((&now["status"], &now["scheduled_at"]), (&json!("scheduled"), &sent["scheduled_at"]));
}

#[tokio::test]
pub(crate) async fn what_is_canceled_is_not_sent() {
    let clock = clock();
    let (server, owner) = under(&clock).await;
    let sent = owner.post("/api/v1/emails", &at(&json!("in 2 hours"))).await.body;
    let test = server.key(&server.owner("eve").await, "test").await;
    assert_eq!(test.post(&format!("{}/cancel", path(&sent)), &json!({})).await.status, 404);
    for _ in 0..2 {
        let canceled = owner.post(&format!("{}/cancel", path(&sent)), &json!({})).await;
        assert_eq!((canceled.status, &canceled.body["status"]), (200, &json!("canceled")), "{canceled:?}");
        assert_eq!(canceled.body["email"]["id"], sent["id"]);
    }
    let other = owner.post("/api/v1/emails", &at(&json!("in 2 hours"))).await.body;
    clock.advance(2 * HOUR);
    until(&owner, &other, "delivered").await;
    let late = owner.post(&format!("{}/cancel", path(&other)), &json!({})).await;
    assert_eq!((late.status, &late.body["code"]), (409, &json!("too_late")), "{late:?}");
    assert_eq!(arrived(&owner).await, 1);
    let moved = owner.patch(&path(&sent), &json!({ "scheduled_at": "in 1 hour" })).await;
    assert_eq!((moved.status, &moved.body["code"]), (409, &json!("too_late")));
}

#[tokio::test]
async fn what_may_have_been_sent_is_not_told_to_be_canceled() {
    let (_server, owner) = under(&clock()).await;
    let lost = with(plain(), &json!({ "to": "lost-after-body@sandbox.test" }));
    let sent = owner.post("/api/v1/emails", &lost).await.body;
    until(&owner, &sent, "sending").await;
    let canceling = async {
        loop {
            let late = owner.post(&format!("{}/cancel", path(&sent)), &json!({})).await;
            // The first answers may be that it is on the wire.
            assert_eq!((late.status, &late.body["code"]), (409, &json!("too_late")), "{late:?}");
            if owner.get(&path(&sent)).await.body["status"] == "unknown" {
                return late.body.to_string();
            }
        }
    };
    let told = tokio::time::timeout(crate::support::PATIENCE, canceling).await.expect("it ends");
    assert!(told.contains("may have been sent already"), "{told}");
}

#[tokio::test]
pub(crate) async fn whoever_cancels_while_it_is_sent_is_told_the_truth() {
    let clock = clock();
    let (_server, owner) = under(&clock).await;
    let sent = join_all(
        (0..30).map(|_| async { owner.post("/api/v1/emails", &at(&json!("in 1 hour"))).await.body }),
    );
    let sent = sent.await;
    clock.advance(HOUR);
    let cancel = |message: &Value| {
        let (owner, path) = (owner.clone(), format!("{}/cancel", path(message)));
        async move { owner.post(&path, &json!({})).await }
    };
    let answers = join_all(sent.iter().map(cancel)).await;
    let mut delivered = 0;
    for (message, answer) in sent.iter().zip(&answers) {
        match answer.status {
            200 => assert_eq!(owner.get(&path(message)).await.body["status"], "canceled"),
            409 => {
                until(&owner, message, "delivered").await;
                delivered += 1;
            }
            _ => panic!("{answer:?}"),
        }
    }
    assert_eq!(arrived(&owner).await, delivered, "nothing that was canceled arrived");
}

#[tokio::test]
async fn a_key_for_tests_changes_nothing_that_is_real() {
    let clock = clock();
    let server = TestServer::start_under(Arc::<ManualClock>::clone(&clock), |_| ()).await;
    let owner = server.owner("acme").await;
    let test = server.key(&owner, "test").await;
    let real = owner.post("/api/v1/emails", &at(&json!("in 2 hours"))).await.body;
    let tried = test.post("/api/v1/emails", &at(&json!("in 2 hours"))).await.body;
    for (message, status) in [(&real, 404), (&tried, 200)] {
        let moved = test.patch(&path(message), &json!({ "scheduled_at": "in 3 hours" })).await;
        assert_eq!(moved.status, status, "{moved:?}");
        let canceled = test.post(&format!("{}/cancel", path(message)), &json!({})).await;
        assert_eq!(canceled.status, status, "{canceled:?}");
    }
    assert_eq!(owner.get(&path(&real)).await.body["status"], "scheduled");
}

/// A message that waits, a key that may only write, and one that may read as well.
async fn written_and_read() -> (TestServer, Value, Client, Client) {
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    let key = async |scopes: Value| {
        let made = owner.post("/api/v1/api_keys", &json!({ "name": "key", "scopes": scopes })).await;
        assert_eq!(made.status, 201, "{made:?}");
        server.client().with(made.body["raw_key"].as_str().unwrap())
    };
    let writes = key(json!(["emails:write"])).await;
    let both = key(json!(["emails:read", "emails:write"])).await;
    let sent = owner.post("/api/v1/emails", &at(&json!("in 2 hours"))).await;
    assert_eq!(sent.status, 202, "{sent:?}");
    (server, sent.body, writes, both)
}

/// Checks what is told of a message that something was done to.
fn is_told(told: &Answer, sent: &Value, status: &str, whole: bool) {
    assert_eq!((told.status, &told.body["id"], &told.body["status"]), (200, &sent["id"], &json!(status)));
    assert_eq!(told.body["email"]["id"], sent["id"], "{told:?}");
    for said in ["ada@example.com", "a@myapp.example"] {
        assert_eq!(told.text.contains(said), whole, "{told:?}");
    }
}

#[tokio::test]
async fn who_cancels_and_may_not_read_mail_learns_nothing_that_is_in_it() {
    let (_server, sent, writes, both) = written_and_read().await;
    for (client, whole) in [(writes, false), (both, true)] {
        let canceled = client.post(&format!("{}/cancel", path(&sent)), &json!({})).await;
        is_told(&canceled, &sent, "canceled", whole);
    }
}

#[tokio::test]
async fn who_moves_a_date_and_may_not_read_mail_learns_nothing_that_is_in_it() {
    let (_server, sent, writes, both) = written_and_read().await;
    for (client, whole) in [(writes, false), (both, true)] {
        let moved = client.patch(&path(&sent), &json!({ "scheduled_at": "in 3 hours" })).await;
        is_told(&moved, &sent, "scheduled", whole);
    }
}
