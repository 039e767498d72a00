//! A provider of one's own, for a gateway that takes a line of JSON over TCP.
//!
//! `docs/writing-a-provider.md` explains it, and `tests/it/custom_provider.rs` puts it through the suite.
//!
//! ```sh
//! cargo run --example custom_provider
//! ```
#![allow(clippy::print_stdout, reason = "an example talks on the terminal")]
#![allow(missing_docs, reason = "it is explained in the guide")]

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use courierx::provider::{
    Acceptance, Capability, EmailProvider, Outcome, Outgoing, Phase, ProviderId, Refusal, RefusalKind,
    SendOptions, Uncertainty, Verified,
};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

pub struct Gateway {
    id: ProviderId,
    capability: Capability,
    address: String,
    token: String,
    patience: Duration,
}

impl Gateway {
    pub fn new(address: impl Into<String>, token: impl Into<String>) -> Self {
        // Take away what the gateway cannot carry: the router then passes it over, with the reason.
        let mut capability = Capability::full();
        capability.max_message_bytes = 64 * 1024;
        capability.attachments = false;
        capability.inline_attachments = false;
        capability.custom_headers = false;
        capability.smtputf8 = false;
        Self {
            id: ProviderId::new("gateway"),
            capability,
            address: address.into(),
            token: token.into(),
            patience: Duration::from_mins(1),
        }
    }

    /// How long to wait for the answer to a complete message.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Everything up to the last byte of the message.
    async fn hand_over(&self, message: &Outgoing) -> Result<BufReader<TcpStream>, Outcome> {
        let unavailable = |error: std::io::Error| {
            Outcome::Refused(Refusal::new(RefusalKind::Unavailable, error.to_string()))
        };
        let line = self.line(message);
        let (body, end) = line.as_bytes().split_at(line.len() - 1);
        let mut stream = TcpStream::connect(&self.address).await.map_err(unavailable)?;
        // Without its end the line is no message: whatever fails up to here, nothing was sent.
        stream.write_all(body).await.map_err(unavailable)?;
        // From here on it may be one.
        match stream.write_all(end).await {
            Ok(()) => Ok(BufReader::new(stream)),
            Err(error) => Err(Outcome::Unknown(Uncertainty::new(Phase::Body, error.to_string()))),
        }
    }

    fn line(&self, message: &Outgoing) -> String {
        let show = |mailboxes: &[courierx::Mailbox]| -> Vec<String> {
            mailboxes.iter().map(ToString::to_string).collect()
        };
        let recipients = message.recipients().iter().map(|one| one.mailbox.address().as_str());
        let request = serde_json::json!({
            "token": self.token,
            // Planted where the gateway keeps it: a repetition is recognised, a late callback matched.
            "key": message.delivery_id().to_string(),
            // What the header shows ...
            "from": message.from().to_string(),
            "to": show(message.to()),
            "cc": show(message.cc()),
            "reply_to": show(message.reply_to()),
            // ... and whom this hand-over is for: blind copies too, and perhaps not all of the others.
            "recipients": recipients.collect::<Vec<_>>(),
            "subject": message.subject().as_str(),
            "html": message.html(),
            "text": message.text(),
        });
        format!("{request}\n")
    }

    async fn answer(&self, mut stream: BufReader<TcpStream>) -> Outcome {
        let unknown = |why: &str| Outcome::Unknown(Uncertainty::new(Phase::Answer, why));
        let mut answer = String::new();
        match tokio::time::timeout(self.patience, stream.read_line(&mut answer)).await {
            Ok(Ok(_)) if answer.ends_with('\n') => outcome(&answer),
            Ok(Ok(_)) => unknown("closed without a complete answer"),
            Ok(Err(error)) => unknown(&error.to_string()),
            Err(_) => unknown("no answer in time"),
        }
    }
}

