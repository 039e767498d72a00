//! How often somebody may ask.

use std::sync::Arc;
use std::time::Duration;

use courierx_core::clock::{Clock, ManualClock, Timestamp};
use courierx_core::id::TenantId;
use courierx_core::store::{Change, ConfigsExt};
use courierx_server::model::tenants::Tenant;
use serde_json::json;

use crate::support::{Answer, Client, TestServer};

fn header(answer: &Answer, name: &str) -> i64 {
    answer.headers[name].to_str().unwrap().parse().unwrap()
}

/// A server under a clock that stands still, with this many requests a minute.
async fn server(limit: u32) -> (TestServer, Arc<ManualClock>) {
    let clock = ManualClock::starting_at(Timestamp::from_secs(1_900_000_000));
    let shared: Arc<ManualClock> = Arc::clone(&clock);
    let server = TestServer::start_under(shared, |settings| settings.rate_limit_per_minute = limit).await;
    (server, clock)
}

/// Asks until it is refused; how often that was answered.
async fn until_refused(client: &Client) -> (usize, Answer) {
    for n in 0..100 {
        let answer = client.get("/api/v1/api_keys").await;
        if answer.status == 429 {
            return (n, answer);
        }
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    panic!("nobody has to wait");
}

#[tokio::test]
async fn who_asks_too_often_waits_as_long_as_the_answer_says() {
    let (server, clock) = server(6).await;
    let owner = server.owner("acme").await;
    let key = server.key(&owner, "live").await;
    let first = key.get("/api/v1/api_keys").await;
    assert_eq!((header(&first, "x-ratelimit-limit"), header(&first, "x-ratelimit-remaining")), (6, 5));
    let (answered, refused) = until_refused(&key).await;
    assert_eq!(answered, 5);
    let body = json!({ "error": "Rate limit exceeded", "code": "rate_limit_exceeded" });
    assert_eq!(refused.body, body);
    assert_eq!((header(&refused, "retry-after"), header(&refused, "x-ratelimit-remaining")), (10, 0));
    assert!((60..=61).contains(&(header(&refused, "x-ratelimit-reset") - clock.now().as_secs())));
    clock.advance(Duration::from_secs(10));
    assert_eq!(until_refused(&key).await.0, 1);
    // Its other keys share the limit; people and other tenants do not.
    let other = server.key(&owner, "live").await;
    assert_eq!(until_refused(&other).await.0, 0);
    let stranger = server.owner("other").await;
    assert_eq!(stranger.get("/api/v1/auth/me").await.status, 200);
    clock.advance(Duration::from_mins(1));
    assert_eq!(until_refused(&other).await.0, 6);
}

#[tokio::test]
async fn what_is_refused_counts_and_what_nobody_asked_does_not() {
    let (server, _clock) = server(3).await;
    let owner = server.owner("acme").await;
    assert!(!server.client().get("/api/v1/auth/me").await.headers.contains_key("x-ratelimit-limit"));
    let key = server.key(&owner, "live").await;
    let forbidden = key.get("/api/v1/auth/me").await;
    assert_eq!((forbidden.status, header(&forbidden, "x-ratelimit-remaining")), (403, 2));
    assert_eq!(key.get("/api/v1/emails/1").await.status, 404);
    assert_eq!(until_refused(&key).await.0, 1);
    // Changing something gives nothing back.
    assert_eq!(owner.patch("/api/v1/auth/me", &json!({ "name": "new" })).await.status, 200);
    assert_eq!(until_refused(&key).await.0, 0);
}

#[tokio::test]
async fn a_key_and_a_tenant_have_limits_of_their_own() {
    let (server, clock) = server(20).await;
    let owner = server.owner("acme").await;
    let new = json!({ "name": "slow", "rate_limit_per_minute": 2 });
    let made = owner.post("/api/v1/api_keys", &new).await;
    assert_eq!(made.body["rate_limit_per_minute"], 2, "{made:?}");
    let slow = server.client().with(made.body["raw_key"].as_str().unwrap());
    let fast = server.key(&owner, "live").await;
    assert_eq!(until_refused(&slow).await.0, 2);
    assert_eq!(until_refused(&fast).await.0, 18);
    for wrong in [json!(0), json!(1_000_001)] {
        let new = json!({ "name": "x", "rate_limit_per_minute": wrong });
        assert_eq!(owner.post("/api/v1/api_keys", &new).await.status, 422, "{new}");
    }

    clock.advance(Duration::from_mins(1));
    let me = owner.get("/api/v1/auth/me").await;
    assert_eq!(me.body["tenant"]["rate_limit_per_minute"], 20);
    let id: TenantId = me.body["tenant"]["id"].as_str().unwrap().parse().unwrap();
    let (app, record) = (server.app(), Tenant::record(id));
    let mut tenant = app.store.get::<Tenant>(id, record).await.unwrap().unwrap();
    tenant.value.rate_limit_per_minute = Some(5);
    let change = Change::update(id, record, tenant.version, &tenant.value).unwrap();
    app.commit(id, vec![change]).await.unwrap();
    assert_eq!(until_refused(&fast).await.0, 5);
    assert_eq!(owner.get("/api/v1/auth/me").await.body["tenant"]["rate_limit_per_minute"], 5);
}
