//! A provider of one's own: it drops every email as a file into a folder.
//!
//! ```sh
//! cargo run --example custom_provider
//! ```
#![allow(clippy::print_stdout, reason = "an example talks on the terminal")]

use std::path::PathBuf;

use async_trait::async_trait;
use courierx::provider::{
    Acceptance, Capability, EmailProvider, Outcome, Outgoing, ProviderId, Refusal, RefusalKind, SendOptions,
    Verified,
};
use courierx::{Courier, Email};

#[derive(Debug)]
struct Folder {
    id: ProviderId,
    capability: Capability,
    path: PathBuf,
}

impl Folder {
    fn new(path: PathBuf) -> Self {
        let mut capability = Capability::full();
        // The router does not offer what we would have to drop.
        capability.attachments = false;
        capability.inline_attachments = false;
        Self { id: ProviderId::new("folder"), capability, path }
    }
}

#[async_trait]
impl EmailProvider for Folder {
    fn id(&self) -> &ProviderId {
        &self.id
    }

    fn capability(&self) -> &Capability {
        &self.capability
    }

    async fn send(&self, message: &Outgoing, options: &SendOptions) -> Outcome {
        if options.cancel.is_cancelled() {
            return Outcome::Refused(Refusal::new(RefusalKind::Interrupted, "stopping"));
        }
        // The same hand-over has the same name, so repeating it overwrites the file and duplicates nothing.
        let name = format!("{}.txt", message.delivery_id());
        let text = format!("Subject: {}\n\n{}\n", message.subject(), message.text().unwrap_or_default());
        match std::fs::write(self.path.join(&name), text) {
            Ok(()) => Outcome::Accepted(Acceptance::with_id(name)),
            // A file that could not be written was certainly not delivered.
            Err(error) => Outcome::Refused(Refusal::new(RefusalKind::Unavailable, error.to_string())),
        }
    }

    async fn verify(&self, _options: &SendOptions) -> Result<Verified, Refusal> {
        match std::fs::metadata(&self.path) {
            Ok(_) => Ok(Verified::new("the folder is there")),
            Err(error) => Err(Refusal::new(RefusalKind::Unavailable, error.to_string())),
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let courier = Courier::builder().provider("folder", Folder::new(folder.path().to_owned())).build()?;
    let email = Email::to("ada@example.com").from("hi@acme.example").subject("Hello").text("Hi").build()?;
    let sent = courier.send(&email).await?;
    println!("{:?}", sent.tried[0].outcome);
    for file in std::fs::read_dir(folder.path())? {
        println!("{}", std::fs::read_to_string(file?.path())?);
    }
    Ok(())
}