/// The one function from an answer to an outcome. It reads codes where there are codes, never prose.
fn outcome(answer: &str) -> Outcome {
    let refused = |kind, why: &str| Outcome::Refused(Refusal::new(kind, why));
    match answer.trim_end().split_once(' ').unwrap_or((answer.trim_end(), "")) {
        ("ok", id) => Outcome::Accepted(Acceptance::with_id(id)),
        ("unknown-user", who) => refused(RefusalKind::Recipient, who),
        ("mailbox-full", who) => refused(RefusalKind::RecipientTemporary, who),
        ("bad-token", _) => refused(RefusalKind::Auth, "the token was refused"),
        ("busy", _) => {
            Outcome::Refused(Refusal::new(RefusalKind::Throttled, "busy").retry_after(Duration::from_secs(5)))
        }
        // A code that we do not know, but the gateway does: certain, and worth another try.
        ("no", code) => refused(RefusalKind::Unavailable, code),
        // An answer that makes no sense proves nothing.
        _ => Outcome::Unknown(Uncertainty::new(Phase::Answer, answer)),
    }
}

#[async_trait]
impl EmailProvider for Gateway {
    fn id(&self) -> &ProviderId {
        &self.id
    }

    fn capability(&self) -> &Capability {
        &self.capability
    }

    async fn send(&self, message: &Outgoing, options: &SendOptions) -> Outcome {
        let refused = |kind, why| Outcome::Refused(Refusal::new(kind, why));
        let handed = tokio::select! {
            // In this order: what is canceled already is not begun.
            biased;
            () = options.cancel.cancelled() => return refused(RefusalKind::Interrupted, "stopping"),
            handed = tokio::time::timeout(options.timeout, self.hand_over(message)) => handed,
        };
        match handed {
            Ok(Ok(stream)) => self.answer(stream).await,
            Ok(Err(outcome)) => outcome,
            Err(_) => refused(RefusalKind::Unavailable, "not handed over in time"),
        }
    }

    async fn verify(&self, options: &SendOptions) -> Result<Verified, Refusal> {
        // The gateway has a call that checks the token and sends nothing.
        let request = serde_json::json!({ "token": self.token, "check": true });
        let check = async {
            let mut stream = BufReader::new(TcpStream::connect(&self.address).await?);
            stream.write_all(format!("{request}\n").as_bytes()).await?;
            let mut answer = String::new();
            stream.read_line(&mut answer).await?;
            Ok::<_, std::io::Error>(outcome(&answer))
        };
        let unavailable = |why: String| Refusal::new(RefusalKind::Unavailable, why);
        match tokio::time::timeout(options.timeout, check).await {
            Ok(Ok(Outcome::Accepted(_))) => Ok(Verified::new(format!("{} takes the token", self.address))),
            Ok(Ok(Outcome::Refused(refusal))) => Err(refusal),
            Ok(Ok(_)) => Err(unavailable("an answer that makes no sense".to_owned())),
            Ok(Err(error)) => Err(unavailable(error.to_string())),
            Err(_) => Err(unavailable("no answer in time".to_owned())),
        }
    }
}

/// By hand, so that the token is not in it.
impl fmt::Debug for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gateway").field("address", &self.address).finish_non_exhaustive()
    }
}

#[cfg(not(test))]
#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?.to_string();
    // A gateway that takes one message.
    let gateway = async {
        let (stream, _) = listener.accept().await?;
        let mut stream = BufReader::new(stream);
        let mut line = String::new();
        stream.read_line(&mut line).await?;
        println!("the gateway got {line}");
        stream.get_mut().write_all(b"ok 17\n").await
    };

    let provider = Gateway::new(address, "secret");
    let courier = courierx::Courier::builder().provider("gateway", provider).build()?;
    let email =
        courierx::Email::to("ada@example.com").from("hi@acme.example").subject("Hello").text("Hi").build()?;
    let (sent, gateway) = tokio::join!(courier.send(&email), gateway);
    gateway?;
    println!("{:?}", sent?.tried[0].outcome);
    Ok(())
}
