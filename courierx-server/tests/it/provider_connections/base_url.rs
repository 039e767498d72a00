//! Where an API is said to be, and where credentials do not follow to.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse as _;
use serde_json::{Value, json};

use super::vendors::{KEY, Vendor, allowing};
use super::{PATH, at, create, local};
use crate::support::TestServer;

/// A web server on this machine that answers everything alike; its URL, and how often it was asked.
async fn answering(status: StatusCode, location: &str, body: &Value) -> (String, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    let (location, body) = (location.to_owned(), body.to_string());
    let router = Router::new().fallback(move || {
        counter.fetch_add(1, Ordering::SeqCst);
        std::future::ready((status, [(header::LOCATION, location.clone())], body.clone()).into_response())
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, asked)
}

fn postmark(url: &str) -> Value {
    json!({ "provider": "postmark", "display_name": "Postmark", "api_key": KEY, "base_url": url })
}

fn complaint(answer: &crate::support::Answer) -> &str {
    assert_eq!(answer.status, 422, "{answer:?}");
    answer.body["details"]["base_url"][0].as_str().unwrap_or_else(|| panic!("{answer:?}"))
}

#[tokio::test]
async fn a_private_one_is_refused_unless_the_operator_allows_it() {
    let vendor = Vendor::postmark().await;
    let port = vendor.emulator.address().port();
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    for host in
        ["127.0.0.1", "10.0.0.1", "169.254.169.254", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1"]
    {
        let refused = owner.post(PATH, &postmark(&format!("https://{host}:{port}"))).await;
        let text = complaint(&refused);
        assert!(
            text.contains("COURIERX_ALLOW_PRIVATE_TARGETS") && text.contains("private"),
            "{host}: {text}"
        );
    }
    for Vendor { body, .. } in Vendor::all().await {
        let refused = owner.post(PATH, &body).await;
        assert!(complaint(&refused).contains("without TLS"), "{refused:?}");
    }
    assert_eq!(owner.get(PATH).await.body, json!([]));

    // What a name resolves to is seen when it is connected to, and nothing of it is told.
    let made = create(&owner, &postmark(&format!("https://localhost:{port}"))).await;
    assert_eq!(made.body["status"], "inactive");
    let error = made.body["verification"]["error"].as_str().unwrap();
    assert!(error.contains("COURIERX_ALLOW_PRIVATE_TARGETS"), "{error}");
    assert!(!error.contains("127.0.0.1") && !error.contains("::1"), "{error}");
    assert!(vendor.emulator.requests().is_empty());
}

#[tokio::test]
async fn a_key_travels_unencrypted_only_within_the_operators_network() {
    let owner_of = async |server: &TestServer| server.owner("acme").await;
    let local = local().await;
    let owner = owner_of(&local).await;
    let refused = owner.post(PATH, &postmark("http://8.8.8.8")).await;
    assert!(complaint(&refused).contains("without TLS"), "{refused:?}");
    let vendor = Vendor::postmark().await;
    let named = format!("http://localhost:{}", vendor.emulator.address().port());
    assert_eq!(create(&owner, &postmark(&named)).await.body["verification"]["verified"], true);
}

#[tokio::test]
async fn what_is_no_url_is_refused_by_its_name() {
    let server = local().await;
    let owner = server.owner("acme").await;
    let long = format!("https://api.example.com/{}", "x".repeat(500));
    for url in [
        "api.example.com",
        "ftp://api.example.com",
        "file:///etc/passwd",
        "https://",
        "https://user:s3cret@api.example.com",
        "https://api.example.com?to=x",
        "https://api.example.com#x",
        "https://api.exa\nmple.com",
        &long,
    ] {
        let refused = owner.post(PATH, &postmark(url)).await;
        complaint(&refused);
        assert!(!refused.text.contains("s3cret"), "{refused:?}");
    }
    assert_eq!(owner.get(PATH).await.body, json!([]));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (elsewhere, followed) = answering(StatusCode::OK, "/", &json!({ "Name": "inside" })).await;
    let server = allowing().await;
    let owner = server.owner("acme").await;
    for status in [301, 302, 307, 308] {
        let status = StatusCode::from_u16(status).unwrap();
        let (url, asked) = answering(status, &elsewhere, &json!({})).await;
        for (index, Vendor { mut body, kind, .. }) in Vendor::all().await.into_iter().enumerate() {
            body["base_url"] = json!(url);
            body["display_name"] = json!(status.as_str());
            let made = create(&owner, &body).await;
            assert_eq!(made.body["verification"]["verified"], false, "{kind} {made:?}");
            assert!(!made.text.contains("inside"), "{made:?}");
            assert!(asked.load(Ordering::SeqCst) > index, "{kind}");
        }
    }
    assert_eq!(followed.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_key_does_not_follow_to_another_address() {
    let (server, vendor, other) = (allowing().await, Vendor::postmark().await, Vendor::postmark().await);
    let owner = server.owner("acme").await;
    let path = at(&create(&owner, &vendor.body).await.body);
    for elsewhere in [json!(other.emulator.url()), Value::Null, json!("")] {
        let refused = owner.patch(&path, &json!({ "base_url": elsewhere, "priority": 3 })).await;
        assert_eq!(refused.status, 422, "{refused:?}");
        assert!(refused.body["details"]["api_key"][0].as_str().unwrap().contains("base_url"), "{refused:?}");
    }
    assert!(other.emulator.requests().is_empty());
    let same = json!({ "base_url": vendor.emulator.url(), "message_stream": "broadcast" });
    assert_eq!(owner.patch(&path, &same).await.status, 200);
    let given = json!({ "base_url": other.emulator.url(), "api_key": KEY });
    let moved = owner.patch(&path, &given).await;
    assert_eq!(moved.body["verification"]["verified"], true, "{moved:?}");
    assert_eq!(other.emulator.requests().len(), 1);
}

#[tokio::test]
async fn an_account_that_only_pretends_to_deliver_is_shown_as_such() {
    let server = allowing().await;
    let owner = server.owner("acme").await;
    let (url, _) =
        answering(StatusCode::OK, "/", &json!({ "Name": "Play", "DeliveryType": "Sandbox" })).await;
    let made = create(&owner, &postmark(&url)).await;
    let verification = &made.body["verification"];
    assert_eq!(
        (&verification["verified"], &verification["sandbox"]),
        (&json!(true), &json!(true)),
        "{made:?}"
    );
    let live = Vendor::postmark().await;
    let made =
        owner.patch(&at(&made.body), &json!({ "base_url": live.emulator.url(), "api_key": KEY })).await;
    assert_eq!(made.body["verification"]["sandbox"], false, "{made:?}");
}
