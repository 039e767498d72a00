//! Asks a running server.

use std::time::Duration;

use reqwest::{Client, StatusCode, redirect};
use serde_json::Value;

use super::table::one_line;
use super::{Asked, Unexplained};
use crate::config::Environment;
use crate::secret::Secret;

/// Where the key is, if the command line has none.
const KEY: &str = "COURIERX_API_KEY";
const PATH: &str = "/api/v1/routing/explain";
const PATIENCE: Duration = Duration::from_secs(30);

/// What the server at this address answers.
pub(super) async fn answer(asked: &Asked, url: &str) -> Result<Value, Unexplained> {
    let environment = Environment::of_process();
    let key = asked.api_key.as_deref().or_else(|| environment.get(KEY)?.to_str());
    let Some(key) = key.filter(|key| !key.is_empty()).map(Secret::new) else {
        let text =
            format!("a server is asked with an API key: set {KEY} to one that may do routing_rules:read");
        return Err(Unexplained::Plain(text));
    };
    let base = url.trim_end_matches('/').trim_end_matches("/api/v1");
    // The client wants to know how to encrypt. An error means that it knows.
    let _ = tokio_rustls::rustls::crypto::aws_lc_rs::default_provider().install_default();
    // The key goes to nobody else.
    let client = Client::builder().redirect(redirect::Policy::none()).timeout(PATIENCE).build();
    let request = client.map_err(|error| failed(url, &error))?.post(format!("{base}{PATH}"));
    let response = request.bearer_auth(key.expose()).json(&asked.body()).send().await;
    let response = response.map_err(|error| failed(url, &error))?;
    let status = response.status();
    let text = response.text().await.map_err(|error| failed(url, &error))?;
    let answer: Value = serde_json::from_str(&text).unwrap_or_default();
    match answer["error"].as_str() {
        None if status == StatusCode::OK && answer["decision"].is_object() => Ok(answer),
        Some(error) => {
            let error = one_line(error);
            Err(Unexplained::Plain(format!("the server at {url} refuses ({status}): {error}")))
        }
        None => {
            Err(Unexplained::Plain(format!("what answers at {url} ({status}) is no server that explains")))
        }
    }
}

fn failed(url: &str, error: &reqwest::Error) -> Unexplained {
    let mut text = format!("the server at {url} cannot be asked: {error}");
    let mut cause = std::error::Error::source(error);
    while let Some(next) = cause {
        text = format!("{text}: {next}");
        cause = next.source();
    }
    Unexplained::Plain(text)
}
