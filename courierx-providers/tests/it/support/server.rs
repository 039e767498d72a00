//! An SMTP server that does what a script says, and remembers what it saw.
//!
//! The emulator is strict and faithful, and this one is neither: it takes anything, and says whatever it is told
//! to, out of order and out of step, which no mail server would.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};

/// What the server does at one step.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    /// Sends these lines; a line end is added to each.
    Say(String),
    /// Closes the connection without a word.
    Close,
    /// Says nothing until the client goes away.
    Hang,
    /// Sends one reply that has no end, a byte now and then, until the client goes away.
    Drip,
    /// Succeeds as usual.
    Usual,
    /// Succeeds as usual, once released.
    Held(Arc<Notify>),
}

/// Says this.
pub(crate) fn say(text: &str) -> Act {
    Act::Say(text.to_owned())
}

/// What happens instead of success: by the beginning of the command, or `GREETING` or `ANSWER`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Script {
    rules: Vec<(String, Act, usize)>,
    extensions: Vec<String>,
    body_limit: Option<usize>,
}

impl Script {
    /// Does this whenever a command begins so.
    pub(crate) fn on(self, step: &str, act: Act) -> Self {
        self.times(step, act, usize::MAX)
    }

    /// Does this for the first so many commands that begin so.
    pub(crate) fn times(mut self, step: &str, act: Act, times: usize) -> Self {
        self.rules.push((step.to_ascii_uppercase(), act, times));
        self
    }

    /// Offers this after EHLO.
    pub(crate) fn offering(mut self, extension: &str) -> Self {
        self.extensions.push(extension.to_owned());
        self
    }

    /// Closes the connection after so many bytes of a body.
    pub(crate) fn closing_in_the_body(mut self, bytes: usize) -> Self {
        self.body_limit = Some(bytes);
        self
    }

    /// Starts the server.
    pub(crate) async fn start(self) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let script = Arc::new(Mutex::new(self));
        let seen = watch::Sender::new(Seen::default());
        let server = Server { port, seen: seen.clone() };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                seen.send_modify(|seen| seen.connections += 1);
                tokio::spawn(Session { script: Arc::clone(&script), seen: seen.clone() }.run(stream));
            }
        });
        server
    }

    fn act(&mut self, command: &str) -> Option<Act> {
        let command = command.to_ascii_uppercase();
        let (_, act, left) =
            self.rules.iter_mut().find(|(step, _, left)| *left > 0 && command.starts_with(step.as_str()))?;
        *left -= 1;
        Some(act.clone())
    }
}

/// What a server saw.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    pub(crate) connections: usize,
    pub(crate) commands: Vec<String>,
    /// Complete messages, dots removed, whatever was answered.
    pub(crate) messages: Vec<String>,
    /// Whether a command came before the one ahead of it was answered.
    pub(crate) pipelined: bool,
    /// How many bodies had a command behind them that came before they were answered.
    pub(crate) pipelined_after_bodies: usize,
}

impl Seen {
    /// How many commands began so.
    pub(crate) fn count(&self, command: &str) -> usize {
        self.commands.iter().filter(|seen| seen.starts_with(command)).count()
    }
}

/// A running server; it ends with the test's runtime.
pub(crate) struct Server {
    port: u16,
    seen: watch::Sender<Seen>,
}

impl Server {
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn seen(&self) -> Seen {
        self.seen.borrow().clone()
    }

    /// Waits until the server has seen this.
    pub(crate) async fn until(&self, condition: impl FnMut(&Seen) -> bool) {
        self.seen.subscribe().wait_for(condition).await.unwrap();
    }
}

struct Session {
    script: Arc<Mutex<Script>>,
    seen: watch::Sender<Seen>,
}

impl Session {
    async fn run(self, stream: TcpStream) {
        // Replies to commands that came together are written one by one.
        stream.set_nodelay(true).unwrap();
        let mut stream = BufReader::new(stream);
        if self.step(&mut stream, "GREETING", "220 test").await.is_none() {
            return;
        }
        let mut line = String::new();
        while stream.read_line(&mut line).await.is_ok_and(|bytes| bytes > 0) {
            let command = line.trim_end().to_owned();
            line.clear();
            self.seen.send_modify(|seen| {
                seen.commands.push(command.clone());
                seen.pipelined |= !stream.buffer().is_empty();
            });
            let go_on = match command.split(' ').next().unwrap_or_default() {
                "EHLO" => {
                    let extensions = self.script.lock().unwrap().extensions.clone();
                    let mut lines = vec!["250-test greets you".to_owned()];
                    lines.extend(extensions.iter().map(|extension| format!("250-{extension}")));
                    lines.push("250 HELP".to_owned());
                    self.step(&mut stream, &command, &lines.join("\r\n")).await
                }
                "DATA" => match self.step(&mut stream, "DATA", "354 go on").await {
                    Some(said) if said.starts_with("354") => self.body(&mut stream).await,
                    other => other,
                },
                "AUTH" => self.step(&mut stream, &command, "235 welcome").await,
                "QUIT" => None,
                _ => self.step(&mut stream, &command, "250 ok").await,
            };
            if go_on.is_none() {
                return;
            }
        }
    }

    /// Does what the script says about a step, or answers as told; returns what was said.
    async fn step(&self, stream: &mut BufReader<TcpStream>, step: &str, usual: &str) -> Option<String> {
        let act = self.script.lock().unwrap().act(step).unwrap_or(Act::Usual);
        match act {
            Act::Say(text) => self.say(stream, &text).await,
            Act::Usual => self.say(stream, usual).await,
            Act::Held(release) => {
                release.notified().await;
                self.say(stream, usual).await
            }
            Act::Close => None,
            Act::Drip => {
                let mut pace = tokio::time::interval(Duration::from_millis(20));
                for byte in "250-still talking\r\n".bytes().cycle() {
                    pace.tick().await;
                    stream.write_all(&[byte]).await.ok()?;
                }
                None
            }
            Act::Hang => {
                let _ = stream.read_to_end(&mut Vec::new()).await;
                None
            }
        }
    }

    async fn say(&self, stream: &mut BufReader<TcpStream>, text: &str) -> Option<String> {
        stream.write_all(format!("{text}\r\n").as_bytes()).await.ok()?;
        Some(text.to_owned())
    }

    async fn body(&self, stream: &mut BufReader<TcpStream>) -> Option<String> {
        let limit = self.script.lock().unwrap().body_limit;
        let mut message = String::new();
        let mut line = String::new();
        while line != ".\r\n" {
            message.push_str(line.strip_prefix('.').unwrap_or(&line));
            if limit.is_some_and(|limit| message.len() >= limit) {
                return None;
            }
            line.clear();
            if stream.read_line(&mut line).await.ok()? == 0 {
                return None;
            }
        }
        self.seen.send_modify(|seen| {
            seen.messages.push(message);
            seen.pipelined_after_bodies += usize::from(!stream.buffer().is_empty());
        });
        self.step(stream, "ANSWER", "250 2.0.0 Ok: queued as TEST0001").await
    }
}
