//! For applications on [lettre]: a transport that sends through a [`Courier`].
//!
//! An application that sends with lettre's `AsyncSmtpTransport` swaps the line that makes it; its messages
//! then have failover, suppression and, if it wants, an outbox.
//!
//! ```
//! # use courierx::{Courier, testing::Recorder};
//! use courierx::lettre::LettreTransport;
//! use lettre::{AsyncTransport, Message};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let courier = Courier::builder().provider("primary", Recorder::new()).build()?;
//! let mailer = LettreTransport::new(courier);
//! let message = Message::builder()
//!     .from("Acme <hi@acme.example>".parse()?)
//!     .to("Ada <ada@example.com>".parse()?)
//!     .subject("Hello")
//!     .body("Hello, Ada".to_owned())?;
//! mailer.send(message).await?;
//! # Ok(())
//! # }
//! ```
//!
//! [lettre]: https://docs.rs/lettre

mod parse;

use async_trait::async_trait;
use lettre::AsyncTransport;
use lettre::address::Envelope;

pub use parse::{ParseError, email_from_mime};

use crate::{Courier, EnqueueError, MessageId, SendError};

/// A lettre transport over a [`Courier`].
#[derive(Debug, Clone)]
pub struct LettreTransport {
    courier: Courier,
    keep: bool,
}

impl LettreTransport {
    /// Sends at once, and fails if not every recipient was certainly sent to.
    pub fn new(courier: Courier) -> Self {
        Self { courier, keep: false }
    }

    /// Keeps every message in the courier's outbox, for its worker to deliver.
    pub fn through_the_outbox(courier: Courier) -> Self {
        Self { courier, keep: true }
    }
}

/// Why a message was not sent or kept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransportError {
    /// The message cannot be read, or holds something that no message may hold.
    #[error(transparent)]
    Message(#[from] ParseError),
    /// It was not sent.
    #[error(transparent)]
    Send(#[from] SendError),
    /// It was not kept.
    #[error(transparent)]
    Enqueue(#[from] EnqueueError),
}

#[async_trait]
impl AsyncTransport for LettreTransport {
    type Ok = MessageId;
    type Error = TransportError;

    async fn send_raw(&self, envelope: &Envelope, email: &[u8]) -> Result<MessageId, TransportError> {
        let email = email_from_mime(envelope, email)?;
        if self.keep {
            Ok(self.courier.enqueue(email).await?.id)
        } else {
            Ok(self.courier.send(&email).await?.message)
        }
    }
}
