//! The engine for the operator's other programs: `/v1`.

mod batch;
mod input;
pub(crate) mod repeat;
mod secrets;
pub(crate) mod send;
mod verify;

use courierx_providers::emulator::Emulator;
use courierx_server::config::{PrivateTargets, Settings};
use courierx_server::secret::Secret;
use serde_json::{Value, json};

use crate::support::{Answer, Client, TestServer};

pub(crate) const SECRET: &str = "s3cret-of-the-operators-programs";
/// The key that every emulator knows.
const KEY: &str = "s3cret-key-of-the-account";

/// Lets the operator's programs in, and reaches this machine.
fn open(settings: &mut Settings) {
    settings.internal_secret = Some(Secret::new(SECRET));
    settings.private_targets = PrivateTargets::All;
}

async fn start() -> (TestServer, Client) {
    let server = TestServer::start_with(open).await;
    let client = server.client();
    (server, client)
}

async fn post(client: &Client, path: &str, body: &Value) -> Answer {
    client
        .send(client.request(reqwest::Method::POST, path).header("x-internal-secret", SECRET).json(body))
        .await
}

async fn send(client: &Client, body: &Value) -> Answer {
    post(client, "/v1/send", body).await
}

/// An account at an emulated SendGrid.
fn sendgrid(emulator: &Emulator) -> Value {
    json!({ "type": "sendgrid", "config": { "apiKey": KEY, "baseUrl": emulator.url() } })
}

/// An account at an emulated Postmark.
fn postmark(emulator: &Emulator) -> Value {
    json!({ "type": "postmark", "config": { "serverToken": KEY, "baseUrl": emulator.url() } })
}

/// A message over these accounts, the first preferred.
fn email(to: &str, accounts: &[Value]) -> Value {
    let providers: Vec<_> = (1..)
        .zip(accounts)
        .map(|(priority, account)| {
            json!({ "id": format!("c{priority}"), "priority": priority, "role": "primary", "provider": account })
        })
        .collect();
    json!({ "from": "Acme <hi@acme.example>", "to": to, "subject": "Hello", "text": "Hello", "providers": providers })
}
