//! Webhook endpoints.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::identified;
use crate::transport::{Request, Transport};
use crate::{Error, Pages};

/// Where the server tells what happens.
#[derive(Debug, Clone, Copy)]
pub struct Webhooks<'a>(pub(crate) &'a Transport);

/// What is said of an endpoint: everything of a new one, and what changes of an old one.
#[derive(Debug, Clone, Default, Serialize)]
pub struct WebhookEndpointFields {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What it is told of: `delivered`, `bounced`, `complained`, `opened`, `clicked` and others; of everything if there are
    /// none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub events: Option<Vec<String>>,
    /// Whether it is told anything.
    #[serde(rename = "is_active", skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// `live` or `test`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
}

/// An endpoint.
#[derive(Debug, Clone, Deserialize)]
#[non_exhaustive]
pub struct WebhookEndpoint {
    pub id: String,
    pub url: String,
    #[serde(default)]
    pub description: Option<String>,
    pub events: Vec<String>,
    pub is_active: bool,
    /// Since when it is not told any more because it did not answer,
    #[serde(default)]
    pub disabled_at: Option<Timestamp>,
    /// and why.
    #[serde(default)]
    pub disabled_reason: Option<String>,
    pub created_at: Timestamp,
}

/// An endpoint with its secret, which [`verify`](crate::webhook::verify) needs: it is shown this once.
#[derive(Clone, Deserialize)]
#[non_exhaustive]
pub struct CreatedWebhookEndpoint {
    #[serde(flatten)]
    pub endpoint: WebhookEndpoint,
    /// The secret.
    pub secret: String,
}

/// One request to an endpoint.
#[derive(Debug, Clone, Deserialize)]
#[non_exhaustive]
pub struct WebhookDelivery {
    pub id: String,
    pub event_id: String,
    pub event_type: String,
    pub sequence: Option<i64>,
    pub message_id: Option<String>,
    pub success: bool,
    pub response_status: Option<u16>,
    pub response_body: Option<String>,
    pub error: Option<String>,
    pub attempt_count: u32,
    pub delivered_at: Option<Timestamp>,
    pub next_retry_at: Option<Timestamp>,
    pub created_at: Timestamp,
}

#[derive(Deserialize)]
struct Tested {
    delivery: WebhookDelivery,
}

#[derive(Serialize)]
struct Rotation {
    #[serde(skip_serializing_if = "Option::is_none")]
    overlap_seconds: Option<u32>,
}

impl fmt::Debug for CreatedWebhookEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CreatedWebhookEndpoint").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

identified!(WebhookEndpoint);

const ENDPOINTS: &str = "webhook_endpoints";

impl<'a> Webhooks<'a> {
    /// Every endpoint.
    pub fn list(&self) -> Pages<'a, WebhookEndpoint> {
        Pages::new(self.0, &[ENDPOINTS], Vec::new())
    }

    /// One of them.
    pub async fn get(&self, id: &str) -> Result<WebhookEndpoint, Error> {
        self.0.ask(Request::get(&[ENDPOINTS, id])).await
    }

    /// Adds an endpoint.
    pub async fn create(&self, endpoint: &WebhookEndpointFields) -> Result<CreatedWebhookEndpoint, Error> {
        self.0.ask(Request::make(&[ENDPOINTS]).body(endpoint)?).await
    }

    /// Changes what is named.
    pub async fn update(&self, id: &str, changes: &WebhookEndpointFields) -> Result<WebhookEndpoint, Error> {
        self.0.ask(Request::change(&[ENDPOINTS, id]).body(changes)?).await
    }

    /// Removes it.
    pub async fn delete(&self, id: &str) -> Result<(), Error> {
        self.0.send(Request::remove(&[ENDPOINTS, id])).await.map(drop)
    }

    /// A new secret; the one before signs too for a day, or for as many seconds as are said.
    pub async fn rotate_secret(
        &self,
        id: &str,
        overlap_seconds: Option<u32>,
    ) -> Result<CreatedWebhookEndpoint, Error> {
        let rotation = Rotation { overlap_seconds };
        self.0.ask(Request::make(&[ENDPOINTS, id, "rotate_secret"]).body(&rotation)?).await
    }

    /// The latest of what it was told.
    pub async fn deliveries(&self, id: &str) -> Result<Vec<WebhookDelivery>, Error> {
        self.0.ask(Request::get(&[ENDPOINTS, id, "deliveries"])).await
    }

    /// Tells it of something that did not happen, and what came of it.
    pub async fn test(&self, id: &str) -> Result<WebhookDelivery, Error> {
        let tested: Tested = self.0.ask(Request::act(&[ENDPOINTS, id, "test"])).await?;
        Ok(tested.delivery)
    }
}
