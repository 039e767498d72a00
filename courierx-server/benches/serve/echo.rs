//! The floor: a bare axum handler that parses a message and answers it, as a process of its own.

use axum::Json;
use axum::extract::Path;
use axum::http::HeaderName;
use axum::http::header::CONTENT_TYPE;
use axum::routing::{get, post};
use serde_json::Value;
use tokio::signal::unix::{SignalKind, signal};

/// What makes this program the echo.
pub(crate) const ARGUMENT: &str = "--serve-echo";

async fn echo(Json(message): Json<Value>) -> Json<Value> {
    Json(message)
}

/// So many bytes, as JSON.
async fn bytes(Path(count): Path<usize>) -> ([(HeaderName, &'static str); 1], String) {
    ([(CONTENT_TYPE, "application/json")], "x".repeat(count))
}

/// Serves until it is asked to end.
#[tokio::main]
pub(crate) async fn serve() {
    let router = axum::Router::new().route("/api/v1/emails", post(echo)).route("/bytes/{count}", get(bytes));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("listening on http://{}", listener.local_addr().unwrap());
    let mut asked = signal(SignalKind::terminate()).unwrap();
    let asked = async move { asked.recv().await.unwrap_or_default() };
    axum::serve(listener, router).with_graceful_shutdown(asked).await.unwrap();
}
