//! Two providers, the first down: the second takes over, and the answer tells the whole story.
//!
//! ```sh
//! cargo run --example failover
//! ```
#![allow(clippy::print_stdout, reason = "an example talks on the terminal")]

use courierx::testing::Recorder;
use courierx::{Courier, Email, Smtp};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let fallback = Recorder::new();
    let courier = Courier::builder()
        // Nothing listens there.
        .provider("primary", Smtp::plain("127.0.0.1").port(1))
        .provider("fallback", fallback.clone())
        .build()?;

    let email = Email::to("ada@example.com")
        .from("hi@acme.example")
        .subject("Your order")
        .text("It is on its way.")
        .build()?;

    let sent = courier.send(&email).await?;
    for tried in &sent.tried {
        println!("{}: {:?}", tried.connection, tried.outcome);
    }
    assert_eq!(fallback.sent().len(), 1);
    Ok(())
}
