//! Templates: escaped in HTML, plain in subject and text, and refused if they are hostile.
//!
//! ```sh
//! cargo run --example templates
//! ```
#![allow(clippy::print_stdout, reason = "an example talks on the terminal")]

use courierx::testing::Recorder;
use courierx::{Courier, Email};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let provider = Recorder::new();
    let courier = Courier::builder().provider("primary", provider.clone()).build()?;

    let items = [
        serde_json::json!({ "name": "Engine <analytical>" }),
        serde_json::json!({ "name": "Punched cards", "gift": true }),
    ];
    let receipt = Email::to("ada@example.com")
        .from("shop@acme.example")
        .subject("{{name}}, your {{len items}} items")
        .html("<ul>{{#each items}}<li>{{this.name}}{{#if this.gift}} (a gift){{/if}}</li>{{/each}}</ul>")
        .text("{{#each items}}* {{this.name}}\n{{/each}}")
        .variable("name", "Ada & Charles")
        .variable("items", items)
        .build()?;
    courier.send(&receipt).await?;
    let sent = &provider.sent()[0];
    println!("{}\n{}\n{}", sent.subject(), sent.html().unwrap_or_default(), sent.text().unwrap_or_default());

    let hostile = receipt.to_builder().html("{{#*inline \"a\"}}{{> a}}{{/inline}}{{> a}}").build()?;
    if let Err(error) = courier.send(&hostile).await {
        println!("refused: {error}");
    }
    Ok(())
}
