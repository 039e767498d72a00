//! What became of mail, counted; and how trustworthy it looks.

use std::collections::BTreeMap;
use std::sync::Arc;

use courierx_core::clock::{Clock as _, ManualClock};
use serde_json::{Value, json};

use crate::provider_connections::limits::clock;
use crate::support::{Client, PATIENCE, TestServer};

/// Who gets what is sent, and how often: each fate that ends without a retry.
const FATES: [(&str, usize); 4] = [
    ("ada@example.com", 7),
    ("bounce@sandbox.test", 3),
    ("complain@sandbox.test", 2),
    ("reject@sandbox.test", 1),
];

async fn send(client: &Client, to: &str) {
    let email = json!({ "from": "hi@acme.example", "to": to, "subject": "s", "text": "t" });
    let answer = client.post("/api/v1/emails", &email).await;
    assert_eq!(answer.status, 202, "{answer:?}");
}

/// How many messages have which status, as the lists say, once all of them have an end.
async fn listed(client: &Client, mode: &str) -> BTreeMap<String, u64> {
    let looking = async {
        loop {
            let list = client.get(&format!("/api/v1/emails?per_page=100&mode={mode}")).await;
            let mut counts = BTreeMap::<String, u64>::new();
            for email in list.body.as_array().unwrap() {
                *counts.entry(email["status"].as_str().unwrap().to_owned()).or_default() += 1;
            }
            if !["queued", "sending", "sent"].iter().any(|status| counts.contains_key(*status)) {
                return counts;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, looking).await.expect("some have no end")
}

fn sum(days: &Value, what: &str) -> u64 {
    days.as_array().unwrap().iter().map(|day| day[what].as_u64().unwrap()).sum()
}

#[tokio::test]
pub(crate) async fn the_counters_say_what_the_lists_say() {
    // It looks again and again.
    let server = TestServer::start_with(|settings| settings.rate_limit_per_minute = 0).await;
    let owner = server.owner("acme").await;
    let key = server.key(&owner, "live").await;
    for (to, times) in FATES {
        for _ in 0..times {
            send(&key, to).await;
        }
    }
    // Mail for tests is counted apart.
    let test = server.key(&owner, "test").await;
    send(&test, "ada@example.com").await;
    assert_eq!(listed(&test, "test").await, BTreeMap::from([("delivered".to_owned(), 1)]));
    let listed = listed(&key, "live").await;
    let of = |status: &str| listed.get(status).copied().unwrap_or(0);
    let days = key.get("/api/v1/usage_stats").await;
    assert_eq!((days.status, days.body.as_array().unwrap().len()), (200, 7), "{days:?}");
    assert_eq!(sum(&days.body, "accepted"), 13);
    // Who complained got it first.
    assert_eq!(sum(&days.body, "delivered"), of("delivered") + of("complained"));
    for status in ["bounced", "complained", "failed"] {
        assert_eq!(sum(&days.body, status), of(status), "{status}: {listed:?} {:#}", days.body[6]);
    }
    assert_eq!(sum(&days.body, "sent"), of("delivered") + of("complained") + of("bounced"));
    assert_eq!((of("delivered"), of("bounced"), of("complained"), of("failed")), (7, 3, 2, 1));

    let metrics = key.get("/api/v1/dashboard/metrics?period=30d").await;
    assert_eq!((metrics.status, metrics.body["daily"].as_array().unwrap().len()), (200, 30), "{metrics:?}");
    let totals = json!({
        "sent": 12, "delivered": 9, "bounced": 3, "complained": 2, "failed": 1, "opened": 0, "clicked": 0,
    });
    assert_eq!(metrics.body["totals"], totals);
    assert_eq!(metrics.body["rates"]["delivery_rate"], 75.0);
    assert_eq!(metrics.body["rates"]["open_rate"], 0.0);
    assert_eq!(metrics.body["daily"][29]["delivered"], 9);
    assert!(metrics.body["period"]["from"].is_string() && metrics.body["period"]["to"].is_string());
    assert_eq!(metrics.body["tracking_coverage"]["opened"]["both"], 0);
    assert_eq!(metrics.body["providers"], json!([]));

    let by = key.get("/api/v1/usage_stats?group_by=provider").await;
    assert_eq!(
        (by.body.as_array().unwrap().len(), &by.body[0]["provider"]),
        (1, &json!("sandbox")),
        "{by:?}"
    );
    assert_eq!((&by.body[0]["sent"], &by.body[0]["bounced"]), (&json!(12), &json!(3)));
    assert_eq!(key.get("/api/v1/usage_stats?provider=sandbox").await.body, by.body);
    assert_eq!(key.get("/api/v1/usage_stats?provider=ses").await.body, json!([]));
    let of_tests = test.get("/api/v1/usage_stats").await;
    assert_eq!((sum(&of_tests.body, "sent"), sum(&of_tests.body, "delivered")), (1, 1));

    let report = key.get("/api/v1/dashboard/compliance").await;
    let check = |name: &str| {
        let all = report.body["checks"].as_array().unwrap();
        all.iter().find(|one| one["name"] == name).unwrap().clone()
    };
    assert_eq!((&check("bounce_rate")["points"], &check("complaint_rate")["points"]), (&json!(0), &json!(0)));
    assert!(check("bounce_rate")["detail"].as_str().unwrap().starts_with("25.00 % of 12 sent"));
    assert_eq!((&report.body["score"], report.body["domains"].as_array().unwrap().len()), (&json!(10), 0));
    // A sandbox's refusal holds back nobody's mail.
    assert_eq!(key.get("/api/v1/suppressions").await.body, json!([]));
    let held_back = key.post("/api/v1/suppressions", &json!({ "email": "reject@sandbox.test" })).await;
    assert_eq!(held_back.status, 201, "{held_back:?}");
    let again =
        json!({ "from": "hi@acme.example", "to": "reject@sandbox.test", "subject": "s", "text": "t" });
    assert_eq!(key.post("/api/v1/emails", &again).await.status, 422);
    let days = key.get("/api/v1/usage_stats").await;
    assert_eq!((sum(&days.body, "accepted"), sum(&days.body, "suppressed")), (13, 1));
    let stranger = server.owner("other").await;
    assert_eq!(sum(&stranger.get("/api/v1/usage_stats").await.body, "accepted"), 0);
    assert_eq!(stranger.get("/api/v1/dashboard/compliance").await.body["score"], 40);
}

#[tokio::test]
pub(crate) async fn days_are_asked_for_by_their_dates() {
    let clock = clock();
    let server = TestServer::start_under(Arc::<ManualClock>::clone(&clock), |_| ()).await;
    let owner = server.owner("acme").await;
    let today = clock.now().to_string()[..10].to_owned();
    send(&owner, "ada@example.com").await;
    server.delivered(&owner).await;
    let usual = owner.get("/api/v1/usage_stats").await;
    assert_eq!((&usual.body[6]["date"], &usual.body[6]["accepted"]), (&json!(today), &json!(1)));
    let one = owner.get(&format!("/api/v1/usage_stats?from={today}&to={today}")).await;
    assert_eq!((one.body.as_array().unwrap().len(), &one.body[0]), (1, &usual.body[6]));
    let before = owner.get("/api/v1/usage_stats?from=2028-01-30&to=2028-02-02").await;
    let dates: Vec<_> = before.body.as_array().unwrap().iter().map(|day| &day["date"]).collect();
    assert_eq!(dates, ["2028-01-30", "2028-01-31", "2028-02-01", "2028-02-02"]);
    assert_eq!(owner.get("/api/v1/usage_stats?from=2027-02-28&to=2028-02-28").await.status, 200, "366 days");
    for (query, field) in [
        ("from=yesterday", "from"),
        ("to=2028-02-30", "to"),
        ("from=2028-02-01T00:00:00Z", "from"),
        ("from=2028-02-02&to=2028-02-01", "from"),
        ("from=2027-02-27&to=2028-02-28", "to"),
        ("from=2099-01-01", "from"),
        ("provider=pigeon", "provider"),
        ("group_by=week", "group_by"),
    ] {
        let refused = owner.get(&format!("/api/v1/usage_stats?{query}")).await;
        assert_eq!(refused.status, 422, "{query}: {refused:?}");
        assert!(refused.body["details"][field].is_array(), "{query}: {refused:?}");
    }
    for (period, days) in [("7d", 7), ("30d", 30), ("90d", 90)] {
        let metrics = owner.get(&format!("/api/v1/dashboard/metrics?period={period}")).await;
        assert_eq!(metrics.body["daily"].as_array().unwrap().len(), days, "{metrics:?}");
    }
    let refused = owner.get("/api/v1/dashboard/metrics?period=1y").await;
    assert!(refused.status == 422 && refused.body["details"]["period"].is_array(), "{refused:?}");
    let billing = owner.get("/api/v1/dashboard/billing").await;
    assert_eq!((billing.status, &billing.body["code"]), (404, &json!("cloud_disabled")));
}
