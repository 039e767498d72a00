//! What happens, as it happens.

use std::time::Duration;

use courierx_server::config::StreamLimits;
use courierx_server::http::ListenerLimits;
use serde_json::json;
use tokio::io::AsyncWriteExt as _;

use super::reader::{Reader, STREAM};
use super::{names, send, settled};
use crate::provider_connections::limits::{clock, under};
use crate::support::TestServer;

/// One that says often that it is there, and of which few may be open.
async fn lively() -> TestServer {
    TestServer::start_with(|settings| {
        let keep_alive = Duration::from_millis(50);
        settings.streams = StreamLimits { in_all: 6, per_tenant: 4, keep_alive };
    })
    .await
}

#[tokio::test]
pub(crate) async fn what_happens_is_told_as_it_happens_and_nothing_before() {
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    send(&owner, "before@example.com").await;
    settled(&server, &owner).await;
    let mut reader = Reader::open(&owner, "").await;
    let first = reader.frame().await.unwrap();
    assert!(first.id.is_some() && first.data.is_none(), "it says where to come back to: {first:?}");
    assert_eq!(first.retry, Some(2000));
    let sent = send(&owner, "ada@example.com").await;
    let told = reader.take(3).await;
    assert_eq!(names(&told), ["queued", "sent", "delivered"]);
    assert!(told.iter().all(|event| event["message_id"] == sent["id"] && event["subject"] == "Hello Ada"));
    // Where that was, everything after it is told, although nothing was then.
    let mut again = Reader::again(&owner, "", first.id.unwrap()).await;
    assert_eq!(again.take(3).await, told);
}

#[tokio::test]
pub(crate) async fn whoever_is_cut_off_goes_on_without_loss_or_repetition() {
    const MESSAGES: usize = 60;
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    let writing = async {
        for number in 0..MESSAGES {
            send(&owner, &format!("{number}@example.com")).await;
        }
    };
    let reading = async {
        let (mut read, mut last) = (Vec::new(), 0);
        while read.len() < 3 * MESSAGES {
            // What was asked for at first stands in the query for ever; what was read last goes before it.
            let mut reader = Reader::again(&owner, "?after=0", last).await;
            for event in reader.take(9.min(3 * MESSAGES - read.len())).await {
                last = event["sequence"].as_i64().unwrap();
                read.push(last);
            }
        }
        read
    };
    let ((), read) = tokio::join!(writing, reading);
    assert!(read.is_sorted_by(|a, b| a < b), "{read:?}");
    let all = owner.get("/api/v1/events?limit=500").await;
    let all: Vec<_> = all.body["data"].as_array().unwrap().iter().map(|event| &event["sequence"]).collect();
    assert_eq!(all, read.iter().map(|at| json!(at)).collect::<Vec<_>>().iter().collect::<Vec<_>>());
}

#[tokio::test]
async fn only_what_is_asked_for_is_told_and_only_to_its_tenant() {
    let server = lively().await;
    let (owner, other) = (server.owner("acme").await, server.owner("other").await);
    let tests = server.key(&owner, "test").await;
    let mut bounces = Reader::open(&owner, "?events=bounced").await;
    let mut tested = Reader::open(&tests, "").await;
    let mut others = Reader::open(&other, "").await;
    send(&owner, "ada@example.com").await;
    send(&owner, "bounce@sandbox.test").await;
    send(&tests, "bob@example.com").await;
    send(&other, "eve@example.com").await;
    assert_eq!(bounces.next().await.unwrap()["to"], "bounce@sandbox.test");
    for (reader, to) in [(&mut tested, "bob@example.com"), (&mut others, "eve@example.com")] {
        let told = reader.take(3).await;
        assert!(told.iter().all(|event| event["to"] == to), "{told:#?}");
    }
    // One to whom nothing is told moves on all the same: who comes back does not look at all of it once more.
    server.delivered(&owner).await;
    let end = owner.get("/api/v1/events?limit=500").await.body["next_cursor"].as_i64();
    while bounces.frame().await.unwrap().id < end {}
}

#[tokio::test]
async fn an_idle_stream_lives_on_and_is_not_cut_by_the_listeners_patience() {
    let short = Duration::from_millis(100);
    let limits = ListenerLimits { headers: short, body: short, write: short, ..ListenerLimits::default() };
    let server = TestServer::start_limited_with(limits, |settings| {
        settings.streams.keep_alive = Duration::from_millis(60);
    })
    .await;
    let owner = server.owner("acme").await;
    let mut reader = Reader::open(&owner, "").await;
    // Several times as long as the listener waits for anything.
    for _ in 0..10 {
        assert_eq!(reader.frame().await.unwrap().data, None);
    }
    send(&owner, "ada@example.com").await;
    assert_eq!(names(&reader.take(3).await), ["queued", "sent", "delivered"]);
}

