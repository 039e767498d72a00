//! Clients that keep the server waiting.

use std::time::Duration;

use courierx_server::http::ListenerLimits;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::wire::{HANGS, exchange, post, read_to_end};
use super::{Target, email};
use crate::support::TestServer;

/// Reads until this text has come.
async fn read_until(stream: &mut TcpStream, text: &str) -> String {
    let mut bytes = Vec::new();
    let reading = async {
        let mut buffer = [0; 4096];
        while !String::from_utf8_lossy(&bytes).contains(text) {
            let read = stream.read(&mut buffer).await.unwrap();
            assert!(read > 0, "closed after {}", String::from_utf8_lossy(&bytes));
            bytes.extend_from_slice(&buffer[..read]);
        }
    };
    tokio::time::timeout(HANGS, reading).await.expect("the server hangs");
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A server with little patience.
async fn impatient() -> Target {
    let limits = ListenerLimits {
        headers: Duration::from_millis(500),
        body: Duration::from_millis(500),
        linger: Duration::from_millis(500),
        write: Duration::from_millis(500),
        ..ListenerLimits::default()
    };
    let server = TestServer::start_limited(limits).await;
    let owner = server.owner("acme").await;
    Target { server, owner }
}

#[tokio::test]
async fn who_is_slow_is_cut_off() {
    let target = impatient().await;
    // Each is kept open by the client until the server ends it.
    let silent = exchange(&target.server, "").await;
    assert_eq!(silent, "");
    let headers = exchange(&target.server, "GET /api/v1/emails HTTP/1.1\r\nHost: x\r\nX-A: ").await;
    assert!(headers.is_empty() || headers.starts_with("HTTP/1.1 408 "), "{headers}");
    let body = exchange(&target.server, post(&target, "Content-Length: 100", "{\"from_email\": ")).await;
    assert!(body.starts_with("HTTP/1.1 408 ") && body.contains("\"code\":\"timeout\""), "{body}");
    let chunked =
        exchange(&target.server, post(&target, "Transfer-Encoding: chunked", "5\r\n{\"to\"\r\n")).await;
    assert!(chunked.starts_with("HTTP/1.1 408 "), "{chunked}");
    target.is_untouched().await;
}

#[tokio::test]
async fn who_trickles_is_cut_off() {
    let target = impatient().await;
    for start in ["GET /api/v1/emails HTTP/1.1\r\n".to_owned(), post(&target, "Content-Length: 100000", "{")]
    {
        let stream = TcpStream::connect(target.server.address()).await.unwrap();
        let (mut reader, mut writer) = stream.into_split();
        writer.write_all(start.as_bytes()).await.unwrap();
        // A byte now and then is no progress that counts.
        let trickle = async move {
            let mut pause = tokio::time::interval(Duration::from_millis(20));
            while writer.write_all(b"x").await.is_ok() {
                pause.tick().await;
            }
        };
        tokio::select! {
            () = trickle => {}
            _ = read_to_end(&mut reader) => {}
        }
    }
    target.is_untouched().await;
}

#[tokio::test]
async fn who_reads_no_answers_is_cut_off() {
    let target = impatient().await;
    let mut stream = TcpStream::connect(target.server.address()).await.unwrap();
    let one =
        format!("GET /api/v1/auth/me HTTP/1.1\r\nHost: x\r\nAuthorization: {}\r\n\r\n", target.owner.token());
    let many = one.repeat(1000);
    // Unread answers fill the buffers on the way, then the server writes no more, then it reads no more.
    let full = async { while stream.write_all(many.as_bytes()).await.is_ok() {} };
    tokio::time::timeout(HANGS, full).await.expect("the server waits for ever");
}

#[tokio::test]
async fn half_a_body_is_no_body() {
    let target = Target::new().await;
    let body = email().to_string();
    for headers in [format!("Content-Length: {}", body.len() + 1), "Transfer-Encoding: chunked".to_owned()] {
        let mut stream = TcpStream::connect(target.server.address()).await.unwrap();
        let half = if headers.contains("chunked") {
            format!("{:x}\r\n{body}\r\n", body.len())
        } else {
            body.clone()
        };
        stream.write_all(post(&target, &headers, &half).as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        let answer = read_to_end(&mut stream).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400 "), "{answer}");
    }
    target.is_untouched().await;
}

#[tokio::test]
async fn a_body_is_waited_for_once_it_is_wanted() {
    let target = Target::new().await;
    let body = email().to_string();
    let headers = format!("Expect: 100-continue\r\nContent-Length: {}", body.len());
    let mut stream = TcpStream::connect(target.server.address()).await.unwrap();
    stream.write_all(post(&target, &headers, "").as_bytes()).await.unwrap();
    let go_on = read_until(&mut stream, "\r\n\r\n").await;
    assert!(go_on.starts_with("HTTP/1.1 100 "), "{go_on}");
    stream.write_all(body.as_bytes()).await.unwrap();
    let answer = read_to_end(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 202 "), "{answer}");
    // Whoever may not send is told so before the body comes, and one that is too large is not asked for.
    for refused in [
        post(&target, &headers, "").replace("Bearer ", "Bearer x"),
        post(&target, "Expect: 100-continue\r\nContent-Length: 999999999", ""),
    ] {
        let answer = exchange(&target.server, refused).await;
        assert!(["HTTP/1.1 401 ", "HTTP/1.1 413 "].contains(&&answer[..13]), "{answer}");
    }
}
