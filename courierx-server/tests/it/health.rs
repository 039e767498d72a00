//! What load balancers and monitors ask.

use courierx_core::id::TenantId;
use courierx_core::message::Lane;
use courierx_core::store::{JobKind, NewJob};
use courierx_server::secret::Secret;
use reqwest::Method;
use serde_json::json;

use crate::support::{Answer, Client, TestServer};

/// Asks as a proxy on this machine does for somebody else.
async fn from_elsewhere(client: &Client, path: &str) -> Answer {
    client.send(client.request(Method::GET, path).header("x-forwarded-for", "198.51.100.7")).await
}

#[tokio::test]
async fn it_is_alive_ready_and_well() {
    let server = TestServer::start().await;
    let client = server.client();
    let live = client.get("/health/live").await;
    assert_eq!((live.status, live.body), (200, json!({ "status": "ok", "service": "courierx" })));
    for path in ["/health", "/health/ready"] {
        let ready = client.get(path).await;
        assert_eq!((ready.status, &ready.body["status"]), (200, &json!("ready")));
        assert_eq!(ready.body["checks"], json!({ "database": { "status": "healthy" } }));
        assert!(ready.body["uptime_seconds"].is_u64());
    }
    assert_eq!(client.get("/metrics").await.status, 200, "from this machine, as there is no token");
    let health = client.get("/api/v1/health").await;
    assert_eq!((health.status, &health.body["status"]), (200, &json!("ok")));
    assert_eq!(health.body["version"], env!("CARGO_PKG_VERSION"));
    let services = &health.body["services"];
    assert_eq!(services["database"], json!({ "status": "ok", "adapter": "SQLite" }));
    assert_eq!((&services["queue"]["status"], &services["queue"]["due"]), (&json!("ok"), &json!(0)));
}

#[tokio::test]
async fn what_is_queued_and_measured_is_for_the_operator() {
    let secret = "a-token-for-metrics";
    let change = |settings: &mut courierx_server::config::Settings| {
        settings.metrics_token = Some(Secret::new(secret));
    };
    let server = TestServer::start_with(change).await;
    let client = server.client();
    let now = server.app().now();
    let job = NewJob::new(JobKind::new("test"), Lane::Bulk, now, Vec::new());
    server.app().store.enqueue(TenantId::DEFAULT, vec![job]).await.unwrap();

    let refused = from_elsewhere(&client, "/metrics").await;
    assert_eq!((refused.status, &refused.body["code"]), (403, &json!("forbidden")));
    let wrong = client.with("a-token-for-metricz");
    assert_eq!(from_elsewhere(&wrong, "/metrics").await.status, 403);
    let health = from_elsewhere(&client, "/api/v1/health").await;
    assert_eq!(health.body["services"]["queue"], json!({ "status": "ok" }));
    let local = client.get("/metrics").await;
    assert_eq!(local.status, 403, "a proxy on this machine may not say for whom it asks");
    let health = client.with(secret).get("/api/v1/health").await;
    assert_eq!(health.body["services"]["queue"]["due"], 1);
    assert!(health.body["services"]["queue"]["oldest_due_at"].is_string());

    let scraper = client.with(secret);
    let remote = from_elsewhere(&scraper, "/metrics").await;
    for (answer, who) in [(remote, "with the token"), (scraper.get("/metrics").await, "on this machine")] {
        assert_eq!(answer.status, 200, "{who}");
        assert!(answer.headers["content-type"].to_str().unwrap().starts_with("text/plain; version=0.0.4"));
        for line in [
            concat!("courierx_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"} 1"),
            "courierx_database_up 1",
            "courierx_queue_depth{lane=\"critical\",state=\"due\"} 0",
            "courierx_queue_depth{lane=\"bulk\",state=\"due\"} 1",
            "courierx_queue_oldest_due_seconds{lane=\"critical\"} 0",
            "courierx_up_seconds ",
            "courierx_http_requests_total{method=\"GET\",route=\"/metrics\",status=\"4xx\"} 3",
        ] {
            assert!(answer.text.contains(line), "{line}\n{}", answer.text);
        }
    }
}

#[tokio::test]
async fn metrics_can_be_switched_off() {
    let server = TestServer::start_with(|settings| settings.metrics = false).await;
    assert_eq!(server.client().get("/metrics").await.status, 404);
}
