//! A server that answers every request with the same words, whatever they are.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use courierx_providers::http::BaseUrl;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// An answer: status, headers and body.
#[derive(Debug, Clone, Default)]
pub(crate) struct Canned {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Canned {
    pub(crate) fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: Vec::new(), body: body.into() }
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// An answer as it was recorded: `{status, headers, body}`.
    pub(crate) fn recorded(recording: &serde_json::Value) -> Self {
        let body = match &recording["body"] {
            serde_json::Value::String(text) => text.clone(),
            json => json.to_string(),
        };
        let headers = recording["headers"].as_object().into_iter().flatten();
        let canned = Self::new(u16::try_from(recording["status"].as_u64().unwrap()).unwrap(), body);
        headers.fold(canned, |canned, (name, value)| canned.header(name, value.as_str().unwrap()))
    }
}

/// It stops when this is dropped.
pub(crate) struct Answers {
    address: std::net::SocketAddr,
    canned: Arc<Mutex<Vec<Canned>>>,
    task: JoinHandle<()>,
}

impl Answers {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let canned: Arc<Mutex<Vec<Canned>>> = Arc::default();
        let answers = Arc::clone(&canned);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // A client that goes away is no concern of ours.
                tokio::spawn(serve(stream, Arc::clone(&answers)));
            }
        });
        Self { address, canned, task }
    }

    pub(crate) fn url(&self) -> BaseUrl {
        BaseUrl::new(&format!("http://{}", self.address)).unwrap()
    }

    /// Answers with these in turn; with the last one from then on.
    pub(crate) fn say(&self, answers: impl IntoIterator<Item = Canned>) {
        *self.canned.lock().unwrap() = answers.into_iter().collect();
    }
}

impl Drop for Answers {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut stream: TcpStream, canned: Arc<Mutex<Vec<Canned>>>) -> std::io::Result<()> {
    let mut read = Vec::new();
    loop {
        let end = loop {
            if let Some(at) = read.windows(4).position(|window| window == b"\r\n\r\n") {
                break at + 4;
            }
            if stream.read_buf(&mut read).await? == 0 {
                return Ok(());
            }
        };
        let head = String::from_utf8_lossy(&read[..end]).to_lowercase();
        let length = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
        let length: usize = length.map_or(0, |length| length.trim().parse().unwrap());
        while read.len() < end + length {
            if stream.read_buf(&mut read).await? == 0 {
                return Ok(());
            }
        }
        read.drain(..end + length);
        let answer = {
            let mut canned = canned.lock().unwrap();
            if canned.len() > 1 { canned.remove(0) } else { canned.first().cloned().unwrap_or_default() }
        };
        let mut bytes = format!("HTTP/1.1 {} X\r\ncontent-length: {}\r\n", answer.status, answer.body.len());
        for (name, value) in &answer.headers {
            write!(bytes, "{name}: {value}\r\n").unwrap();
        }
        let bytes = [bytes.as_bytes(), b"\r\n", &answer.body].concat();
        stream.write_all(&bytes).await?;
    }
}

/// The recorded errors of a vendor, by name; none, and a word about it, where they are not at hand.
#[expect(clippy::print_stderr, reason = "a test that tests nothing must not look like one that passed")]
pub(crate) fn recordings(vendor: &str) -> Vec<(String, serde_json::Value)> {
    let folder = format!("{}/../../shared/fixtures/{vendor}", env!("CARGO_MANIFEST_DIR"));
    let Ok(files) = std::fs::read_dir(&folder) else {
        eprintln!("passed over: there are no recordings of {vendor}");
        return Vec::new();
    };
    let paths = files.map(|file| file.unwrap().path());
    let mut all: Vec<_> = paths
        .filter_map(|path| {
            let name = path.file_name()?.to_str()?.strip_suffix(".http.json")?.to_owned();
            let text = std::fs::read(&path).unwrap();
            Some((name, serde_json::from_slice(&text).unwrap()))
        })
        .collect();
    all.sort_by(|one, other| one.0.cmp(&other.0));
    all
}
