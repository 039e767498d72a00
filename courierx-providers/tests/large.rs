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

/// The provider that a process of its own is to measure.
const ALONE: &str = "COURIERX_TEST_LARGE";

/// A provider's name, and how it is made.
type Named = (&'static str, fn() -> Box<dyn EmailProvider>);

fn providers() -> [Named; 6] {
    fn http() -> BaseUrl {
        BaseUrl::new(&format!("http://{}", start(serve_http))).unwrap()
    }
    [
        ("smtp", || Box::new(Smtp::from_url(&format!("smtp://{}", start(serve_smtp))).unwrap())),
        ("sendgrid", || Box::new(SendGrid::new("key").base_url(http()))),
        ("ses", || Box::new(Ses::new("key", "secret", "us-east-1").unwrap().base_url(http()))),
        ("mailgun", || Box::new(Mailgun::new("key", "example.com").unwrap().base_url(http()))),
        ("postmark", || Box::new(Postmark::new("token").base_url(http()))),
        ("resend", || Box::new(Resend::new("key").base_url(http()))),
    ]
}

/// Each in a process of its own: what one gives back, the allocator may keep beside what the next one takes.
#[tokio::test]
async fn a_large_attachment_is_held_at_most_twice_beside_itself() {
    let wanted = std::env::var(ALONE).ok();
    for (name, provider) in providers() {
        match wanted.as_deref() {
            Some(wanted) if wanted == name => measure(name, &*provider()).await,
            Some(_) => {}
            None => {
                let mut alone = std::process::Command::new(std::env::current_exe().unwrap());
                let output = alone.arg("--nocapture").env(ALONE, name).output().unwrap();
                assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            }
        }
    }
}

async fn measure(name: &str, provider: &dyn EmailProvider) {
    // No byte of it is zero, so that all of it is really there.
    let file = Attachment::new("large.bin", "application/octet-stream", vec![b'.'; ATTACHMENT]);
    let email =
        Email::to("ada@example.com").from("bob@example.com").subject("Large").text(".\r\n").attach(file);
    let message = Outgoing::builder(Content::literal(email.build().unwrap())).build();

    // Where the highest size so far cannot be forgotten, it is a bound nevertheless.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
    let before = size("VmRSS");
    let outcome = provider.send(&message, &SendOptions::default()).await;
    let added = size("VmHWM").saturating_sub(before);
    assert!(outcome.is_accepted(), "{name}: {outcome:?}");
    // Base64 makes a third more of it; nothing is to hold a second copy of that.
    assert!(added <= 2 * ATTACHMENT, "{name}: {added} bytes for {ATTACHMENT}");
    // The kernel counts pages by the handful, and late.
    assert!(added >= ATTACHMENT / 2, "{name}: {added} bytes: not measured");
}
