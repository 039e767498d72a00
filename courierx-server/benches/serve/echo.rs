//! The floor: a bare axum handler that parses a message and answers it, as a process of its own.

use axum::Json;
use axum::routing::post;
use serde_json::Value;

/// What makes this program the echo.
pub(crate) const ARGUMENT: &str = "--serve-echo";

async fn echo(Json(message): Json<Value>) -> Json<Value> {
    Json(message)
}

/// Serves until it is killed.
#[tokio::main]
pub(crate) async fn serve() {
    let router = axum::Router::new().route("/api/v1/emails", post(echo));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("listening on http://{}", listener.local_addr().unwrap());
    axum::serve(listener, router).await.unwrap();
}
