//! Asks a server on this machine how it is.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, header};
use http_body_util::{BodyExt as _, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

use crate::config::Settings;

const PATIENCE: Duration = Duration::from_secs(3);
const MAX_ANSWER: usize = 64 * 1024;

/// What a server answers, with its status; none if nobody answers, or with something that is not JSON.
pub(super) async fn get(settings: &Settings, path: &str) -> Option<(u16, Value)> {
    tokio::time::timeout(PATIENCE, ask(settings, path)).await.ok().flatten()
}

async fn ask(settings: &Settings, path: &str) -> Option<(u16, Value)> {
    let url = settings.local_url();
    let host = url.strip_prefix("http://")?;
    let stream = TcpStream::connect(host).await.ok()?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.ok()?;
    let connection = tokio::spawn(connection);
    let request = Request::get(path).header(header::HOST, host).body(Body::empty()).ok()?;
    let response = sender.send_request(request).await.ok()?;
    let status = response.status().as_u16();
    let body = Limited::new(response.into_body(), MAX_ANSWER).collect().await.ok()?.to_bytes();
    connection.abort();
    Some((status, serde_json::from_slice(&body).ok()?))
}
