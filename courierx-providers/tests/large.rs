//! What a large attachment costs in memory while it is sent. It has a process of its own, since it is that whose
//! size is measured.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};

use courierx_core::message::{Attachment, Email};
use courierx_core::provider::{Content, EmailProvider as _, Outgoing, SendOptions};
use courierx_providers::Smtp;

const ATTACHMENT: usize = 10 << 20;

/// A server that takes one message and keeps nothing of it.
fn start() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || serve(listener.accept().unwrap().0));
    address
}

fn serve(mut stream: TcpStream) {
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

#[tokio::test]
async fn a_large_attachment_is_held_at_most_twice_beside_itself() {
    let smtp = Smtp::from_url(&format!("smtp://{}", start())).unwrap();
    // No byte of it is zero, so that all of it is really there.
    let file = Attachment::new("large.bin", "application/octet-stream", vec![b'.'; ATTACHMENT]);
    let email =
        Email::to("ada@example.com").from("bob@example.com").subject("Large").text(".\r\n").attach(file);
    let message = Outgoing::builder(Content::literal(email.build().unwrap())).build();

    // Where the highest size so far cannot be forgotten, it is a bound nevertheless.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
    let before = size("VmRSS");
    let outcome = smtp.send(&message, &SendOptions::default()).await;
    let added = size("VmHWM").saturating_sub(before);
    assert!(outcome.is_accepted(), "{outcome:?}");
    // Base64 makes a third more of it; nothing is to hold a second copy of that.
    assert!(added <= 2 * ATTACHMENT, "{added} bytes for an attachment of {ATTACHMENT}");
    assert!(added >= ATTACHMENT, "{added} bytes: not measured");
}
