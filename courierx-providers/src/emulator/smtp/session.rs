//! One session: commands in, replies out, in the order that RFC 5321 §4.1.4 asks for.

use std::convert::Infallible;
use std::sync::atomic::Ordering;

use tokio::io::{AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

use super::SmtpPhase;
use super::command::{self, Command, Sender};
use super::state::Shared;

/// Bytes of a command line: what RFC 5321 §4.5.3.1.4 asks for and the longest parameters of its extensions.
const LONGEST_COMMAND: usize = 1024;

/// The session is at its end, by the client, by itself or by a fault.
pub(super) struct Gone;

impl From<std::io::Error> for Gone {
    fn from(_: std::io::Error) -> Self {
        Self
    }
}

pub(super) struct Session<'a> {
    pub(super) shared: &'a Shared,
    pub(super) stream: BufReader<TcpStream>,
    /// Replies that are not written yet: those to commands that came together go out together.
    pub(super) out: Vec<u8>,
    pub(super) greeted: bool,
    pub(super) logged_in: bool,
    pub(super) transaction: Option<(Sender, Vec<String>)>,
}

/// Serves a client until either has enough.
pub(super) async fn run(stream: TcpStream, shared: &Shared) {
    shared.connections.fetch_add(1, Ordering::AcqRel);
    shared.changed.notify_waiters();
    // Replies are small, and each is waited for.
    let _ = stream.set_nodelay(true);
    let mut session = Session {
        shared,
        stream: BufReader::with_capacity(64 * 1024, stream),
        out: Vec::new(),
        greeted: false,
        logged_in: false,
        transaction: None,
    };
    let Err(Gone) = session.serve().await;
    // Whoever is gone does not hear it.
    let _ = session.flush().await;
    let _ = session.stream.shutdown().await;
}

impl Session<'_> {
    async fn serve(&mut self) -> Result<Infallible, Gone> {
        self.answer(SmtpPhase::Greeting, None, "220 emulator.test ESMTP").await?;
        loop {
            let Some(line) = self.line(LONGEST_COMMAND).await? else {
                self.say("500 5.5.2 The line is too long");
                continue;
            };
            let Some(line) = line.strip_suffix(b"\r\n").filter(|line| !line.contains(&b'\r')) else {
                self.say("500 5.5.2 A line ends with CRLF");
                continue;
            };
            let Ok(line) = std::str::from_utf8(line) else {
                self.say("500 5.5.2 That is no text");
                continue;
            };
            self.note(line);
            match command::parse(line, &self.shared.rules) {
                Ok(command) => self.obey(command).await?,
                Err(reply) => self.say(&reply),
            }
        }
    }

    fn note(&self, line: &str) {
        let secret = line.get(..4).is_some_and(|verb| verb.eq_ignore_ascii_case("AUTH"));
        let words = if secret { 2 } else { usize::MAX };
        let shown: Vec<&str> = line.split(' ').take(words).collect();
        self.shared.note_command(shown.join(" "));
    }

    async fn obey(&mut self, command: Command) -> Result<(), Gone> {
        let last_of_group = !matches!(command, Command::Mail(_) | Command::Rcpt(_) | Command::Rset);
        if !self.stream.buffer().is_empty() && (last_of_group || !self.shared.rules.pipelining) {
            // It would be read as an answer to something that was not said yet (RFC 2920 §3.1).
            self.say("503 5.5.0 Commands came before the answer that they depend on");
            return Err(Gone);
        }
        match command {
            Command::Ehlo => self.ehlo().await,
            Command::Helo => {
                (self.greeted, self.transaction) = (true, None);
                self.answer(SmtpPhase::Ehlo, None, "250 emulator.test").await.map(drop)
            }
            Command::Auth(rest) => self.log_in(&rest).await,
            Command::Mail(sender) => self.mail(sender).await,
            Command::Rcpt(address) => self.rcpt(address).await,
            Command::Data => self.data().await,
            Command::Rset => {
                self.transaction = None;
                self.say("250 2.0.0 Ok");
                Ok(())
            }
            Command::Noop => {
                self.say("250 2.0.0 Ok");
                Ok(())
            }
            Command::Vrfy => {
                self.say("252 2.1.5 Send it, and see");
                Ok(())
            }
            Command::Quit => {
                self.answer(SmtpPhase::Quit, None, "221 2.0.0 Bye").await?;
                Err(Gone)
            }
        }
    }

    async fn ehlo(&mut self) -> Result<(), Gone> {
        (self.greeted, self.transaction) = (true, None);
        let rules = &self.shared.rules;
        let mut lines = vec!["emulator.test".to_owned()];
        lines.extend(rules.size.map(|size| format!("SIZE {size}")));
        for (offered, name) in
            [(rules.pipelining, "PIPELINING"), (rules.eight_bit, "8BITMIME"), (rules.utf8, "SMTPUTF8")]
        {
            lines.extend(offered.then(|| name.to_owned()));
        }
        lines.extend(rules.credentials.as_ref().map(|_| "AUTH PLAIN LOGIN".to_owned()));
        lines.push("ENHANCEDSTATUSCODES".to_owned());
        let last = lines.len() - 1;
        let lines = lines
            .iter()
            .enumerate()
            .map(|(at, line)| format!("250{}{line}", if at == last { ' ' } else { '-' }));
        let reply = lines.collect::<Vec<_>>().join("\r\n");
        self.answer(SmtpPhase::Ehlo, None, &reply).await.map(drop)
    }
}
