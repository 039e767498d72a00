//! The floor of the accept benchmark: a bare axum handler that parses a message and answers it.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark may panic, and says where it listens"
)]

use axum::Json;
use axum::routing::post;
use serde::{Deserialize, Serialize};

/// The message of the benchmark, field by field.
#[derive(Debug, Serialize, Deserialize)]
struct Message {
    from_email: String,
    from_name: String,
    to_email: String,
    subject: String,
    html_body: String,
    text_body: String,
    tags: Vec<String>,
}

async fn echo(Json(message): Json<Message>) -> Json<Message> {
    Json(message)
}

#[tokio::main]
async fn main() {
    let router = axum::Router::new().route("/api/v1/emails", post(echo));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("listening on http://{}", listener.local_addr().unwrap());
    axum::serve(listener, router).await.unwrap();
}