#[tokio::test]
async fn a_key_that_is_revoked_follows_nothing_any_more() {
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    let new = owner.post("/api/v1/api_keys", &json!({ "name": "reader" })).await.body;
    let key = server.client().with(new["raw_key"].as_str().unwrap());
    let (mut reader, mut owners) = (Reader::open(&key, "").await, Reader::open(&owner, "").await);
    reader.frame().await.unwrap();
    let revoke = format!("/api/v1/api_keys/{}/revoke", new["id"].as_str().unwrap());
    assert_eq!(owner.patch(&revoke, &json!({})).await.status, 200);
    let took = reader.end().await;
    assert!(took < Duration::from_secs(10), "at once, and not when it says that it is there: {took:?}");
    assert_eq!(Reader::ask(&key, "", None).await.status(), 401);
    send(&owner, "ada@example.com").await;
    assert_eq!(owners.take(3).await.len(), 3, "others go on");
    assert_eq!(owner.post("/api/v1/auth/logout", &json!({})).await.status, 204);
    owners.end().await;
}

#[tokio::test]
async fn a_token_that_ends_and_a_tenant_that_is_deleted_follow_nothing_any_more() {
    let clock = clock();
    let server = under(&clock).await;
    let owner = server.owner("acme").await;
    let mut reader = Reader::open(&owner, "").await;
    reader.frame().await.unwrap();
    clock.advance(Duration::from_hours(25));
    // Whatever wakes it: here what another user of the tenant does.
    let owner = server.log_in("acme").await;
    let mut other = Reader::open(&owner, "").await;
    other.frame().await.unwrap();
    send(&owner, "ada@example.com").await;
    reader.end().await;
    let gone = owner
        .send(
            owner
                .request(reqwest::Method::DELETE, "/api/v1/auth/me")
                .json(&json!({ "current_password": "correct horse battery" })),
        )
        .await;
    assert!(gone.status < 300, "{gone:?}");
    other.end().await;
}

#[tokio::test]
async fn so_many_may_be_open_and_who_ends_makes_room() {
    let server = lively().await;
    let (owner, other) = (server.owner("acme").await, server.owner("other").await);
    let mut open = Vec::new();
    for _ in 0..4 {
        open.push(Reader::open(&owner, "").await);
    }
    let refused = owner.get(STREAM).await;
    assert_eq!((refused.status, &refused.body["code"]), (429, &json!("rate_limit_exceeded")), "{refused:?}");
    assert!(refused.headers.contains_key("retry-after"));
    let others = [Reader::open(&other, "").await, Reader::open(&other, "").await];
    assert_eq!(other.get(STREAM).await.status, 503, "no more in all");
    drop(others);
    drop(open.pop());
    // Nothing is told to whom nobody listens, so the server notices when it says that it is there.
    let start = std::time::Instant::now();
    while server.app().streams.count() > 3 {
        assert!(start.elapsed() < crate::support::PATIENCE, "a place is not given back");
        tokio::task::yield_now().await;
    }
    Reader::open(&owner, "").await.frame().await.unwrap();
}

#[tokio::test]
async fn streams_end_when_the_server_is_stopped() {
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    let mut readers = [Reader::open(&owner, "").await, Reader::open(&owner, "").await];
    readers[0].frame().await.unwrap();
    let start = std::time::Instant::now();
    server.stop().await;
    assert!(start.elapsed() < Duration::from_secs(10), "its grace is 15 s: {:?}", start.elapsed());
    for reader in &mut readers {
        reader.end().await;
    }
}

/// It fills what is between it and the server, and stays.
#[tokio::test]
async fn one_who_does_not_read_is_cut_off() {
    let limits = ListenerLimits { write: Duration::from_millis(300), ..ListenerLimits::default() };
    let server = TestServer::start_limited(limits).await;
    let owner = server.owner("acme").await;
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut deaf = socket.connect(server.address()).await.unwrap();
    let request =
        format!("GET {STREAM} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\r\n", owner.token());
    deaf.write_all(request.as_bytes()).await.unwrap();
    let start = std::time::Instant::now();
    while server.app().streams.count() == 0 {
        assert!(start.elapsed() < crate::support::PATIENCE);
        tokio::task::yield_now().await;
    }
    let subject = "x".repeat(900);
    let recipients: Vec<_> =
        (0..100).map(|number| json!({ "email": format!("{number}@example.com") })).collect();
    let start = std::time::Instant::now();
    while server.app().streams.count() > 0 {
        assert!(start.elapsed() < crate::support::PATIENCE * 2, "it is served for ever");
        let batch = json!({ "from_email": "shop@myapp.example", "subject": subject, "text_body": "t", "recipients": recipients });
        let answer = owner.post("/api/v1/emails/batch", &batch).await;
        assert!(answer.status < 300, "{answer:?}");
    }
}
