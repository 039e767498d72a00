//! A provider of one's own, for a gateway that takes a line of JSON over TCP.
//!
//! `docs/writing-a-provider.md` explains it.
//!
//! ```sh
//! cargo run --example custom_provider
//! ```
#![allow(clippy::print_stdout, reason = "an example talks on the terminal")]
#![allow(missing_docs, reason = "it is explained in the guide")]

use std::time::Duration;

use async_trait::async_trait;
use courierx::provider::{
    Acceptance, Capability, EmailProvider, Outcome, Outgoing, Phase, ProviderId, Refusal, RefusalKind,
    SendOptions, Uncertainty, Verified,
};
use courierx::{Courier, Email};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

#[derive(Debug)] // no secrets in here, so the derived Debug shows none
pub struct Gateway {
    id: ProviderId,
    capability: Capability,
    address: String,
}

impl Gateway {
    pub fn new(address: impl Into<String>) -> Self {
        // Start from everything and take away what the gateway cannot do: the router passes over a
        // connection that lacks something, with a reason, instead of losing it silently.
        let mut capability = Capability::full();
        capability.attachments = false;
        capability.inline_attachments = false;
        capability.max_message_bytes = 64 * 1024;
        Self { id: ProviderId::new("gateway"), capability, address: address.into() }
    }

    /// Everything up to the last byte of the request: whatever fails here, nothing was sent.
    async fn hand_over(&self, message: &Outgoing) -> std::io::Result<BufReader<TcpStream>> {
        let mut stream = TcpStream::connect(&self.address).await?;
        let to: Vec<_> = message.recipients().iter().map(|one| one.mailbox.address().as_str()).collect();
        let mut line = serde_json::json!({
            // Planted where the gateway keeps it: a repeated hand-over is recognised, a late callback matched.
            "key": message.delivery_id().to_string(),
            "from": message.from().to_string(),
            "to": to,
            "subject": message.subject().as_str(),
            "text": message.text(),
        })
        .to_string();
        line.push('\n');
        stream.write_all(line.as_bytes()).await?;
        Ok(BufReader::new(stream))
    }
}

/// The one function from an answer to an outcome. It reads codes where there are codes, never prose.
fn outcome(answer: &str) -> Outcome {
    match answer.trim_end().split_once(' ').unwrap_or((answer.trim_end(), "")) {
        ("ok", id) => Outcome::Accepted(Acceptance::with_id(id)),
        ("no", reason) => Outcome::Refused(Refusal::new(RefusalKind::Content, reason)),
        ("busy", _) => {
            Outcome::Refused(Refusal::new(RefusalKind::Throttled, "busy").retry_after(Duration::from_secs(5)))
        }
        // An answer that is cut short or makes no sense proves nothing.
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
        let refused = |kind, why: String| Outcome::Refused(Refusal::new(kind, why));
        // Before the body is complete, stopping and running out of time are certain: nothing was sent.
        let handed = tokio::select! {
            () = options.cancel.cancelled() => return refused(RefusalKind::Interrupted, "stopping".into()),
            handed = tokio::time::timeout(options.timeout, self.hand_over(message)) => handed,
        };
        let mut answers = match handed {
            Ok(Ok(answers)) => answers,
            Ok(Err(error)) => return refused(RefusalKind::Unavailable, error.to_string()),
            Err(_) => return refused(RefusalKind::Unavailable, "no connection in time".into()),
        };
        // After it, only an answer is certain. Give it time: not knowing is worse than waiting.
        let mut answer = String::new();
        match tokio::time::timeout(Duration::from_mins(1), answers.read_line(&mut answer)).await {
            Ok(Ok(1..)) => outcome(&answer),
            Ok(Ok(0)) => Outcome::Unknown(Uncertainty::new(Phase::Answer, "closed without an answer")),
            Ok(Err(error)) => Outcome::Unknown(Uncertainty::new(Phase::Answer, error.to_string())),
            Err(_) => Outcome::Unknown(Uncertainty::new(Phase::Answer, "no answer in a minute")),
        }
    }

    async fn verify(&self, _options: &SendOptions) -> Result<Verified, Refusal> {
        match TcpStream::connect(&self.address).await {
            Ok(_) => Ok(Verified::new(format!("{} answers", self.address))),
            Err(error) => Err(Refusal::new(RefusalKind::Unavailable, error.to_string())),
        }
    }
}

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

    let courier = Courier::builder().provider("gateway", Gateway::new(address)).build()?;
    let email = Email::to("ada@example.com").from("hi@acme.example").subject("Hello").text("Hi").build()?;
    let (sent, gateway) = tokio::join!(courier.send(&email), gateway);
    gateway?;
    println!("{:?}", sent?.tried[0].outcome);
    Ok(())
}
