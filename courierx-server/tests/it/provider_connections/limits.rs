//! How much a connection may be given: caps, rates, hand-overs at once, and being drained.

use std::sync::Arc;
use std::time::{Duration, Instant};

use courierx_core::clock::{Clock as _, ManualClock, Timestamp};
use courierx_core::id::TenantId;
use courierx_core::router::{Connection, Rate};
use courierx_providers::emulator::Fault;
use courierx_server::config::PrivateTargets;
use courierx_server::model::provider_connections::ProviderKind;
use serde_json::{Value, json};

use super::vendors::{Vendor, allowing, email, send};
use super::{PATH, at, create};
use crate::support::{Answer, Client, PATIENCE, TestServer};

/// A server that reaches this machine, under a clock of the test's own.
pub(crate) async fn under(clock: &Arc<ManualClock>) -> TestServer {
    let clock = Arc::<ManualClock>::clone(clock);
    TestServer::start_under(clock, |settings| settings.private_targets = PrivateTargets::All).await
}

pub(crate) fn clock() -> Arc<ManualClock> {
    ManualClock::starting_at("2028-02-29T12:00:00Z".parse().unwrap())
}

pub(crate) async fn tenant(owner: &Client) -> TenantId {
    owner.get("/api/v1/auth/me").await.body["tenant"]["id"].as_str().unwrap().parse().unwrap()
}

/// Reads it until it is as it should be.
pub(crate) async fn until(owner: &Client, path: &str, is: impl Fn(&Value) -> bool) -> Answer {
    let start = Instant::now();
    loop {
        let answer = owner.get(path).await;
        if answer.status == 200 && is(&answer.body) {
            return answer;
        }
        assert!(start.elapsed() < PATIENCE, "it never came to that: {answer:?}");
    }
}

/// The connection, as the router has it.
async fn routed(server: &TestServer, owner: &Client, made: &Value) -> Connection {
    let router = server.app().routes.router(tenant(owner).await).await.unwrap();
    router.connection(&made["id"].as_str().unwrap().parse().unwrap()).unwrap().clone()
}

fn to(recipients: &[&str]) -> Value {
    json!({ "from": "shop@myapp.example", "to": recipients, "subject": "Hello", "text": "Hello" })
}

#[tokio::test]
async fn limits_are_set_shown_applied_and_removed() {
    let server = allowing().await;
    let owner = server.owner("acme").await;
    let Vendor { body, emulator: _running, .. } = Vendor::postmark().await;
    let made = create(&owner, &body).await.body;
    let all = ["daily_cap", "monthly_cap", "rolling_24h_cap", "max_in_flight", "rate_limit"];
    assert!(all.iter().all(|field| made[field].is_null()) && made["drain"] == false, "{made:#}");
    assert_eq!(made["quotas"], json!([]));
    let of_the_provider = made["in_flight_limit"].as_u64().unwrap();
    assert!(of_the_provider > 3);

    let limits = json!({ "daily_cap": 10, "monthly_cap": 20, "rolling_24h_cap": 30, "max_in_flight": 3,
        "rate_limit": { "per_second": 2.5 }, "drain": true, "weight": 7, "priority": 4 });
    let limited = owner.patch(&at(&made), &limits).await;
    assert_eq!(limited.status, 200, "{limited:?}");
    for field in
        ["daily_cap", "monthly_cap", "rolling_24h_cap", "max_in_flight", "drain", "weight", "priority"]
    {
        assert_eq!(limited.body[field], limits[field], "{field}");
    }
    assert_eq!(limited.body["rate_limit"], json!({ "per_second": 2.5, "burst": 3 }));
    assert_eq!((&limited.body["status"], &limited.body["in_flight_limit"]), (&json!("active"), &json!(3)));
    let windows: Vec<_> =
        limited.body["quotas"].as_array().unwrap().iter().map(|one| (&one["window"], &one["left"])).collect();
    let expected =
        [(json!("day"), json!(10)), (json!("month"), json!(20)), (json!("rolling_24h"), json!(30))];
    assert_eq!(windows, expected.iter().map(|(window, left)| (window, left)).collect::<Vec<_>>());
    let connection = routed(&server, &owner, &made).await;
    assert!(connection.is_draining());
    assert_eq!((connection.rate(), connection.quotas().len()), (Some(Rate::new(2.5, 3).unwrap()), 3));
    let provider = Arc::clone(connection.provider());

    // What is not named stays, and null goes.
    let burst = owner.patch(&at(&made), &json!({ "rate_limit": { "per_second": 2, "burst": 9 } })).await.body;
    assert_eq!((&burst["rate_limit"]["burst"], &burst["daily_cap"]), (&json!(9), &json!(10)));
    let mut none: Value = all.iter().map(|field| ((*field).to_owned(), Value::Null)).collect();
    none["drain"] = json!(false);
    let free = owner.patch(&at(&made), &none).await.body;
    assert!(all.iter().all(|field| free[field].is_null()) && free["quotas"] == json!([]), "{free:#}");
    assert_eq!(free["in_flight_limit"], json!(of_the_provider));
    let connection = routed(&server, &owner, &made).await;
    assert!(!connection.is_draining() && connection.is_enabled());
    assert_eq!((connection.rate(), connection.quotas().len()), (None, 0));
    assert!(Arc::ptr_eq(&provider, connection.provider()), "open connections stay open");
    assert_eq!(owner.get(PATH).await.body, json!([free]));
}

