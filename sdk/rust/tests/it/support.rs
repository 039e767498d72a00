//! A tiny server that answers as it is told, and remembers what it was asked.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use courierx_client::{Client, ClientBuilder};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

pub(crate) const KEY: &str = "cxk_test_0123456789abcdef";

/// What is answered to a request.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    /// A status, headers and a body.
    Says(u16, String, String),
    /// Nothing.
    Hang,
    /// The connection ends.
    Drop,
    /// It ends in the middle of the answer.
    Cut,
}

/// An answer without more headers.
pub(crate) fn says(status: u16, body: &str) -> Answer {
    Answer::Says(status, String::new(), body.to_owned())
}

/// A refusal, with `Retry-After` if there is one.
pub(crate) fn refusal(status: u16, code: &str, retry_after: Option<&str>) -> Answer {
    let headers = retry_after.map_or_else(String::new, |wait| format!("retry-after: {wait}\r\n"));
    Answer::Says(status, headers, format!(r#"{{"error":"no: {code}","code":"{code}"}}"#))
}

/// A request that came.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// Method and path.
    pub(crate) line: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Value,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// A server that gives these answers one after the other, the last one again and again.
pub(crate) struct Server {
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Server {
    pub(crate) async fn start(answers: Vec<Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (answers, seen) = (Arc::new(answers), Arc::clone(&asked));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&answers), Arc::clone(&seen)));
            }
        });
        Self { url, asked }
    }

    pub(crate) fn client(&self) -> Client {
        self.builder().build().unwrap()
    }

    pub(crate) fn builder(&self) -> ClientBuilder {
        Client::builder(KEY).base_url(&self.url).retry_delay(Duration::from_millis(5))
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

async fn serve(stream: TcpStream, answers: Arc<Vec<Answer>>, asked: Arc<Mutex<Vec<Asked>>>) {
    let mut stream = BufReader::new(stream);
    loop {
        let Some(request) = read(&mut stream).await else { return };
        let count = {
            let mut asked = asked.lock().unwrap();
            asked.push(request);
            asked.len()
        };
        let (written, ends) = match &answers[count.min(answers.len()) - 1] {
            Answer::Says(status, headers, body) => {
                let length = body.len();
                (format!("HTTP/1.1 {status} X\r\n{headers}content-length: {length}\r\n\r\n{body}"), false)
            }
            Answer::Hang => return std::future::pending().await,
            Answer::Drop => return,
            Answer::Cut => ("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{}".to_owned(), true),
        };
        if stream.write_all(written.as_bytes()).await.is_err() || ends {
            return;
        }
    }
}

async fn read(stream: &mut BufReader<TcpStream>) -> Option<Asked> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        match line.trim() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let line = lines.remove(0).trim_end_matches(" HTTP/1.1").to_owned();
    let headers: Vec<_> = lines
        .iter()
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let mut body = vec![0; length.map_or(0, |(_, length)| length.parse().unwrap())];
    stream.read_exact(&mut body).await.ok()?;
    Some(Asked { line, headers, body: serde_json::from_slice(&body).unwrap_or(Value::Null) })
}
