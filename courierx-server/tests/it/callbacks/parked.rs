//! Events that come before what they are about.

use std::sync::Arc;
use std::time::Duration;

use courierx_core::clock::{Clock as _, ManualClock, Timestamp};
use courierx_core::id::{DeliveryId, MessageId, RecordId};
use courierx_core::message::Lane;
use courierx_core::provider::Callback;
use courierx_core::store::{JobKind, KeptCallback, NewJob};
use courierx_core::vault::SealContext;
use courierx_providers::emulator::CallbackKeys;
use serde_json::{Value, json};

use super::{Caller, PASSWORD, count, post, reachable};
use crate::provider_connections::limits::{clock, tenant};
use crate::provider_connections::vendors::Vendor;
use crate::support::{Answer, Client, PATIENCE, TestServer};

/// What Postmark says of a delivery that carries this, or nothing.
fn delivered(id: &str, planted: Option<DeliveryId>) -> Callback {
    let metadata = planted.map_or(json!({}), |planted| json!({ "courierx_delivery": planted.to_string() }));
    let report = json!({ "RecordType": "Delivery", "MessageID": id, "Recipient": "ada@example.com",
        "Metadata": metadata, "DeliveredAt": "2028-02-29T12:00:01Z", "ServerID": 1, "MessageStream": "outbound" });
    let keys = CallbackKeys::postmark("courierx", PASSWORD);
    keys.sign(vec![report], Timestamp::EPOCH).pop().unwrap()
}

async fn start() -> (Arc<ManualClock>, TestServer, Client, Caller) {
    let clock = clock();
    let server = TestServer::start_under(Arc::<ManualClock>::clone(&clock), reachable).await;
    let owner = server.owner("acme").await;
    let caller = Caller::connect(&owner, Vendor::postmark().await).await;
    // A key lives on where a token has ended.
    let key = server.key(&owner, "live").await;
    (clock, server, key, caller)
}

/// Lets time pass until it is as it should be.
async fn pass(clock: &ManualClock, step: Duration, is: impl AsyncFn() -> bool) {
    let passing = async {
        while !is().await {
            clock.advance(step);
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, passing).await.expect("it never came to that");
}

async fn kept(server: &TestServer) -> u64 {
    server.app().store.count_callbacks(None).await.unwrap()
}

#[tokio::test]
async fn an_event_waits_for_its_message() {
    let (clock, server, key, caller) = start().await;
    let email = json!({ "from": "shop@myapp.example", "to": ["ada@example.com"], "subject": "Hello", "text": "Hi",
        "scheduled_at": clock.now().after(Duration::from_mins(2)).to_string() });
    let accepted = key.post("/api/v1/emails", &email).await;
    assert_eq!(accepted.status, 202, "{accepted:?}");
    let id: MessageId = accepted.body["id"].as_str().unwrap().parse().unwrap();
    let planted = DeliveryId::derive(id, &[0], caller.connection["id"].as_str().unwrap());
    let call = delivered("not-known-yet", Some(planted));
    assert_eq!(post(&caller.url(&server), &call).await, 200);
    let path = format!("/api/v1/emails/{id}");
    clock.advance(Duration::from_secs(30));
    assert_eq!(key.get(&path).await.body["status"], "scheduled");
    assert_eq!(kept(&server).await, 1, "it is parked");

    let status = async || key.get(&path).await;
    let is = |email: &Answer| email.body["status"] == "delivered";
    pass(&clock, Duration::from_millis(500), async || is(&status().await)).await;
    assert_eq!(count(&status().await, "delivered"), 1);
    pass(&clock, Duration::ZERO, async || kept(&server).await == 0).await;
}

#[tokio::test]
async fn what_is_about_nobodys_mail_is_given_up() {
    let (clock, server, key, caller) = start().await;
    for (planted, at_least) in [
        (None, Duration::from_mins(59)),
        (Some(DeliveryId::derive(MessageId::new(), &[0], "elsewhere")), Duration::from_hours(71)),
    ] {
        let start = clock.now();
        assert_eq!(post(&caller.url(&server), &delivered("another-programs", planted)).await, 200);
        assert_eq!(kept(&server).await, 1);
        pass(&clock, Duration::from_secs(20), async || kept(&server).await == 0).await;
        assert!(clock.now().since(start) >= at_least, "{planted:?}");
    }
    let listed: Value = key.get("/api/v1/emails").await.body;
    assert_eq!(listed, json!([]), "and nothing is made of it");
}

#[tokio::test]
async fn a_tenant_cannot_fill_the_disk_with_callbacks_that_it_signs_itself() {
    let (clock, server, _, caller) = start().await;
    let app = server.app();
    let tenant = tenant(&server.log_in("acme").await).await;
    let connection = caller.connection["id"].as_str().unwrap();
    let later = clock.now().after(Duration::from_hours(1));
    for _ in 0..1000 {
        let id = RecordId::new();
        let job = NewJob::new(JobKind::new("callback"), Lane::Bulk, later, id.as_bytes().to_vec());
        let body = app.vault.seal(&SealContext { tenant, kind: "callback", record: id.as_bytes() }, b"{}");
        let (connection, received_at) = (connection.parse().unwrap(), clock.now());
        let kept = KeptCallback { id, tenant, connection, received_at, body, left: None };
        app.store.keep_callback(kept, job).await.unwrap();
    }
    let url = caller.url(&server);
    let small = delivered("another-programs", None);
    let keys = CallbackKeys::postmark("courierx", PASSWORD);
    let large =
        json!({ "RecordType": "Delivery", "MessageID": "another-programs", "Details": "x".repeat(70_000) });
    let large = keys.sign(vec![large], Timestamp::EPOCH).pop().unwrap();
    assert_eq!(post(&url, &large).await, 503, "a large one is one too many, and comes again");
    assert_eq!(post(&url, &small).await, 200, "a small one is not");
    let other = server.owner("other").await;
    let other = Caller::connect(&other, Vendor::postmark().await).await;
    assert_eq!(post(&other.url(&server), &large).await, 200, "others are not held up");
}
