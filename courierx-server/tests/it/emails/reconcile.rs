//! Looking after messages that seem to be stuck.

use std::sync::Arc;
use std::time::Duration;

use courierx_core::clock::{Clock as _, ManualClock, SystemClock};
use courierx_core::store::{ClaimRequest, JobKind, JobNext};
use courierx_server::config::{PrivateTargets, Settings};
use courierx_server::model::provider_connections::ProviderKind;
use serde_json::{Value, json};

use crate::provider_connections::create;
use crate::provider_connections::limits::until;
use crate::provider_connections::vendors::Vendor;
use crate::support::{Client, TestServer};

const STALE: Duration = Duration::from_mins(6);

/// A server under a clock that begins now, as the emulators' do.
async fn start(change: impl FnOnce(&mut Settings)) -> (Arc<ManualClock>, TestServer) {
    let clock = ManualClock::starting_at(SystemClock.now());
    let server = TestServer::start_under(Arc::<ManualClock>::clone(&clock), |settings| {
        settings.private_targets = PrivateTargets::All;
        change(settings);
    });
    (clock, server.await)
}

async fn accepted(owner: &Client, to: &str) -> String {
    let email = json!({ "from": "shop@myapp.example", "to": [to], "subject": "Hello", "text": "Hello" });
    let answer = owner.post("/api/v1/emails", &email).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    format!("/api/v1/emails/{}", answer.body["id"].as_str().unwrap())
}

