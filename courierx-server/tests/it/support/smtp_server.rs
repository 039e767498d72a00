//! A small SMTP server on this machine that takes every message and remembers it.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// The user and the password that it knows.
pub(crate) const LOGIN: (&str, &str) = ("postmaster", "correct-horse-battery");

/// A message as it came.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) from: String,
    pub(crate) to: Vec<String>,
    /// Everything between `DATA` and the final dot, with the doubled dots undone.
    pub(crate) data: String,
}

#[derive(Debug, Default)]
struct Seen {
    connections: usize,
    messages: Vec<Received>,
}

/// A running server, without TLS; it ends with the test's runtime.
#[derive(Debug)]
pub(crate) struct SmtpServer {
    port: u16,
    seen: Arc<watch::Sender<Seen>>,
}

impl SmtpServer {
    /// One that takes mail of everybody, and of those who log in only with [`LOGIN`].
    pub(crate) async fn start() -> Self {
        Self::start_on(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    pub(crate) fn start_on(listener: TcpListener) -> Self {
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(watch::Sender::new(Seen::default()));
        let server = Self { port, seen: Arc::clone(&seen) };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                seen.send_modify(|seen| seen.connections += 1);
                tokio::spawn(session(stream, Arc::clone(&seen)));
            }
        });
        server
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// What came so far.
    pub(crate) fn messages(&self) -> Vec<Received> {
        self.seen.borrow().messages.clone()
    }

    /// How many connections there have been.
    pub(crate) fn connections(&self) -> usize {
        self.seen.borrow().connections
    }

    /// Waits until so many messages came.
    pub(crate) async fn received(&self, count: usize) -> Vec<Received> {
        let mut seen = self.seen.subscribe();
        let seen = seen.wait_for(|seen| seen.messages.len() >= count).await.unwrap();
        seen.messages.clone()
    }
}

async fn session(stream: TcpStream, seen: Arc<watch::Sender<Seen>>) {
    let mut stream = BufReader::new(stream);
    let mut envelope = (String::new(), Vec::new());
    if say(&mut stream, "220 test ESMTP").await.is_none() {
        return;
    }
    while let Some(line) = read(&mut stream).await {
        let verb = line.split([' ', ':']).next().unwrap().to_ascii_uppercase();
        let answer = match verb.as_str() {
            "EHLO" => "250-test\r\n250-AUTH PLAIN LOGIN\r\n250-SIZE 41943040\r\n250 8BITMIME".to_owned(),
            "AUTH" => log_in(&mut stream, &line).await,
            "MAIL" => {
                envelope = (path(&line), Vec::new());
                "250 2.1.0 ok".to_owned()
            }
            "RCPT" => {
                envelope.1.push(path(&line));
                "250 2.1.5 ok".to_owned()
            }
            "DATA" => {
                if say(&mut stream, "354 go on").await.is_none() {
                    return;
                }
                let Some(data) = body(&mut stream).await else { return };
                let (from, to) = std::mem::take(&mut envelope);
                seen.send_modify(|seen| seen.messages.push(Received { from, to, data }));
                "250 2.0.0 queued as TEST".to_owned()
            }
            "QUIT" => {
                let _ = say(&mut stream, "221 bye").await;
                return;
            }
            "NOOP" | "RSET" => "250 ok".to_owned(),
            _ => "502 5.5.1 what?".to_owned(),
        };
        if say(&mut stream, &answer).await.is_none() {
            return;
        }
    }
}

/// AUTH PLAIN with its initial response, or AUTH LOGIN.
async fn log_in(stream: &mut BufReader<TcpStream>, line: &str) -> String {
    let decoded = |text: &str| String::from_utf8(STANDARD.decode(text).unwrap()).unwrap();
    let (user, password) = if let [_, "PLAIN", response] = line.split(' ').collect::<Vec<_>>()[..] {
        let text = decoded(response);
        let mut parts = text.split('\0').skip(1).map(str::to_owned);
        (parts.next().unwrap(), parts.next().unwrap())
    } else {
        let mut answers = [String::new(), String::new()];
        for answer in &mut answers {
            say(stream, "334 ").await;
            *answer = decoded(&read(stream).await.unwrap_or_default());
        }
        answers.into()
    };
    if (user.as_str(), password.as_str()) == LOGIN {
        "235 2.7.0 welcome".to_owned()
    } else {
        // As tactless as some servers are.
        format!("535 5.7.8 {user} has another password than {password}")
    }
}

/// The address between the angle brackets.
fn path(line: &str) -> String {
    let (_, rest) = line.split_once('<').unwrap();
    rest.split_once('>').unwrap().0.to_owned()
}

async fn body(stream: &mut BufReader<TcpStream>) -> Option<String> {
    let mut data = String::new();
    let mut line = Vec::new();
    loop {
        line.clear();
        if stream.read_until(b'\n', &mut line).await.ok()? == 0 {
            return None;
        }
        let text = String::from_utf8_lossy(&line);
        if text == ".\r\n" {
            return Some(data);
        }
        data.push_str(text.strip_prefix('.').unwrap_or(&text));
    }
}

async fn read(stream: &mut BufReader<TcpStream>) -> Option<String> {
    let mut line = String::new();
    let bytes = stream.read_line(&mut line).await.ok()?;
    (bytes > 0).then(|| line.trim_end().to_owned())
}

async fn say(stream: &mut BufReader<TcpStream>, text: &str) -> Option<()> {
    stream.write_all(format!("{text}\r\n").as_bytes()).await.ok()
}
