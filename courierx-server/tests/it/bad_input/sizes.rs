//! Too much of everything.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{Target, assert_names, assert_refused, email, inputs, with};
use crate::bad_input::wire::exchange;

#[tokio::test]
async fn too_many_of_anything_are_refused() {
    let target = Target::new().await;
    let addresses =
        |host: &str| (0..10_000).map(|n| json!(format!("u{n}@{host}.example"))).collect::<Vec<_>>();
    let entries = |prefix: &str| -> Value {
        (0..10_000).map(|n| (format!("{prefix}{n}"), json!("v"))).collect::<serde_json::Map<_, _>>().into()
    };
    let tags: Vec<_> = (0..10_000).map(|n| format!("t{n}")).collect();
    let files: Vec<_> =
        (0..10_000).map(|n| json!({ "filename": format!("{n}.txt"), "content": "" })).collect();
    let changes = [
        ("recipients", json!({ "to_email": addresses("to") })),
        ("recipients", json!({ "cc": addresses("cc") })),
        ("recipients", json!({ "bcc": addresses("bcc") })),
        ("reply_to", json!({ "reply_to": addresses("reply") })),
        ("tags", json!({ "tags": tags })),
        ("metadata", json!({ "metadata": entries("k") })),
        ("headers", json!({ "headers": entries("X-") })),
        ("attachments", json!({ "attachments": files })),
        ("attachments", json!({ "attachments": vec![json!({ "filename": "f", "content": "!" }); 100_000] })),
        ("to_email", json!({ "to_email": vec!["!"; 1_000_000] })),
        ("to_email", json!({ "to_email": vec!["a@a.example"; 500_000] })),
        ("subject", json!({ "subject": "x".repeat(1_000_000) })),
        ("from_name", json!({ "from_name": "x".repeat(1_000_000) })),
        ("headers", json!({ "headers": { "X-A": "x".repeat(1_000_000) } })),
        ("headers", json!({ "headers": { "x".repeat(1_000_000): "v" } })),
        ("metadata", json!({ "metadata": { "a": "x".repeat(1_000_000) } })),
        ("metadata", json!({ "metadata": { "x".repeat(1_000_000): "v" } })),
        ("tags", json!({ "tags": ["x".repeat(1_000_000)] })),
    ];
    for (field, change) in changes {
        let start = Instant::now();
        let answer = target.owner.post("/api/v1/emails", &with(email(), &change)).await;
        assert_names(&answer, field, &change.to_string());
        assert!(start.elapsed() < Duration::from_secs(20), "{:?} for {field}", start.elapsed());
    }
    target.is_untouched().await;
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_however_it_comes() {
    let target = Target::new().await;
    for (method, path, valid) in inputs() {
        let (limit, valid) = match path {
            "/api/v1/emails" => (10 * 1024 * 1024, valid.to_string()),
            _ => (64 * 1024, valid.to_string()),
        };
        // What counts is the size, even of what says nothing.
        let body = valid + &" ".repeat(limit);
        let answer = target.raw((method.clone(), path), body.clone()).await;
        assert_refused(&answer, &[413], path);
        assert_eq!(answer.body["code"], "too_large");
        let head =
            format!("{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {}\r\n", target.owner.token());
        let chunk = format!("{:x}\r\n{}\r\n", 1000, "x".repeat(1000));
        let chunks = chunk.repeat(limit / 1000 + 10) + "0\r\n\r\n";
        let request = format!("{head}Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}");
        let answer = exchange(&target.server, request).await;
        assert!(answer.starts_with("HTTP/1.1 413 "), "{path}: {answer}");
        // One that says how large it is, is refused before it has come.
        let request = format!("{head}Connection: close\r\nContent-Length: 100000000000\r\n\r\n{{");
        let start = Instant::now();
        let answer = exchange(&target.server, request).await;
        assert!(answer.starts_with("HTTP/1.1 413 "), "{path}: {answer}");
        assert!(start.elapsed() < Duration::from_secs(20));
    }
    target.is_untouched().await;
}

#[tokio::test]
async fn who_is_refused_gets_to_read_the_answer_behind_a_large_body() {
    let target = Target::new().await;
    let body = "x".repeat(20 * 1024 * 1024);
    let length = format!("Content-Length: {}\r\n\r\n{body}", body.len());
    for (head, status) in [
        (format!("POST /api/v1/emails HTTP/1.1\r\nAuthorization: {}\r\n", target.owner.token()), "413"),
        ("POST /api/v1/emails HTTP/1.1\r\n".to_owned(), "401"),
        ("POST /api/v1/nothing HTTP/1.1\r\n".to_owned(), "404"),
        ("PUT /api/v1/emails HTTP/1.1\r\n".to_owned(), "405"),
    ] {
        // As simple clients do: first all is written, then the answer is read.
        let mut stream = tokio::net::TcpStream::connect(target.server.address()).await.unwrap();
        stream.write_all(format!("{head}Host: x\r\nConnection: close\r\n{length}").as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
    }
}