/// What was done, and how the message stands then.
async fn reconciled(client: &Client, path: &str) -> (String, String) {
    let answer = client.post(&format!("{path}/reconcile"), &json!({})).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(answer.body["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{answer:?}");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (text(&answer.body["action"]), text(&answer.body["email"]["status"]))
}

fn is(action: &str, status: &str) -> (String, String) {
    (action.to_owned(), status.to_owned())
}

#[tokio::test]
async fn who_missed_the_callbacks_asks_the_provider_and_sends_nothing_twice() {
    for vendor in Vendor::all().await {
        let (clock, server) = start(|_| ()).await;
        let owner = server.owner("acme").await;
        create(&owner, &vendor.body).await;
        let path = accepted(&owner, "ada@example.com").await;
        until(&owner, &path, |email| email["status"] == "sent").await;
        assert_eq!(reconciled(&owner, &path).await, is("too_recent", "sent"), "{}", vendor.kind);
        clock.advance(STALE);
        let tells = matches!(vendor.kind, ProviderKind::Mailgun | ProviderKind::Resend);
        let (first, then) = if tells {
            (is("resynced", "delivered"), is("terminal", "delivered"))
        } else {
            (is("noop", "sent"), is("noop", "sent"))
        };
        assert_eq!(reconciled(&owner, &path).await, first, "{}", vendor.kind);
        assert_eq!(reconciled(&owner, &path).await, then, "{}", vendor.kind);
        assert_eq!(vendor.emulator.count(), 1, "{}: it was sent once", vendor.kind);
    }
}

#[tokio::test]
async fn what_lost_its_job_gets_one_and_what_has_one_does_not() {
    let (clock, server) = start(|settings| settings.workers = 0).await;
    let owner = server.owner("acme").await;
    let path = accepted(&owner, "ada@example.com").await;
    clock.advance(STALE);
    assert_eq!(reconciled(&owner, &path).await, is("still_pending", "queued"));
    let store = &server.app().store;
    let claim = || async {
        let request = ClaimRequest::new(JobKind::DELIVERY, 10, Duration::from_secs(30));
        store.claim(&request).await.unwrap()
    };
    let claimed = claim().await;
    assert_eq!(claimed.len(), 1);
    assert_eq!(reconciled(&owner, &path).await, is("still_pending", "queued"), "it is under a lease");
    // What never happens: its job ends and it does not.
    store.finish(&[(claimed[0].lease, JobNext::Finish)]).await.unwrap();
    assert_eq!(reconciled(&owner, &path).await, is("reenqueued", "queued"));
    assert_eq!(reconciled(&owner, &path).await, is("still_pending", "queued"));
    assert_eq!(claim().await.len(), 1, "there is one job");

    let other = server.owner("other").await;
    for client in [other, server.key(&owner, "test").await] {
        assert_eq!(client.post(&format!("{path}/reconcile"), &json!({})).await.status, 404);
        let stale = client.post("/api/v1/emails/reconcile_stale", &json!({})).await;
        // Of whom nothing is visible, nothing is looked after; a tenant's keys share how often they may ask.
        assert_eq!((stale.status, &stale.body["enqueued_count"]), (200, &json!(0)), "{stale:?}");
    }
}

#[tokio::test]
async fn who_may_not_read_mail_learns_how_it_stands_and_nothing_that_is_in_it() {
    let (clock, server) = start(|settings| settings.workers = 0).await;
    let owner = server.owner("acme").await;
    let path = accepted(&owner, "ada@example.com").await;
    clock.advance(STALE);
    let key = async |scopes: Value| {
        let made = owner.post("/api/v1/api_keys", &json!({ "name": "key", "scopes": scopes })).await;
        server.client().with(made.body["raw_key"].as_str().unwrap())
    };
    let writes = key(json!(["emails:write"])).await;
    let both = key(json!(["emails:read", "emails:write"])).await;
    for (client, named) in [(writes, 0), (both, 1)] {
        assert_eq!(reconciled(&client, &path).await, is("still_pending", "queued"));
        let looked = client.post(&format!("{path}/reconcile"), &json!({})).await;
        assert!(path.ends_with(looked.body["email"]["id"].as_str().unwrap()), "{looked:?}");
        for said in ["ada@example.com", "shop@myapp.example", "Hello"] {
            assert_eq!(looked.text.contains(said), named > 0, "{looked:?}");
        }
        let stale = client.post("/api/v1/emails/reconcile_stale", &json!({})).await;
        assert_eq!((stale.status, &stale.body["enqueued_count"]), (200, &json!(1)), "{stale:?}");
        assert_eq!(stale.body["email_ids"].as_array().unwrap().len(), named, "{stale:?}");
        clock.advance(Duration::from_mins(3));
    }
}

#[tokio::test]
async fn all_stale_mail_is_looked_after_once_in_a_while() {
    let vendor = Vendor::all().await.into_iter().find(|one| one.kind == ProviderKind::Mailgun).unwrap();
    let (clock, server) = start(|_| ()).await;
    let owner = server.owner("acme").await;
    create(&owner, &vendor.body).await;
    let mut paths = Vec::new();
    for to in ["ada@example.com", "cy@example.com"] {
        let path = accepted(&owner, to).await;
        until(&owner, &path, |email| email["status"] == "sent").await;
        paths.push(path);
    }
    clock.advance(STALE);
    let young = accepted(&owner, "bo@example.com").await;
    until(&owner, &young, |email| email["status"] == "sent").await;
    let stale = owner.post("/api/v1/emails/reconcile_stale", &json!({})).await;
    assert_eq!(stale.status, 200, "{stale:?}");
    assert_eq!((&stale.body["enqueued_count"], &stale.body["truncated"]), (&json!(2), &json!(false)));
    let ids: Vec<_> =
        stale.body["email_ids"].as_array().unwrap().iter().map(|id| id.as_str().unwrap()).collect();
    assert!(paths.iter().all(|path| ids.iter().any(|id| path.ends_with(id))), "{stale:?}");
    let again = owner.post("/api/v1/emails/reconcile_stale", &json!({})).await;
    assert_eq!(again.status, 429, "{again:?}");
    clock.advance(Duration::from_secs(1));
    for path in &paths {
        until(&owner, path, |email| email["status"] == "delivered").await;
    }
    assert_eq!(owner.get(&young).await.body["status"], "sent");
    assert_eq!(vendor.emulator.count(), 3, "each was sent once");
}
