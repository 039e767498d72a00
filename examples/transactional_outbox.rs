//! The order and its confirmation in one transaction: both are there, or neither is.
//!
//! The application's tables and the outbox live in the same SQLite file; the application writes through a
//! connection of its own.
//!
//! ```sh
//! cargo run --example transactional_outbox
//! ```
#![allow(clippy::print_stdout, reason = "an example talks on the terminal")]

use courierx::testing::Recorder;
use courierx::{Courier, Email, SqliteStore};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("shop.db");
    let store = SqliteStore::open(&path).await?;
    let provider = Recorder::new();
    let courier = Courier::builder().provider("primary", provider.clone()).store(store.clone()).build()?;
    let worker = courier.spawn()?;

    let mut shop = rusqlite::Connection::open(&path)?;
    shop.execute_batch("CREATE TABLE orders (id INTEGER PRIMARY KEY, item TEXT NOT NULL)")?;
    for (item, paid) in [("a book", true), ("a boat", false)] {
        // Everything that takes time, before the transaction begins.
        let mail = courier.prepare(confirmation(item)?).await?;
        let transaction = shop.transaction()?;
        transaction.execute("INSERT INTO orders (item) VALUES (?1)", [item])?;
        store.enqueue_in(&transaction, mail)?;
        if paid {
            transaction.commit()?;
        } else {
            // Neither the order nor its confirmation has ever been.
            transaction.rollback()?;
        }
    }

    courier.drained().await?;
    worker.shutdown().await?;
    let orders: i64 = shop.query_row("SELECT count(*) FROM orders", [], |row| row.get(0))?;
    println!("{orders} order, {} confirmation:\n{}", provider.sent().len(), provider.preview());
    Ok(())
}

fn confirmation(item: &str) -> Result<Email, courierx::InvalidEmail> {
    Email::to("ada@example.com")
        .from("shop@acme.example")
        .subject("Thank you for your order")
        .text("You bought {{item}}.")
        .variable("item", item)
        .build()
}