#[tokio::test]
async fn new_connections_have_limits_too_and_a_mail_server_no_more_than_it_bears() {
    let server = allowing().await;
    let owner = server.owner("acme").await;
    let body = json!({ "provider": "smtp", "display_name": "Relay", "smtp_host": "127.0.0.1", "smtp_port": 1,
        "tls": "none", "daily_cap": 5, "max_in_flight": 1000, "rate_limit": { "per_second": 1, "burst": 2 } });
    let made = create(&owner, &body).await.body;
    assert_eq!((&made["max_in_flight"], &made["in_flight_limit"]), (&json!(1000), &json!(10)));
    assert_eq!((&made["daily_cap"], &made["rate_limit"]["burst"]), (&json!(5), &json!(2)));
}

#[tokio::test]
pub(crate) async fn a_cap_holds_is_counted_and_can_be_raised() {
    let clock = clock();
    let server = under(&clock).await;
    let owner = server.owner("acme").await;
    let Vendor { mut body, emulator, .. } = Vendor::postmark().await;
    body["daily_cap"] = json!(3);
    let made = create(&owner, &body).await.body;
    send(&owner, &to(&["ada@example.com", "bo@example.com"])).await;
    server.delivered(&owner).await;
    let quota = |body: &Value| body["quotas"][0].clone();
    let expected = json!({ "window": "day", "cap": 3, "used": 2, "left": 1,
        "resets_at": "2028-03-01T00:00:00.000000Z" });
    assert_eq!(quota(&owner.get(&at(&made)).await.body), expected);

    // What certainly was not sent is not counted.
    emulator.fail_next(1, Fault::Unverified);
    let refused = send(&owner, &to(&["cy@example.com"])).await;
    until(&owner, &refused, |body| body["attempt_count"] == 1).await;
    // The answer is there before it is written down.
    until(&owner, &at(&made), |body| quota(body) == expected).await;
    clock.advance(Duration::from_hours(1));
    // Its wait may have begun only now.
    until(&owner, &refused, |body| {
        clock.advance(Duration::from_secs(1));
        body["status"] == "sent"
    })
    .await;

    let over = send(&owner, &to(&["di@example.com"])).await;
    let full = until(&owner, &at(&made), |body| body["not_before"].is_object()).await.body;
    assert_eq!(full["not_before"], json!({ "reason": "quota", "until": "2028-03-01T00:00:00.000000Z" }));
    assert_eq!(quota(&full)["resets_at"], "2028-03-01T00:00:00.000000Z");
    assert_eq!((&quota(&full)["used"], &quota(&full)["left"]), (&json!(3), &json!(0)));
    assert_eq!(full["breaker"]["state"], "closed", "a quota is no failure");
    let raised = owner.patch(&at(&made), &json!({ "daily_cap": 5 })).await.body;
    assert_eq!((&raised["not_before"], &quota(&raised)["left"]), (&Value::Null, &json!(2)));
    // There is room for both now, as whichever of them asked first would take the only place.
    let next = send(&owner, &to(&["ed@example.com"])).await;
    let sent_after = async |path: &str, step: Duration| {
        let sent = |body: &Value| {
            clock.advance(step);
            body["status"] == "sent"
        };
        until(&owner, path, sent).await
    };
    sent_after(&next, Duration::ZERO).await;
    // The one that waited looks for room again within a quarter of an hour.
    sent_after(&over, Duration::from_secs(1)).await;
    assert!(clock.now() < "2028-02-29T14:00:00Z".parse().unwrap(), "{}", clock.now());
    let full = until(&owner, &at(&made), |body| body["in_flight"] == 0).await.body;
    assert_eq!((&quota(&full)["used"], &quota(&full)["left"]), (&json!(5), &json!(0)));

    clock.advance("2028-03-01T00:00:30Z".parse::<Timestamp>().unwrap().since(clock.now()));
    let next_day = owner.get(&at(&made)).await.body;
    assert_eq!((&quota(&next_day)["used"], &quota(&next_day)["left"]), (&json!(0), &json!(5)));
    let first = send(&owner, &to(&["flo@example.com"])).await;
    sent_after(&first, Duration::ZERO).await;
    assert_eq!(quota(&until(&owner, &at(&made), |body| body["in_flight"] == 0).await.body)["used"], 1);

    let monthly = owner.patch(&at(&made), &json!({ "monthly_cap": 1 })).await.body;
    assert_eq!(monthly["quotas"][1]["window"], "month");
    assert_eq!((&monthly["quotas"][1]["used"], &monthly["quotas"][1]["left"]), (&json!(0), &json!(1)));
}

#[tokio::test]
async fn a_drained_connection_gets_nothing_new() {
    let server = allowing().await;
    let owner = server.owner("acme").await;
    let first = Vendor::postmark().await;
    let second = Vendor::start(ProviderKind::Resend).await.unwrap();
    let made = create(&owner, &first.body).await.body;
    create(&owner, &second.body).await;
    owner.patch(&at(&made), &json!({ "drain": true })).await;
    let path = send(&owner, &email()).await;
    server.delivered(&owner).await;
    let told = owner.get(&path).await.body;
    assert_eq!((&told["status"], &told["provider"]), (&json!("sent"), &json!("resend")), "{told:#}");
    assert_eq!(first.emulator.count(), 0);
    owner.patch(&at(&made), &json!({ "drain": false })).await;
    send(&owner, &email()).await;
    server.delivered(&owner).await;
    assert!(first.emulator.count() > 0, "it comes first again");
}
