//! A server that gives the answers it was told to.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use courierx_providers::SendGrid;
use courierx_providers::http::BaseUrl;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, BufStream};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::support::api::{SECRET, http};

/// Answers in order; the last one again and again.
pub(super) struct Canned {
    address: std::net::SocketAddr,
    seen: Arc<Mutex<Vec<Vec<u8>>>>,
    task: JoinHandle<()>,
}

/// One answer.
#[derive(Clone)]
pub(super) struct Answer(Vec<u8>);

impl Answer {
    pub(super) fn new(status: u16, headers: &[(&str, &str)], body: &[u8]) -> Self {
        let mut bytes =
            format!("HTTP/1.1 {status} Status\r\ncontent-length: {}\r\n", body.len()).into_bytes();
        for (name, value) in headers {
            bytes.extend(format!("{name}: {value}\r\n").bytes());
        }
        bytes.extend(b"\r\n");
        bytes.extend(body);
        Self(bytes)
    }

    /// Errors as SendGrid writes them: messages, and the fields they name.
    pub(super) fn errors(status: u16, errors: &[(&str, Option<&str>)]) -> Self {
        let each: Vec<_> = errors
            .iter()
            .map(|(message, field)| serde_json::json!({ "message": message, "field": field, "help": null }))
            .collect();
        let body = serde_json::json!({ "errors": each }).to_string();
        Self::new(status, &[("content-type", "application/json")], body.as_bytes())
    }
}

impl Canned {
    pub(super) async fn start(answers: impl IntoIterator<Item = Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let answers = Arc::new(Mutex::new(answers.into_iter().collect::<VecDeque<_>>()));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let all = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&answers), Arc::clone(&all)));
            }
        });
        Self { address, seen, task }
    }

    /// The adapter for it.
    pub(super) fn adapter(&self) -> SendGrid {
        let url = BaseUrl::new(&format!("http://{}", self.address)).unwrap();
        SendGrid::new(SECRET).base_url(url).http(http())
    }

    /// The bodies that it was sent.
    pub(super) fn seen(&self) -> Vec<Vec<u8>> {
        self.seen.lock().unwrap().clone()
    }
}

impl Drop for Canned {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The requests of one connection, until it ends.
async fn serve(stream: TcpStream, answers: Arc<Mutex<VecDeque<Answer>>>, seen: Arc<Mutex<Vec<Vec<u8>>>>) {
    let mut stream = BufStream::new(stream);
    loop {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let Ok(byte) = stream.read_u8().await else { return };
            head.push(byte);
        }
        let head = String::from_utf8(head).unwrap().to_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
        if stream.read_exact(&mut body).await.is_err() {
            return;
        }
        seen.lock().unwrap().push(body);
        let answer = {
            let mut answers = answers.lock().unwrap();
            if answers.len() > 1 { answers.pop_front().unwrap() } else { answers[0].clone() }
        };
        if stream.write_all(&answer.0).await.is_err() || stream.flush().await.is_err() {
            return;
        }
    }
}
