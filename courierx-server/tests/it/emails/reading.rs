//! Large messages that are read, and answers that nobody fetches.

use std::time::{Duration, Instant};

use courierx_core::clock::{Clock as _, SystemClock};
use courierx_server::config::{BlobPlace, RoomLimits};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use super::{path, plain, with};
use crate::support::{Answer, Client, PATIENCE, TestServer};

const MEGABYTE: usize = 1024 * 1024;
/// More than what is between a client and the server takes in.
const LARGE: usize = 3 * MEGABYTE;

/// Asks, and reads no more than that it is answered.
async fn asked(server: &TestServer, owner: &Client, path: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut deaf = socket.connect(server.address()).await.unwrap();
    let request =
        format!("GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\r\n", owner.token());
    deaf.write_all(request.as_bytes()).await.unwrap();
    let mut begin = [0; 12];
    deaf.read_exact(&mut begin).await.unwrap();
    assert_eq!(&begin, b"HTTP/1.1 200");
    deaf
}

/// A message that arrived: what is there of it.
async fn sent(server: &TestServer, owner: &Client, text: &str) -> String {
    let sent = owner.post("/api/v1/emails", &with(plain(), &json!({ "text": text }))).await;
    assert_eq!(sent.status, 202, "{}", sent.status);
    server.delivered(owner).await;
    path(&sent.body)
}

fn is_refused(answer: &Answer) {
    let (status, code) = (answer.status, &answer.body["code"]);
    assert_eq!((status, code), (429, &json!("rate_limit_exceeded")), "{} bytes", answer.text.len());
    assert!(answer.headers.contains_key("retry-after"));
}

/// Three answers that nobody reads, and who else is answered meanwhile.
async fn unread_answers_take_no_more_than_the_room_of_their_tenant(blobs: bool) {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start_with(|settings| {
        let (total, per_tenant) = (16 * MEGABYTE, 11 * MEGABYTE);
        settings.reading = RoomLimits { total, per_tenant, ..settings.reading };
        settings.blobs = blobs.then(|| BlobPlace::Folder(folder.path().to_owned()));
    })
    .await;
    let (acme, bob) = (server.owner("acme").await, server.owner("bob").await);
    let text = "x".repeat(LARGE);
    let (large, small) = (sent(&server, &acme, &text).await, sent(&server, &acme, "x").await);
    let of_bob = sent(&server, &bob, &text).await;
    let mut unread = Vec::new();
    for _ in 0..3 {
        unread.push(asked(&server, &acme, &large).await);
    }
    is_refused(&acme.get(&large).await);
    is_refused(&acme.get(&large.replace("emails", "sandbox/messages")).await);
    is_refused(&acme.get("/api/v1/sandbox/messages").await);
    assert_eq!(acme.get(&small).await.status, 200, "what is small needs no room");
    assert_eq!(acme.get("/api/v1/emails").await.status, 200, "a list opens nothing");
    assert_eq!(bob.get(&of_bob).await.status, 200, "others have their own");
    drop(unread);
    let start = Instant::now();
    let again = loop {
        let again = acme.get(&large).await;
        if again.status != 429 {
            break again;
        }
        assert!(start.elapsed() < PATIENCE, "the room does not come back");
    };
    assert_eq!((again.status, again.body["text_body"].as_str().map(str::len)), (200, Some(LARGE)));
    // All of it is there again.
    let tenant = acme.get("/api/v1/auth/me").await.body["tenant"]["id"].as_str().unwrap().parse().unwrap();
    server.app().reading.take(tenant, 11 * MEGABYTE).await.unwrap();
}

#[tokio::test]
async fn unread_answers_from_the_database_take_no_more_than_the_room_of_their_tenant() {
    unread_answers_take_no_more_than_the_room_of_their_tenant(false).await;
}

#[tokio::test]
async fn unread_answers_from_blobs_take_no_more_than_the_room_of_their_tenant() {
    unread_answers_take_no_more_than_the_room_of_their_tenant(true).await;
}

#[tokio::test]
async fn previews_take_room_and_what_was_done_is_told_without_any() {
    let server = TestServer::start_with(|settings| {
        let patience = Duration::from_millis(10);
        settings.reading = RoomLimits { total: 4 * MEGABYTE, per_tenant: MEGABYTE, patience };
    })
    .await;
    let owner = server.owner("acme").await;
    let body = json!({ "name": "long", "subject": "s",
        "html_body": "{{#each rows}}xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx{{/each}}" });
    let made = owner.post("/api/v1/email_templates", &body).await;
    assert_eq!(made.status, 201, "{made:?}");
    let preview = format!("/api/v1/email_templates/{}/preview", made.body["id"].as_str().unwrap());
    let filled = |rows: usize| json!({ "variables": { "rows": vec![0; rows] } });
    let html = "x".repeat(200_000);
    let tomorrow = SystemClock.now().after(Duration::from_hours(24)).to_string();
    let draft = json!({ "html": html, "scheduled_at": tomorrow });
    let draft = with(plain(), &draft);
    let keyed = owner.request(reqwest::Method::POST, "/api/v1/emails").header("idempotency-key", "k");
    let waits = path(&owner.send(keyed.json(&draft)).await.body);

    let tenant = owner.get("/api/v1/auth/me").await.body["tenant"]["id"].as_str().unwrap().parse().unwrap();
    let place = server.app().reading.take(tenant, MEGABYTE).await.unwrap();
    is_refused(&owner.post(&preview, &filled(2000)).await);
    assert_eq!(owner.post(&preview, &filled(10)).await.status, 200);
    is_refused(&owner.get(&waits).await);
    let keyed = owner.request(reqwest::Method::POST, "/api/v1/emails").header("idempotency-key", "k");
    assert_eq!(owner.send(keyed.json(&draft)).await.status, 202, "it was accepted, and is told so again");
    assert_eq!(owner.post(&format!("{waits}/cancel"), &json!({})).await.status, 200);
    drop(place);
    assert_eq!(owner.post(&preview, &filled(2000)).await.status, 200);
    assert_eq!(owner.get(&waits).await.body["status"], "canceled");
}
