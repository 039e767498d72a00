//! An outbox in the application: keeps an email for each line of input, and delivers them meanwhile.
//!
//! What was kept survives whatever happens to the process: kill it, start it again with the same file, and
//! it goes on. At the end of the input it waits until everything is delivered.
//!
//! ```sh
//! printf 'first\nsecond\n' | SMTP_URL=smtp://127.0.0.1:2525 cargo run --example outbox -- mail.db
//! ```
#![allow(clippy::print_stdout, reason = "an example talks on the terminal")]

use courierx::{Courier, Email, EventKind, Sandbox, Sequence, Smtp, SqliteStore};
use tokio::io::{AsyncBufReadExt, BufReader};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).unwrap_or_else(|| "mail.db".to_owned());
    let courier = match std::env::var("SMTP_URL") {
        Ok(url) => Courier::builder().provider("smtp", Smtp::from_url(&url)?),
        Err(_) => Courier::builder().provider("sandbox", Sandbox::new()),
    };
    let courier = courier.store(SqliteStore::open(&path).await?).build()?;
    let worker = courier.spawn()?;

    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        let email = Email::to("ada@example.com")
            .from("hi@acme.example")
            .subject(line.as_str())
            .text("One line, one email.")
            .build()?;
        let kept = courier.enqueue(email).await?;
        println!("kept {} {line}", kept.id);
    }

    courier.drained().await?;
    worker.shutdown().await?;
    report(&courier).await
}

/// Tells what happened to each email. An `outcome_unknown` may have been sent and was sent again.
async fn report(courier: &Courier) -> Result<(), Box<dyn std::error::Error>> {
    let mut read = Sequence::START;
    loop {
        let events = courier.events_after(read, 1000).await?;
        let Some(last) = events.last() else { return Ok(()) };
        read = last.sequence;
        for event in events {
            if let (EventKind::Sent | EventKind::OutcomeUnknown | EventKind::Failed, Some(id)) =
                (event.kind, event.message)
            {
                println!("{} {id} {}", event.kind, event.detail.unwrap_or_default());
            }
        }
    }
}
