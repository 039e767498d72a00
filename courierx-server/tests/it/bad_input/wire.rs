//! Requests that no HTTP client would send.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Target, email};
use crate::support::TestServer;

/// Longer than any answer takes; who waits longer hangs.
pub(crate) const HANGS: Duration = Duration::from_secs(30);

/// Writes these bytes, and reads until the server closes the connection.
pub(crate) async fn exchange(server: &TestServer, request: impl AsRef<[u8]>) -> String {
    let stream = TcpStream::connect(server.address()).await.unwrap();
    let (mut reader, mut writer) = stream.into_split();
    let request = request.as_ref().to_vec();
    let writing = tokio::spawn(async move {
        // The server may have seen enough before the end.
        let _ = writer.write_all(&request).await;
        writer
    });
    let answer = read_to_end(&mut reader).await;
    drop(writing.await.unwrap());
    answer
}

pub(crate) async fn read_to_end(reader: &mut (impl AsyncReadExt + Unpin)) -> String {
    let mut bytes = Vec::new();
    // A connection that is reset after its answer has been answered all the same.
    let _ = tokio::time::timeout(HANGS, reader.read_to_end(&mut bytes)).await.expect("the server hangs");
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A request to send a message, up to its end.
pub(crate) fn post(target: &Target, headers: &str, body: &str) -> String {
    let token = target.owner.token();
    format!(
        "POST /api/v1/emails HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\
         Connection: close\r\n{headers}\r\n\r\n{body}"
    )
}

#[tokio::test]
async fn what_is_no_request_is_refused_by_the_protocol() {
    let target = Target::new().await;
    let requests: Vec<(Vec<u8>, &[&str])> = vec![
        (b"\0\0\0\0\r\n\r\n".into(), &["400"]),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n".into(), &["400"]),
        (b"GET\r\n\r\n".into(), &["400"]),
        (b"GET /api/v1/emails\r\n\r\n".into(), &["400"]),
        (b"GET /api/v1/emails HTTP/9.9\r\n\r\n".into(), &["400"]),
        (b"GET /a b HTTP/1.1\r\n\r\n".into(), &["400"]),
        (b"GET /api/v1/emails HTTP/1.1\r\nHost x\r\n\r\n".into(), &["400"]),
        (b"GET /api/v1/emails HTTP/1.1\r\nX A: b\r\n\r\n".into(), &["400"]),
        (b"GET /api/v1/emails HTTP/1.1\r\nX-A : b\r\n\r\n".into(), &["400"]),
        (b"GET /api/v1/emails HTTP/1.1\r\nX-A: b\0c\r\n\r\n".into(), &["400"]),
        (b"GET /api/v1/emails HTTP/1.1\r\nX-A: b\r\n folded\r\n\r\n".into(), &["400"]),
        (b"GET http://other.example/api/v1/nothing HTTP/1.1\r\nConnection: close\r\n\r\n".into(), &["404"]),
        (b"OPTIONS * HTTP/1.1\r\nConnection: close\r\n\r\n".into(), &["404", "405", "400"]),
        (b"CONNECT x:443 HTTP/1.1\r\nConnection: close\r\n\r\n".into(), &["404", "405", "400"]),
        (b"GET /api/v1/emails HTTP/1.0\r\n\r\n".into(), &["401"]),
        (format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(200_000)).into(), &["414", "431"]),
        (format!("GET / HTTP/1.1\r\nX-A: {}\r\n\r\n", "a".repeat(200_000)).into(), &["431"]),
        (format!("GET / HTTP/1.1\r\n{}\r\n", "X-A: b\r\n".repeat(10_000)).into(), &["431"]),
        (format!("{} / HTTP/1.1\r\n\r\n", "A".repeat(200_000)).into(), &["400", "414", "431"]),
    ];
    for (request, statuses) in requests {
        let what = String::from_utf8_lossy(&request[..request.len().min(100)]).into_owned();
        let answer = exchange(&target.server, &request).await;
        let status = answer.get(9..12).unwrap_or_else(|| panic!("no answer to {what:?}"));
        assert!(statuses.contains(&status), "{what:?}: {answer}");
    }
    // Another protocol ends without an answer, which it could not read.
    exchange(&target.server, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    target.is_untouched().await;
}

#[tokio::test]
async fn nothing_hides_behind_an_unclear_length() {
    let target = Target::new().await;
    let body = email().to_string();
    let inside = "GET /api/v1/smuggled HTTP/1.1\r\nHost: x\r\n\r\n".to_string();
    let chunks = format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    let unclear = [
        (format!("Content-Length: {}\r\nContent-Length: 5", body.len()), body.clone()),
        (format!("Content-Length: {}, 5", body.len()), body.clone()),
        ("Content-Length: -1".to_owned(), body.clone()),
        ("Content-Length: +5".to_owned(), body.clone()),
        ("Content-Length: 0x10".to_owned(), body.clone()),
        ("Content-Length: 99999999999999999999".to_owned(), body.clone()),
        ("Transfer-Encoding: gzip".to_owned(), body.clone()),
        ("Transfer-Encoding: chunked, identity".to_owned(), chunks.clone()),
        ("Transfer-Encoding: xchunked".to_owned(), chunks.clone()),
        ("Transfer-Encoding: chunked".to_owned(), format!("zz\r\n{body}\r\n0\r\n\r\n")),
        ("Transfer-Encoding: chunked".to_owned(), format!("ffffffffffffffffff\r\n{body}")),
        ("Transfer-Encoding: chunked".to_owned(), format!("-1\r\n{body}\r\n0\r\n\r\n")),
        ("Transfer-Encoding: chunked".to_owned(), format!("5 {body}\r\n0\r\n\r\n")),
    ];
    for (headers, body) in unclear {
        let answer = exchange(&target.server, post(&target, &headers, &(body + &inside))).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{headers}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{headers}: {answer}");
    }
    // Both: the chunks count, or nothing; and the connection ends behind them (RFC 9112 §6.1).
    for both in [
        format!("Content-Length: {}\r\nTransfer-Encoding: chunked", body.len()),
        "Transfer-Encoding: chunked\r\nContent-Length: 3".to_owned(),
    ] {
        let request = post(&target, &both, "0\r\n\r\n").replace("Connection: close\r\n", "") + &inside;
        let answer = exchange(&target.server, request).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{both}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{both}: {answer}");
    }
    target.is_untouched().await;
}

#[tokio::test]
async fn requests_behind_each_other_are_answered_in_order() {
    let target = Target::new().await;
    let mut stream = TcpStream::connect(target.server.address()).await.unwrap();
    let head = format!("Host: x\r\nAuthorization: Bearer {}\r\n", target.owner.token());
    let requests = format!(
        "GET /api/v1/nothing HTTP/1.1\r\n{head}\r\nGET /api/v1/emails HTTP/1.1\r\nHost: x\r\n\r\n\
         GET /api/v1/suppressions HTTP/1.1\r\n{head}Connection: close\r\n\r\n"
    );
    stream.write_all(requests.as_bytes()).await.unwrap();
    let answer = read_to_end(&mut stream).await;
    let statuses: Vec<_> =
        answer.match_indices("HTTP/1.1 ").map(|(at, _)| &answer[at + 9..at + 12]).collect();
    assert_eq!(statuses, ["404", "401", "200"], "{answer}");
}
