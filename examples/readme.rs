//! What the README shows: two providers, an outbox, and a message.
//!
//! It sends nothing, since `smtp.example.com` is not there: the worker is stopped before it would.
#![allow(clippy::print_stdout, reason = "an example talks on the terminal")]

use courierx::{Courier, Email, Smtp, SqliteStore};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    std::env::set_current_dir(&folder)?;
    let (user, password) = ("user", "password");

    let courier = Courier::builder()
        .provider("primary", Smtp::starttls("smtp.example.com").credentials(user, password))
        .provider("fallback", Smtp::from_url("smtps://user:password@mail.example.net")?)
        .store(SqliteStore::open("mail.db").await?) // leave it out, and there is no outbox
        .build()?;

    let email = Email::to("ada@example.com")
        .from("Acme <hi@acme.example>")
        .subject("Hello {{name}}")
        .html("<p>Hi {{name}}</p>")
        .variable("name", "Ada")
        .build()?;

    let kept = courier.enqueue(email).await?; // survives a crash
    let worker = courier.spawn()?; // delivers, until it is dropped or shut down

    println!("kept {}", kept.id);
    drop(worker);
    Ok(())
}
