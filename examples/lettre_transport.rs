//! An application on lettre: only the line that makes the transport changes.
//!
//! ```sh
//! cargo run --example lettre_transport --features lettre
//! ```
#![allow(clippy::print_stdout, reason = "an example talks on the terminal")]

use courierx::Courier;
use courierx::lettre::LettreTransport;
use courierx::testing::Recorder;
use lettre::{AsyncTransport, Message};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let provider = Recorder::new();
    let courier = Courier::builder().provider("primary", provider.clone()).build()?;
    // Before: AsyncSmtpTransport::<Tokio1Executor>::relay("smtp.example.com")?.build()
    let mailer = LettreTransport::new(courier);

    let message = Message::builder()
        .from("Acme <hi@acme.example>".parse()?)
        .to("Ada <ada@example.com>".parse()?)
        .subject("Hello")
        .body("Hello, Ada".to_owned())?;
    let id = mailer.send(message).await?;
    println!("sent {id}\n{}", provider.preview());
    Ok(())
}
