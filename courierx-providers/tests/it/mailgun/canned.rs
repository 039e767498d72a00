//! A server that answers every request in the same way.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use courierx_providers::Mailgun;
use courierx_providers::http::BaseUrl;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::DOMAIN;
use crate::support::api::{SECRET, http};

/// An answer: status, headers, body.
#[derive(Debug, Clone)]
pub(super) struct Canned {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Canned {
    pub(super) fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: Vec::new(), body: body.into() }
    }

    pub(super) fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    fn bytes(&self) -> Vec<u8> {
        let mut head = format!("HTTP/1.1 {} Canned\r\ncontent-length: {}\r\n", self.status, self.body.len());
        for (name, value) in &self.headers {
            // Writing to a text does not fail.
            let _ = write!(head, "{name}: {value}\r\n");
        }
        head.push_str("connection: close\r\n\r\n");
        [head.as_bytes(), &self.body].concat()
    }
}

/// The server: its answers in turn, the last one for ever. It stops when this is dropped.
pub(super) struct Server {
    url: String,
    answers: Arc<Mutex<Vec<Canned>>>,
    task: JoinHandle<()>,
}

impl Server {
    pub(super) async fn start(answers: Vec<Canned>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let answers = Arc::new(Mutex::new(answers));
        let shared = Arc::clone(&answers);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let answer = {
                    let mut answers = shared.lock().unwrap();
                    if answers.len() > 1 { answers.remove(0) } else { answers[0].clone() }
                };
                // A client that gives up is the client's business.
                let _ = serve(stream, &answer.bytes()).await;
            }
        });
        Self { url, answers, task }
    }

    /// What the next requests are answered.
    pub(super) fn answer(&self, answer: Canned) {
        *self.answers.lock().unwrap() = vec![answer];
    }

    pub(super) fn adapter(&self) -> Mailgun {
        Mailgun::new(SECRET, DOMAIN).unwrap().base_url(BaseUrl::new(&self.url).unwrap()).http(http())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Reads one request completely, and answers it.
async fn serve(mut stream: TcpStream, answer: &[u8]) -> std::io::Result<()> {
    let mut read = Vec::new();
    let mut rest = None;
    while rest != Some(0) {
        let mut piece = [0; 4096];
        let bytes = stream.read(&mut piece).await?;
        if bytes == 0 {
            return Ok(());
        }
        read.extend_from_slice(&piece[..bytes]);
        let head = read.windows(4).position(|at| at == b"\r\n\r\n");
        rest = head.map(|end| {
            let text = String::from_utf8_lossy(&read[..end]).to_lowercase();
            let length =
                text.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
            (end + 4 + length.unwrap_or(0)).saturating_sub(read.len())
        });
    }
    stream.write_all(answer).await?;
    stream.shutdown().await
}
