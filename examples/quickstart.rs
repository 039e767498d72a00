//! Sends one email: to the server in `SMTP_URL` (`smtp://127.0.0.1:2525`), or to the sandbox, which shows it.
//!
//! ```sh
//! cargo run --example quickstart
//! SMTP_URL=smtp://127.0.0.1:2525 cargo run --example quickstart
//! ```
#![allow(clippy::print_stdout, reason = "an example talks on the terminal")]

use courierx::{Courier, Email, Sandbox, Smtp};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let sandbox = Sandbox::new();
    let courier = match std::env::var("SMTP_URL") {
        Ok(url) => Courier::builder().provider("smtp", Smtp::from_url(&url)?),
        Err(_) => Courier::builder().provider("sandbox", sandbox.clone()),
    };
    let courier = courier.build()?;

    let email = Email::to("Ada Lovelace <ada@example.com>")
        .from("Acme <hi@acme.example>")
        .subject("Hello {{name}}")
        .html("<p>Hi <b>{{name}}</b></p>")
        .text("Hi {{name}}")
        .variable("name", "Ada")
        .build()?;

    let sent = courier.send(&email).await?;
    println!("sent {} through {}", sent.message, sent.tried[0].connection);
    for captured in sandbox.messages() {
        println!("the sandbox holds it:\n\n{captured}");
    }
    Ok(())
}
