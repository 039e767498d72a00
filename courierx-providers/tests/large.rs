//! What a large attachment costs in memory while it is sent. It has a process of its own, since it is that whose
//! size is measured.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};

use courierx_core::message::{Attachment, Email};
use courierx_core::provider::{Content, EmailProvider, Outgoing, SendOptions};
use courierx_providers::http::BaseUrl;
use courierx_providers::{Mailgun, Postmark, Resend, SendGrid, Ses, Smtp};

const ATTACHMENT: usize = 10 << 20;

/// A server that takes one message and keeps nothing of it.
fn start(serve: fn(TcpStream)) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || serve(listener.accept().unwrap().0));
    address
}

/// A vendor's API, whose answer is a success that says nothing.
fn serve_http(mut stream: TcpStream) {
    let mut buffer = vec![0; 64 * 1024];
    let mut head = Vec::new();
    let end = loop {
        let read = stream.read(&mut buffer).unwrap();
        head.extend_from_slice(&buffer[..read]);
        if let Some(end) = head.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
    };
    let fields = String::from_utf8_lossy(&head[..end]).to_lowercase();
    let length = fields.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    let mut left = length.parse::<usize>().unwrap() - (head.len() - end);
    while left > 0 {
        left -= stream.read(&mut buffer).unwrap();
    }
    stream.write_all(b"HTTP/1.1 202 Accepted\r\nx-message-id: x\r\ncontent-length: 2\r\n\r\n{}").unwrap();
}

fn serve_smtp(mut stream: TcpStream) {
    stream.write_all(b"220 test\r\n").unwrap();
    let mut buffer = vec![0; 64 * 1024];
    for (end, reply) in [
        ("\r\n", "250-test\r\n250 PIPELINING\r\n"),
        ("DATA\r\n", "250 ok\r\n250 ok\r\n354 go on\r\n"),
        ("\r\n.\r\n", "250 2.0.0 Ok: queued as TEST0001\r\n"),
    ] {
        let mut last = Vec::new();
        while !last.ends_with(end.as_bytes()) {
            let read = stream.read(&mut buffer).unwrap();
            last.extend_from_slice(&buffer[..read]);
            last.drain(..last.len().saturating_sub(16));
        }
        stream.write_all(reply.as_bytes()).unwrap();
    }
}

/// A size from this process's status, in bytes.
fn size(name: &str) -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap();
    line.trim().strip_suffix("kB").unwrap().trim().parse::<usize>().unwrap() * 1024
}

/// How much memory there is at the worst moment of a hand-over.
async fn most_during(provider: &dyn EmailProvider, message: &Outgoing) -> usize {
    // Where the highest size so far cannot be forgotten, it is a bound nevertheless.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
    let outcome = provider.send(message, &SendOptions::default()).await;
    assert!(outcome.is_accepted(), "{outcome:?}");
    size("VmHWM")
}

#[tokio::test]
async fn a_large_attachment_is_held_at_most_twice_beside_itself() {
    // No byte of it is zero, so that all of it is really there.
    let file = Attachment::new("large.bin", "application/octet-stream", vec![b'.'; ATTACHMENT]);
    let email =
        Email::to("ada@example.com").from("bob@example.com").subject("Large").text(".\r\n").attach(file);
    let message = Outgoing::builder(Content::literal(email.build().unwrap())).build();

    let smtp = Smtp::from_url(&format!("smtp://{}", start(serve_smtp))).unwrap();
    let http = || BaseUrl::new(&format!("http://{}", start(serve_http))).unwrap();
    let providers: [Box<dyn EmailProvider>; 6] = [
        Box::new(smtp),
        Box::new(SendGrid::new("key").base_url(http())),
        Box::new(Ses::new("key", "secret", "us-east-1").unwrap().base_url(http())),
        Box::new(Mailgun::new("key", "example.com").unwrap().base_url(http())),
        Box::new(Postmark::new("token").base_url(http())),
        Box::new(Resend::new("key").base_url(http())),
    ];
    // What one hand-over gives back, the allocator keeps for the next: so all are compared with the beginning.
    let before = size("VmRSS");
    for provider in providers {
        let added = most_during(&*provider, &message).await.saturating_sub(before);
        // Base64 makes a third more of it; nothing is to hold a second copy of that.
        assert!(added <= 2 * ATTACHMENT, "{}: {added} bytes for {ATTACHMENT}", provider.id());
        // The kernel counts pages by the handful, and late.
        assert!(added >= ATTACHMENT / 2, "{}: {added} bytes: not measured", provider.id());
    }
}
