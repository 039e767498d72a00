//! Requests byte by byte, of any client: also of one that leaves out what ours always has.

use std::fmt::Write as _;

use courierx_providers::emulator::Emulator;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Sends a request and reads the status and the body of the answer.
pub(crate) async fn request(
    emulator: &Emulator,
    line: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> (u16, Vec<u8>) {
    let mut head = format!("{line} HTTP/1.1\r\nhost: emulator\r\nconnection: close\r\n");
    for (name, value) in headers {
        write!(head, "{name}: {value}\r\n").unwrap();
    }
    write!(head, "content-length: {}\r\n\r\n", body.len()).unwrap();
    let mut stream = TcpStream::connect(emulator.address()).await.unwrap();
    stream.write_all(&[head.as_bytes(), body].concat()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    let status = std::str::from_utf8(&answer[9..12]).unwrap().parse().unwrap();
    (status, answer.split_off(end + 4))
}

/// The same, with JSON as the answer; a text that is none is a string.
pub(crate) async fn post(
    emulator: &Emulator,
    path: &str,
    headers: &[(&str, &str)],
    body: &serde_json::Value,
) -> (u16, serde_json::Value) {
    let line = format!("POST {path}");
    let (status, body) = request(emulator, &line, headers, body.to_string().as_bytes()).await;
    let text = String::from_utf8(body).unwrap();
    (status, serde_json::from_str(&text).unwrap_or(serde_json::Value::String(text)))
}
